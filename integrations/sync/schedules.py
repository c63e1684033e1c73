"""Runs named jobs at their slots of time: each slot at most once, none in silence.

A slot is taken by inserting its row, together with the wake-up; the unique key lets
one process win. A worker then takes the row over and runs the job. After a time of
standstill only the newest missed slot counts: it is run, or recorded as skipped, and
its row says how many before it were missed.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction

from errorqueue import failpoints
from errorqueue.alerts import close_alert, raise_alert
from errorqueue.bulk import running
from errorqueue.clock import database_time
from errorqueue.models import BulkRun
from errorqueue.text import one_line
from integrations.models import Bell, Schedule, ScheduleSlot, ring_alerts
from integrations.sync import (
    audit,
    comparing,
    expiry,
    polling,
    pruning,
    retention,
    silence,
)
from integrations.sync.completeness import asking, watchdog
from integrations.sync.rhythm import counting
from integrations.sync.slots import worker_name
from integrations.sync.timetable import Daily, Every, Rule, TimeSlot

log = logging.getLogger(__name__)

State = ScheduleSlot.State
# A slot found later than this was missed, not merely met by a slow pass.
MISSED_AFTER = timedelta(minutes=2)
# A job that has not ended by then died with its worker.
LONGEST_JOB = timedelta(minutes=15)
MOST_COUNTED = 10_000
DIED = "The worker died; not run again."


@dataclass(frozen=True)
class Job:
    """What a schedule may run; there is no other way to name code."""

    label: str
    run: Callable[[], object]


class TrailBroken(Exception):
    """The audit trail was changed after it was sealed."""


class Unfinished(Exception):
    """The time of this task is up; another one goes on with the job at once."""


def _verify_audit() -> None:
    found = audit.verify_on(settings.DRAIN_SECONDS)
    if found.broken:
        raise TrailBroken(found.broken)
    if not found.is_complete:
        raise Unfinished


def _look_ahead() -> None:
    """Have workers pre-flight every open line, unless the last night's run goes on."""
    nightly = BulkRun.objects.filter(verb=BulkRun.Verb.PREFLIGHT, by=None)
    if not nightly.filter(state__in=BulkRun.ACTIVE).exists():
        running.start(
            BulkRun.Verb.PREFLIGHT, None, query="tab=all", reason="Nightly pre-flight."
        )


def _compare_held() -> None:
    """Send again what holds more at its target than was sent."""
    if not comparing.compare_on():
        raise Unfinished


def _empty_old() -> None:
    """Remove the content of what was delivered long ago, as the payload rules say."""
    if not retention.empty_old():
        raise Unfinished


JOBS: dict[str, Job] = {
    "seal": Job("Seal the audit trail", audit.seal),
    "verify": Job("Check that the audit trail is unbroken", _verify_audit),
    "expiry": Job("Warn of certificates that end", expiry.warn_of_ends),
    "rhythm": Job("Count what comes in by the hour", counting.count),
    "silence": Job("Tell of flows that went quiet", silence.tell_of_silence),
    "subscriptions": Job("Watch webhooks, compare what changed", watchdog.watch),
    "completeness": Job("Compare the last days with the sources", asking.ask_nightly),
    "whole": Job(
        "Read all stock levels, compare with what was sent", polling.read_whole
    ),
    "held": Job("Compare what was sent with what targets hold", _compare_held),
    "preflight": Job("Pre-flight of all open failures", _look_ahead),
    "prune": Job("Clear away what is no longer needed", pruning.prune),
    "retention": Job("Remove the content of what is older than its rule", _empty_old),
}
DEFAULTS: list[tuple[str, str, dict[str, object]]] = [
    ("Seal the audit trail", "seal", {"minutes": 1}),
    (
        "Check the audit trail",
        "verify",
        {"rule": Schedule.Rule.DAILY, "at": time(4, 0)},
    ),
    (
        "Warn of certificates that end",
        "expiry",
        {"rule": Schedule.Rule.DAILY, "at": time(8, 0)},
    ),
    ("Count the rhythm", "rhythm", {"minutes": 1}),
    ("Listen for silence", "silence", {"minutes": 15}),
    ("Watch subscriptions", "subscriptions", {"minutes": 15}),
    (
        "Nightly completeness",
        "completeness",
        {"rule": Schedule.Rule.DAILY, "at": time(1, 50)},
    ),
    (
        "Nightly stock compare",
        "whole",
        {"rule": Schedule.Rule.DAILY, "at": time(2, 20)},
    ),
    (
        "Nightly compare of what the shop holds",
        "held",
        {"rule": Schedule.Rule.DAILY, "at": time(2, 40)},
    ),
    (
        "Nightly pre-flight",
        "preflight",
        {"rule": Schedule.Rule.DAILY, "at": time(4, 30)},
    ),
    (
        "Clear away old rows",
        "prune",
        {"rule": Schedule.Rule.DAILY, "at": time(3, 0)},
    ),
    (
        "Remove old content",
        "retention",
        {"rule": Schedule.Rule.DAILY, "at": time(3, 30)},
    ),
]


