"""How many records each flow has where, at a cost that does not grow with the ledger.

What is small is counted. What may be large is counted to a limit, from an index; what
was delivered or excluded is millions and is taken from the planner's own statistics.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import IntegerField, OuterRef, QuerySet, Subquery

from integrations.models import Flow, InboxEvent, SyncRecord

State = SyncRecord.State
# Counting ends here; the true number is then this or more.
MOST = 5_000
# Each of these is read to the limit over all flows together: no index knows the flow.
TOGETHER = (State.RUNNING, State.HELD, State.FAILED)
COUNTED = (State.WAITING.value, *(state.value for state in TOGETHER))
ESTIMATED = (State.DELIVERED, State.EXCLUDED)


class CountOf(Subquery):
    """How many rows a query finds; slice it, so that it cannot find too many."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


@dataclass(frozen=True)
class FlowFigures:
    """What one flow has in hand; `counts` by state, `estimates` of what is done."""

    flow: Flow
    counts: dict[str, int]
    oldest_due_at: datetime | None
    estimates: dict[str, int] = field(default_factory=dict)

    def overdue(self, now: datetime) -> timedelta:
        """Return how long the oldest record has been due."""
        return max(now - (self.oldest_due_at or now), timedelta(0))


@dataclass(frozen=True)
class Backlog:
    """Deliveries that nobody has read yet, or that cannot be read."""

    unread: int
    oldest_at: datetime | None
    quarantined: int


def flow_figures() -> list[FlowFigures]:
    """Return every flow with what waits, runs, is held and has failed."""
    together = {state: _by_flow(state) for state in TOGETHER}
    flows = list(_flows())
    estimates = _estimates([flow.pk for flow in flows])
    return [
        FlowFigures(
            flow,
            {State.WAITING.value: flow.waiting}
            | {state.value: together[state][flow.pk] for state in TOGETHER},
            flow.oldest_due_at,
            estimates.get(flow.pk, {}),
        )
        for flow in flows
    ]


def is_full(figures: Iterable[FlowFigures], state: str) -> bool:
    """Say whether counting a state came to its limit, so that there may be more."""
    counts = [one.counts[state] for one in figures]
    reached = max(counts, default=0) if state == State.WAITING else sum(counts)
    return reached >= MOST


def told(figures: Iterable[FlowFigures], state: str) -> dict[int, str]:
    """Return how many records of a state each flow has, as people read it: “12”.

    “12+” says that counting came to its limit first.
    """
    listed = list(figures)
    # Of a state that is counted over all flows together any flow may have more.
    is_cut = state != State.WAITING and is_full(listed, state)
    return {
        one.flow.pk: f"{one.counts[state]:,}"
        + ("+" if is_cut or one.counts[state] >= MOST else "")
        for one in listed
    }


def backlog() -> Backlog:
    """Return what the inbox has to do."""
    quarantined = InboxEvent.objects.filter(state=InboxEvent.State.QUARANTINED)
    return Backlog(count(_unread()), oldest_unread_at(), count(quarantined))


def oldest_unread_at() -> datetime | None:
    """Return when the delivery came in that has not been read for longest."""
    oldest = _unread().order_by("received_at")
    return oldest.values_list("received_at", flat=True).first()


def oldest_due_at() -> datetime | None:
    """Return since when the record has been due that waits longest on any flow."""
    waiting = SyncRecord.objects.filter(state=State.WAITING, flow=OuterRef("pk"))
    flows = Flow.objects.order_by().annotate(due_at=_first_due(waiting))
    return min(
        (at for at in flows.values_list("due_at", flat=True) if at), default=None
    )


def count(rows: QuerySet[Any]) -> int:
    """Count rows up to the limit."""
    return rows.order_by().values("pk")[:MOST].count()


def _unread() -> QuerySet[InboxEvent]:
    return InboxEvent.objects.filter(state=InboxEvent.State.RECEIVED)


def _first_due(waiting: QuerySet[Any]) -> Subquery:
    return Subquery(waiting.order_by("due_at", "pk").values("due_at")[:1])


def _flows() -> QuerySet[Any]:
    """Every flow, its waiting records counted to the limit, and the first one due."""
    waiting = SyncRecord.objects.filter(state=State.WAITING, flow=OuterRef("pk"))
    return Flow.objects.select_related("source", "target").annotate(
        waiting=CountOf(waiting.order_by().values("due_at")[:MOST]),
        oldest_due_at=_first_due(waiting),
    )


def _by_flow(state: str) -> Counter[int]:
    rows = SyncRecord.objects.filter(state=state).order_by()
    return Counter(rows.values_list("flow_id", flat=True)[:MOST])


def _estimates(flows: list[int]) -> dict[int, dict[str, int]]:
    """Return what the planner expects of each flow; nothing where there is none."""
    if connection.vendor != "postgresql" or not flows:
        return {}
    cells = [(flow, state.value) for flow in flows for state in ESTIMATED]
    found: dict[int, dict[str, int]] = {}
    for (flow, state), rows in zip(cells, _expected(cells), strict=True):
        found.setdefault(flow, {})[state] = rows
    return found


def _expected(cells: list[tuple[int, str]]) -> list[int]:
    """Ask for the plan of one question with a part for each cell, and run none of it."""
    part = "(SELECT 1 FROM integrations_syncrecord WHERE flow_id = %s AND state = %s)"
    question = " UNION ALL ".join([part] * len(cells))
    with connection.cursor() as cursor:
        values = [value for cell in cells for value in cell]
        cursor.execute(f"EXPLAIN (FORMAT JSON) {question}", values)
        (answer,) = cursor.fetchone()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    parts = plan["Plans"] if len(cells) > 1 else [plan]
    return [int(one["Plan Rows"]) for one in parts]
