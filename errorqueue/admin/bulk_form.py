"""What a person wishes to do to many lines, and what must be filled in for it."""

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from errorqueue.bulk.plan import Plan
from errorqueue.bulk.running import CANARY, lines_of
from errorqueue.clock import database_time
from errorqueue.failures import Start
from errorqueue.models import BulkRun, Cause, FailedRecordQuerySet, Recipe
from errorqueue.people import LONGEST_SNOOZE, colleagues
from errorqueue.recipes import living

Verb = BulkRun.Verb
STARTS = [
    (Start.MAPPING.value, "Map each record anew, with the current mapping (usual)"),
    (Start.SENT.value, "Send again exactly what was sent the last time"),
    (Start.LOOK.value, "Look at the target first and take what is there already"),
]
GRAVE = (Verb.EXCLUDE, Verb.RESOLVE)


# What any database holds as a count, and as a key.
HIGHEST = 2**31 - 1
LONGEST_ID = 19


class NotMeant(ValueError):
    """A wish that cannot be meant so; the text says what to do instead."""


@dataclass(frozen=True)
class Wish:
    """A verb and the lines it is meant for: ids, a cause, or the list's address."""

    verb: str
    query: str = ""
    chosen: list[int] = field(default_factory=list)
    cause: Cause | None = None
    recipe: Recipe | None = None
    by: Any = None

    @property
    def is_sent(self) -> bool:
        """Whether it calls the target, and so takes its time there."""
        return self.verb in (Verb.RETRY, Verb.MEND, Verb.PREFLIGHT)

    @property
    def label(self) -> str:
        return str(Verb(self.verb).label)

    @property
    def is_grave(self) -> bool:
        return self.verb in GRAVE

    def check(self) -> None:
        """Raise NotMeant for values that nobody gave, or that are no longer offered."""
        kept = living().filter(pk=self.recipe.pk if self.recipe else 0)
        if self.verb == Verb.MEND and not kept.filter(verb=Recipe.Verb.MEND).exists():
            raise NotMeant(
                "Fix and retry takes a known fix that is still offered and sets values: "
                "choose one on the page of the cause."
            )

    def lines(self) -> FailedRecordQuerySet:
        run = BulkRun(
            verb=self.verb,
            query=self.query,
            chosen=self.chosen,
            cause=self.cause,
            by=self.by,
        )
        return lines_of(run)

    def hidden(self) -> list[tuple[str, str]]:
        """Return what the plan's form carries so that it means the same lines."""
        ids = [(ACTION_CHECKBOX_NAME, str(pk)) for pk in self.chosen]
        cause = [("cause", str(self.cause.pk))] if self.cause else []
        recipe = [("recipe", str(self.recipe.pk))] if self.recipe else []
        return [("verb", self.verb), ("query", self.query), *ids, *cause, *recipe]


def wish_of(request: HttpRequest) -> Wish:
    """Read the wish from a form; an unknown verb counts as a retry.

    "All that match" wins over the ticked rows of the page it was pressed on.
    """
    told = request.POST
    verb = told.get("verb", Verb.RETRY)
    across = told.get("select_across") == "1"
    ticked = [] if across else told.getlist(ACTION_CHECKBOX_NAME)
    return Wish(
        verb=verb if verb in Verb.values else Verb.RETRY,
        query=told.get("query", ""),
        chosen=[int(pk) for pk in ticked if pk.isdecimal() and len(pk) < LONGEST_ID],
        cause=_row(Cause, told.get("cause", "")),
        recipe=_row(Recipe, told.get("recipe", "")),
        by=request.user,
    )


def _row(model: Any, pk: str) -> Any:
    is_id = pk.isdecimal() and len(pk) < LONGEST_ID
    return get_object_or_404(model, pk=pk) if is_id else None


class PlanForm(forms.Form):
    """The second press: what was seen, and what the verb needs."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=HIGHEST)
    newest = forms.IntegerField(
        widget=forms.HiddenInput, min_value=0, max_value=10 ** (LONGEST_ID - 1)
    )

    def __init__(self, wish: Wish, plan: Plan, data: Any = None) -> None:
        initial = {"seen": plan.count, "newest": plan.newest, "start": "mapping"}
        super().__init__(data, initial=initial, label_suffix="")
        self.wish, self.plan = wish, plan
        self.fields |= _fields_of(wish)
        if wish.verb in (Verb.RETRY, Verb.MEND) and plan.count > CANARY:
            self.fields["with_canary"] = forms.BooleanField(
                label=f"Try the oldest {CANARY} first",
                required=False,
                initial=True,
                help_text="The rest follows by itself if they all pass.",
            )

    def renewed(self) -> "PlanForm":
        """Return the form as it was filled in, over what the plan shows by now."""
        now = {"seen": str(self.plan.count), "newest": str(self.plan.newest)}
        return PlanForm(self.wish, self.plan, {**dict(self.data.items()), **now})

    def clean_until(self) -> Any:
        until, now = self.cleaned_data["until"], database_time()
        if not now < until < now + LONGEST_SNOOZE:
            raise forms.ValidationError("Choose a time within the next 90 days.")
        return until

    def options(self) -> dict[str, Any]:
        """Return what the workers need to know besides the reason."""
        told = self.cleaned_data
        found: dict[str, Any] = {}
        if self.wish.recipe:
            found = {"values": self.wish.recipe.steps, "recipe": self.wish.recipe.pk}
        if told.get("start") not in (None, Start.MAPPING):
            found["start"] = told["start"]
        if "assignee" in told:
            found["assignee"] = told["assignee"].pk if told["assignee"] else None
        if "tag" in told:
            found["tag"] = told["tag"]
        if "until" in told:
            found["until"] = told["until"].isoformat()
            found["wakes_when_green"] = told["wakes_when_green"]
        return found


def _fields_of(wish: Wish) -> dict[str, forms.Field]:
    fields = dict(_SPECIAL.get(wish.verb, dict)())
    if wish.verb != Verb.PREFLIGHT:
        fields["reason"] = _reason(is_needed=wish.is_grave)
    return fields


def _reason(is_needed: bool) -> forms.Field:
    asks = "Say who decided, and where it is handled." if is_needed else "Optional."
    return forms.CharField(
        label="Reason",
        required=is_needed,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=f"Kept with each record. {asks}",
    )


def _retry_fields() -> dict[str, forms.Field]:
    choice = forms.ChoiceField(label="Start", choices=STARTS, widget=forms.RadioSelect)
    return {"start": choice}


def _assign_fields() -> dict[str, forms.Field]:
    choice = forms.ModelChoiceField(
        colleagues(),
        label="Assign to",
        required=False,
        empty_label="Nobody",
    )
    return {"assignee": choice}


def _tag_fields() -> dict[str, forms.Field]:
    return {"tag": forms.SlugField(label="Tag", max_length=40)}


def _snooze_fields() -> dict[str, forms.Field]:
    picker = forms.DateTimeInput(attrs={"type": "datetime-local"})
    return {
        "until": forms.DateTimeField(
            label=f"Until ({timezone.get_current_timezone_name()})", widget=picker
        ),
        "wakes_when_green": forms.BooleanField(
            label="Wake earlier, as soon as it would pass", required=False
        ),
    }


_SPECIAL: dict[str, Any] = {
    Verb.RETRY: _retry_fields,
    Verb.ASSIGN: _assign_fields,
    Verb.TAG: _tag_fields,
    Verb.SNOOZE: _snooze_fields,
}
