"""Bulk runs end whatever happens: deaths between two statements, what is gone, time."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError

from errorqueue import recipes, services, undo, waking
from errorqueue.bulk import running, stepping, verbs
from errorqueue.clock import database_time
from errorqueue.models import BulkItem, BulkRun, FailedRecord
from integrations.models import InboxEvent, SyncRecord
from tests.errorqueue.bench import FakeBench
from tests.errorqueue.conftest import failure
from tests.errorqueue.test_bulk import chosen, deliver, fail_again, states, step

Status = FailedRecord.Status
State = BulkRun.State
ItemState = BulkItem.State
MENDED = {"values": {"shipping.zip": "SW1A"}}


class Killed(BaseException):
    """What a kill -9 looks like from inside."""


@pytest.fixture
def lines(make_line):
    return [make_line(minutes=60 - number) for number in range(6)]


@pytest.fixture
def late(lines, monkeypatch):
    """Have the workbench mend, and the record fail again before that is noted."""
    mend = FakeBench.mend

    def mended(bench, values, by, reason):
        left = mend(bench, values, by, reason)
        fail_again(FailedRecord.objects.about(bench.subject).open().get())
        return left

    monkeypatch.setattr(FakeBench, "mend", mended)


def test_taking_back_goes_on_past_a_record_that_is_gone(lines, olga):  # F44
    run = running.start("exclude", olga, chosen=chosen(lines), reason="test")
    step(run)
    gone = lines[3]
    SyncRecord.objects.filter(pk=gone.object_id).delete()
    undo.take_back_run(run, olga)
    assert step(run) == State.CANCELLED
    assert states(run) == {ItemState.UNDONE: 5, ItemState.SKIPPED: 1}
    assert "does not exist any more" in run.items.get(state="skipped").note


def test_taking_back_goes_on_past_a_line_that_breaks(lines, olga, monkeypatch):
    run = running.start("exclude", olga, chosen=chosen(lines), reason="test")
    step(run)
    take_back = undo.take_back

    def broken(action, *args, **more):
        if action.failed_id == lines[3].pk:
            raise ValueError("no")
        return take_back(action, *args, **more)

    monkeypatch.setattr(undo, "take_back", broken)
    undo.take_back_run(run, olga)
    assert step(run) == State.CANCELLED
    assert run.items.get(state="skipped").note == "Not taken back. ValueError: no"


def test_a_retry_that_a_person_took_back_ends_its_item(lines, olga):
    run = running.start("retry", olga, chosen=chosen(lines))
    step(run)
    undo.take_back(lines[0].actions.get(verb="retry"), olga)
    for line in lines[1:]:
        deliver(line)
    assert step(run) == State.DONE
    assert run.items.get(line=lines[0]).state == ItemState.UNDONE


def test_a_mended_record_that_fails_at_once_has_failed_again(lines, olga, bench, late):
    run = running.start("mend", olga, chosen=chosen(lines), options=MENDED)
    step(run)
    assert step(run) == State.DONE
    assert states(run) == {ItemState.FAILED: 6}


@pytest.mark.parametrize("ends_as", [ItemState.DONE, ItemState.FAILED])
def test_what_a_dead_worker_mended_is_not_mended_twice(
    lines, olga, bench, monkeypatch, ends_as
):
    run = running.start("mend", olga, chosen=chosen(lines[:1]), options=MENDED)

    def die(*args):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(stepping, "_noted", die)
        stepping.step_all()
    {ItemState.DONE: deliver, ItemState.FAILED: fail_again}[ends_as](lines[0])
    step(run)
    assert step(run) == State.DONE
    assert states(run) == {ends_as: 1}
    assert [asked[0] for asked in bench.asked].count("mend") == 1


def test_a_lost_server_leaves_the_line_to_be_done(lines, olga, monkeypatch):
    run = running.start("exclude", olga, chosen=chosen(lines), reason="test")
    exclude = verbs.VERBS["exclude"]

    def deadlock(line, run):
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patched:
        patched.setitem(verbs.VERBS, "exclude", deadlock)
        step(run)
    assert verbs.VERBS["exclude"] is exclude
    assert states(run) == {ItemState.WAITING: 6}
    assert step(run) == State.DONE


@pytest.mark.parametrize("stop", [running.cancel, undo.take_back_run])
def test_a_run_that_is_ended_half_way_is_as_before(lines, olga, monkeypatch, stop):
    monkeypatch.setattr(stepping, "UNDER_WAY", 2)
    run = running.start("retry", olga, chosen=chosen(lines))
    step(run)

    def die(run):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(BulkRun, "items", property(die))
        stop(run, olga)
    run.refresh_from_db()
    assert run.state == State.RUNNING
    assert states(run) == {ItemState.QUEUED: 2, ItemState.WAITING: 4}


def test_a_search_that_means_nothing_any_more_ends_its_run(lines, olga):
    run = running.start("retry", olga, query="tab=all&q=flow:Orders")
    BulkRun.objects.filter(pk=run.pk).update(query="q=nothing:1")
    assert step(run) == State.CANCELLED
    assert "cannot be read any more" in run.note
    assert run.ended_at


def test_a_long_run_leaves_the_others_their_share(lines, olga, monkeypatch):
    for _ in range(2):
        running.start("tag", olga, chosen=chosen(lines), options={"tag": "x"})
    shares = []

    def counted(run, ends_at):
        shares.append(ends_at - time.monotonic())

    monkeypatch.setattr(stepping, "_step", counted)
    stepping.step_all()
    assert len(shares) == 2
    assert max(shares) <= stepping.SECONDS / 2


def test_nobody_gets_lines_who_has_left(lines, olga, make_person):
    ed = make_person("ed", "view")
    FailedRecord.objects.update(assignee=olga)
    to = {"assignee": ed.pk}
    run = running.start("assign", olga, chosen=chosen(lines), options=to)
    type(ed).objects.filter(pk=ed.pk).update(is_active=False)
    step(run)
    assert states(run) == {ItemState.SKIPPED: 6}
    assert set(FailedRecord.objects.values_list("assignee", flat=True)) == {olga.pk}


def test_a_delivery_that_is_being_read_is_not_set_aside(flow, olga):  # F44
    now = database_time()
    event = InboxEvent.objects.create(
        connection=flow.source,
        delivery_id="1",
        digest="1",
        body=b"{",
        received_at=now,
        state=InboxEvent.State.QUARANTINED,
    )
    line = services.capture(event, event.labels(), failure())
    services.retry(line, olga)
    with pytest.raises(services.NotOpen, match="about to be read"):
        services.exclude(line, olga, "junk")
    line.refresh_from_db()
    assert line.status == Status.RETRYING


def test_what_was_sent_after_an_adoption_stays_ours(make_line, olga):
    line = make_line()
    record = line.subject
    now = database_time()
    adopted = services.note(line, "adopt", None, "there", undo={"status": "failed"})
    services.resolve(record, "Is 12.", FailedRecord.Ending.THERE)
    SyncRecord.objects.filter(pk=record.pk).update(
        state="delivered", version=2, delivered_version=2, target_id="12"
    )
    record.attempts.create(
        number=2,
        token=1,
        version=2,
        started_at=now - timedelta(minutes=1),
        outcome="delivered",
    )
    with pytest.raises(undo.TooLate):
        undo.take_back(adopted, olga)
    record.refresh_from_db()
    assert (record.state, record.target_id) == ("delivered", "12")


def test_a_known_fix_is_credited_for_what_a_run_mended_with_it(lines, olga, bench):
    services.note_mend(lines[0], olga, "too long", MENDED["values"])
    fix = recipes.keep(lines[0], olga, name="Short code", words="The code only.")
    options = {**MENDED, "recipe": fix.pk}
    run = running.start("mend", olga, chosen=chosen(lines), options=options)
    step(run)
    for line in lines[1:]:
        deliver(line)
    fix.refresh_from_db()
    assert (fix.uses, fix.worked) == (6, 5)


def test_thousands_that_were_put_off_wake_in_one_go(lines, monkeypatch):
    monkeypatch.setattr(waking, "BATCH", 2)
    FailedRecord.objects.update(snoozed_until=database_time() - timedelta(minutes=1))
    waking.wake_due()
    assert not FailedRecord.objects.filter(snoozed_until__isnull=False).exists()
