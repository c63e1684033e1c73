"""The fix form: only the values that are wrong, each with its rule."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from errorqueue import finance, services
from errorqueue.admin.known_fixes import chosen
from errorqueue.admin.line_pages import DECLINED, LinePages, bench_of
from errorqueue.failures import Broken, FieldProblem, Subject, Workbench
from errorqueue.masking import may_see
from errorqueue.models import FailedRecord, Recipe

# A list that is longer is searched by typing, not by rolling through it.
MOST_IN_A_SELECT = 12
LONG_TEXT = 100
NOTHING_CHANGED = (
    "Nothing was changed. Change a value, or close this and use Retry to send it as "
    "it is."
)
CHANGED_MEANWHILE = (
    "Somebody changed this record since you opened the form. Look at the values again; "
    "what you typed is still here."
)


@dataclass(frozen=True)
class Box:
    """One value to mend: what is wrong with it, and the box for the new one."""

    broken: Broken
    field: forms.BoundField

    @property
    def list_id(self) -> str:
        """Return the id of the list of allowed values, if the box searches one."""
        return f"{self.field.id_for_label}_values" if is_long(self.broken) else ""

    @property
    def is_select(self) -> bool:
        """Say whether the present value stands in the box's own list."""
        return bool(self.broken.allowed) and not is_long(self.broken)

    @property
    def now(self) -> str:
        return text_of(self.broken.value)


class PlaceField(forms.CharField):
    """The text of one value, with one kind of line end, and no longer than fits."""

    def __init__(self, longest: int | None, **options: Any) -> None:
        super().__init__(**options)
        self.longest = longest

    def to_python(self, value: Any) -> str:
        return one_line_end(super().to_python(value) or "")

    def validate(self, value: str) -> None:
        over = len(value) - self.longest if self.longest is not None else 0
        if over > 0:
            raise forms.ValidationError(
                f"{over} too many: it has {len(value)} characters, {self.longest} fit."
            )


class FixForm(forms.Form):
    """New values and the reason; `form_for` adds a box for each broken value."""

    reason = forms.CharField(
        label="Why is this right?",
        label_suffix="",
        max_length=300,
        help_text="Kept with your name and both values in the history.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    seen = forms.CharField(widget=forms.HiddenInput)

    broken: Sequence[Broken] = ()

    def clean_seen(self) -> str:
        if self.cleaned_data["seen"] != mark_of(self.broken):
            raise forms.ValidationError(CHANGED_MEANWHILE)
        return str(self.cleaned_data["seen"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not self.values():
            raise forms.ValidationError(NOTHING_CHANGED)
        return cleaned

    def values(self) -> dict[str, str]:
        """Return the new text of each value that differs from the present one."""
        typed = {
            one.place: self.cleaned_data.get(f"place_{number}", "")
            for number, one in enumerate(self.broken)
        }
        now = {one.place: one_line_end(text_of(one.value)) for one in self.broken}
        return {place: text for place, text in typed.items() if text != now[place]}

    def boxes(self) -> Iterator[Box]:
        for number, one in enumerate(self.broken):
            yield Box(one, self[f"place_{number}"])

    def tell(self, problems: Sequence[FieldProblem]) -> None:
        """Put what is still wrong beside its box, or above all boxes."""
        names = {one.place: f"place_{n}" for n, one in enumerate(self.broken)}
        self.add_error(None, "Nothing was saved: it would still be refused.")
        for problem in problems:
            words = " ".join(part for part in (problem.rule, problem.remedy) if part)
            name = names.get(problem.source)
            place = "" if name else problem.source or problem.target
            told = f"{place}: {words}" if place else words
            self.add_error(name, told or "It is still refused.")


def form_for(
    broken: Sequence[Broken],
    data: Any = None,
    recipe: Recipe | None = None,
) -> FixForm:
    """Make the form; values of a known fix are filled in, to be looked at."""
    boxes = {
        f"place_{n}": box_for(one, f"id_place_{n}") for n, one in enumerate(broken)
    }
    made: type[FixForm] = type("FixForm", (FixForm,), {**boxes, "broken": broken})
    known: dict[str, str] = recipe.steps if recipe else {}
    reason = f"Known fix “{recipe}”." if recipe else ""
    filled = {
        f"place_{n}": known.get(one.place, text_of(one.value))
        for n, one in enumerate(broken)
    }
    filled |= {"seen": mark_of(broken), "reason": reason}
    return made(data, initial=filled)


def box_for(one: Broken, box_id: str) -> PlaceField:
    return PlaceField(
        one.longest,
        label=one.label or one.place,
        label_suffix="",
        required=False,
        strip=False,
        widget=_widget(one, box_id),
    )


def _widget(one: Broken, box_id: str) -> forms.Widget:
    attributes: dict[str, Any] = {
        "class": "vTextField",
        "autocomplete": "off",
        "aria-describedby": f"{box_id}_helptext",
    }
    if is_long(one):
        attributes["list"] = f"{box_id}_values"
    if one.longest is not None:
        attributes["data-longest"] = one.longest
    if one.allowed and not is_long(one):
        return forms.Select(attrs=attributes, choices=_choices(one))
    now = text_of(one.value)
    if not one.allowed and (len(now) > LONG_TEXT or "\n" in now):
        return forms.Textarea(attrs={**attributes, "rows": 3})
    return forms.TextInput(attrs=attributes)


def _choices(one: Broken) -> list[tuple[str, str]]:
    """Offer the allowed values, after the present one: that is what is wrong."""
    now = text_of(one.value)
    first = (now, f"{now} (refused)" if now else "Choose a value")
    return [first, *(pair for pair in one.allowed if pair[0] != now)]


def is_long(one: Broken) -> bool:
    return len(one.allowed) > MOST_IN_A_SELECT


def text_of(value: Any) -> str:
    """Write a value as it stands in a box."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def one_line_end(text: str) -> str:
    """Write line ends one way: browsers send two characters for each."""
    return text.replace("\r\n", "\n")


def mark_of(broken: Sequence[Broken]) -> str:
    """Return a mark of the values shown, to see that nobody changed them meanwhile."""
    told = "\n".join(f"{one.place}={text_of(one.value)}" for one in broken)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def fix_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Show the broken values, take new ones, and queue the record with them."""
    recipe = chosen(line, request.GET.get("recipe", ""))
    try:
        finance.refuse_edit(line)
        bench = bench_of(line)
        form = form_for(bench.broken(line.problems), request.POST or None, recipe)
        if form.is_valid() and _mended(line, bench, form, request.user):
            text = f"{line.human_id} is mended and queued."
            pages.message_user(request, text, messages.SUCCESS)
            return redirect(pages.back(request, line))
    except DECLINED as reason:
        pages.message_user(request, str(reason), messages.WARNING)
        return redirect(pages.back(request, line))
    subject: Subject | None = line.subject
    context = {
        "line": line,
        "title": f"Fix {line.human_id} · {line.title}",
        "form": form,
        "recipe": recipe,
        "fix_url": request.get_full_path(),
        "raw_url": subject.edit_url() if subject and may_see(request.user) else "",
    }
    return pages.show(request, "fix.html", context)


def _mended(line: FailedRecord, bench: Workbench, form: FixForm, by: Any) -> bool:
    """Save and queue; what is still wrong goes into the form, and nothing is saved."""
    values, reason = form.values(), form.cleaned_data["reason"]
    wrong = bench.mend(values, by, reason)
    if wrong:
        form.tell(wrong)
        return False
    services.note_mend(line, by, reason, values)
    return True
