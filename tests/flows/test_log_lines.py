"""A delivery in the log: every line of it says of which record, which try, which claim."""

import json
import logging

import pytest

from config.logs import Lines
from integrations.inbox import services as inbox
from integrations.models import Attempt, InboxEvent, SyncRecord
from integrations.sync import runner
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Lines("json"))
        self.lines: list[dict] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def kept():
    handler, root = Kept(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(level)


def test_every_call_of_a_delivery_names_record_flow_claim_and_try(
    post_order, drain, kept
):
    post_order(number=1001)
    drain()
    order = SyncRecord.objects.get(flow__slug="shopify-orders")
    made = [
        line
        for line in kept
        if "/salesOrder" in line["event"] and "POST" in line["event"]
    ]
    attempt = Attempt.objects.get(record=order)
    assert made
    assert (
        made[0].items()
        >= {
            "record": order.pk,
            "flow": order.flow.slug,
            "token": attempt.token,
            "attempt": attempt.pk,
            "try": 1,
        }.items()
    )
    told = {line.get("record") for line in kept if line["logger"].endswith(".http")}
    assert told - {None} == set(Attempt.objects.values_list("record", flat=True))


def test_f100_a_delivery_leaves_no_secret_and_nobody_in_the_log(
    post_order, drain, kept, keys, monkeypatch
):
    """Also where it breaks in the middle of what is personal."""

    def broken(delivery, *given):
        raise RuntimeError(f"odd: {delivery.record.source}")

    post_order(number=1001)
    monkeypatch.setattr(runner, "map_payload", broken)
    drain()
    order = SyncRecord.objects.get(flow__slug="shopify-orders")
    text = json.dumps(kept)
    assert "met a fault" in text and "RuntimeError: odd" in text
    found = [secret for secret in keys.environment().values() if secret in text]
    assert found == []
    assert order.party and order.email
    assert order.party not in text and order.email not in text


def test_the_reading_of_a_delivery_names_it(post_order, drain, kept, monkeypatch):
    def broken(event, takers):
        raise RuntimeError("odd")

    monkeypatch.setattr(inbox, "_dispatch", broken)
    post_order(number=1001)
    drain()
    lines = [one for one in kept if "could not be read" in one["event"]]
    events = InboxEvent.objects.order_by("pk").values_list("pk", flat=True)
    assert sorted(line["delivery"] for line in lines) == list(events) != []
