"""F76, F77: the day of an order is the shop's own, to the last moment of it."""

from decimal import Decimal

import pytest

from integrations.models import Connection, SyncRecord
from integrations.sync.outbound import connector_for
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

# The moment as the shop in New York tells it, and the day of the accounts.
MIDNIGHTS = {
    "2026-06-30T23:59:59.999-04:00": "2026-06-30",
    "2026-07-01T00:00:00.000-04:00": "2026-07-01",
    "2026-09-30T20:30:00-04:00": "2026-09-30",  # October in UTC, and another quarter
    "2026-03-08T23:59:59-04:00": "2026-03-08",  # a day of 23 hours
    "2026-03-09T00:00:00-04:00": "2026-03-09",
    "2026-11-01T00:00:00-04:00": "2026-11-01",  # a day of 25 hours
    "2026-11-01T23:59:59-05:00": "2026-11-01",
    "2026-11-02T00:00:00-05:00": "2026-11-02",
}
CALENDAR = {
    "2028-02-29T00:00:00-05:00": "2028-02-29",  # a leap day
    "2028-02-29T23:59:59-05:00": "2028-02-29",
    "2028-03-01T00:00:00-05:00": "2028-03-01",
    "2027-02-28T23:59:59-05:00": "2027-02-28",  # the same night of a short February
    "2027-03-01T00:00:00-05:00": "2027-03-01",
    "2026-04-30T23:59:59-04:00": "2026-04-30",
    "2026-12-31T23:59:59-05:00": "2026-12-31",  # in UTC next year, in week 53 of both
    "2027-01-01T00:00:00-05:00": "2027-01-01",
    "2027-01-03T23:59:59-05:00": "2027-01-03",  # the end of that week
}


@pytest.fixture
def days(post_order, netsuite, drain):
    """Place an order at each moment; return its day in NetSuite and when read again."""

    def place(moments: dict[str, str]) -> dict[str, tuple[str, str]]:
        numbers = {7600 + n: told for n, told in enumerate(moments)}
        for number, told in numbers.items():
            post_order(number=number, created_at=told)
        drain()
        return {told: (sent(number), again(number)) for number, told in numbers.items()}

    def sent(number: int) -> str:
        written = netsuite.orders[record_of(number).external_id]
        return str(written["tranDate"])

    return place


def record_of(number: int) -> SyncRecord:
    return SyncRecord.objects.get(label=f"#{number}")


def again(number: int) -> str:
    """Read the order from the shop, which tells times in UTC then."""
    shop = connector_for(Connection.objects.get(slug="shopify"))
    found = shop.fetch("order", record_of(number).source_key)
    return str(shop.derived("order", found.payload)["order_date"])


def test_f76_an_order_at_midnight_belongs_to_the_day_of_the_shop(days):
    assert days(MIDNIGHTS) == {told: (day, day) for told, day in MIDNIGHTS.items()}


def test_f77_leap_days_month_ends_and_year_ends_are_days_like_any_other(days):
    assert days(CALENDAR) == {told: (day, day) for told, day in CALENDAR.items()}


def test_f76_an_order_at_the_edge_of_a_period_keeps_its_total(days, netsuite):
    days({"2026-12-31T23:59:59.999-05:00": "2026-12-31"})
    [sent] = netsuite.orders.values()
    assert Decimal(sent["total"]) == record_of(7600).amount