def register(name: str, job: Job, schedule: str, rule: dict[str, object]) -> None:
    """Let a schedule run a job of a layer above; every installation has it by `rule`."""
    JOBS[name] = job
    known = [one for one in DEFAULTS if one[1] != name]
    DEFAULTS[:] = [*known, (schedule, name, rule)]


class UnknownJob(ValueError):
    """There is no job of this name."""


@transaction.atomic
def ensure_defaults() -> None:
    """Make the schedules that every installation has; changed ones stay as they are."""
    for name, job, rule in DEFAULTS:
        known = {"job": job, "zone": settings.TIME_ZONE, **rule}
        Schedule.objects.get_or_create(name=name, defaults=known)


def rule_of(schedule: Schedule) -> Rule:
    """Return the rule; raises ValueError in words when it makes no sense."""
    if schedule.rule == Schedule.Rule.EVERY:
        return Every(schedule.minutes)
    if schedule.at is None:
        raise ValueError("A daily schedule needs a time of day.")
    return Daily(schedule.at, zone_of(schedule.zone))


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone; raises ValueError when there is none of this name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"There is no time zone {name!r}.") from error


def job_of(schedule: Schedule) -> Job:
    if schedule.job not in JOBS:
        raise UnknownJob(f"There is no job {schedule.job!r}.")
    return JOBS[schedule.job]


def ring_due() -> None:
    """Take every slot that is due and ring for it; a broken entry stops no other."""
    for schedule in Schedule.objects.filter(is_enabled=True):
        try:
            _take_due(schedule, database_time())
        except (ValueError, OverflowError) as error:
            _note_problem(schedule, str(error))
        except Exception as error:
            log.exception("Schedule %s could not be looked at", schedule)
            _note_problem(schedule, f"{type(error).__name__}: {error}")
    _ring_again()
    _end_left_behind()


def _take_due(schedule: Schedule, now: datetime) -> None:
    job_of(schedule)
    rule = rule_of(schedule)
    if schedule.since is None:
        Schedule.objects.filter(pk=schedule.pk, since=None).update(since=now)
        return
    newest = rule.newest(now)
    if newest.due_at <= schedule.since:
        return
    last = schedule.slots.first()
    if last and (last.key == newest.key or last.due_at >= newest.due_at):
        return
    known_until = max(schedule.since, last.due_at) if last else schedule.since
    _take(schedule, newest, _missed_before(rule, newest, known_until), now)


def _missed_before(rule: Rule, newest: TimeSlot, known_until: datetime) -> int:
    """Count the slots between the last one known and the newest."""
    count = 0
    for slot in rule.after(known_until):
        if slot.due_at >= newest.due_at or count >= MOST_COUNTED:
            break
        count += 1
    return count


