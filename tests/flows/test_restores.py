"""Going back in time, and going on where a dead process stopped."""

import pytest
from django.db import connection

from errorqueue import bulk
from errorqueue import services as queue
from errorqueue.models import FailedRecord
from integrations.inbox import services as inbox
from integrations.models import InboxEvent, SyncRecord
from tests.flows.kept import bring_back, forget, keep
from tests.flows.test_crashes import Killed
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import creates, order_of, target

__all__ = ["post_order", "target"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
OURS = ("integrations_", "reconciliation_", "errorqueue_", "mappings_", "django_q_")


@pytest.fixture
def backup(db):
    """Keep all rows as they are now; calling what is returned brings them back."""
    names = connection.introspection.table_names()
    tables = [name for name in names if name.startswith(OURS)]

    def make():
        keep("backup__", tables)
        return lambda: bring_back("backup__", tables)

    yield make
    forget("backup__", tables)


def test_f24_after_a_restore_what_was_delivered_since_is_found_and_not_doubled(
    post_order, shopify, netsuite, drain, backup
):
    post_order(number=9101, email="before@example.com")
    inbox.read_waiting()
    restore = backup()
    drain()
    for number in (9102, 9103):
        post_order(number=number, email=f"c{number}@example.com")
    drain()
    before = {key: one["id"] for key, one in netsuite.orders.items()}
    customers = set(netsuite.customers)
    assert len(before) == 3

    restore()
    assert order_of(9101).state == State.WAITING
    assert not SyncRecord.objects.filter(label="#9102").exists()
    drain()
    assert order_of(9101).state == State.DELIVERED
    for delivery in shopify.webhooks.log:  # the shop, or whoever replays it
        assert shopify.post(delivery.uri, delivery.body, delivery.headers) == 202
    drain()
    assert {key: one["id"] for key, one in netsuite.orders.items()} == before
    assert set(netsuite.customers) == customers
    states = SyncRecord.objects.filter(label__in=["#9101", "#9102", "#9103"])
    assert [record.state for record in states] == [State.DELIVERED] * 3
    assert "found there already" in order_of(9103).attempts.get().message


def test_f72_a_bulk_retry_killed_half_way_goes_on_and_doubles_nothing(
    post_order, netsuite, drain, admin_user, monkeypatch
):
    for number in range(9201, 9213):
        lines = [("HAMMOCK-XL", "Hammock XL", "89.00", 1)]
        post_order(number=number, lines=lines, email=f"c{number}@example.com")
    drain()
    assert FailedRecord.objects.open().count() == 12
    netsuite.add_item("HAMMOCK-XL")
    left = list(range(5))

    def retry(line):
        if not left:
            raise Killed
        left.pop()
        queue.retry(line, by=admin_user)

    failed = FailedRecord.objects.filter(status=FailedRecord.Status.FAILED)
    with pytest.raises(Killed):
        bulk.each(failed, retry)
    assert failed.count() == 7
    again = bulk.each(failed, lambda line: queue.retry(line, by=admin_user))
    assert again.done == 7
    twice = bulk.each(
        FailedRecord.objects.open(), lambda line: queue.retry(line, by=admin_user)
    )
    assert twice.done == 0 and twice.skipped == 12
    drain()
    assert len(netsuite.orders) == len(creates(netsuite)) == 12
    assert not FailedRecord.objects.open().exists()
    assert not SyncRecord.objects.exclude(state=State.DELIVERED).exists()
    assert not InboxEvent.objects.filter(state=InboxEvent.State.QUARANTINED).exists()
