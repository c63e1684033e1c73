"""A target that is away: circuit, holds, probe, and what people hear of it."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.connectors.errors import (
    AccessRefused,
    RecordRejected,
    ServerFault,
    TimedOut,
)
from integrations.connectors.netsuite.connector import NetSuite
from integrations.inbox import services as inbox
from integrations.models import Attempt, Connection, Dependency, Flow, SyncRecord
from integrations.sync import access, accounts, holds, polling, probing, slots
from integrations.sync.cycles import cycle_through
from integrations.sync.sweeper import sweep
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
TELL = timedelta(minutes=5).total_seconds()


@pytest.fixture
def target(demo):
    return Connection.objects.get(slug="netsuite")


@pytest.fixture
def down(netsuite):
    """NetSuite answers 503 to everything, log-in included, until told otherwise."""

    def switch(is_down=True):
        netsuite._faults.clear()
        if is_down:
            netsuite.fail_next(503, body="<html>down</html>", times=5000)

    return switch


def fresh(connection):
    return Connection.objects.get(pk=connection.pk)


def strike(connection, times=access.STRIKES_ALLOWED, error=None):
    """Let so many calls fail, each seen by a worker of its own."""
    error = error or ServerFault("down", status=503)
    return [access.note_failure(fresh(connection), error) for _ in range(times)]


# The circuit


def test_f28_a_whole_outage_fails_no_record_and_uses_up_no_try(
    post_order, netsuite, drain, let_pass, target, down
):
    down()
    Flow.objects.update(retry_schedule=[1] * 9)
    for number in range(3001, 3013):
        post_order(number=number, email=f"b{number}@example.com")
    for _ in range(8):
        drain()
        let_pass(5)
    assert fresh(target).state == Connection.State.UNREACHABLE
    drain()
    tries = dict(SyncRecord.objects.values_list("pk", "tries"))
    assert sum(tries.values()) < access.STRIKES_ALLOWED
    for _ in range(40):  # twenty minutes
        let_pass(30)
        drain()
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {State.HELD}
    assert dict(SyncRecord.objects.values_list("pk", "tries")) == tries

    down(False)
    let_pass(31)
    drain()
    assert fresh(target).is_usable
    assert len(netsuite.orders) == 12
    assert not FailedRecord.objects.open().exists()
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_f28_the_oldest_go_first_after_an_outage(target, post_order, drain, down):
    for number in (3021, 3022, 3023):
        post_order(number=number)
    inbox.read_waiting()
    now = database_time()
    for age, number in ((10, 3022), (20, 3023), (-900, 3021)):
        SyncRecord.objects.filter(label=f"#{number}").update(
            due_at=now - timedelta(seconds=age)
        )
    strike(target)
    sweep()
    orders = SyncRecord.objects.filter(flow__slug="shopify-orders")
    assert set(orders.values_list("state", flat=True)) == {State.HELD}
    access.resume(fresh(target))
    waiting = orders.filter(state=State.WAITING, due_at__lte=database_time())
    labels = list(waiting.order_by("due_at", "pk").values_list("label", flat=True))
    assert labels == ["#3023", "#3022", "#3021"]


def test_f28_what_is_held_says_since_when_and_how_often_it_is_tried(target, settings):
    strike(target)
    since = fresh(target).state_since
    why = access.why_held(fresh(target))
    assert why.startswith(
        f"NetSuite sandbox cannot be reached since {since:%H:%M}"
    ) or ("cannot be reached since" in why)
    assert why.endswith("tried again every 30 s")


def test_a_lonely_fault_among_good_answers_opens_nothing(target):
    for _ in range(10):
        assert strike(target, times=4) == [False] * 4
        access.note_answer(fresh(target))
    assert fresh(target).is_usable and fresh(target).strikes == 0


def test_a_refusal_of_one_record_shows_that_the_target_can_be_reached(target):
    strike(target, times=4)
    assert not access.note_failure(fresh(target), RecordRejected("no such item"))
    assert fresh(target).strikes == 0


def test_a_good_answer_costs_no_query_while_all_is_well(target):
    with CaptureQueriesContext(database) as queries:
        access.note_answer(target)
    assert len(queries) == 0


def test_time_outs_and_faults_of_all_workers_count_together(target):
    faults = [TimedOut(), ServerFault(), TimedOut(), ServerFault(), TimedOut()]
    opened = [access.note_failure(fresh(target), fault) for fault in faults]
    assert opened == [False] * 4 + [True]
    assert access.note_failure(target, TimedOut()) is True  # late, of an older look


def test_f28_probes_of_an_outage_come_at_growing_waits(target, down, settings):
    settings.PROBE_SECONDS = [5, 10, 30]
    down()
    strike(target)
    waits = []
    for _ in range(4):
        now = database_time()
        waits.append(round((fresh(target).probe_at - now).total_seconds()))
        Connection.objects.filter(pk=target.pk).update(probe_at=now)
        probing.probe(target.pk)
    assert waits == [5, 10, 30, 30]


def test_f28_a_pause_by_a_person_outlasts_the_end_of_an_outage(target, admin_user):
    strike(target)
    accounts.pause(fresh(target), admin_user, "stock-taking")
    probing.probe(target.pk)
    assert strike(target) == [True] * 5
    assert fresh(target).state == Connection.State.PAUSED
    assert accounts.resume(fresh(target))
    assert fresh(target).is_usable and fresh(target).strikes == 0


@pytest.mark.parametrize("answer", [None, AccessRefused("no")])
def test_f49_a_probe_under_way_does_not_end_the_wait_for_new_credentials(
    target, admin_user, monkeypatch, answer
):
    def refreshed_meanwhile(connector):
        accounts.mark_refreshed(fresh(target), admin_user)
        if answer:
            raise answer

    access.suspect(target)
    monkeypatch.setattr(NetSuite, "probe", refreshed_meanwhile)
    probing.probe(target.pk)
    assert fresh(target).state == Connection.State.REFRESHED
    assert fresh(target).probe_at is None


def test_a_good_check_by_a_person_closes_the_circuit(target):
    strike(target)
    assert accounts.check(fresh(target)).is_good
    assert fresh(target).is_usable


def test_checks_and_polls_that_find_nobody_count_too(target, demo, down, netsuite):
    down()
    for _ in range(access.STRIKES_ALLOWED):
        accounts.check(fresh(target))
    assert fresh(target).state == Connection.State.UNREACHABLE
    access.resume(target)
    flow = Flow.objects.get(slug="netsuite-inventory")
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True)
    for _ in range(access.STRIKES_ALLOWED):
        polling.poll(flow.pk)
    assert fresh(target).state == Connection.State.UNREACHABLE


# What people hear


def test_f28_an_outage_alerts_once_after_five_minutes_and_says_when_it_is_over(
    target, down, drain, let_pass
):
    down()
    Flow.objects.filter(slug="netsuite-inventory").update(is_enabled=True)
    strike(target)
    for _ in range(8):
        let_pass(31)
        drain()
    assert not Alert.objects.exists()
    for _ in range(8):
        let_pass(31)
        drain()
    assert [mailed.subject for mailed in mail.outbox] == [
        f"[Waybill] {target} cannot be reached"
    ]
    down(False)
    let_pass(31)
    drain()
    assert not Alert.objects.filter(closed_at=None).exists()
    assert len(mail.outbox) == 1


def test_f44_a_planned_outage_that_was_paused_alerts_nobody(
    target, down, drain, let_pass, admin_user
):
    down()
    accounts.pause(target, admin_user, "maintenance until 6:00")
    for _ in range(4):
        let_pass(TELL)
        drain()
    assert not Alert.objects.exists()


def test_a_source_that_fails_alone_is_told_after_ten_minutes(
    target, drain, monkeypatch
):
    def broken(self, *given):
        raise ServerFault("the query died", status=500)
        yield

    flow = Flow.objects.get(slug="netsuite-inventory")
    with monkeypatch.context() as patched:
        patched.setattr(NetSuite, "changes", broken)
        polling.poll(flow.pk)
    alert = Alert.objects.get(key=f"poll:{flow.pk}")
    assert alert.try_at - alert.raised_at == timedelta(minutes=10)
    polling.poll(flow.pk)
    assert not Alert.objects.exists()


def test_records_that_wait_for_a_day_are_told_and_never_fail(
    post_order, target, admin_user, let_pass, drain
):
    post_order(number=3040)
    accounts.pause(target, admin_user, "month end")
    drain()
    let_pass(25 * 3600)
    drain()
    drain()
    assert Alert.objects.filter(key=f"waiting:{target.pk}").count() == 1
    assert "25 hours" in mail.outbox[0].subject
    held = SyncRecord.objects.filter(flow__slug="shopify-orders")
    assert set(held.values_list("state", flat=True)) == {State.HELD}


# The log-in


def test_f38_the_probe_of_a_suspected_log_in_waits_until_all_others_have_ended(
    target, netsuite
):
    others = slots.take(target, "busy", 2, 20)
    access.suspect(target)
    assert others and not slots_are_claimed(target)
    calls = len(netsuite.journal)
    probing.probe(target.pk)
    assert len(netsuite.journal) == calls
    for held in others:
        slots.give_back(held)
    Connection.objects.filter(pk=target.pk).update(probe_at=database_time())
    probing.probe(target.pk)
    assert fresh(target).is_usable


def slots_are_claimed(target):
    lease = timedelta(seconds=20)
    return SyncRecord.objects.claim(target, "w", 5, lease)


def test_f38_the_probe_holds_a_slot_of_the_account_itself(target, monkeypatch):
    seen = []

    def probe(self):
        with self.services.gate():
            taken = target.slots.filter(lease_until__gt=database_time())
            seen.append(taken.count())

    monkeypatch.setattr(NetSuite, "probe", probe)
    access.suspect(target)
    probing.probe(target.pk)
    assert seen == [1] and fresh(target).is_usable


def test_f39_access_revoked_at_night_holds_all_alerts_once_and_goes_on_by_itself(
    post_order, netsuite, drain, let_pass, target
):
    netsuite.revoke_access()
    for number in range(3051, 3057):
        post_order(number=number, email=f"n{number}@example.com")
    drain()
    for _ in range(30):  # an hour
        let_pass(121)
        drain()
    assert fresh(target).state == Connection.State.REFUSED
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {State.HELD}
    assert not SyncRecord.objects.exclude(tries=0).exists()
    assert Alert.objects.count() == 1 and len(mail.outbox) == 1
    netsuite.restore_access()
    let_pass(121)
    drain()
    assert len(netsuite.orders) == 6
    assert not FailedRecord.objects.exists()


def test_f40_credentials_rotated_while_running_send_nothing_to_the_error_queue(
    post_order, drain, let_pass, target, monkeypatch, netsuite
):
    refusals = iter([True, False] * 20)
    create = NetSuite.create

    def rotating(self, *given):
        if next(refusals):
            raise AccessRefused("rotated", status=401)
        return create(self, *given)

    monkeypatch.setattr(NetSuite, "create", rotating)
    for number in range(3061, 3066):
        post_order(number=number, email=f"r{number}@example.com")
        drain()
        let_pass(16)
        drain()
    assert len(netsuite.orders) == 5
    assert not FailedRecord.objects.exists() and not Alert.objects.exists()
    assert Attempt.objects.filter(kind="access").count() == 5


# Holds


def test_a_million_holds_go_in_batches(post_order, target, monkeypatch):
    monkeypatch.setattr(holds, "BATCH", 2)
    monkeypatch.setattr(holds, "BATCHES_IN_A_PASS", 2)
    for number in range(3071, 3077):
        post_order(number=number)
    inbox.read_waiting()
    waiting = SyncRecord.objects.filter(state=State.WAITING).count()
    assert waiting > 4
    for act in (
        partial(holds.hold_all, target, "paused"),
        partial(holds.release_all, target),
    ):
        done = [act() for _ in range(6)]
        assert sum(done) == waiting and max(done) <= 4 and done[-1] == 0


def test_f70_records_that_wait_for_each_other_are_named_and_fail_at_once(
    post_order, drain, monkeypatch
):
    orders = Flow.objects.get(slug="shopify-orders")
    customers = Flow.objects.get(slug="shopify-customers")
    Dependency.objects.create(flow=customers, needs=orders, source_path="any")
    seen_in = Dependency.object_in

    def object_in(self, connector, payload):
        if self.needs_id != orders.pk:
            return seen_in(self, connector, payload)
        record = SyncRecord.objects.filter(flow=orders).first()
        return record and connector.source_object("order", record.source)

    monkeypatch.setattr(Dependency, "object_in", object_in)
    post_order(number=3081)
    drain()
    lines = FailedRecord.objects.open()
    assert {line.kind for line in lines} == {"dependency"} and lines.count() == 2
    assert all(line.what.count("waits for") == 2 for line in lines)
    assert all("#3081" in line.what for line in lines)


def test_f70_a_cycle_is_found_however_long_and_a_chain_is_none():
    waits = {"b": "c", "c": "d", "d": "a", "x": "y", "y": "z"}
    assert cycle_through("a", "b", waits.get) == ["a", "b", "c", "d"]
    assert cycle_through("a", "a", waits.get) == ["a"]
    assert cycle_through("a", "x", waits.get) == []
    waits["z"] = "x"
    assert cycle_through("a", "x", waits.get) == []


def test_f70_a_refund_before_its_order_goes_when_the_order_landed_at_its_deadline(
    post_order, target, drain, let_pass
):
    post_order(number=3091)
    inbox.read_waiting()
    record = SyncRecord.objects.get(label="#3091")
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    SyncRecord.objects.filter(pk=customer.pk).update(
        state=State.DELIVERED, target_id="77", delivered_version=1
    )
    past = database_time() - timedelta(seconds=1)
    SyncRecord.objects.filter(pk=record.pk).update(
        state=State.HELD, hold="record", held_on=customer, hold_until=past
    )
    sweep()
    record.refresh_from_db()
    assert record.state == State.WAITING


def test_f28_an_outage_longer_than_a_hold_fails_nobody_who_waits_for_a_record(
    post_order, target, admin_user, drain, let_pass, netsuite
):
    post_order(number=3092)
    inbox.read_waiting()
    accounts.pause(target, admin_user, "three days of repairs")
    record = SyncRecord.objects.get(label="#3092")
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    in_time = database_time() + timedelta(hours=record.flow.hold_hours)
    SyncRecord.objects.filter(pk=record.pk).update(
        state=State.HELD, hold="record", held_on=customer, hold_until=in_time
    )
    for _ in range(3):
        let_pass(25 * 3600)
        sweep()
        record.refresh_from_db()
        assert record.state == State.HELD
    let_pass(23 * 3600)
    accounts.resume(target)
    let_pass(2 * 3600)  # its connection was away in the time of this wait
    drain()
    record.refresh_from_db()
    assert record.state == State.DELIVERED
    assert not FailedRecord.objects.exists()


def test_f70_a_wait_for_a_record_still_ends_when_its_connection_was_there(
    post_order, target, let_pass
):
    post_order(number=3093)
    inbox.read_waiting()
    record = SyncRecord.objects.get(label="#3093")
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    in_time = database_time() + timedelta(hours=record.flow.hold_hours)
    SyncRecord.objects.filter(pk=record.pk).update(
        state=State.HELD, hold="record", held_on=customer, hold_until=in_time
    )
    let_pass(25 * 3600)
    sweep()
    record.refresh_from_db()
    assert record.state == State.FAILED


def test_f78_after_three_days_away_missed_polls_are_one_poll(demo, drain, monkeypatch):
    polls = []
    monkeypatch.setattr(polling, "_enter_all", lambda flow: polls.append(flow) or 0)
    flow = Flow.objects.get(slug="netsuite-inventory")
    three_days_ago = database_time() - timedelta(days=3)
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True, polled_at=three_days_ago)
    for _ in range(3):
        drain()
    assert polls == [flow]
