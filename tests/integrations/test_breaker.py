"""The breaker of a flow: what opens it, what its probes tell, what people may do."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.db.models import F

from errorqueue.clock import database_time
from errorqueue.failures import Failure, FailureKind
from errorqueue.models import Alert, FailedRecord
from errorqueue.services import capture
from integrations.models import (
    Attempt,
    AuditEntry,
    Connection,
    Flow,
    Opening,
    SyncRecord,
    Watch,
)
from integrations.sync import breaker, flows, sweeper
from integrations.sync.holds import hold_flow
from mappings.models import MappingVersion

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = timedelta(seconds=20)
State = SyncRecord.State
Outcome = Attempt.Outcome
Hold = Flow.Hold
on_postgres = pytest.mark.skipif(
    "postgresql" not in connection.settings_dict["ENGINE"],
    reason="SQLite lets one writer in at a time",
)


@pytest.fixture
def flow(account, make_flow):
    long_ago = database_time() - timedelta(days=1)
    Connection.objects.update(state_since=long_ago)
    return Flow.objects.get(pk=make_flow("orders").pk)


@pytest.fixture
def fail(flow, enter):
    """Enter records that failed, each with its line of the error queue."""
    numbers = iter(range(10_000))

    def go(count, what="has a SKU nobody knows", kind=FailureKind.DATA, age=0, **more):
        for _ in range(count):
            [record] = enter(more.get("on", flow), f"bad{next(numbers)}")
            SyncRecord.objects.filter(pk=record.pk).update(state=State.FAILED)
            failure = Failure(kind, what, "NetSuite said so.", "Add the item.")
            line = capture(record, record.labels(), failure)
            at = database_time() - timedelta(minutes=age)
            FailedRecord.objects.filter(pk=line.pk).update(last_failed_at=at)

    return go


@pytest.fixture
def deliver(flow, enter):
    numbers = iter(range(10_000))

    def go(count):
        for _ in range(count):
            [record] = enter(flow, f"good{next(numbers)}")
            SyncRecord.objects.filter(pk=record.pk).update(
                state=State.DELIVERED, delivered_at=database_time()
            )

    return go


@pytest.fixture
def opened(flow, fail):
    fail(20)
    breaker.open_failing()
    flow.refresh_from_db()
    assert flow.hold_kind == Hold.BREAKER
    return flow


def fresh(flow):
    return Flow.objects.select_related("target").get(pk=flow.pk)


def is_open(flow):
    return fresh(flow).held_at is not None


def let_waits_pass():
    Flow.objects.exclude(probe_at=None).update(
        probe_at=F("probe_at") - timedelta(hours=2)
    )


def claim(account):
    return SyncRecord.objects.claim(account, "w", 20, LEASE)


def tell(record, outcome, state, kind="", **columns):
    """Let a probe end: with an attempt, and in a state."""
    Attempt.objects.create(
        record=record,
        number=record.attempts.count() + 1,
        token=record.token,
        version=1,
        started_at=database_time(),
        outcome=outcome,
        kind=kind,
    )
    SyncRecord.objects.filter(pk=record.pk).update(state=state, hold="", **columns)


def probe(flow):
    """Let the wait pass and the probes be claimed."""
    let_waits_pass()
    breaker.begin_probes()
    return claim(flow.target)


# What opens it


def test_a_flow_that_fails_for_one_cause_goes_on_hold_with_one_alert(flow, fail):
    fail(20)
    breaker.open_failing()
    held = fresh(flow)
    assert (held.hold_kind, held.held_at is not None) == (Hold.BREAKER, True)
    assert held.hold_reason.startswith("20 of the last 20 records failed for one cause")
    assert "SKU nobody knows" in held.hold_reason
    wait = held.probe_at - database_time()
    assert timedelta(seconds=50) < wait <= timedelta(seconds=60)
    breaker.open_failing()
    alert = Alert.objects.get(key=flows.breaker_key(flow))
    assert (alert.kind, alert.flow, alert.count) == ("data", "orders", 20)
    assert Opening.objects.get(flow=flow).kind == "breaker"
    assert AuditEntry.objects.filter(subject="flow", verb="put on hold").count() == 1


@pytest.mark.parametrize(
    ("failed", "delivered", "opens"),
    [(19, 0, False), (20, 0, True), (20, 5, True), (20, 6, False), (15, 5, False)],
)
def test_it_takes_enough_records_and_a_high_share(
    flow, fail, deliver, failed, delivered, opens
):
    fail(failed)
    deliver(delivered)
    breaker.open_failing()
    assert is_open(flow) == opens


def test_many_causes_are_many_records_troubles_and_not_the_flow_s(flow, fail):
    for cause in ("has no address", "has no price", "has a SKU nobody knows"):
        fail(10, cause)
    breaker.open_failing()
    assert not is_open(flow)


def test_what_failed_long_ago_opens_nothing(flow, fail):
    fail(30, age=11)
    breaker.open_failing()
    assert not is_open(flow)
    Flow.objects.update(breaker_minutes=15)
    breaker.open_failing()
    assert is_open(flow)


def test_thresholds_are_the_flow_s_own_and_nought_is_never(flow, fail):
    fail(5)
    Flow.objects.update(breaker_least=5, breaker_percent=0)
    breaker.open_failing()
    assert not is_open(flow)
    Flow.objects.update(breaker_percent=100)
    breaker.open_failing()
    assert is_open(flow)


def test_lines_that_wait_for_others_and_for_slots_do_not_count(flow, fail):
    fail(30, kind=FailureKind.DEPENDENCY)
    breaker.open_failing()
    assert not is_open(flow)


def test_f28_an_outage_of_the_account_is_its_own_circuit_s_matter(flow, fail):
    fail(30)
    flow.target.move(Connection.State.UNREACHABLE, "down")
    breaker.open_failing()
    assert not is_open(flow)
    flow.target.move(Connection.State.READY)
    breaker.open_failing()
    assert not is_open(flow)  # it failed before the account came back
    fail(20)
    breaker.open_failing()
    assert is_open(flow)


def test_f89_while_a_version_is_watched_its_failures_are_the_watch_s(flow, fail):
    version = MappingVersion.objects.create(document=flow.mapping, number=1)
    watch = Watch.objects.create(flow=flow, version=version, started_at=database_time())
    fail(30)
    breaker.open_failing()
    assert not is_open(flow)
    fail(130, "needs a permission", kind=FailureKind.ACCESS)
    breaker.open_failing()
    assert is_open(flow)  # of which a watch takes no notice
    assert watch.state == Watch.State.WATCHING


def test_a_look_costs_two_questions_while_nothing_fails(
    flow, deliver, django_assert_num_queries
):
    deliver(30)
    clock = connection.vendor == "postgresql"  # there the time is a question as well
    with django_assert_num_queries(2 + clock):
        breaker.open_failing()


# Probes


def test_the_oldest_three_try_and_all_others_wait(opened, enter):
    enter(opened, *(f"n{number}" for number in range(6)), age=60)
    assert claim(opened.target) == []
    hold_flow(opened)
    assert breaker.half_open(opened) == []  # its time has not come
    tried = probe(opened)
    assert [record.source_key for record in tried] == ["n0", "n1", "n2"]
    enter(opened, "newer")
    assert claim(opened.target) == []
    sweeper.hold_for_flows()
    held = SyncRecord.objects.filter(hold="flow", state=State.HELD)
    assert set(held.values_list("source_key", flat=True)) == {"n3", "n4", "n5", "newer"}
    assert not held.exclude(tries=0).exists()


def test_good_probes_close_it_and_the_rest_goes_oldest_first(opened, enter):
    enter(opened, "a", "b", "c", "d", "e", age=60)
    hold_flow(opened)
    tried = probe(opened)
    breaker.settle_probes()
    assert is_open(opened)  # they are under way
    tell(tried[0], Outcome.FAILED, State.FAILED, "data")
    for record in tried[1:]:
        tell(record, Outcome.DELIVERED, State.DELIVERED)
    breaker.settle_probes()
    assert not is_open(opened)
    assert [record.source_key for record in claim(opened.target)] == ["d", "e"]
    assert not Alert.objects.filter(closed_at=None, key__startswith="breaker").exists()
    opening = Opening.objects.get(flow=opened)
    assert opening.ending == "2 of 3 probes were delivered." and opening.closed_at


def test_bad_probes_leave_it_open_with_growing_waits(opened, enter, settings):
    settings.BREAKER_SECONDS = [60, 120, 300]
    enter(opened, *(f"n{number}" for number in range(12)), age=60)
    hold_flow(opened)
    waits = []
    for _ in range(4):
        for record in probe(opened):
            tell(record, Outcome.FAILED, State.FAILED, "data")
        breaker.settle_probes()
        left = fresh(opened).probe_at - database_time()
        waits.append(round(left.total_seconds() / 10) * 10)
    assert waits == [120, 300, 300, 300]
    assert Opening.objects.get(flow=opened).rounds == 4
    assert Alert.objects.filter(key=flows.breaker_key(opened)).count() == 1
    assert {r.source_key for r in probe(opened)} == set()  # none is left to try
    assert fresh(opened).probing_since is None


def test_a_probe_that_will_be_tried_again_has_failed_and_waits_like_all(opened, enter):
    [record] = enter(opened, "a", age=60)
    hold_flow(opened)
    [tried] = probe(opened)
    Attempt.objects.create(
        record=record,
        number=1,
        token=1,
        version=1,
        started_at=database_time(),
        outcome=Outcome.UNKNOWN,
        kind="temporary",
    )
    tried.settle(State.WAITING, tries=1, due_at=database_time())
    breaker.settle_probes()
    assert fresh(opened).probing_since is None
    assert claim(opened.target) == []
    hold_flow(fresh(opened))
    record.refresh_from_db()
    assert (record.state, record.hold) == (State.HELD, "flow")


def test_probes_whose_account_went_away_tell_nothing_and_cost_no_longer_wait(
    opened, enter
):
    enter(opened, "a", age=60)
    hold_flow(opened)
    let_waits_pass()
    breaker.begin_probes()
    opened.target.move(Connection.State.PAUSED, "month end")
    breaker.settle_probes()
    assert Opening.objects.get(flow=opened).rounds == 0
    let_waits_pass()
    breaker.begin_probes()
    assert fresh(opened).probing_since is None  # none tries while it is paused
    opened.target.move(Connection.State.READY)
    hold_flow(fresh(opened))
    assert [one.source_key for one in probe(opened)] == ["a"]


def test_f01_a_probe_whose_worker_died_is_tried_again_as_a_probe(opened, enter):
    enter(opened, "a", "b", "c", "d", age=60)
    hold_flow(opened)
    ended = database_time() - timedelta(seconds=1)
    pks = [record.pk for record in probe(opened)]
    SyncRecord.objects.filter(pk__in=pks).update(lease_until=ended)
    sweeper.free_left_behind()
    sweeper.hold_for_flows()
    assert [record.pk for record in claim(opened.target)] == pks
    SyncRecord.objects.filter(pk__in=pks).update(lease_until=ended, crashes=2)
    sweeper.free_left_behind()
    suspect = SyncRecord.objects.claim_suspect(opened.target, "w", LEASE)
    assert suspect.pk in pks


@on_postgres
def test_f86_two_processes_choose_one_set_of_probes(opened, enter):
    enter(opened, *(f"n{number}" for number in range(20)), age=60)
    hold_flow(opened)
    for _ in range(10):
        let_waits_pass()
        barrier, chosen, claimed = Barrier(4), [], []

        def act(barrier=barrier, chosen=chosen, claimed=claimed):
            barrier.wait()
            chosen.append(breaker.half_open(fresh(opened)))
            claimed.extend(record.pk for record in claim(opened.target))
            breaker.settle(fresh(opened))
            connections.close_all()

        threads = [Thread(target=act) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        claimed.extend(record.pk for record in claim(opened.target))
        assert sorted(map(len, chosen)) == [0, 0, 0, breaker.PROBES]
        assert sorted(claimed) == sorted(max(chosen, key=len))
        settled = SyncRecord.objects.filter(pk__in=claimed)
        settled.update(state=State.HELD, hold="flow", crashes=0)
        Flow.objects.update(probing_since=None)


# People


@pytest.fixture
def anna(db):
    return User.objects.create_user("anna")


def test_a_person_closes_it_with_a_reason_and_old_failures_count_no_more(
    opened, anna, enter
):
    enter(opened, "a", age=60)
    hold_flow(opened)
    assert flows.resume(opened, "The item is there now", anna)
    opening = Opening.objects.get(flow=opened)
    assert (opening.ending, opening.closed_by) == ("The item is there now", anna)
    assert AuditEntry.objects.get(verb="resumed").by == anna
    breaker.open_failing()
    assert not is_open(opened)
    assert [one.source_key for one in claim(opened.target)] == ["a"]


def test_what_a_person_put_on_hold_is_never_probed(opened, anna, enter):
    enter(opened, "a", age=60)
    hold_flow(opened)
    assert flows.hold(opened, "Not before the audit", anna)
    assert probe(opened) == [] and is_open(opened)
    assert not Alert.objects.filter(closed_at=None, key__startswith="breaker").exists()
    kinds = Opening.objects.filter(flow=opened).values_list("kind", flat=True)
    assert list(kinds) == ["person", "breaker"]
    assert not flows.hold(opened, "again", anna)
    assert not flows.resume(opened, "a version went live", unless=(Hold.PERSON,))


def test_f89_a_watch_takes_over_what_the_breaker_held(opened):
    assert flows.hold(opened, "6 of the first 6 failed", kind=Hold.WATCH)
    let_waits_pass()
    breaker.begin_probes()
    held = fresh(opened)
    assert (held.hold_kind, held.probe_at, held.probing_since) == ("watch", None, None)


def test_one_flow_that_cannot_be_probed_stops_no_other(
    opened, make_flow, fail, monkeypatch
):
    other = make_flow("refunds")
    fail(20, on=other)
    breaker.open_failing()
    let_waits_pass()
    tried = []

    def half_open(flow):
        tried.append(flow.name)
        if flow.name == "orders":
            raise RuntimeError("broken")

    monkeypatch.setattr(breaker, "half_open", half_open)
    breaker.begin_probes()
    assert sorted(tried) == ["orders", "refunds"]
