"""Bulk runs: planned, tried on ten, paced, safe to kill, taken back."""

from datetime import timedelta

import pytest

from errorqueue import failpoints, services, undo
from errorqueue.bulk import stepping
from errorqueue.bulk.plan import plan_of
from errorqueue.bulk.running import NotNow, cancel, pause, resume, start
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import BulkItem, BulkRun, FailedRecord
from integrations.models import SyncRecord
from tests.errorqueue.conftest import failure

Status = FailedRecord.Status
State = BulkRun.State
ItemState = BulkItem.State


@pytest.fixture
def lines(make_line):
    return [make_line(minutes=60 - number) for number in range(15)]


def chosen(lines):
    return [line.pk for line in lines]


def step(run):
    stepping.step_all()
    run.refresh_from_db()
    return run.state


def states(run):
    found = {}
    for state in run.items.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def deliver(line):
    """What a worker does when the record lands."""
    SyncRecord.objects.filter(pk=line.object_id).update(state="delivered")
    services.resolve(line.subject, "Delivered to NetSuite as 12.")


def fail_again(line):
    SyncRecord.objects.filter(pk=line.object_id).update(state="failed")
    services.capture(line.subject, line.subject.labels(), failure())


def test_the_plan_counts_money_kinds_and_what_is_blocked(lines, make_line):
    make_line(kind=FailureKind.MAPPING, currency="USD")
    plan = plan_of(FailedRecord.objects.all())
    assert (plan.count, plan.newest) == (16, max(chosen(FailedRecord.objects.all())))
    assert plan.money == ["18,600.00 EUR", "1,240.00 USD"]
    assert plan.kinds == [("Data", 15), ("Mapping", 1)]
    assert plan.lights == [("Not looked at yet", 16)]
    assert plan.oldest == lines[0].first_failed_at


def test_retries_go_in_order_of_arrival_and_end_with_a_count(lines, olga):
    run = start("retry", olga, chosen=chosen(reversed(lines)))
    assert step(run) == State.RUNNING
    assert states(run) == {ItemState.QUEUED: 15}
    order = list(run.items.values_list("line", flat=True))
    assert order == chosen(lines)
    for line in lines:
        deliver(line)
    assert step(run) == State.DONE
    assert states(run) == {ItemState.DONE: 15}


def test_ten_go_first_and_the_rest_follows_when_they_pass(lines, olga):
    run = start("retry", olga, chosen=chosen(lines), with_canary=True)
    assert step(run) == State.CANARY
    assert states(run) == {ItemState.QUEUED: 10, ItemState.WAITING: 5}
    for line in lines[:10]:
        deliver(line)
    assert step(run) == State.RUNNING
    assert states(run) == {ItemState.DONE: 10, ItemState.QUEUED: 5}


def test_a_canary_that_fails_stops_the_rest_until_a_person_goes_on(lines, olga):
    run = start("retry", olga, chosen=chosen(lines), with_canary=True)
    step(run)
    for line in lines[:9]:
        deliver(line)
    fail_again(lines[9])
    assert step(run) == State.STOPPED
    assert run.note == "1 of the first 10 failed again; the rest was not touched."
    assert states(run)[ItemState.WAITING] == 5
    resume(run, olga)
    assert step(run) == State.RUNNING
    assert states(run)[ItemState.QUEUED] == 5


def test_what_settled_meanwhile_is_skipped_and_what_failed_again_is_named(lines, olga):
    deliver(lines[3])
    run = start("retry", olga, chosen=chosen(lines), seen=15)
    assert run.note.startswith("1 fewer match than the 15 that were shown")
    services.exclude(lines[4], olga, "test order")
    step(run)
    for line in lines:
        if line not in (lines[3], lines[4], lines[5]):
            deliver(line)
    fail_again(lines[5])
    assert step(run) == State.DONE
    assert run.items.get(state=ItemState.FAILED).line == lines[5]
    assert not run.items.filter(line__in=[lines[3], lines[4]]).exists()


def test_what_arrived_after_the_look_is_left_out(lines, olga, make_line):
    newest = max(chosen(lines))
    cause = lines[0].cause
    late = make_line()
    run = start("retry", olga, cause=cause, seen=15, newest=newest)
    step(run)
    assert not run.items.filter(line=late).exists()
    assert run.total == FailedRecord.objects.filter(cause=cause).count() - (
        late.cause == cause
    )


