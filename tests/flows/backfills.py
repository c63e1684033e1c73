"""A shop with a past: orders and customers from before Waybill listened."""

from datetime import UTC, datetime, timedelta

import pytest

from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from integrations.models import (
    Attempt,
    Backfill,
    BackfillItem,
    Flow,
    InboxEvent,
    Link,
    RecordKey,
    SyncRecord,
)
from integrations.simulators.netsuite.store import Record
from integrations.sync import preflight
from integrations.sync.backfill import asking, running

Verdict = BackfillItem.Verdict
TENT = ("TENT-2P", "Two-person tent", "249.00", 1)
HAMMOCK = ("HAMMOCK-XL", "Hammock XL", "89.00", 1)
WEEK = timedelta(days=6)


@pytest.fixture
def past(demo, shopify, monkeypatch):
    """The first of seven days, ten days ago, on which webhooks told us nothing."""
    monkeypatch.setattr(running, "PATIENCE", 0.0)
    preflight.memory.clear()
    shopify.webhooks.lose_next(10_000)
    return (database_time() - timedelta(days=10)).date()


@pytest.fixture
def placed(past, shopify):
    """Place an order of the past; one day each, unless told otherwise."""

    def place(number, day=None, **options):
        options.setdefault("lines", [TENT])
        options.setdefault("email", f"buyer{number}@example.com")
        on = past + timedelta(days=number % 7 if day is None else day)
        noon = datetime(on.year, on.month, on.day, 16, tzinfo=UTC)
        made = shopify.new_order(number, created_at=noon, **options)
        return shopify.place_order(made)

    return place


def hear(shopify):
    """Let webhooks come through again."""
    shopify.webhooks._losses = 0


def flows(*slugs):
    wanted = slugs or ("shopify-orders", "shopify-customers")
    found = Flow.objects.select_related("source", "target").filter(slug__in=wanted)
    return list(found)


def rules():
    """Recognise older records by the field that each target offers first."""
    return {
        flow.pk: next(iter(asking.recognisable_by(flow)), "")
        for flow in asking.fillable_flows()
    }


def of_week(first, *slugs, **more):
    more.setdefault("recognised_by", rules())
    return asking.Wish(flows(*slugs), first, first + WEEK, **more)


def settle(drain, rounds=60):
    """Let the workers go on until no back-fill has anything to do."""
    for _ in range(rounds):
        drain()
        due = Backfill.objects.filter(try_at__isnull=False)
        if not due.exists():
            return
        due.update(try_at=database_time() - timedelta(seconds=1))
    raise AssertionError("a back-fill never came to rest")


def looked(wish, drain, by=None):
    """Have a wish looked at, to the end."""
    made = asking.prepare(wish, by)
    settle(drain)
    made.refresh_from_db()
    assert made.state == Backfill.State.READY, made.note
    return made


def run(backfill, drain, by=None, with_failing=False):
    asking.start(backfill, backfill.digest, with_failing, by)
    settle(drain)
    backfill.refresh_from_db()
    return backfill


def told(backfill, slug="shopify-orders", column="verdict"):
    """Return how many of a flow's items are what."""
    items = BackfillItem.objects.filter(backfill=backfill, leg__flow__slug=slug)
    found = {}
    for value in items.values_list(column, flat=True):
        found[value] = found.get(value, 0) + 1
    return found


def forget_ledger():
    """Take from the console all that it knows, as if it were new here."""
    for model in (FailedRecord, RecordKey, Attempt, Link):
        model.objects.all().delete()
    SyncRecord.objects.update(held_on=None)
    SyncRecord.objects.all().delete()
    InboxEvent.objects.all().delete()


def forget_our_ids(netsuite, record_type):
    """Leave records at the target that another integration, or a person, made."""
    with netsuite.lock:
        for record in list(netsuite.store.of_type(record_type).values()):
            kept = {k: v for k, v in record.values.items() if k != "externalId"}
            made = record.created_at
            netsuite.store.put(
                Record(record_type, record.id, kept, made, netsuite.now())
            )


def writes(netsuite):
    return [
        f"{call.method} {call.path}"
        for call in netsuite.journal
        if call.method != "GET" and "/record/v1/" in call.path
    ]
