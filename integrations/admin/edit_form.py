"""The form of "edit and retry": broken fields first, the whole payload second."""

import hashlib
from typing import Any

from django import forms
from simplejson import JSONDecodeError

from errorqueue.text import clean
from integrations.connectors import exact
from integrations.sync.editing import BrokenField
from integrations.sync.places import with_value

PLACE = "place_"


class PayloadField(forms.CharField):
    """JSON without floats, refused with the line and column of the mistake."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        try:
            return exact.loads(text)
        except JSONDecodeError as error:
            raise forms.ValidationError(
                f"Line {error.lineno}, column {error.colno}: {error.msg}. "
                "Look for a missing comma, quote or bracket there."
            ) from error
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(
                f"This payload cannot be read: {error}."
            ) from error


class EditForm(forms.Form):
    """What a person changes in a payload, and why; `form_for` adds the boxes."""

    payload = PayloadField(
        label="Whole payload",
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 24, "class": "json-box", "spellcheck": "false"}
        ),
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="Kept with your name in the history of this record.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    seen = forms.CharField(widget=forms.HiddenInput)

    original: Any = None
    broken: tuple[BrokenField, ...] = ()

    def clean_seen(self) -> str:
        seen: str = self.cleaned_data["seen"]
        if seen != digest(self.original):
            raise forms.ValidationError(
                "Somebody changed this record since you opened the page. Open it again."
            )
        return seen

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "payload" in cleaned:
            cleaned["payload"] = self._with_boxes(cleaned["payload"])
            if not self.errors and cleaned["payload"] == self.original:
                raise forms.ValidationError(
                    "Nothing was changed. To try it as it is, use Retry in the error "
                    "queue."
                )
        return cleaned

    def _with_boxes(self, payload: Any) -> Any:
        for number, field in enumerate(self.broken):
            name = f"{PLACE}{number}"
            if name in self.changed_data:
                payload = self._with_box(payload, name, field)
        return payload

    def _with_box(self, payload: Any, name: str, field: BrokenField) -> Any:
        try:
            return with_value(payload, field.place, self.cleaned_data[name])
        except LookupError:
            self.add_error(name, "The payload below has no such place any more.")
        except ValueError:
            kind = "true or false" if isinstance(field.value, bool) else "a number"
            self.add_error(name, f"Write {kind}, as the source does.")
        return payload

    def boxes(self) -> list[tuple[BrokenField, forms.BoundField]]:
        return [
            (field, self[f"{PLACE}{number}"])
            for number, field in enumerate(self.broken)
        ]


def form_for(payload: Any, broken: list[BrokenField], data: Any = None) -> EditForm:
    """Make the form of one record's payload."""
    boxes: dict[str, Any] = {
        f"{PLACE}{number}": box_for(field) for number, field in enumerate(broken)
    }
    extra = {"original": payload, "broken": tuple(broken)}
    made: type[EditForm] = type("EditForm", (EditForm,), boxes | extra)
    initial = {"payload": editable(payload), "seen": digest(payload)}
    return made(data, initial=initial)


def box_for(field: BrokenField) -> forms.CharField:
    value = field.value
    if isinstance(value, bool):
        value = str(value).lower()
    return forms.CharField(
        label=field.place,
        required=False,
        strip=False,
        initial="" if value is None else str(value),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


def editable(payload: Any) -> str:
    """Write a payload for a text box; what no page can show stays as an escape."""
    text = exact.pretty(payload)
    return text if text == clean(text) else exact.dumps(payload, indent=2)


def digest(payload: Any) -> str:
    """Return a mark of a payload, to see that nobody changed it meanwhile."""
    return hashlib.sha256(exact.dumps(payload).encode()).hexdigest()
