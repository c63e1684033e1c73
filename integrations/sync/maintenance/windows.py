"""Maintenance windows: enter and cancel them, begin, move and end their times.

A window is a plan; each time it takes place is a row of its own, so that people can
end one early or let it last longer without touching the plan. While any time of an
account is under way its row says until when (`Connection.window_until`), and the claim
asks that row: windows may overlap, and the latest end counts.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from errorqueue.clock import DatabaseTime, database_time
from errorqueue.text import clean
from integrations.models import (
    AuditEntry,
    Connection,
    MaintenanceTime,
    MaintenanceWindow,
    ring_connection,
)
from integrations.sync.isolation import isolated
from integrations.sync.maintenance.muting import mute, unmute
from integrations.sync.maintenance.times import Plan, Span
from integrations.sync.rhythm.wording import clock

User = Any
# Longer than that is no maintenance: pause the connection instead.
LONGEST = timedelta(days=7)


class Refused(Exception):
    """That cannot be done with this window; the text says why and what to do."""


def plan_of(window: MaintenanceWindow) -> Plan:
    """Return when a window takes place; a zone that is gone counts as UTC."""
    try:
        zone = ZoneInfo(window.zone)
    except (KeyError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    first = Span(window.starts_at, window.ends_at)
    return Plan(first, zone, window.is_weekly, window.last_on)


def next_span(window: MaintenanceWindow, now: datetime) -> Span | None:
    """Return the time under way or the next one; None for what is over or cancelled.

    A time that a person ended early is over.
    """
    if window.cancelled_at:
        return None
    spans = plan_of(window).after(now)
    span = next(spans, None)
    if span and span.holds(now) and _was_ended(window, span):
        return next(spans, None)
    return span


def _was_ended(window: MaintenanceWindow, span: Span) -> bool:
    ended = MaintenanceTime.objects.filter(window=window.pk, closed_at__isnull=False)
    return window.pk is not None and ended.filter(starts_at=span.starts_at).exists()


# What people do


@transaction.atomic
def enter(window: MaintenanceWindow, by: User) -> None:
    """Keep a new window; one whose time has come begins at once. Raises Refused."""
    check(window)
    now = database_time()
    window.by, window.made_at = by, now
    window.reason = clean(window.reason)[:300]
    window.save()
    _note(window, "window entered", _plan_in_words(window), by)
    keep_windows()


def check(window: MaintenanceWindow) -> None:
    """Raise Refused for a window that is over, too long, or ends before it begins."""
    if window.ends_at <= window.starts_at:
        raise Refused("To lies before From: give the window an end after its start.")
    if window.ends_at - window.starts_at > LONGEST:
        raise Refused("A window lasts a week at most. Pause the connection instead.")
    if next_span(window, database_time()) is None:
        raise Refused("This window is over already: choose an end that is to come.")


@transaction.atomic
def cancel(window: MaintenanceWindow, by: User) -> bool:
    """Let a window take place no more; one that is under way ends now."""
    mine = MaintenanceWindow.objects.filter(pk=window.pk, cancelled_at=None)
    if not mine.update(cancelled_at=DatabaseTime()):
        return False
    _note(window, "window cancelled", window.reason, by)
    for time in window.times.filter(closed_at=None):
        end_now(time, by)
    return True


@transaction.atomic
def end_now(time: MaintenanceTime, by: User) -> bool:
    """End a time early; what waited goes at once. Say whether it was under way."""
    now = database_time()
    mine = MaintenanceTime.objects.filter(pk=time.pk, closed_at=None, ends_at__gt=now)
    if not mine.update(ends_at=now, moved_by=by):
        return False
    _note(time.window, "window ended early", time.window.reason, by)
    time.ends_at = now
    _close(time, now)
    return True


@transaction.atomic
def extend(time: MaintenanceTime, until: datetime, by: User) -> None:
    """Let a time last until another moment. Raises Refused."""
    now = database_time()
    if until <= now:
        raise Refused("That is over already. To end it, press End now.")
    if until - time.starts_at > LONGEST:
        raise Refused("A window lasts a week at most. Pause the connection instead.")
    mine = MaintenanceTime.objects.filter(pk=time.pk, closed_at=None)
    if not mine.update(ends_at=until, moved_by=by):
        raise Refused("It has ended meanwhile: enter a new window.")
    time.ends_at = until
    _note(time.window, "window moved", f"until {until:%Y-%m-%d %H:%M} UTC", by)
    _apply(time.window.connection)


# What goes by itself


def keep_windows() -> None:
    """Begin and end what is due; hold back what is raised of an account meanwhile."""
    now = database_time()
    for window in _planned(now):
        with isolated(f"begin {window}"):
            span = plan_of(window).current(now)
            if span:
                _begin(window, span)
    under_way = MaintenanceTime.objects.filter(closed_at=None)
    for time in under_way.select_related("window__connection", "window__by"):
        with isolated(f"keep {time.window}"):
            if time.ends_at <= now:
                _close(time, now)
            else:
                _hold_back(time)


def _planned(now: datetime) -> list[MaintenanceWindow]:
    planned = MaintenanceWindow.objects.filter(
        Q(is_weekly=True) | Q(ends_at__gt=now), cancelled_at=None, starts_at__lte=now
    )
    return list(planned.select_related("connection"))


@transaction.atomic
def _begin(window: MaintenanceWindow, span: Span) -> None:
    """Begin a time once, whoever else tries, and whatever became of it since."""
    if window.times.filter(starts_at=span.starts_at).exists():
        return
    wanted = MaintenanceWindow.objects.filter(pk=window.pk, cancelled_at=None)
    if not _locked(wanted):  # it was cancelled while we looked
        return
    _, is_new = MaintenanceTime.objects.get_or_create(
        window=window, starts_at=span.starts_at, defaults={"ends_at": span.ends_at}
    )
    if is_new:
        _note(window, "window began", window.reason)
        _apply(window.connection)


@transaction.atomic
def _hold_back(time: MaintenanceTime) -> None:
    """Mute what is open of the account, unless a person has just ended the time."""
    mine = MaintenanceTime.objects.filter(pk=time.pk, closed_at=None)
    if _locked(mine.filter(ends_at=time.ends_at)):
        mute(time)


def _locked(rows: QuerySet[Any]) -> bool:
    """Lock the one row until the transaction ends; False when it is so no more."""
    locked = rows.select_for_update(of=("self",)).order_by()
    return bool(locked.values_list("pk", flat=True)[:1])


@transaction.atomic
def _close(time: MaintenanceTime, now: datetime) -> None:
    """End a time; the account is in use again unless another window still holds."""
    mine = MaintenanceTime.objects.filter(pk=time.pk, closed_at=None)
    if not mine.filter(ends_at__lte=now).update(closed_at=now):
        return
    connection = time.window.connection
    _note(time.window, "window ended", time.window.reason)
    if _apply(connection) is None:
        unmute(time, now)
        _go_on(connection, now)


def _apply(connection: Connection) -> datetime | None:
    """Write on the account's row until when it is not to be called; return it."""
    under_way = MaintenanceTime.objects.filter(
        window__connection=connection, closed_at=None, ends_at__gt=database_time()
    )
    until: datetime | None = under_way.aggregate(until=Max("ends_at"))["until"]
    Connection.objects.filter(pk=connection.pk).update(window_until=until)
    connection.window_until = until
    return until


