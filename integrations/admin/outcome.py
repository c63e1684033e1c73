"""What came of it for the business: counts of a period, and what they are worth."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.views.decorators.http import require_GET

from errorqueue import wording
from errorqueue.clock import database_time
from integrations.models import Assumption
from integrations.operations.home import assuming
from integrations.operations.home.fixes import LASTS
from integrations.operations.home.outcome import (
    Outcome,
    Worth,
    assumed,
    outcome_of,
    worth_of,
)
from integrations.operations.home.periods import MONTH, NAMES, Period, period_of
from integrations.sync.completeness.days import today

SEES, CHANGES = "integrations.view_outcomeday", "integrations.change_assumption"
PAGE = "admin/integrations/outcome/page.html"
FORM = "admin/integrations/outcome/assumptions.html"
# So long a server process remembers the counts of a period.
SECONDS = 60
HISTORY = 20

ORDERS = (
    "Orders that Waybill wrote into NetSuite for the first time. Not counted: an order "
    "found there already, one that a person resolved by hand, and later changes of an "
    "order."
)
STRAIGHT = "Those of them that were written by their first try and never had an error."
PREVENTED = (
    "Records of any kind, written by their first try and never in the error queue, that "
    "carry a value which others of the same flow had failed on, at the same place of "
    "the source, until a person mended it and retried. Whether in a value table, a "
    "mapping, at the target or by a known fix, tried on ten first or not, makes no "
    f"difference. A fix counts for {LASTS.days} days after the first such retry was "
    "delivered, and not once anything has failed for that cause again. Not counted: "
    "values that were mapped before any record failed on them, and whatever passed "
    "after a failure."
)
DECISIONS = (
    "Errors that people ended: resolved by hand, excluded, or retried and delivered. An "
    "error ended alone counts once, a bulk run counts once however many it took along."
)
ALONE = "Errors that ended without a person: a later try, a newer version, a rule."
MONEY = (
    "The amounts of these orders, as their shops sent them. No currency is converted."
)


@dataclass(frozen=True)
class Figure:
    """One figure, what exactly it counts, and a remark beside it."""

    label: str
    told: str
    means: str
    note: str = ""


def summary_for(user: Any) -> dict[str, Any] | None:
    """Return this month's outcome in short; nothing for those who may not see it."""
    if not user.has_perm(SEES):
        return None
    period = period_of(MONTH, today(database_time()))
    found = _kept(period)
    worth = worth_of(found, assumed())
    orders, _, prevented, _, _, money = _counts(found)
    return {
        "period": period,
        "figures": [orders, _saved(worth), prevented, money],
        "assumption": _in_words(worth.assumption) if worth else "",
        "since": found.counted_from,
        "may_assume": user.has_perm(CHANGES),
    }


@require_GET
@permission_required(SEES, raise_exception=True)
def page_view(request: HttpRequest) -> HttpResponse:
    """Show the counts of a period, each with its definition."""
    chosen = period_of(request.GET.get("period", MONTH), today(database_time()))
    found = _kept(chosen)
    worth = worth_of(found, assumed())
    context = {
        **admin.site.each_context(request),
        "title": "Outcome",
        "period": chosen,
        "periods": NAMES.items(),
        "figures": [*_counts(found), *_worths(worth)],
        "sum": _sum(found, worth) if worth else "",
        "assumption": _in_words(worth.assumption) if worth else "",
        "since": found.counted_from,
        "history": _history(),
        "may_assume": request.user.has_perm(CHANGES),
    }
    return TemplateResponse(request, PAGE, context)


def _kept(period: Period) -> Outcome:
    key = f"outcome:{period.first}:{period.last}"
    kept: Any = cache.get_or_set(key, lambda: outcome_of(period), SECONDS)
    return cast(Outcome, kept)


