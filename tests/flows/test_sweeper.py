"""The sweeper: what is due is found, whatever is lost, locked or broken."""

import threading
from datetime import timedelta

import pytest
from django.db import (
    DatabaseError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from errorqueue import alerts, failpoints
from errorqueue.clock import database_time
from integrations.inbox import services as inbox
from integrations.models import Bell, Connection, Flow, SyncRecord, ring_inbox
from integrations.sync import access, polling, sweeper
from integrations.sync.holds import hold_all, release_all, release_landed
from integrations.sync.sweeper import sweep
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
on_postgres = pytest.mark.skipif(
    "postgresql" not in connection.settings_dict["ENGINE"],
    reason="SQLite locks the whole file, and only while it writes",
)


@pytest.fixture
def target(demo):
    return Connection.objects.get(slug="netsuite")


def queued():
    """The tasks that wait in the broker's table."""
    rows = OrmQ.objects.order_by("pk")
    found = [SignedPackage.loads(row.payload) for row in rows]
    return {task["func"].rpartition(".")[2] for task in found}


def everything_due(post_order):
    """Leave something due for each wake-up there is, and every bell rung."""
    post_order(number=4001)
    inbox.read_waiting()
    post_order(number=4002)
    ring_inbox()
    access.suspect(Connection.objects.get(slug="shopify"))
    flow = Flow.objects.get(slug="netsuite-inventory")
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True, polled_at=None)
    polling.ring_poll(flow)
    alerts.raise_alert("k", "title", "text")
    sweep()


ALL = {
    "do_background",
    "drain_inbox",
    "drain_connection",
    "probe_connection",
    "poll_flow",
    "send_alerts",
}


def test_f15_with_the_broker_emptied_all_that_is_due_is_found_within_15_s(
    post_order, let_pass
):
    everything_due(post_order)
    assert queued() == ALL
    OrmQ.objects.all().delete()
    let_pass(8)
    sweep()
    assert queued() == set()  # it may still be on its way to a worker
    let_pass(3.1)
    sweep()
    assert queued() == ALL
    assert OrmQ.objects.count() == len(ALL)


def test_a_broken_part_stops_no_other(post_order, let_pass, monkeypatch):
    def broken():
        raise RuntimeError("broken")

    everything_due(post_order)
    OrmQ.objects.all().delete()
    let_pass(16)
    for name in ("hold_for_connections", "release_holds", "end_holds"):
        monkeypatch.setattr(sweeper, name, broken)
    parts = tuple(getattr(sweeper, part.__name__) for part in sweeper.PARTS)
    monkeypatch.setattr(sweeper, "PARTS", parts)
    sweep()
    assert queued() == ALL


def test_a_bell_that_cannot_be_rung_silences_no_other(
    post_order, let_pass, monkeypatch
):
    ring = type(Bell.objects).ring

    def ring_most(self, lane, *args):
        if lane.startswith("deliver"):
            raise OperationalError("canceling statement due to lock timeout")
        return ring(self, lane, *args)

    everything_due(post_order)
    OrmQ.objects.all().delete()
    let_pass(16)
    monkeypatch.setattr(type(Bell.objects), "ring", ring_most)
    sweep()
    assert queued() == ALL - {"drain_connection"}


def test_the_sweep_and_the_poll_pass_their_failpoints(demo, monkeypatch):
    seen = []
    monkeypatch.setattr(failpoints, "hit", seen.append)
    sweep()
    flow = Flow.objects.get(slug="netsuite-inventory")
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True)
    polling.poll(flow.pk)
    assert {"sweep.pass", "poll.page"} <= set(seen)


def test_a_poll_killed_after_its_page_was_entered_repeats_and_loses_none(
    demo, monkeypatch
):
    def strike(place):
        if place == "poll.page":
            raise failpoints.Struck

    flow = Flow.objects.get(slug="netsuite-inventory")
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True)
    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "hit", strike)
        with pytest.raises(failpoints.Struck):
            polling.poll(flow.pk)
    assert Flow.objects.get(pk=flow.pk).cursor == ""
    polling.poll(flow.pk)
    assert SyncRecord.objects.filter(flow=flow).count() == 6


def test_a_long_queue_behind_one_record_goes_over_several_passes(
    post_order, target, monkeypatch
):
    post_order(number=4011)
    inbox.read_waiting()
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    order = SyncRecord.objects.get(label="#4011")
    SyncRecord.objects.filter(pk=order.pk).update(
        state=State.HELD, hold="record", held_on=customer
    )
    assert release_landed(database_time()) == 0
    SyncRecord.objects.filter(pk=customer.pk).update(
        state=State.DELIVERED, target_id="7", delivered_at=database_time()
    )
    assert release_landed(database_time()) == 1


@on_postgres
def test_f23_rows_that_a_session_holds_are_passed_over(post_order, target):
    for number in (4021, 4022, 4023):
        post_order(number=number)
    inbox.read_waiting()
    waiting = SyncRecord.objects.filter(state=State.WAITING).count()
    with Holding(SyncRecord.objects.filter(label="#4022")):
        assert hold_all(target, "paused") == waiting - 1
        assert release_all(target) == waiting - 1
        target.move(Connection.State.PAUSED)
        sweep()
    sweep()
    assert SyncRecord.objects.filter(state=State.HELD).count() == waiting


@on_postgres
def test_f23_a_session_left_open_in_a_transaction_is_ended_by_the_database(demo):
    with connection.cursor() as cursor:
        for setting in ("idle_in_transaction_session_timeout", "lock_timeout"):
            cursor.execute(f"show {setting}")
            assert cursor.fetchone()[0] not in ("", "0")
        cursor.execute("set idle_in_transaction_session_timeout = 100")
    try:
        with pytest.raises(DatabaseError), transaction.atomic():
            Connection.objects.select_for_update().first()
            threading.Event().wait(0.4)
            Connection.objects.first()
    finally:
        connection.close()
    assert Connection.objects.exists()


class Holding:
    """A session that locks rows in a transaction and keeps it open."""

    def __init__(self, rows):
        self.rows, self.locked, self.over = rows, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.hold)

    def hold(self):
        with transaction.atomic():
            list(self.rows.select_for_update())
            self.locked.set()
            self.over.wait(10)
        connections.close_all()

    def __enter__(self):
        self.thread.start()
        assert self.locked.wait(5)

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()


def test_a_sweep_over_a_ledger_at_rest_asks_no_more_as_it_grows(post_order, drain):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            sweep()
        return len(queries)

    post_order(number=4031)
    drain()
    before = asked()
    for number in range(4032, 4037):
        post_order(number=number, email=f"s{number}@example.com")
    drain()
    assert asked() <= before


def test_records_wait_for_no_other_than_due_time(demo, target):
    """A record that is due later wakes nobody now."""
    flow = Flow.objects.get(slug="shopify-orders")
    later = database_time() + timedelta(hours=1)
    SyncRecord.objects.create(
        flow=flow, target_connection=target, source_key="k", source={}, due_at=later
    )
    sweep()
    assert "drain_connection" not in queued()
