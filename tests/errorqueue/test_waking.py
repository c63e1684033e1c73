"""Snoozes end by themselves: when their time is over, or when it would pass."""

from datetime import timedelta

import pytest

from errorqueue import chores, people, waking
from errorqueue.clock import database_time
from errorqueue.failures import Light, Preflight
from errorqueue.models import FailedRecord


@pytest.fixture
def ann(make_person):
    return make_person("ann", "view", "assign")


@pytest.fixture
def asleep(make_line, ann):
    def put_off(green=False, hours=2):
        line = make_line()
        until = database_time() + timedelta(hours=hours)
        people.snooze(line, until, ann, wakes_when_green=green)
        return line

    return put_off


def is_asleep(line) -> bool:
    return FailedRecord.objects.get(pk=line.pk).snoozed_until is not None


def let_pass(line, **columns) -> None:
    FailedRecord.objects.filter(pk=line.pk).update(**columns)


def test_nothing_is_due_while_all_are_asleep_or_awake(asleep, make_line):
    make_line()
    asleep()
    assert not waking.has_due()


def test_a_snooze_ends_when_its_time_is_over(asleep):
    late, early = asleep(), asleep()
    let_pass(late, snoozed_until=database_time() - timedelta(seconds=1))
    assert waking.has_due()
    chores.run()
    assert not is_asleep(late)
    assert is_asleep(early)
    woken = late.actions.get(verb="wake")
    assert (woken.by, woken.reason) == (None, "Its time is over.")
    assert not waking.has_due()


def test_a_line_that_waits_for_green_is_asked_every_ten_minutes(asleep, bench):
    bench.light = Preflight(Light.RED, "The item is still missing.")
    line, patient = asleep(green=True), asleep()
    chores.run()
    assert bench.asked == [("preflight",)]
    assert is_asleep(line)
    chores.run()
    assert len(bench.asked) == 1
    let_pass(line, preflight_at=database_time() - timedelta(minutes=9))
    assert not waking.has_due()
    let_pass(line, preflight_at=database_time() - timedelta(minutes=11))
    bench.light = Preflight(Light.GREEN, "The item is there.")
    chores.run()
    assert len(bench.asked) == 2
    assert not is_asleep(line)
    assert "would pass now" in line.actions.get(verb="wake").reason
    assert is_asleep(patient)


def test_a_question_that_breaks_is_asked_again_in_its_turn(asleep, bench, monkeypatch):
    line = asleep(green=True)
    monkeypatch.setattr(bench, "raises", RuntimeError("the line is down"))
    chores.run()
    assert is_asleep(line)
    assert not waking.has_due()
    monkeypatch.setattr(bench, "raises", None)
    let_pass(line, preflight_at=database_time() - timedelta(minutes=11))
    chores.run()
    assert not is_asleep(line)


def test_a_settled_line_is_not_woken(asleep, olga):
    line = asleep()
    let_pass(line, status="resolved", snoozed_until=database_time())
    assert not waking.has_due()
    waking.wake_due()
    assert not line.actions.filter(verb="wake").exists()
