"""Counts what comes in on each flow by the hour, a little at a time.

Deliveries are read behind a bookmark, in the order of their ids, and never counted
from the beginning; what a poll enters is counted by the poll. What a sweep fetched
itself is no sign of life of a source and is left out.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Max, QuerySet

from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import FailureKind
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import (
    Attempt,
    Connection,
    Flow,
    FlowHour,
    FlowRhythm,
    InboxEvent,
    ScanPlace,
    SyncRecord,
)
from integrations.sync.rhythm.contents import Sent, Sums, count_contents
from integrations.sync.rhythm.habit import WEEK, WEEKS
from integrations.sync.stopping import is_stopping

DELIVERIES, ATTEMPTS = "rhythm: deliveries", "rhythm: attempts"
# Ids of deliveries that a sweep made itself begin so.
OWN = "gap:"
# How far back the first count reaches, and how long hours are kept.
LOOKED_BACK = (WEEKS + 1) * WEEK
BATCH = 2000
# Rows are numbered before they are committed: so long a gap may still be filled.
SETTLED = timedelta(seconds=5)
# An attempt that has no outcome by then died; others are waited for.
LONGEST_ATTEMPT = timedelta(minutes=15)
OUTCOMES = Attempt.Outcome
# What fails for the record's own sake; an outage says nothing of records.
OWN_FAULTS = (FailureKind.DATA, FailureKind.MAPPING, FailureKind.CONFLICT)


def count() -> None:
    """Count what came since the last time; ends when a task's time is up."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    for step in (_count_deliveries, _count_attempts):
        while step() and time.monotonic() < ends_at and not is_stopping():
            pass


def rhythm_of(flow: Flow) -> FlowRhythm:
    """Return the row of a flow, made when it is first asked for."""
    known = FlowRhythm.objects.filter(flow=flow).first()
    if known is None:
        now = database_time()
        since = {"since": _first_sight(flow) or now, "moved_at": now}
        known, _ = FlowRhythm.objects.get_or_create(flow=flow, defaults=since)
    return known


def _first_sight(flow: Flow) -> datetime | None:
    """Return when the first record of a flow came in."""
    first = SyncRecord.objects.filter(flow=flow).order_by("pk")
    return first.values_list("created_at", flat=True).first()


def note_poll(flow: Flow, arrived: int) -> None:
    """Count what a poll brought, and note that it moved on in its source."""
    rhythm = rhythm_of(flow)
    FlowRhythm.objects.filter(pk=rhythm.pk).update(moved_at=DatabaseTime())
    note_arrivals(flow, arrived)


def note_arrivals(flow: Flow, arrived: int) -> None:
    """Count what a flow got by being asked, or by a notice of its source."""
    if arrived:
        now = database_time()
        rhythm_of(flow)
        _add(Counter({(flow.pk, hour_of(now), "arrivals"): arrived}))
        _note_last({flow.pk: now})


def hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


# Deliveries


@transaction.atomic
def _count_deliveries() -> bool:
    """Count one batch; say whether there was one."""
    place = bookmark(DELIVERIES, InboxEvent.objects.all(), "received_at")
    fresh = InboxEvent.objects.filter(pk__gt=place.row)
    settled = fresh.filter(received_at__lt=database_time() - SETTLED)
    columns = ("pk", "connection_id", "topic", "received_at", "delivery_id")
    events = list(settled.order_by("pk").values_list(*columns)[:BATCH])
    if not events:
        return False
    sums: Sums = Counter()
    last: dict[int, datetime] = {}
    flows = _listeners()
    for _, connection_id, topic, received_at, delivery_id in events:
        if delivery_id.startswith(OWN):
            continue
        for flow_id in flows.get((connection_id, topic), ()):
            sums[flow_id, hour_of(received_at), "arrivals"] += 1
            last[flow_id] = max(received_at, last.get(flow_id, received_at))
    _add(sums)
    _note_last(last)
    ScanPlace.objects.filter(pk=place.pk).update(row=events[-1][0])
    return True


