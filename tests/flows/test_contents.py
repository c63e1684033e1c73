"""Success that is too total: deliveries that all say the same, or less and less."""

from datetime import timedelta

import pytest

from errorqueue.clock import database_time
from errorqueue.models import Alert
from integrations.models import Attempt, Flow, FlowHour, FlowRhythm
from integrations.sync import silence
from integrations.sync.attempts import digest_of
from integrations.sync.rhythm import contents, counting
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WHOLE = {"entity": {"id": "7"}, "memo": "Ring", "item": {"items": [{"quantity": 1}]}}


@pytest.fixture
def orders(demo):
    return Flow.objects.get(slug="shopify-orders")


@pytest.fixture
def deliver(orders, netsuite, post_order, drain):
    """Have orders delivered, and their attempts carry what a test wants them to."""

    counting.rhythm_of(orders)

    def send(*payloads):
        first = 7001 + Attempt.objects.count()
        for number in range(first, first + len(payloads)):
            post_order(number=number)
        drain()
        mine = Attempt.objects.filter(record__flow=orders).order_by("-pk")
        for attempt, payload in zip(mine, reversed(payloads), strict=False):
            Attempt.objects.filter(pk=attempt.pk).update(
                payload=payload,
                digest=digest_of(payload),
                started_at=database_time() - MINUTE,
            )
        counting.count()

    return send


@pytest.fixture
def used_to(orders):
    """A flow whose deliveries differed, and held so many values, for a week."""

    def make(alike=0, values=30):
        counting.rhythm_of(orders)
        hour = counting.hour_of(database_time())
        FlowHour.objects.bulk_create(
            FlowHour(
                flow=orders,
                hour=hour - number * DAY,
                delivered=40,
                compared=40,
                alike=alike,
                weighed=20,
                filled=20 * values,
            )
            for number in range(1, 8)
        )

    return make


def hour_of_now(flow):
    found = FlowHour.objects.filter(flow=flow).order_by("-hour").first()
    return found.compared, found.alike, found.weighed, found.filled


def hint(flow):
    """Return what the flow says of itself, which is what people are told."""
    silence.tell_of_silence()
    said = FlowRhythm.objects.get(flow=flow).hint
    told = Alert.objects.filter(closed_at=None, key__startswith="toogood:")
    assert [one.text.startswith(said) for one in told] == ([True] if said else [])
    return said


def test_each_delivery_is_laid_beside_the_one_before_and_weighed(deliver, orders):
    other = {**WHOLE, "memo": ""}
    deliver(WHOLE, WHOLE, other)
    # Of the first nothing is known yet; the third holds one value less.
    assert hour_of_now(orders) == (2, 1, 3, 3 + 3 + 2)
    newest = Attempt.objects.order_by("-pk").values_list("record", flat=True)
    assert FlowRhythm.objects.get(flow=orders).last_records == list(newest[:3])
    deliver(other)
    assert hour_of_now(orders)[:2] == (3, 2)


def test_a_record_that_is_sent_again_tells_nothing(orders):
    rhythm = counting.rhythm_of(orders)
    hour = counting.hour_of(database_time())
    sent = [contents.Sent(0, orders.pk, 5, hour, "x") for _ in range(4)]
    assert contents.count_contents(sent)[orders.pk, hour, "compared"] == 0
    rhythm.refresh_from_db()
    assert (rhythm.last_records, rhythm.last_digest) == ([5], "x")


def test_no_more_than_a_few_payloads_of_a_batch_are_read(
    deliver, orders, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(contents, "WEIGHED", 2)
    deliver(WHOLE, WHOLE, WHOLE)
    assert hour_of_now(orders)[2] == 2
    hour = counting.hour_of(database_time())
    sent = [
        contents.Sent(n, orders.pk, -n, hour, str(n)) for n in range(10**6, 10**6 + 499)
    ]
    with django_assert_max_num_queries(3):
        found = contents.count_contents(sent)
    assert found[orders.pk, hour, "compared"] == 499


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ({"a": None, "b": "", "c": [], "d": {}}, 0),
        ({"a": 0, "b": False, "c": [{"d": "x"}, {"d": ""}]}, 3),
    ],
)
def test_no_and_nought_are_values_and_nothing_is_none(value, count):
    assert contents.filled(value) == count


def test_deliveries_that_all_say_the_same_are_told(orders, used_to):
    used_to(alike=1)
    now = counting.hour_of(database_time())
    FlowHour.objects.create(flow=orders, hour=now, compared=25, alike=25)
    assert hint(orders).startswith("The last 25 were sent with the very same content")


def test_a_flow_that_always_says_the_same_is_no_news(orders, used_to):
    used_to(alike=38)
    now = counting.hour_of(database_time())
    FlowHour.objects.create(flow=orders, hour=now, compared=25, alike=25)
    assert hint(orders) == ""


def test_deliveries_that_hold_half_of_what_they_held_are_told(orders, used_to):
    used_to(values=30)
    now = counting.hour_of(database_time())
    FlowHour.objects.create(flow=orders, hour=now, weighed=20, filled=20 * 12)
    assert hint(orders).startswith("Those sent last hold 12 values each, 30 before")
    FlowHour.objects.filter(hour=now).update(filled=20 * 20)
    assert hint(orders) == ""


def test_a_flow_of_which_little_is_known_is_not_judged(orders):
    counting.rhythm_of(orders)
    now = counting.hour_of(database_time())
    FlowHour.objects.create(flow=orders, hour=now, compared=25, alike=25, weighed=25)
    assert hint(orders) == ""
