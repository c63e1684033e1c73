"""What a person fills in for a back-fill: flows, days or numbers, and look-up rules."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import HttpRequest

from errorqueue.clock import database_time
from integrations.models import Entity, Flow
from integrations.studio import blueprint
from integrations.sync.backfill import asking
from integrations.sync.completeness.days import today

DAYS, NUMBERS = "days", "numbers"
OWN_ID = "By our own id only"


class PrepareForm(forms.Form):
    """A back-fill as it is asked for; a rule for each flow whose target has one."""

    flows = forms.TypedMultipleChoiceField(
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        help_text="What their records need comes along, and goes first.",
        error_messages={"required": "Choose at least one flow."},
    )
    by = forms.ChoiceField(
        label="What to bring",
        choices=[
            (DAYS, "What was made on these days"),
            (NUMBERS, "These numbers"),
        ],
        initial=DAYS,
        widget=forms.RadioSelect,
    )
    first = forms.DateField(
        label="First day",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    last = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Days are those of the source's own time zone. Shopify shows orders "
        "older than 60 days only with the scope read_all_orders.",
    )
    numbers = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "#1001 #1002"}),
        help_text="Order numbers as people write them, or the source's own ids; up to "
        f"{asking.MOST_NUMBERS}, with blanks, commas or line breaks between them.",
    )

    def __init__(self, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        self.known = asking.in_order(asking.fillable_flows())
        self.fields["flows"].choices = [  # type: ignore[attr-defined]
            (flow.pk, f"{flow} ({flow.source} → {flow.target})") for flow in self.known
        ]
        for flow in self.known:
            self.fields |= dict(_rule_of(flow))

    def wish(self) -> asking.Wish:
        """Return what is asked for; the days where days are meant."""
        told = self.cleaned_data
        is_days = told["by"] == DAYS
        return asking.Wish(
            flows=[flow for flow in self.known if flow.pk in told["flows"]],
            first=told["first"] if is_days else None,
            last=told["last"] if is_days else None,
            numbers=[] if is_days else asking.numbers_in(told["numbers"]),
            recognised_by={
                flow.pk: told.get(_name(flow), "")
                for flow in self.known
                if told.get(_name(flow))
            },
        )

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if told.get("by") == NUMBERS and not asking.numbers_in(told.get("numbers", "")):
            self.add_error("numbers", "Paste at least one number, or choose days.")
        return told


def _name(flow: Flow) -> str:
    return f"rule_{flow.pk}"


def _rule_of(flow: Flow) -> Iterator[tuple[str, forms.Field]]:
    """Yield the choice of a rule for a flow whose target can be asked by one."""
    rules = asking.recognisable_by(flow)
    if not rules:
        return
    choices = [("", OWN_ID), *((by, f"Also by {said}") for by, said in rules.items())]
    yield (
        _name(flow),
        forms.ChoiceField(
            label=f"{flow}: how records that {flow.target} has are found",
            choices=choices,
            initial=next(iter(rules)),
            required=False,
        ),
    )


def initial_of(request: HttpRequest) -> dict[str, Any]:
    """Fill in what a decision of the blueprint says."""
    found: dict[str, Any] = {"last": today(database_time())}
    entity = Entity.objects.filter(slug=request.GET.get("entity", "")).first()
    if entity:
        flows = Flow.objects.select_related("source", "target")
        carrying = [flow.pk for flow in flows if blueprint.carries(flow, entity)]
        found |= {"flows": carrying, "first": entity.history_from, "entity": entity}
    return found
