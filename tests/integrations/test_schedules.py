import threading
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connections
from django_q.models import OrmQ

from errorqueue.models import Alert
from integrations.models import Bell, Schedule, ScheduleSlot
from integrations.sync import pruning, schedules
from integrations.sync.schedules import Job

NOW = datetime(2026, 5, 20, 10, 0, 30, tzinfo=UTC)
State = ScheduleSlot.State


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = NOW

        def tick(self, **passed):
            self.now += timedelta(**passed)

    clock = Clock()
    monkeypatch.setattr(schedules, "database_time", lambda: clock.now)
    return clock


@pytest.fixture
def ran(monkeypatch):
    """A job that counts how often it ran, and one that always breaks."""
    ran = []
    jobs = {"count": Job("Count", lambda: ran.append(1)), "break": Job("Break", _break)}
    monkeypatch.setattr(schedules, "JOBS", jobs)
    return ran


def _break():
    raise RuntimeError("The job is broken.")


def make(name="Counting", since=NOW - timedelta(minutes=1), **changes):
    columns = {"name": name, "job": "count", "minutes": 1, "since": since}
    return Schedule.objects.create(**columns | changes)


def work():
    for schedule in Schedule.objects.all():
        schedules.run(schedule.pk)


@pytest.mark.django_db
def test_a_slot_runs_once_however_often_it_is_looked_at(clock, ran):
    schedule = make()
    for _ in range(5):
        schedules.ring_due()
        work()
    assert len(ran) == 1
    assert schedule.slots.get().state == State.DONE
    clock.tick(minutes=1)
    schedules.ring_due()
    work()
    assert len(ran) == 2


@pytest.mark.django_db
def test_a_new_schedule_owes_nothing_for_the_past(clock, ran):
    schedule = make(since=None, rule=Schedule.Rule.DAILY, at=time(3))
    schedules.ring_due()
    schedules.ring_due()
    assert not schedule.slots.exists()
    clock.tick(hours=17)
    schedules.ring_due()
    assert schedule.slots.get().key == "2026-05-21 03:00 UTC"


@pytest.mark.django_db
def test_f78_after_three_days_down_the_newest_slot_runs_once(clock, ran):
    schedule = make(rule=Schedule.Rule.DAILY, at=time(3), since=NOW - timedelta(days=4))
    schedules.ring_due()
    work()
    clock.tick(days=3)
    schedules.ring_due()
    work()
    assert len(ran) == 2
    newest = schedule.slots.first()
    assert newest.key.startswith("2026-05-23") and newest.state == State.DONE
    assert newest.message == (
        "Missed, run afterwards. 2 earlier slots were missed and not run."
    )


@pytest.mark.django_db
def test_f78_missed_slots_are_recorded_as_skipped_when_that_is_the_rule(clock, ran):
    skip = Schedule.Missed.SKIP
    schedule = make(
        rule=Schedule.Rule.DAILY, at=time(3), since=NOW - timedelta(days=3), missed=skip
    )
    schedules.ring_due()
    work()
    assert ran == []
    slot = schedule.slots.get()
    assert slot.state == State.SKIPPED and slot.message.startswith("Missed and skipped")
    clock.tick(hours=17)
    schedules.ring_due()
    work()
    assert len(ran) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"job": "os.system"}, "no job 'os.system'"),
        ({"rule": "daily", "at": time(3), "zone": "Mars/Base"}, "no time zone"),
        ({"rule": "daily"}, "needs a time of day"),
        ({"minutes": 0}, "every minute"),
        ({"job": "break"}, "RuntimeError: The job is broken."),
    ],
)
def test_q6_a_broken_entry_says_so_and_stops_no_other(clock, ran, broken, says):
    bad = make("A broken one", **broken)
    make("A good one")
    schedules.ring_due()
    work()
    assert len(ran) == 1
    bad.refresh_from_db()
    assert says in bad.problem


@pytest.mark.django_db
def test_a_problem_is_forgotten_when_the_job_runs_again(clock, ran):
    schedule = make(problem="It was broken.")
    schedules.ring_due()
    work()
    schedule.refresh_from_db()
    assert schedule.problem == ""


@pytest.mark.django_db
def test_a_lost_wake_up_is_rung_again_and_runs_once(clock, ran):
    schedule = make()
    schedules.ring_due()
    OrmQ.objects.all().delete()
    Bell.objects.filter(lane=f"schedule:{schedule.pk}").update(rung_at=None)
    schedules.ring_due()
    assert OrmQ.objects.count() == 1
    work()
    assert len(ran) == 1


@pytest.mark.django_db
def test_a_job_whose_worker_died_is_not_run_again_and_says_so(clock, ran):
    schedule = make(rule=Schedule.Rule.DAILY, at=time(9), since=NOW - timedelta(days=1))
    schedules.ring_due()
    schedule.slots.update(worker="vm:1:1")
    clock.tick(minutes=20)
    schedules.ring_due()
    work()
    assert ran == [] and schedule.slots.get().state == State.FAILED
    assert "died" in schedule.slots.get().message
    schedule.refresh_from_db()
    assert "died" in schedule.problem
    assert Alert.objects.filter(key=f"schedule:{schedule.pk}").count() == 1


@pytest.mark.django_db
def test_a_slot_of_a_slow_schedule_is_not_forgotten_and_run_again(clock, ran):
    schedule = make(minutes=60 * 24 * 200, since=NOW - timedelta(days=400))
    schedules.ring_due()
    work()
    schedule.slots.update(due_at=NOW - timedelta(days=199))
    pruning.prune()
    schedules.ring_due()
    work()
    assert len(ran) == 1


@pytest.mark.django_db
def test_clearing_away_ends_when_its_time_is_up(clock, settings):
    schedule = make()
    for days in (200, 100):
        due = NOW - timedelta(days=days)
        schedule.slots.create(
            key=str(days), due_at=due, started_at=due, state=State.DONE
        )
    settings.DRAIN_SECONDS = 0
    assert pruning.prune() == 0
    settings.DRAIN_SECONDS = 45
    assert pruning.prune() == 1


@pytest.mark.django_db(transaction=True)
def test_f13_two_supervisors_at_once_take_each_slot_once(clock, ran):
    for number in range(6):
        make(f"Schedule {number}")
    start = threading.Barrier(2)

    def supervise():
        start.wait()
        schedules.ring_due()
        work()
        connections.close_all()

    threads = [threading.Thread(target=supervise) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ScheduleSlot.objects.count() == 6 and len(ran) == 6


@pytest.mark.django_db
def test_the_shipped_schedules_are_sound_and_made_once():
    schedules.ensure_defaults()
    Schedule.objects.update(is_enabled=False)
    schedules.ensure_defaults()
    assert not Schedule.objects.filter(is_enabled=True).exists()
    for schedule in Schedule.objects.all():
        schedules.rule_of(schedule)
        schedules.job_of(schedule)
