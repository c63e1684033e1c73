"""Two people at one form: the second is told, and overwrites nothing unseen."""

import hashlib
import json
from typing import Any

from django import forms
from django.forms.models import model_to_dict
from django.http import HttpRequest

SEEN = "seen"


class SeenForm(forms.ModelForm):
    """Refuses once to save over what somebody else changed since it was opened.

    The page keeps a short digest of each value that it was opened with. The refusal
    names the fields and what they hold now; saving again writes over them knowingly.
    """

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stands = _digests(self.instance) if self.instance.pk else {}
        self.fields[SEEN].initial = json.dumps(self._stands)

    @property
    def changed_data(self) -> list[str]:
        """What a person changed: the digest is none of it."""
        return [name for name in super().changed_data if name != SEEN]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        seen = _told(given.get(SEEN))
        changed = [name for name in seen if seen[name] != self._stands.get(name)]
        if changed:
            self._show_what_stands()
            self.add_error(None, self._refusal(changed))
        return given

    def _show_what_stands(self) -> None:
        """Let the page that comes back count as opened now."""
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data[self.add_prefix(SEEN)] = json.dumps(self._stands)
        self.data = data

    def _refusal(self, changed: list[str]) -> str:
        holds = model_to_dict(self.instance, changed)
        words = "; ".join(self._words(name, holds.get(name)) for name in changed)
        return (
            f"Somebody changed this since you opened it: {words}. Nothing was saved. "
            "Take over what you want to keep, then save again to write yours over it."
        )

    def _words(self, name: str, value: Any) -> str:
        """Name a field with what it holds, if the form shows it at all."""
        if name not in self.fields:
            return name.replace("_", " ")
        return f"{self[name].label}, which now holds “{_short(value)}”"


class OneEditor:
    """Carries the digest of a SeenForm in every change form of an admin."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_fieldsets(request, obj)  # type: ignore[misc]
        may = self.has_change_permission(request, obj)  # type: ignore[attr-defined]
        if obj is None or not may:
            return found
        (head, first), *others = found
        return [(head, {**first, "fields": [SEEN, *first["fields"]]}), *others]


def _digests(instance: Any) -> dict[str, str]:
    return {name: _digest(value) for name, value in model_to_dict(instance).items()}


def _digest(value: Any) -> str:
    if isinstance(value, list):
        value = sorted(str(getattr(one, "pk", one)) for one in value)
    return hashlib.sha256(str(value).encode()).hexdigest()[:12]


def _told(text: Any) -> dict[str, str]:
    """Return what a page said that it was opened with; odd text counts as nothing."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value)
    text = "" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
