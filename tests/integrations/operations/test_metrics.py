"""Figures for Prometheus: read from the ledger, right with any number of processes."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from errorqueue.alerts import raise_alert
from errorqueue.clock import database_time
from errorqueue.models import Alert, Cause
from integrations.models import Attempt, InboxEvent, Slot, SlotWait, SyncRecord
from integrations.operations import ledger, metrics, recent
from integrations.sync import clusters

pytestmark = pytest.mark.django_db(transaction=True)
State = SyncRecord.State


def figures() -> dict[tuple[str, ...], float]:
    """Return the value of every figure by its name and the values of its labels."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (one.name.removeprefix("waybill_"), *one.labels.values()): one.value
        for family in families
        for one in family.samples
    }


def test_records_by_flow_and_state(orders, bulk, enter):
    enter(orders, "1", "2", "3")
    enter(orders, "4", state=State.HELD)
    enter(bulk, "5", "6", state=State.FAILED)
    enter(bulk, "7", state=State.RUNNING)
    enter(bulk, "8", state=State.DELIVERED)
    found = figures()
    assert found["records", "orders", "waiting"] == 3
    assert found["records", "orders", "held"] == 1
    assert found["records", "orders", "failed"] == 0
    assert found["records", "bulk", "failed"] == 2
    assert found["records", "bulk", "running"] == 1
    assert found["records_limit_reached", "waiting"] == 0


def test_counting_ends_at_its_limit_and_says_so(orders, bulk, enter, monkeypatch):
    monkeypatch.setattr(ledger, "MOST", 3)
    enter(orders, "1", "2", "3", "4")
    enter(bulk, "5", "6", state=State.HELD)
    found = figures()
    assert found["records", "orders", "waiting"] == 3
    assert found["records_limit_reached", "waiting"] == 1
    assert found["records_limit_reached", "held"] == 0
    enter(orders, "7", "8", state=State.HELD)
    assert figures()["records_limit_reached", "held"] == 1


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only its planner keeps statistics"
)
def test_what_is_done_is_estimated(orders, bulk, enter):
    enter(orders, *map(str, range(40)), state=State.DELIVERED)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE integrations_syncrecord")
    assert figures()["records_estimate", "orders", "delivered"] == 40


def test_the_oldest_due_record_of_a_flow_tells_its_age(orders, bulk, enter):
    enter(orders, "1", age=600)
    enter(orders, "2", age=60)
    enter(bulk, "3", age=-600)
    found = figures()
    assert 600 <= found["oldest_due_seconds", "orders"] < 660
    assert found["oldest_due_seconds", "bulk"] == 0


def deliver(record: SyncRecord, seconds: float, ago: float = 10) -> None:
    at = database_time() - timedelta(seconds=ago)
    event = InboxEvent.objects.create(
        connection=record.target_connection,
        delivery_id=record.source_key,
        body=b"{}",
        digest=record.source_key,
        received_at=at - timedelta(seconds=seconds),
        state=InboxEvent.State.PROCESSED,
    )
    record.event, record.state, record.delivered_at = event, State.DELIVERED, at
    record.save()


def test_the_time_from_event_to_delivery_by_flow(orders, bulk, enter):
    keys = [str(number) for number in range(20)]
    for seconds, record in enumerate(enter(orders, *keys), start=1):
        deliver(record, seconds)
    deliver(*enter(bulk, "old"), seconds=500, ago=3600)
    found = figures()
    assert found["delivery_seconds", "orders", "0.5"] == pytest.approx(10)
    assert found["delivery_seconds", "orders", "0.95"] == pytest.approx(19)
    assert found["recent_deliveries", "orders"] == 20
    assert ("recent_deliveries", "bulk") not in found
    assert found["recent_deliveries_window_seconds",] == 900


def test_a_busy_time_shortens_the_window_and_says_so(orders, enter, monkeypatch):
    monkeypatch.setattr(recent, "MOST", 3)
    for ago, record in enumerate(enter(orders, *"abcde"), start=1):
        deliver(record, seconds=1, ago=ago * 60)
    found = figures()
    assert found["recent_deliveries", "orders"] == 3
    assert 180 <= found["recent_deliveries_window_seconds",] < 200


def test_tries_of_the_last_minutes_by_outcome(orders, enter):
    (record,) = enter(orders, "1")
    now, outcome = database_time(), Attempt.Outcome
    told = [(1, outcome.FAILED, 3600), (2, outcome.FAILED, 60), (3, outcome.OPEN, 1)]
    for number, how, ago in told:
        Attempt.objects.create(
            record=record,
            number=number,
            token=number,
            version=1,
            outcome=how,
            started_at=now - timedelta(seconds=ago),
        )
    found = figures()
    assert found["recent_attempts", "failed"] == 1
    assert found["recent_attempts", "open"] == 1
    assert found["recent_attempts", "delivered"] == 0


