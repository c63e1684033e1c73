"""Known fixes on the page of one record: offered, applied, kept for the next time."""

from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from errorqueue import finance, recipes
from errorqueue.admin.line_pages import LinePages
from errorqueue.masking import masked_values
from errorqueue.models import FailedRecord, Recipe
from errorqueue.services import NotOpen

# What a person must be allowed to do to have a known fix do it.
RIGHTS = {Recipe.Verb.MEND: "edit", Recipe.Verb.RETRY: "retry"} | {
    Recipe.Verb.EXCLUDE: "exclude"
}
KEPT_ENDINGS = (
    FailedRecord.Ending.RETRIED,
    FailedRecord.Ending.BY_HAND,
    FailedRecord.Ending.EXCLUDED,
)


class DidNotFit(NotOpen):
    """A known fix left the line as it was."""


class KeepForm(forms.Form):
    """What a colleague reads at night, and where the fix applies."""

    name = forms.CharField(
        label_suffix="",
        max_length=120,
        help_text="A few words, as in “Shorten the postcode”.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    words = forms.CharField(
        label="What to do, and why",
        label_suffix="",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Shown to whoever meets the same cause again.",
    )
    verb = forms.ChoiceField(label="What it does", label_suffix="")
    expires_at = forms.SplitDateTimeField(
        label="Offer it until",
        label_suffix="",
        required=False,
        help_text="Empty: as long as nobody retires it.",
        widget=forms.SplitDateTimeWidget(
            date_attrs={"type": "date"}, time_attrs={"type": "time"}
        ),
    )
    only_this_flow = forms.BooleanField(
        label="Only for this flow", label_suffix="", required=False, initial=True
    )

    def __init__(self, line: FailedRecord, data: Any = None) -> None:
        super().__init__(data, initial=_first_words(line))
        zone = timezone.get_current_timezone_name()
        self.fields[
            "expires_at"
        ].help_text = f"In the time zone {zone}. Empty: as long as nobody retires it."
        field: Any = self.fields["verb"]
        field.choices = _verbs(line)


def _verbs(line: FailedRecord) -> list[tuple[str, str]]:
    """Offer what was done first; values can be kept only where some were set."""
    verbs = [Recipe.Verb.RETRY, Recipe.Verb.EXCLUDE, Recipe.Verb.ADVICE]
    if recipes.steps_of(line):
        verbs.insert(0, Recipe.Verb.MEND)
    if line.ending == FailedRecord.Ending.EXCLUDED:
        verbs.sort(key=lambda verb: verb != Recipe.Verb.EXCLUDE)
    return [(verb.value, verb.label) for verb in verbs]


def _first_words(line: FailedRecord) -> dict[str, str]:
    last = line.actions.exclude(reason="").exclude(verb="comment").first()
    return {"words": last.reason if last else ""}


def offered(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> list[dict[str, Any]]:
    """Return the known fixes for a line, and whether this person may apply each."""
    return [
        {"recipe": one, "may_apply": _may_apply(pages, request, line, one)}
        for one in recipes.offer(line)
    ]


def _may_apply(
    pages: LinePages, request: HttpRequest, line: FailedRecord, recipe: Recipe
) -> bool:
    verb = RIGHTS.get(Recipe.Verb(recipe.verb))
    if verb == "edit" and finance.is_finance(line):
        return False
    return bool(verb) and pages.may(request, str(verb))


def fix_url(known: list[dict[str, Any]], urls: dict[str, str]) -> str:
    """Return the address of the fix form, filled in from the best known fix."""
    plain = urls.get("fix", "")
    for one in known:
        if plain and one["may_apply"] and one["recipe"].verb == Recipe.Verb.MEND:
            return with_recipe(plain, one["recipe"])
    return plain


def with_recipe(address: str, recipe: Recipe) -> str:
    return f"{address}{'&' if '?' in address else '?'}recipe={recipe.pk}"


def may_keep(request: HttpRequest, line: FailedRecord) -> bool:
    """Say whether what settled a line can be kept by this person."""
    user: Any = request.user
    return (
        line.ending in KEPT_ENDINGS
        and line.cause_id is not None
        and user.has_perm("errorqueue.add_recipe")
    )


def chosen(line: FailedRecord, number: str) -> Recipe | None:
    """Return a recipe that is offered for a line, by what stands in the address."""
    return next((one for one in recipes.offer(line) if str(one.pk) == number), None)


def apply_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Do what a known fix says to this line."""
    recipe = chosen(line, request.POST.get("recipe", ""))
    if recipe is None:
        raise Http404
    if not _may_apply(pages, request, line, recipe):
        raise PermissionDenied
    return pages.do(request, line, partial(_apply, recipe, line, request.user))


def _apply(recipe: Recipe, line: FailedRecord, by: Any) -> str:
    try:
        recipes.apply(recipe, line, by)
    except recipes.DidNotFit as reason:
        raise DidNotFit(f"“{recipe}” did not fit. {reason}") from reason
    return f"“{recipe}” was applied to {line.human_id}."


def keep_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Keep what settled this line as a known fix."""
    if not may_keep(request, line):
        raise PermissionDenied
    form = KeepForm(line, request.POST or None)
    if form.is_valid():
        try:
            kept = recipes.keep(line, request.user, **form.cleaned_data)
        except recipes.CannotKeep as reason:
            form.add_error(None, str(reason))
        else:
            told = f"“{kept}” is kept and offered the next time."
            return pages.do(request, line, lambda: told)
    context = {
        "line": line,
        "title": f"Keep the fix of {line.human_id}",
        "form": form,
        "steps": masked_values(recipes.steps_of(line), request.user),
        "keep_url": request.get_full_path(),
    }
    return pages.show(request, "keep.html", context)