def _go_on(connection: Connection, now: datetime) -> None:
    """Call it again: at once if it was good, else by a probe; waits begin anew."""
    mine = Connection.objects.filter(pk=connection.pk)
    mine.filter(state=Connection.State.READY).update(state_since=now, strikes=0)
    mine.filter(probe_at__gt=now).update(probe_at=now)
    ring_connection(connection.pk)


def names_away() -> list[str]:
    """Return the names of the accounts that are maintained now."""
    away = Connection.objects.filter(window_until__gt=DatabaseTime())
    return list(away.values_list("name", flat=True))


def in_words(connection: Connection) -> str:
    """Say until when an account is maintained and why; "" when it is not."""
    if not connection.is_maintained:
        return ""
    time = (
        MaintenanceTime.objects.filter(
            window__connection=connection, closed_at=None, ends_at__gt=database_time()
        )
        .select_related("window")
        .order_by("-ends_at")
        .first()
    )
    until = until_in_words(connection.window_until)
    why = f": {time.window.reason}" if time else ""
    return f"{connection} is maintained until {until}{why}"


def until_in_words(at: datetime | None) -> str:
    """Write a moment of today as 06:00, another day with its date."""
    return clock(at, database_time()) if at else ""


def _plan_in_words(window: MaintenanceWindow) -> str:
    weekly = "weekly from " if window.is_weekly else ""
    begin, end = window.starts_at, window.ends_at
    return (
        f"{weekly}{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, {window.reason}"
    )


def _note(window: MaintenanceWindow, verb: str, detail: str, by: User = None) -> None:
    AuditEntry.objects.note_change("connection", window.connection_id, verb, detail, by)
