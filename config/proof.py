"""Facts that tell an empty queue from a broken one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.utils.html import format_html

from config.tiles import start_of_today
from errorqueue.admin.paging import counted, number
from errorqueue.models import FailedRecord
from errorqueue.templatetags.console import moment, pill
from integrations.models import Flow, InboxEvent, SyncRecord, WorkerGroup

# How far back the proof looks where no index tells.
NEWEST = 10_000
NONE_LATELY = f"no event among the newest {NEWEST:,}"
READING = [
    ("processed", "read"),
    ("not_wanted", "not wanted"),
    ("quarantined", "quarantined"),
    ("received", "not read yet"),
]


def facts() -> list[tuple[str, Any]]:
    """Return what arrived, what went out and what still waits, counted to a limit."""
    state = SyncRecord.State
    work = SyncRecord.objects.filter(state__in=[state.WAITING, state.RUNNING])
    done = SyncRecord.objects.filter(state=state.DELIVERED)
    today = done.filter(delivered_at__gte=start_of_today())
    last = done.exclude(delivered_at=None).order_by("-delivered_at")
    newest = InboxEvent.objects.order_by("-pk")
    unread = InboxEvent.objects.filter(state=InboxEvent.State.RECEIVED)
    return [
        ("Last delivery received", moment(_first(newest, "received_at"))),
        ("Received, not read yet", number(counted(unread))),
        ("Waiting to be sent", number(counted(work))),
        ("On hold", number(counted(SyncRecord.objects.filter(state=state.HELD)))),
        ("Delivered today", number(counted(today))),
        ("Last record delivered", moment(_first(last, "delivered_at"))),
    ]


def _first(rows: QuerySet[Any], column: str) -> datetime | None:
    at: datetime | None = rows.values_list(column, flat=True).first()
    return at


def whole() -> list[tuple[str, Any]]:
    """Return the whole proof of an empty queue: sums, each flow, the last sweep.

    Six questions more, each over a bounded number of rows.
    """
    return [
        *facts(),
        ("Deliveries today", _deliveries()),
        *_records(),
        ("Last sweep for what is due", _sweep()),
        *_flows(),
    ]


def _deliveries() -> str:
    """Say how what came in today adds up."""
    newest = InboxEvent.objects.order_by("-pk").values("pk")[:NEWEST]
    today = InboxEvent.objects.filter(
        pk__in=newest, received_at__gte=start_of_today()
    ).order_by()
    found = dict(today.values_list("state").annotate(count=Count("pk")))
    return _sum(found, READING, "received")


def _records() -> Iterator[tuple[str, Any]]:
    """Say how what did not reach its target adds up; a failed one has a line."""
    state = SyncRecord.State
    away = [state.WAITING, state.RUNNING, state.HELD, state.FAILED]
    rows = SyncRecord.objects.filter(state__in=away).order_by()
    found = dict(rows.values_list("state").annotate(count=Count("pk")))
    parts = [(one.value, one.label.lower()) for one in away]
    yield "Records not at their target", _sum(found, parts, "in all")
    lines = FailedRecord.objects.open().count()
    yield "Open lines under other tabs", lines
    lost = max(0, found.get(state.FAILED, 0) - lines)
    told = pill(f"{lost:,}: tell the people who run Waybill", "bad") if lost else 0
    yield "Failed records without a line", told


def _sum(found: dict[str, int], parts: list[tuple[str, str]], whole: str) -> str:
    told = [f"{found.get(key, 0):,} {label}" for key, label in parts]
    return f"{sum(found.values()):,} {whole} = {' + '.join(told)}"


def _sweep() -> Any:
    """Return when workers last looked at everything that may be due."""
    alive = WorkerGroup.objects.filter(ended_at=None)
    last = alive.aggregate(last=Max("seen_at"))["last"]
    return moment(last) if last else "No workers are running: start them."


def _flows() -> Iterator[tuple[str, Any]]:
    """Tell of each flow what came last and what went out today."""
    newest = SyncRecord.objects.order_by("-pk").values("pk")[:NEWEST]
    came = _by_flow(SyncRecord.objects.filter(pk__in=newest), Max("created_at"))
    since = start_of_today()
    delivered = SyncRecord.objects.filter(state="delivered", delivered_at__gte=since)
    sent = _by_flow(delivered, Count("pk"))
    for flow in Flow.objects.order_by("name"):
        last = came.get(flow.pk)
        event = format_html("last event {}", moment(last)) if last else NONE_LATELY
        hold = " · on hold" if flow.held_at else ""
        state = hold if flow.is_enabled else " · turned off"
        yield (
            f"{flow.name}{state}",
            format_html("{}, {} delivered today", event, sent.get(flow.pk, 0)),
        )


def _by_flow(rows: Any, figure: Any) -> dict[int, Any]:
    return dict(rows.order_by().values_list("flow").annotate(figure=figure))