def test_only_so_many_are_under_way_at_once(lines, olga, monkeypatch):
    monkeypatch.setattr(stepping, "UNDER_WAY", 4)
    run = start("retry", olga, chosen=chosen(lines))
    step(run)
    assert states(run) == {ItemState.QUEUED: 4, ItemState.WAITING: 11}
    deliver(lines[0])
    step(run)
    assert states(run)[ItemState.QUEUED] == 4


def test_pause_queues_nothing_more_and_cancel_leaves_the_rest_alone(
    lines, olga, monkeypatch
):
    monkeypatch.setattr(stepping, "UNDER_WAY", 4)
    run = start("retry", olga, chosen=chosen(lines))
    step(run)
    pause(run, olga)
    deliver(lines[0])
    step(run)
    assert states(run)[ItemState.QUEUED] == 4
    resume(run, olga)
    step(run)
    assert states(run)[ItemState.DONE] == 1
    cancel(run, olga)
    assert step(run) == State.CANCELLED
    assert states(run)[ItemState.SKIPPED] == 10
    assert FailedRecord.objects.filter(status=Status.FAILED).count() == 10
    with pytest.raises(NotNow, match="Cancelled"):
        cancel(run, olga)


def test_a_worker_killed_between_two_lines_does_none_twice(lines, olga, monkeypatch):
    run = start("retry", olga, chosen=chosen(lines))
    hits = []

    def die_at_the_fifth(place):
        hits.append(place)
        if hits.count("bulk.item") == 5:
            raise SystemExit

    monkeypatch.setattr(failpoints, "hit", die_at_the_fifth)
    with pytest.raises(SystemExit):
        stepping.step_all()
    monkeypatch.undo()
    assert states(run) == {ItemState.QUEUED: 4, ItemState.WAITING: 11}
    BulkRun.objects.update(lease_until=database_time() - timedelta(seconds=1))
    step(run)
    assert states(run) == {ItemState.QUEUED: 15}
    assert all(line.actions.filter(verb="retry").count() == 1 for line in lines)


def test_a_run_in_another_workers_hands_is_left_alone(lines, olga):
    run = start("retry", olga, chosen=chosen(lines))
    BulkRun.objects.update(lease_until=database_time() + timedelta(seconds=20))
    step(run)
    assert run.total == 0


def test_thousands_are_chosen_in_batches(lines, olga, monkeypatch):
    monkeypatch.setattr("errorqueue.bulk.picking.BATCH", 4)
    run = start("retry", olga, chosen=chosen(lines))
    step(run)
    order = list(run.items.order_by("position").values_list("line", flat=True))
    assert (run.total, order) == (15, chosen(lines))


def test_exclusion_needs_no_result_and_can_be_taken_back_whole(lines, olga):
    run = start("exclude", olga, chosen=chosen(lines), reason="test orders")
    assert step(run) == State.DONE
    assert FailedRecord.objects.filter(status=Status.EXCLUDED).count() == 15
    undo.take_back_run(run, olga)
    assert step(run) == State.CANCELLED
    assert states(run) == {ItemState.UNDONE: 15}
    assert FailedRecord.objects.filter(status=Status.FAILED).count() == 15
    assert SyncRecord.objects.filter(state="failed").count() == 15


def test_a_run_that_ended_a_minute_ago_stays_as_it_is(lines, olga):
    run = start("exclude", olga, chosen=chosen(lines), reason="test orders")
    step(run)
    run.ended_at = database_time() - timedelta(seconds=61)
    with pytest.raises(undo.TooLate):
        undo.take_back_run(run, olga)


def test_a_blocked_line_is_skipped_because_it_goes_by_itself(lines, olga):
    FailedRecord.objects.filter(pk=lines[1].pk).update(
        status=Status.BLOCKED, blocked_by=lines[0]
    )
    run = start("retry", olga, chosen=chosen(lines))
    step(run)
    skipped = run.items.get(state=ItemState.SKIPPED)
    assert skipped.line == lines[1]
    assert skipped.note.startswith(f"Goes by itself after {lines[0].human_id}")


def test_lines_are_assigned_tagged_and_put_off_in_bulk(lines, olga, make_person):
    otto = make_person("otto")
    start("assign", olga, chosen=chosen(lines), options={"assignee": otto.pk})
    start("tag", olga, chosen=chosen(lines), options={"tag": "Peak Season"})
    until = (database_time() + timedelta(days=1)).isoformat()
    start("snooze", olga, chosen=chosen(lines), options={"until": until})
    stepping.step_all()
    for line in FailedRecord.objects.all():
        assert line.assignee == otto
        assert [tag.name for tag in line.tags.all()] == ["peak-season"]
        assert line.snoozed_until is not None
