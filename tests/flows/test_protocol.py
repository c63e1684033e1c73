"""The write protocol: what is committed when, and what a repeat may never do."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError
from django.db.models import F

from errorqueue.clock import database_time
from integrations.connectors.errors import ConnectionFailed, ServerFault
from integrations.connectors.netsuite.connector import NetSuite
from integrations.inbox import services as inbox
from integrations.models import (
    GENERATION,
    Attempt,
    AuditEntry,
    Connection,
    Flow,
    SyncRecord,
    WorkerGroup,
    statements,
)
from integrations.simulators.base import AnswerLost
from integrations.sync import outcome, runner
from integrations.sync.confirming import confirm_due
from mappings import services as mappings
from tests.flows.test_ledger import doubled, newer
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = timedelta(seconds=20)
State = SyncRecord.State
Outcome = Attempt.Outcome


@pytest.fixture
def target(demo):
    return Connection.objects.get(slug="netsuite")


@pytest.fixture
def claimed(post_order, drain, target):
    """An order whose customer is delivered, claimed by a worker."""

    def claim(number):
        post_order(number=number)
        inbox.read_waiting()
        [customer] = SyncRecord.objects.claim(target, "w1", 1, LEASE)
        runner.run(customer, nullcontext)
        [record] = SyncRecord.objects.claim(target, "w1", 1, LEASE)
        return record

    return claim


@pytest.fixture
def late(netsuite):
    """Keep back the next request of a method until told: its client gives up."""

    def keep_back(method, path):
        kept, handle = [], netsuite.handle

        def hold(request):
            if not kept and request.method == method and path in request.path:
                kept.append(request)
                raise AnswerLost("still at work")
            return handle(request)

        netsuite.handle = hold
        return lambda: handle(kept[0])

    return keep_back


def creates(netsuite):
    calls = [call for call in netsuite.journal if call.method == "POST"]
    return [call for call in calls if call.path.endswith("/salesOrder")]


def order_of(number):
    return SyncRecord.objects.get(label=f"#{number}")


# The database fails, the vendor does not


def test_f19_a_deadlock_in_the_outcome_repeats_that_step_and_not_the_call(
    claimed, netsuite, monkeypatch
):
    record, link, falls = claimed(5001), outcome.link, [1, 2]

    def deadlock(*args):
        if falls:
            falls.pop()
            raise OperationalError("deadlock detected")
        return link(*args)

    monkeypatch.setattr(outcome, "link", deadlock)
    monkeypatch.setattr(runner, "PAUSES", (0.0, 0.0, 0.0))
    runner.run(record, nullcontext)
    assert order_of(5001).state == State.DELIVERED
    assert len(creates(netsuite)) == 1
    assert (
        AuditEntry.objects.filter(subject_id=record.pk, verb="delivered").count() == 1
    )


def test_f19_a_deadlock_while_a_failure_is_written_down_is_repeated_too(
    claimed, drain, monkeypatch
):
    record, falls = claimed(5002), [1]
    report = outcome.alarms.report

    def deadlock(*args):
        if falls:
            falls.pop()
            raise OperationalError("could not serialize access")
        report(*args)

    def refuse(*args):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(outcome.alarms, "report", deadlock)
    monkeypatch.setattr(runner, "PAUSES", (0.0,))
    monkeypatch.setattr(runner, "map_payload", refuse)
    runner.run(record, nullcontext)
    assert order_of(5002).state == State.FAILED
    assert record.attempts.count() == 1


def test_f17_a_database_that_dies_before_the_outcome_leaves_an_unknown_for_a_look(
    claimed, netsuite, drain, let_pass, monkeypatch
):
    record = claimed(5003)

    def gone(*args):
        raise OperationalError("server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(outcome, "_succeed", gone)
        patch.setattr(runner, "PAUSES", (0.0,))
        with pytest.raises(OperationalError):
            runner.run(record, nullcontext)
    assert order_of(5003).state == State.RUNNING
    let_pass(25)
    drain()
    assert order_of(5003).state == State.DELIVERED
    assert len(netsuite.orders) == len(creates(netsuite)) == 1


def test_f19_an_error_amid_the_statements_of_an_outcome_leaves_none_of_them(
    claimed, netsuite, drain, let_pass, monkeypatch
):
    record = claimed(5032)
    broken = "INSERT INTO integrations_bell (lane) VALUES (NULL)"
    with monkeypatch.context() as patch:
        patch.setattr(statements, "LINK", broken)
        with pytest.raises(IntegrityError):
            runner.run(record, nullcontext)
    assert order_of(5032).state == State.RUNNING
    assert record.attempts.get().outcome == Outcome.OPEN
    assert not AuditEntry.objects.filter(subject_id=record.pk).exists()
    let_pass(25)
    drain()
    assert order_of(5032).state == State.DELIVERED
    assert len(netsuite.orders) == len(creates(netsuite)) == 1


def test_f04_a_worker_killed_after_the_intent_sent_nothing_and_the_next_one_does(
    claimed, netsuite, drain, let_pass, monkeypatch
):
    record = claimed(5004)

    class Killed(BaseException):
        pass

    def kill(*args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(runner, "settle_unknown", kill)
        with pytest.raises(Killed):
            runner.run(record, nullcontext)
    assert (record.attempts.get().outcome, netsuite.orders) == (Outcome.OPEN, {})
    let_pass(25)
    drain()
    assert order_of(5004).state == State.DELIVERED
    assert len(netsuite.orders) == 1


# Unknown outcomes


@pytest.mark.parametrize(
    ("sent", "expected"), [(False, Outcome.FAILED), (True, Outcome.UNKNOWN)]
)
def test_f29_only_what_was_sent_is_unknown(claimed, monkeypatch, sent, expected):
    record = claimed(5005)

    def broken(*args):
        raise ConnectionFailed("the line broke", sent=sent)

    monkeypatch.setattr(runner, "write", broken)
    runner.run(record, nullcontext)
    assert record.attempts.get().outcome == expected


def test_f29_a_fault_of_ours_after_the_call_leaves_the_outcome_unknown(
    claimed, netsuite, drain, monkeypatch
):
    record, write = claimed(5025), runner.write

    def stumble(*args):
        write(*args)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(runner, "write", stumble)
        runner.run(record, nullcontext)
    assert record.attempts.get().outcome == Outcome.UNKNOWN
    order_of(5025).enqueue()
    drain()
    assert order_of(5025).state == State.DELIVERED
    assert len(netsuite.orders) == len(creates(netsuite)) == 1


def test_f34_a_request_that_the_line_repeats_makes_one_order(claimed, netsuite):
    record, handle = claimed(5006), netsuite.handle

    def twice(request):
        if request.method == "POST" and request.path.endswith("/salesOrder"):
            handle(request)
        return handle(request)

    netsuite.handle = twice
    runner.run(record, nullcontext)
    assert order_of(5006).state == State.DELIVERED
    assert len(netsuite.orders) == 1


def test_f46_a_create_that_lands_after_its_repeat_makes_no_second_order(
    claimed, netsuite, drain, let_pass, late
):
    record = claimed(5007)
    land = late("POST", "/salesOrder")
    runner.run(record, nullcontext)
    assert (netsuite.orders, record.attempts.get().outcome) == ({}, Outcome.UNKNOWN)
    let_pass(30)
    drain()
    assert order_of(5007).state == State.DELIVERED
    assert land().status >= 400
    assert len(netsuite.orders) == 1


def test_f46_a_create_that_lands_between_look_and_repeat_counts_as_its_own_version(
    claimed, netsuite, drain, let_pass, monkeypatch
):
    record = claimed(5008)
    netsuite.fail_next(lost=True, path="salesOrder")
    runner.run(record, nullcontext)
    newer(record, **doubled(5008))
    look, blind = NetSuite.find_written, [1]

    def lagging(self, *args):
        return None if blind and blind.pop() else look(self, *args)

    monkeypatch.setattr(NetSuite, "find_written", lagging)
    let_pass(30)
    drain()
    after = order_of(5008)
    assert (after.state, after.version, after.delivered_version) == (
        State.DELIVERED,
        2,
        1,
    )
    assert len(netsuite.orders) == 1


def test_f46_a_create_without_protection_waits_for_the_vendors_limit(
    claimed, netsuite, drain, let_pass, monkeypatch, settings
):
    settings.LATE_SECONDS = 900
    record = claimed(5009)
    monkeypatch.setattr(NetSuite, "refuses_doubles", lambda *args: False)
    monkeypatch.setattr(NetSuite, "find_written", lambda *args: None)
    netsuite.fail_next(lost=True, path="salesOrder")
    runner.run(record, nullcontext)
    let_pass(30)
    drain()
    after = order_of(5009)
    assert len(creates(netsuite)) == 1
    assert after.state == State.WAITING
    assert after.due_at - database_time() > timedelta(minutes=10)
    assert after.target_connection.strikes <= 1


def test_f46_an_edit_after_a_time_out_does_not_shorten_the_vendors_limit(
    claimed, netsuite, drain, let_pass, order_line, monkeypatch, settings
):
    settings.LATE_SECONDS = 900
    record = claimed(5030)
    monkeypatch.setattr(NetSuite, "refuses_doubles", lambda *args: False)
    netsuite.fail_next(lost=True, path="salesOrder")
    runner.run(record, nullcontext)
    edited = {**record.source, **doubled(5030)}
    SyncRecord.objects.filter(pk=record.pk).update(edited=edited)
    for _ in range(3):
        order_of(5030).enqueue()
        drain()
        after = order_of(5030)
        assert after.state == State.WAITING
        assert after.due_at - database_time() > timedelta(minutes=10)
    assert len(creates(netsuite)) == 1
    Attempt.objects.update(started_at=F("started_at") - timedelta(seconds=900))
    let_pass(901)
    drain()
    # What the first try had written is compared with the edit, never written twice.
    assert len(creates(netsuite)) == 2
    assert len(netsuite.orders) == 1
    assert order_line("#5030").kind == "conflict"


def test_f46_an_edit_is_repeated_at_once_where_the_vendor_refuses_doubles(
    claimed, netsuite, drain, let_pass, order_line, settings
):
    settings.LATE_SECONDS = 900
    record = claimed(5031)
    netsuite.fail_next(lost=True, path="salesOrder")
    runner.run(record, nullcontext)
    edited = {**record.source, **doubled(5031)}
    SyncRecord.objects.filter(pk=record.pk).update(edited=edited)
    order_of(5031).enqueue()
    drain()
    assert len(creates(netsuite)) == 2
    assert len(netsuite.orders) == 1
    assert order_line("#5031").kind == "conflict"


def test_f54_an_older_update_that_lands_late_is_written_over_again(
    claimed, netsuite, drain, let_pass, late, settings
):
    settings.LATE_SECONDS = 900
    # On a busy machine a second passes before the newest content is there.
    Flow.objects.filter(slug="shopify-customers").update(retry_schedule=[20, 20])
    claimed(5010)
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    land = late("PUT", "/customer/")
    newer(customer, first_name="Older")
    drain()
    newest = {"first_name": "Newest", "updated_at": "2037-01-01T00:00:00Z"}
    newer(customer, **newest)
    let_pass(30)
    drain()
    customer.refresh_from_db()
    assert customer.state == State.DELIVERED
    assert customer.confirm_at > database_time() + timedelta(minutes=10)
    land()
    [stored] = netsuite.customers.values()
    assert stored["firstName"] == "Older"
    assert confirm_due() == 0
    SyncRecord.objects.filter(pk=customer.pk).update(confirm_at=database_time())
    drain()
    [stored] = netsuite.customers.values()
    customer.refresh_from_db()
    assert stored["firstName"] == "Newest"
    assert (customer.state, customer.confirm_at) == (State.DELIVERED, None)


def test_an_update_of_the_same_content_needs_no_confirmation(
    claimed, netsuite, drain, let_pass
):
    claimed(5011)
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    newer(customer, first_name="Anna")
    netsuite.fail_next(lost=True, path="/customer/eid")
    drain()
    let_pass(30)
    drain()
    customer.refresh_from_db()
    assert (customer.state, customer.confirm_at) == (State.DELIVERED, None)


# Claims that were lost


@pytest.mark.parametrize("ends_well", [True, False])
def test_f09_a_worker_that_lost_its_claim_in_the_call_writes_its_attempt_only(
    claimed, netsuite, drain, let_pass, monkeypatch, ends_well
):
    record, write = claimed(5012), runner.write

    def overtaken(*args):
        monkeypatch.setattr(runner, "write", write)
        written = write(*args)
        let_pass(25)
        drain()
        if ends_well:
            return written
        raise ServerFault("late answer")

    monkeypatch.setattr(runner, "write", overtaken)
    runner.run(record, nullcontext)
    after = order_of(5012)
    assert (after.state, after.tries, after.token) == (
        State.DELIVERED,
        0,
        record.token + 1,
    )
    assert len(netsuite.orders) == 1
    mine = record.attempts.get(token=record.token)
    assert mine.milliseconds is not None
    assert mine.outcome == (Outcome.DELIVERED if ends_well else Outcome.UNKNOWN)
    assert (
        AuditEntry.objects.filter(subject_id=record.pk, token=record.token).count() == 0
    )


def test_f07_a_worker_of_a_dead_cluster_sends_and_settles_nothing(
    claimed, netsuite, monkeypatch
):
    record, now = claimed(5013), database_time()
    WorkerGroup.objects.create(
        generation="g1", host="h", pid=1, started_at=now, seen_at=now, ended_at=now
    )
    monkeypatch.setenv(GENERATION, "g1")
    runner.run(record, nullcontext)
    assert netsuite.orders == {}
    assert order_of(5013).state == State.RUNNING
    assert record.settle(State.DELIVERED) is False


# One after the other


def test_f59_a_change_in_mid_flight_is_sent_afterwards_and_never_beside(
    claimed, netsuite, drain, monkeypatch
):
    claimed(5014)
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    newer(customer, first_name="First")
    upsert, seen = NetSuite.upsert, []

    def meanwhile(self, record_type, payload, key):
        seen.append(payload["firstName"])
        if len(seen) == 1:
            stamp = "2037-01-01T00:00:00Z"
            newer(customer, first_name="Second", updated_at=stamp)
            assert SyncRecord.objects.get(pk=customer.pk).state == State.RUNNING
        return upsert(self, record_type, payload, key)

    monkeypatch.setattr(NetSuite, "upsert", meanwhile)
    drain()
    [stored] = netsuite.customers.values()
    assert (seen, stored["firstName"]) == (["First", "Second"], "Second")


def test_f66_an_attempt_names_its_mapping_and_a_retry_uses_the_newest(
    claimed, netsuite, drain, let_pass
):
    record = claimed(5015)
    document = Flow.objects.get(slug="shopify-orders").mapping
    first = document.published()
    netsuite.fail_next(503, path="salesOrder")
    runner.run(record, nullcontext)
    second = mappings.publish(mappings.new_draft(document, None), None)
    let_pass(30)
    drain()
    tries = record.attempts.order_by("number")
    assert [one.mapping_id for one in tries] == [first.pk, second.pk]


def test_f68_a_failed_order_makes_no_second_customer(
    post_order, netsuite, drain, let_pass
):
    netsuite.fail_next(503, path="salesOrder")
    post_order(number=5016)
    drain()
    let_pass(30)
    drain()
    assert (len(netsuite.customers), len(netsuite.orders)) == (1, 1)


def test_f69_two_first_orders_of_one_customer_make_one_customer(
    post_order, netsuite, drain
):
    payload = post_order(number=5017)
    post_order(number=5018, customer=payload["customer"], email=payload["email"])
    drain()
    assert (len(netsuite.customers), len(netsuite.orders)) == (1, 2)