def _listeners() -> dict[tuple[int, str], list[int]]:
    """Return which flows a topic of a connection is for."""
    found: dict[tuple[int, str], list[int]] = {}
    for flow in Flow.objects.filter(poll_minutes=0).select_related("source"):
        rhythm_of(flow)
        for topic in topics_of(flow.source, flow.source_entity):
            found.setdefault((flow.source_id, topic), []).append(flow.pk)
    return found


def topics_of(source: Connection, entity: str) -> tuple[str, ...]:
    """Return the topics that bring an entity; none of a system this version has not."""
    try:
        return connector_class(source.system).topics_of(entity)
    except UnknownSystem:
        return ()


# Attempts


@transaction.atomic
def _count_attempts() -> bool:
    """Count the outcomes of one batch; one in flight makes those behind it wait."""
    place = bookmark(ATTEMPTS, Attempt.objects.all(), "started_at")
    now = database_time()
    fresh = Attempt.objects.filter(
        pk__gt=place.row, started_at__lt=now - SETTLED
    ).order_by("pk")
    sums: Sums = Counter()
    delivered: list[Sent] = []
    reached = place.row
    for sent, outcome, kind in _tries(fresh, now - LONGEST_ATTEMPT):
        reached = sent.pk
        if outcome == OUTCOMES.DELIVERED:
            sums[sent.flow_id, sent.hour, "delivered"] += 1
            delivered.append(sent)
        elif outcome == OUTCOMES.FAILED and kind in OWN_FAULTS:
            sums[sent.flow_id, sent.hour, "failed"] += 1
    _add(sums + count_contents(delivered))
    return bool(
        ScanPlace.objects.filter(pk=place.pk, row__lt=reached).update(row=reached)
    )


def _tries(
    fresh: QuerySet[Attempt], dead_since: datetime
) -> Iterator[tuple[Sent, str, str]]:
    """Yield a batch of attempts with outcome and kind, up to one that is in flight."""
    flow, started = "record__flow_id", "started_at"
    columns = ("pk", flow, "record_id", started, "digest", "outcome", "kind")
    for row in fresh.values_list(*columns)[:BATCH]:
        pk, flow_id, record_id, started_at, digest, outcome, kind = row
        if outcome == OUTCOMES.OPEN and started_at > dead_since:
            return
        yield Sent(pk, flow_id, record_id, hour_of(started_at), digest), outcome, kind


# Both


def bookmark(name: str, rows: QuerySet[Any], column: str) -> ScanPlace:
    """Return a bookmark, locked; the first time it lies some weeks back."""
    if not ScanPlace.objects.filter(name=name).exists():
        begin = first_from(rows, column, database_time() - LOOKED_BACK) - 1
        ScanPlace.objects.get_or_create(name=name, defaults={"row": begin})
    return ScanPlace.objects.select_for_update().get(name=name)


def first_from(rows: QuerySet[Any], column: str, moment: datetime) -> int:
    """Return the id from which on rows came after a moment.

    Times have no index of their own, but grow with the ids.
    """
    ordered = rows.order_by("pk").values_list("pk", column)
    low, high = 0, (rows.aggregate(last=Max("pk"))["last"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = ordered.filter(pk__gte=middle).first()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0] + 1
    return low


def _add(sums: Sums) -> None:
    for flow_id, hour, column in sorted(sums):
        row, _ = FlowHour.objects.get_or_create(flow_id=flow_id, hour=hour)
        more = {column: F(column) + sums[flow_id, hour, column]}
        FlowHour.objects.filter(pk=row.pk).update(**more)


def _note_last(last: dict[int, datetime]) -> None:
    for flow_id, at in sorted(last.items()):
        mine = FlowRhythm.objects.filter(flow=flow_id)
        mine.filter(models.Q(last_at=None) | models.Q(last_at__lt=at)).update(
            last_at=at
        )


def hours_of(flows: Iterable[int], now: datetime) -> dict[int, list[FlowHour]]:
    """Return the hours of flows that a judgement looks at, in one question."""
    found: dict[int, list[FlowHour]] = {flow: [] for flow in flows}
    looked_at = FlowHour.objects.filter(flow__in=found, hour__gte=now - LOOKED_BACK)
    for hour in looked_at.order_by("hour"):
        found[hour.flow_id].append(hour)
    return found