def _take(schedule: Schedule, slot: TimeSlot, missed: int, now: datetime) -> None:
    late = now - slot.due_at > MISSED_AFTER
    skip = late and schedule.missed == Schedule.Missed.SKIP
    try:
        with transaction.atomic():
            ScheduleSlot.objects.create(
                schedule=schedule,
                key=slot.key,
                due_at=slot.due_at,
                state=State.SKIPPED if skip else State.STARTED,
                started_at=now,
                ended_at=now if skip else None,
                message=_in_words(missed, late, skip),
            )
            if not skip:
                _ring(schedule.pk)
    except IntegrityError:
        return
    failpoints.hit("schedule.slot")


def _in_words(missed: int, late: bool, skip: bool) -> str:
    said = []
    if late:
        said.append("Missed and skipped." if skip else "Missed, run afterwards.")
    if missed:
        many = f"{missed} earlier slots were" if missed > 1 else "One earlier slot was"
        said.append(f"{many} missed and not run.")
    return " ".join(said)


def _ring(schedule_id: int) -> None:
    Bell.objects.ring(
        f"schedule:{schedule_id}", "integrations.tasks.run_schedule", schedule_id
    )


def _ring_again() -> None:
    """A wake-up that got lost is rung again; the row, not the bell, counts."""
    waiting = ScheduleSlot.objects.filter(state=State.STARTED, worker="")
    for schedule_id in waiting.order_by().values_list("schedule", flat=True).distinct():
        _ring(schedule_id)


def _end_left_behind() -> None:
    """Say of a slot whose worker died that it was not finished, and tell people."""
    now = database_time()
    left = ScheduleSlot.objects.filter(
        state=State.STARTED, started_at__lt=now - LONGEST_JOB
    )
    for slot in left.exclude(worker="").select_related("schedule"):
        _end(slot, State.FAILED, DIED)
        _note_problem(slot.schedule, f"{slot.key}: {DIED}")


def run(schedule_id: int) -> None:
    """Run the job once for each slot that was taken and not begun."""
    Bell.objects.answer(f"schedule:{schedule_id}")
    waiting = ScheduleSlot.objects.filter(
        schedule=schedule_id, state=State.STARTED, worker=""
    )
    for slot in waiting.select_related("schedule"):
        mine = ScheduleSlot.objects.filter(pk=slot.pk, state=State.STARTED, worker="")
        if mine.update(worker=worker_name(), started_at=database_time()):
            _run(slot)


def _run(slot: ScheduleSlot) -> None:
    try:
        job_of(slot.schedule).run()
    except Unfinished:
        _leave_to_next(slot)
    except Exception as error:
        log.exception("Schedule %s failed", slot)
        said = f"{type(error).__name__}: {error}"
        _end(slot, State.FAILED, said)
        _note_problem(slot.schedule, said)
    else:
        _end(slot, State.DONE, slot.message)
        _note_problem(slot.schedule, "")


@transaction.atomic
def _leave_to_next(slot: ScheduleSlot) -> None:
    """Give a slot whose job has more to do to the next task."""
    mine = ScheduleSlot.objects.filter(pk=slot.pk, state=State.STARTED)
    if mine.update(worker="", started_at=database_time()):
        _ring(slot.schedule_id)


def _end(slot: ScheduleSlot, state: str, message: str) -> None:
    ScheduleSlot.objects.filter(pk=slot.pk, state=State.STARTED).update(
        state=state, ended_at=database_time(), message=one_line(message, 300)
    )


@transaction.atomic
def _note_problem(schedule: Schedule, problem: str) -> None:
    """Keep what is wrong on the row and tell people once; nothing when it is over."""
    said, key = one_line(problem, 300), f"schedule:{schedule.pk}"
    others = Schedule.objects.filter(pk=schedule.pk).exclude(problem=said)
    if not others.update(problem=said):
        return
    link = f"/admin/integrations/schedule/{schedule.pk}/change/"
    if not said:
        close_alert(key)
    elif raise_alert(key, f"Schedule failed: {schedule}", said, link):
        ring_alerts()