def _counts(found: Outcome) -> tuple[Figure, ...]:
    of_all = f"of {found.orders:,}" if found.orders else ""
    lines = f"{found.by_person:,} errors in all" if found.by_person else ""
    moneys = wording.moneys(found.money)
    return (
        Figure("Orders nobody had to type", f"{found.orders:,}", ORDERS),
        Figure("Passed at the first try", f"{found.straight:,}", STRAIGHT, of_all),
        Figure("Errors prevented by fixes", f"{found.prevented:,}", PREVENTED),
        Figure("Decisions about errors", f"{found.decisions:,}", DECISIONS, lines),
        Figure("Errors that healed alone", f"{found.alone:,}", ALONE),
        Figure("Money delivered", "\n".join(moneys) or "0", MONEY),
    )


def _worths(worth: Worth | None) -> Iterator[Figure]:
    yield _saved(worth)
    if worth and worth.cost is not None:
        said = wording.money(worth.cost, worth.assumption.currency)
        cost = wording.money(worth.assumption.hour_cost, worth.assumption.currency)
        means = f"The hours above at {cost} an hour."
        yield Figure("What these hours cost", said, means)


def _saved(worth: Worth | None) -> Figure:
    label = "Hours saved"
    means = "Minutes for typing the orders, less minutes for decisions about errors."
    if worth is None:
        return Figure(label, "–", means, "nobody has set the minutes yet")
    note = "more was spent than saved" if worth.minutes < 0 else ""
    return Figure(label, f"{worth.minutes / 60:,.1f}", means, note)


def _sum(found: Outcome, worth: Worth) -> str:
    """Write the sum out, so that everybody can check it."""
    at = worth.assumption
    return (
        f"{found.orders:,} orders × {_plain(at.order_minutes)} minutes − "
        f"{found.decisions:,} decisions × {_plain(at.error_minutes)} minutes = "
        f"{_plain(worth.minutes)} minutes"
    )


def _in_words(at: Assumption) -> str:
    day = date_format(localtime(at.at), "j M Y")
    cost = (
        f", {wording.money(at.hour_cost, at.currency)} an hour" if at.hour_cost else ""
    )
    return (
        f"At {_plain(at.order_minutes)} minutes an order and "
        f"{_plain(at.error_minutes)} minutes a decision{cost}, set by {at.by} on {day}."
    )


def _plain(minutes: Decimal) -> str:
    return f"{minutes:,.1f}".removesuffix(".0")


def _history() -> list[Assumption]:
    return list(Assumption.objects.select_related("by")[:HISTORY])


class AssumptionForm(forms.ModelForm):
    """What an integration admin assumes."""

    class Meta:
        model = Assumption
        fields = assuming.FIELDS

    def clean_currency(self) -> str:
        code: str = self.cleaned_data["currency"].upper()
        if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
            raise forms.ValidationError("Write the currency as three letters: EUR.")
        return code

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("hour_cost") and given.get("currency") == "":
            self.add_error("currency", "Say in which currency an hour costs that.")
        return given


@permission_required([SEES, CHANGES], raise_exception=True)
def assumptions_view(request: HttpRequest) -> HttpResponse:
    """Set what is assumed from now on; every figure shown uses the newest."""
    now = assumed()
    first = {name: getattr(now, name) for name in assuming.FIELDS} if now else {}
    form = AssumptionForm(request.POST or None, initial=first, label_suffix="")
    if form.is_valid():
        made = assuming.assume(form.instance, request.user)
        told = (
            "Saved. Every figure uses it from now on." if made else "Nothing changed."
        )
        messages.success(request, told)
        return redirect("admin:outcome")
    context = {
        **admin.site.each_context(request),
        "title": "Assumptions",
        "form": form,
        "history": _history(),
    }
    return TemplateResponse(request, FORM, context)


urlpatterns = [
    path("outcome/", admin.site.admin_view(page_view), name="outcome"),
    path(
        "outcome/assumptions/",
        admin.site.admin_view(assumptions_view),
        name="outcome_assumptions",
    ),
]