def test_slots_limits_and_the_circuit_of_each_connection(account):
    until = database_time() + timedelta(minutes=1)
    for number in (1, 2):
        Slot.objects.create(connection=account, number=number, lease_until=until)
    Slot.objects.create(connection=account, number=3, lease_until=None)
    SlotWait.objects.create(
        connection=account, holder="w", since=database_time(), until=until
    )
    account.learnt = 2
    account.save()
    found = figures()
    assert found["slots_used", "account"] == 2
    assert (
        found["slots_limit", "account"] == found["slots_learnt_limit", "account"] == 2
    )
    assert found["slots_waiting", "account"] == 1
    assert found["connection_usable", "account"] == 1
    account.move("refused", "odd")
    found = figures()
    assert found["connection_state", "account", "refused"] == 1
    assert found["connection_state", "account", "ready"] == 0
    assert found["connection_usable", "account"] == 0


def test_a_vendor_that_asked_for_a_wait_is_ready_and_not_usable(account):
    account.limited_until = database_time() + timedelta(minutes=5)
    account.learnt = None
    account.save()
    found = figures()
    assert found["connection_state", "account", "ready"] == 1
    assert found["connection_usable", "account"] == 0
    assert ("slots_learnt_limit", "account") not in found


def test_workers_and_their_canary():
    assert figures()["worker_groups_alive",] == 0
    clusters.begin()
    found = figures()
    assert found["worker_groups_alive",] == 1
    assert found["canary_age_seconds", clusters.host_name()] >= 0


def test_the_inbox_the_queue_and_the_alerts(account):
    now = database_time()
    for number, state in enumerate(("received", "received", "quarantined")):
        InboxEvent.objects.create(
            connection=account,
            delivery_id=str(number),
            body=b"",
            digest="",
            received_at=now - timedelta(seconds=90 - number),
            state=state,
        )
    for number, kind in enumerate(("data", "data", "mapping")):
        Cause.objects.create(
            fingerprint=str(number),
            kind=kind,
            text="odd",
            open_count=5,
            first_seen_at=now,
            last_seen_at=now,
        )
    raise_alert("a", "Title", "Text")
    raise_alert("b", "Title", "Text", quiet=timedelta(hours=1))
    found = figures()
    assert found["inbox_events", "unread"] == 2
    assert found["inbox_events", "quarantined"] == 1
    assert 90 <= found["inbox_oldest_seconds",] < 150
    assert (
        found["error_queue_open", "data"],
        found["error_queue_open", "mapping"],
    ) == (10, 5)
    assert found["alerts_unsent",] == 1
    Alert.objects.update(planned_at=now, sent_at=now)
    assert figures()["alerts_unsent",] == 0


def test_the_number_of_questions_grows_with_nothing(make_flow, enter):
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            metrics.exposition()
        return len(asked)

    make_flow("first")
    few = cost()
    for number in range(5):
        enter(make_flow(f"flow-{number}"), *"abcdef", state=State.DELIVERED)
    assert cost() == few <= 24


def test_figures_name_no_record_and_nobody(orders, enter):
    enter(orders, "55512345", label="#1001", party="Ada Byron", email="ada@x.example")
    text = metrics.exposition().decode()
    assert not [word for word in ("55512345", "#1001", "Ada", "ada@") if word in text]


def test_the_handbook_names_every_figure():
    from pathlib import Path

    handbook = Path(__file__).parents[3].joinpath("docs/operations.md").read_text()
    for family in metrics.Ledger().collect():
        assert f"`{family.name}`" in handbook, family.name


def test_breakers_and_maintenance_are_figures(account, orders):
    assert figures()["flow_breaker", "orders", "closed"] == 1
    now = database_time()
    orders.held_at, orders.hold_kind = now, "breaker"
    orders.save()
    account.window_until = now + timedelta(hours=1)
    account.save()
    found = figures()
    assert found["flow_breaker", "orders", "open"] == 1
    assert found["flow_breaker", "orders", "closed"] == 0
    assert found["connection_in_maintenance", "account"] == 1
    assert found["connection_usable", "account"] == 0
    orders.probing_since = now
    orders.save()
    assert figures()["flow_breaker", "orders", "half_open"] == 1
