"""F51: webhooks that stop without a word."""

from datetime import timedelta

import pytest

from errorqueue.clock import database_time
from errorqueue.models import Alert
from integrations.models import Connection, InboxEvent
from integrations.sync import schedules, silence
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


@pytest.fixture
def came(demo):
    """Enter deliveries of the shop that came so long ago."""
    shop = Connection.objects.get(slug="shopify")

    def enter(*ages: timedelta) -> None:
        now = database_time()
        for number, age in enumerate(sorted(ages, reverse=True)):
            InboxEvent.objects.create(
                connection=shop,
                delivery_id=f"{number} {age}",
                topic="orders/create",
                body=b"{}",
                digest=str(age),
                received_at=now - age,
                state=InboxEvent.State.PROCESSED,
            )

    return enter


def titles() -> list[str]:
    found = Alert.objects.filter(closed_at=None, key__startswith="silence:")
    return list(found.values_list("title", flat=True))


def test_f51_a_subscription_that_is_gone_is_told_once_and_ends_with_a_delivery(
    came, post_order, shopify, drain
):
    came(2 * WEEK + HOUR, WEEK + HOUR, WEEK - DAY)
    for subscription in list(shopify.webhooks.subscriptions):
        shopify.webhooks.unsubscribe(subscription)
    post_order(number=5101)
    assert silence.tell_of_silence() == 1
    assert silence.tell_of_silence() == 0
    assert "for 24 hours" in titles()[0] or "for 4 hours" in titles()[0]
    shopify.subscribe("orders/create", "http://waybill.test/hooks/shopify/")
    post_order(number=5102)
    drain()
    silence.tell_of_silence()
    assert titles() == []


def test_f51_four_quiet_hours_are_told_when_they_were_never_quiet(came):
    came(
        *(week * WEEK + hour * HOUR for week in (1, 2) for hour in range(24)), 5 * HOUR
    )
    silence.tell_of_silence()
    assert titles() == [
        "Nothing has come in from Shopify (Northwind Outdoor) for 4 hours"
    ]


@pytest.mark.parametrize(
    "ages",
    [
        (),  # a new installation
        (WEEK + HOUR, DAY * 2),  # one week says nothing of habits
        (2 * WEEK + 6 * HOUR, WEEK + 6 * HOUR, 6 * HOUR),  # quiet hours of each week
        (2 * WEEK + HOUR, WEEK + HOUR, HOUR),  # as ever
    ],
)
def test_f51_a_source_that_is_quiet_by_habit_is_not_told(came, ages):
    came(*ages)
    assert silence.tell_of_silence() == 0
    assert titles() == []


def test_f51_the_place_of_a_moment_is_found_among_the_ids(came):
    came(*(number * HOUR for number in range(1, 30)))
    now = database_time()
    for hours in range(1, 29):
        moment = now - hours * HOUR - HOUR / 2
        wanted = InboxEvent.objects.filter(received_at__gte=moment).order_by("pk")
        assert silence._first_from(moment) == wanted.values_list("pk", flat=True)[0]


def test_f51_every_installation_listens_each_quarter_of_an_hour():
    rules = {job: rule for _, job, rule in schedules.DEFAULTS}
    assert rules["silence"] == {"minutes": 15}
    assert schedules.JOBS["silence"].run is silence.tell_of_silence
