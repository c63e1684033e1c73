"""What stands still, in words: circuits of connections, breakers of flows, windows."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from errorqueue.text import one_line
from errorqueue.wording import next_try
from integrations.models import (
    Connection,
    Flow,
    MaintenanceTime,
    MaintenanceWindow,
    Opening,
    SyncRecord,
)
from integrations.sync import breaker
from integrations.sync.maintenance import windows
from integrations.sync.maintenance.times import Span

# How many of the last openings a page shows.
SHOWN = 10
CLOSED, HALF_OPEN, OPEN = "Closed", "Half-open", "Open"
TONES = {CLOSED: "good", HALF_OPEN: "warn", OPEN: "bad"}
OPEN_WORDS = {
    **dict(Connection.State.choices),
    Flow.Hold.WATCH: "On hold by the watch of a new version",
    Flow.Hold.BREAKER: "On hold by its breaker",
    Flow.Hold.PERSON: "On hold by a person",
}


def circuit_of(connection: Connection) -> str:
    """Name the state of a connection's circuit: half-open while one probe decides."""
    if not connection.is_ready:
        return OPEN
    return CLOSED if connection.probe_at is None else HALF_OPEN


def breaker_of(flow: Flow) -> str:
    """Name the state of a flow's breaker, whoever opened it."""
    if flow.probing_since:
        return HALF_OPEN
    return OPEN if flow.held_at else CLOSED


def next_step(flow: Flow) -> str:
    """Say what ends the hold of a flow."""
    if flow.held_at is None:
        return ""
    if flow.probing_since:
        return "A few records try now; what they tell decides."
    if flow.hold_kind == Flow.Hold.BREAKER:
        return f"The {breaker.PROBES} oldest records try {next_try(flow.probe_at)}."
    if flow.hold_kind == Flow.Hold.PERSON:
        return "Only a person lets it go again."
    return "The page of the watch ends it, or another version."


def rule_in_words(flow: Flow) -> str:
    """Say when the breaker of a flow opens."""
    if not flow.breaker_percent:
        return "This flow has no breaker: it never goes on hold by its failures."
    return (
        f"It opens by itself when at least {flow.breaker_least} records were finished "
        f"within {flow.breaker_minutes} minutes and {flow.breaker_percent} % of them "
        "failed for one cause."
    )


def openings_of(subject: Connection | Flow) -> list[Opening]:
    """Return the last times it stood still, newest first, each with what it was."""
    latest = Opening.objects.of(subject).select_related("by", "closed_by")
    found: list[Any] = list(latest.order_by("-pk")[:SHOWN])
    for opening in found:
        opening.told = OPEN_WORDS.get(opening.kind, opening.kind)
    return found


def waiting_behind(flow: Flow) -> int:
    held = flow.records.filter(state=SyncRecord.State.HELD, hold=SyncRecord.Hold.FLOW)
    return held.order_by()[:MOST_COUNTED].count()


MOST_COUNTED = 10_000


def windows_of(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return the windows under way and to come, the soonest first: two questions."""
    times = MaintenanceTime.objects.filter(
        window__connection=connection, closed_at=None, ends_at__gt=now
    ).select_related("window__by")
    under_way = {one.window_id: one for one in times.order_by("starts_at")}
    rows = [_window_row(one.window, one, one) for one in under_way.values()]
    planned = connection.windows.filter(
        Q(is_weekly=True) | Q(ends_at__gt=now), cancelled_at=None
    )
    for window in planned.exclude(pk__in=under_way).select_related("by"):
        if span := windows.next_span(window, now):
            rows.append(_window_row(window, span))
    return sorted(rows, key=lambda row: row["starts_at"])


def _window_row(
    window: MaintenanceWindow,
    span: Span | MaintenanceTime,
    time: MaintenanceTime | None = None,
) -> dict[str, Any]:
    span_of = {"starts_at": span.starts_at, "ends_at": span.ends_at}
    return {"window": window, "time": time, **span_of}


def reason_in(request: HttpRequest) -> str:
    return one_line(request.POST.get("reason", ""), 250)
