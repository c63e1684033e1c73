"""What happened lately: tries by their outcome, and how long deliveries took.

Both look at the newest rows only, found by an index, and at no more than so many.
When there were more within the time, they tell of a shorter time and say how short.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integrations.models import Attempt, SyncRecord

WINDOW = timedelta(minutes=15)
MOST = 2_000


@dataclass(frozen=True)
class Tries:
    """The tries of the last `seconds`, by outcome."""

    seconds: float
    by_outcome: Counter[str]


@dataclass(frozen=True)
class Deliveries:
    """The deliveries of the last `seconds`.

    `waits` are the seconds from the event to its delivery, by flow and ascending;
    `last_at` is the newest delivery of a flow among the newest of all flows, however
    long ago, and `known_since` how far back these reach.
    """

    seconds: float
    waits: dict[int, list[float]] = field(default_factory=dict)
    last_at: dict[int, datetime] = field(default_factory=dict)
    known_since: datetime | None = None


def tries(now: datetime) -> Tries:
    """Return how the tries of the last minutes ended."""
    newest = Attempt.objects.order_by("-pk").values_list("started_at", "outcome")
    rows = list(newest[:MOST])
    since = now - WINDOW
    by_outcome = Counter(outcome for at, outcome in rows if at >= since)
    return Tries(_covered(now, [at for at, _ in rows]), by_outcome)


def deliveries(now: datetime) -> Deliveries:
    """Return how long the deliveries of the last minutes took, and each flow's last."""
    done = SyncRecord.objects.filter(state=SyncRecord.State.DELIVERED)
    newest = done.exclude(delivered_at=None).order_by("-delivered_at")
    columns = ("flow_id", "delivered_at", "event__received_at", "created_at")
    waits: dict[int, list[float]] = {}
    last_at: dict[int, datetime] = {}
    at = None
    times: list[datetime] = []
    for flow, at, received_at, created_at in newest.values_list(*columns)[:MOST]:
        times.append(at)
        last_at.setdefault(flow, at)
        if at >= now - WINDOW:
            wait = (at - (received_at or created_at)).total_seconds()
            waits.setdefault(flow, []).append(max(wait, 0.0))
    for flow in waits:
        waits[flow].sort()
    reaches = at if len(times) == MOST else None
    return Deliveries(_covered(now, times), waits, last_at, reaches)


def _covered(now: datetime, newest_first: list[datetime]) -> float:
    """Return how many seconds a look at the newest rows tells of."""
    if len(newest_first) < MOST:
        return WINDOW.total_seconds()
    return min((now - newest_first[-1]).total_seconds(), WINDOW.total_seconds())


def percentile(ascending: list[float], part: float) -> float:
    """Return the value that so large a part of them does not exceed."""
    return ascending[max(math.ceil(part * len(ascending)) - 1, 0)]
