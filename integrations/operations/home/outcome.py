"""What came of it for the business, over days: exact counts, and what they are worth.

Only the worth rests on assumptions, and those are people's. Where nobody made one,
nothing is said.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Min, QuerySet, Sum

from integrations.models import Assumption, HandledDay, OutcomeDay
from integrations.operations.home.counting import ORDER
from integrations.operations.home.periods import Period

ERP = "netsuite"


@dataclass(frozen=True)
class Outcome:
    """The counts of a period.

    `money` is the sum of the orders by currency; `counted_from` the first day that
    was counted at all, where that is later than the period begins.
    """

    period: Period
    orders: int
    straight: int
    prevented: int
    decisions: int
    by_person: int
    alone: int
    money: dict[str, Decimal]
    counted_from: date | None


@dataclass(frozen=True)
class Worth:
    """Minutes gained by orders, minutes spent on errors, and what is left."""

    assumption: Assumption
    gained: Decimal
    spent: Decimal

    @property
    def minutes(self) -> Decimal:
        return self.gained - self.spent

    @property
    def cost(self) -> Decimal | None:
        """Return what the time would have cost; none where no cost is assumed."""
        if self.assumption.hour_cost is None:
            return None
        return (self.minutes / 60 * self.assumption.hour_cost).quantize(Decimal("0.01"))


def outcome_of(period: Period) -> Outcome:
    """Return the counts of a period; four questions over rows of days."""
    days = OutcomeDay.objects.filter(day__gte=period.first, day__lte=period.last)
    orders = days.filter(flow__source_entity=ORDER, flow__target__system=ERP)
    made = orders.aggregate(orders=Sum("created"), straight=Sum("straight"))
    handled = HandledDay.objects.filter(day__gte=period.first, day__lte=period.last)
    ended = handled.aggregate(
        decisions=Sum("decisions"), by_person=Sum("by_person"), alone=Sum("alone")
    )
    spared = days.aggregate(prevented=Sum("prevented"))
    counts = {name: sum or 0 for name, sum in {**made, **spared, **ended}.items()}
    first = OutcomeDay.objects.aggregate(first=Min("day"))["first"]
    late = first if first and first > period.first else None
    return Outcome(period, **counts, money=_money(orders), counted_from=late)


def _money(orders: QuerySet[OutcomeDay]) -> dict[str, Decimal]:
    sums = orders.exclude(currency="").order_by().values_list("currency")
    return dict(sums.annotate(sum=Sum("amount")))


def worth_of(found: Outcome, assumption: Assumption | None) -> Worth | None:
    """Return what counts are worth as people assume; nothing where nobody did."""
    if assumption is None:
        return None
    gained = found.orders * assumption.order_minutes
    return Worth(assumption, gained, found.decisions * assumption.error_minutes)


def assumed() -> Assumption | None:
    """Return what is assumed now."""
    return Assumption.objects.select_related("by").first()
