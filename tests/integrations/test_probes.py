"""What becomes of a record that tries whether its flow works again, and of a round."""

from datetime import timedelta

import pytest

from errorqueue.clock import database_time
from errorqueue.models import Alert
from integrations.connectors.errors import RecordBusy
from integrations.models import Flow, Opening, SyncRecord
from integrations.sync import breaker, flows, outcome, sweeper
from integrations.sync.delivery import Delivery
from integrations.sync.holds import hold_flow
from tests.integrations.test_breaker import (
    anna,
    claim,
    fail,
    flow,
    fresh,
    is_open,
    let_waits_pass,
    opened,
    probe,
)

__all__ = ["anna", "fail", "flow", "opened"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
Hold = Flow.Hold


@pytest.fixture
def probing(opened, enter):
    """An open breaker whose three oldest records of six are being sent."""
    enter(opened, *"abcdef", age=60)
    hold_flow(opened)
    return probe(opened)


def stand_of(record):
    record.refresh_from_db()
    return record.state, record.hold


# One record


def test_a_probe_is_let_through_for_one_try(opened, probing):
    outcome.fail(Delivery(probing[0]), RecordBusy("Somebody is editing it."))
    assert stand_of(probing[0]) == (State.WAITING, "")
    assert probing[0].tries == 1
    sweeper.hold_for_flows()
    assert stand_of(probing[0]) == (State.HELD, "flow")
    told = breaker._verdicts(fresh(opened), flows.probes_of(opened))
    assert told == [False, "pending", "pending"]


def test_what_a_person_retries_is_let_through_for_one_try(opened, enter, anna):
    [record] = enter(opened, "a", state=State.FAILED)
    record.enqueue(anna)
    assert stand_of(record) == (State.WAITING, "probe")
    [sent] = claim(opened.target)
    outcome.fail(Delivery(sent), RecordBusy("Somebody is editing it."))
    sweeper.hold_for_flows()
    assert stand_of(record) == (State.HELD, "flow")


def test_a_retry_that_is_taken_back_leaves_no_mark(opened, enter, anna):
    [record] = enter(opened, "a", state=State.FAILED)
    record.enqueue(anna)
    assert record.take_back(anna)
    assert stand_of(record) == (State.FAILED, "")


def test_a_probe_that_a_rule_keeps_out_leaves_no_mark(probing):
    outcome.exclude(Delivery(probing[0]), "drafts are not sent")
    assert stand_of(probing[0]) == (State.EXCLUDED, "")


def test_a_probe_goes_back_to_all_others_when_a_person_holds_the_flow(
    opened, probing, anna
):
    """Also one that two workers died of, which would run alone only when it may."""
    waiting, left, feared = probing
    waiting.give_back()
    ended = database_time() - timedelta(seconds=1)
    behind = SyncRecord.objects.filter(pk__in=[left.pk, feared.pk])
    behind.update(lease_until=ended)
    SyncRecord.objects.filter(pk=feared.pk).update(crashes=2)
    assert flows.hold(fresh(opened), "month end", anna)
    sweeper.free_left_behind()
    sweeper.hold_for_flows()
    assert {stand_of(record) for record in probing} == {(State.HELD, "flow")}
    assert claim(opened.target) == []


# One round


def test_probes_that_told_nothing_are_followed_at_once_by_others(opened, probing):
    for record in probing:
        outcome.exclude(Delivery(record), "drafts are not sent")
    breaker.settle_probes()
    breaker.begin_probes()
    assert [record.source_key for record in claim(opened.target)] == ["d", "e", "f"]
    assert Opening.objects.get(flow=opened).rounds == 0


def test_a_round_whose_probes_are_kept_from_going_ends(opened, enter):
    enter(opened, *"abc", age=60)
    hold_flow(opened)
    let_waits_pass()
    breaker.begin_probes()
    tomorrow = database_time() + timedelta(days=1)
    SyncRecord.objects.filter(hold="probe").update(due_at=tomorrow)
    breaker.settle_probes()
    assert fresh(opened).probing_since is not None
    long_ago = database_time() - breaker.LONGEST_ROUND - timedelta(seconds=1)
    Flow.objects.update(probing_since=long_ago)
    breaker.settle_probes()
    assert fresh(opened).probing_since is None
    assert not SyncRecord.objects.filter(hold="probe").exists()


def test_a_process_that_is_late_ends_no_hold_of_another_round(
    opened, probing, monkeypatch
):
    seen = fresh(opened)
    monkeypatch.setattr(breaker, "_verdicts", lambda *_: [True, True, True])
    breaker.settle(fresh(opened))
    assert not is_open(opened)
    flows.hold(opened, "20 of 20 failed", kind=Hold.BREAKER, probe_at=database_time())
    breaker.settle(seen)
    assert is_open(opened)


# Again and again


@pytest.mark.parametrize(("by_person", "wait"), [(False, 300), (True, 60)])
def test_one_that_its_probes_closed_too_early_waits_longer(
    opened, fail, anna, settings, by_person, wait
):
    settings.BREAKER_SECONDS = [60, 300]
    flows.resume(opened, "2 of 3 probes were delivered.", anna if by_person else None)
    fail(20)
    breaker.open_failing()
    left = (fresh(opened).probe_at - database_time()).total_seconds()
    assert wait - 10 < left <= wait


def test_one_that_opens_again_soon_is_no_other_incident(opened, fail):
    Alert.objects.update(planned_at=database_time())
    flows.resume(opened, "2 of 3 probes were delivered.")
    fail(20)
    breaker.open_failing()
    alert = Alert.objects.get(key=flows.breaker_key(opened), closed_at=None)
    assert alert.try_at > database_time() + timedelta(minutes=14)


def test_many_failures_of_one_flow_hide_no_other_flow(
    flow, fail, make_flow, monkeypatch
):
    monkeypatch.setattr(breaker, "MOST", 25)
    fail(20, age=2)
    other = make_flow("refunds")
    for cause in ("has no address", "has no price", "has no currency"):
        fail(10, cause, on=other)
    breaker.open_failing()
    assert is_open(flow) and not is_open(other)
