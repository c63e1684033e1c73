"""The last hours in figures, for charts and for the tables beneath them.

Everything is read from small rows of hours and minutes, in four questions.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Max, Sum
from django.db.models.functions import TruncHour

from integrations.models import (
    BacklogHour,
    Connection,
    FlowHour,
    SlotMinute,
    limits_of,
)
from integrations.operations.home import scale
from integrations.sync.rhythm.counting import hour_of

HOUR = timedelta(hours=1)
DAY, WEEK = 24, 168
SPANS = (DAY, WEEK)
A_MINUTE_MS = 60_000
# No vendor has more accounts in one picture than eyes can tell apart.
MOST_ACCOUNTS = 6


@dataclass
class Hour:
    """What one hour held; `received` counts only what flows take."""

    start: datetime
    received: int = 0
    delivered: int = 0
    failed: int = 0
    median: float | None = None
    slowest: float | None = None
    oldest: int | None = None
    unread: int | None = None
    waits: list[dict[str, int] | None] = field(default_factory=list)


@dataclass(frozen=True)
class Use:
    """What one hour of an account's slots was used for.

    `peak` is the share of the allowance that calls filled in the busiest minute.
    """

    calls: int = 0
    refused: int = 0
    peak: float = 0.0


@dataclass(frozen=True)
class Account:
    """One connection, what it allows at once now, and its use by the hour."""

    name: str
    limit: int
    uses: tuple[Use, ...]

    @property
    def calls(self) -> int:
        return sum(use.calls for use in self.uses)


def starts(now: datetime, span: int) -> list[datetime]:
    """Return the beginnings of the last hours, the one that runs included."""
    last = hour_of(now)
    return [last - number * HOUR for number in reversed(range(span))]


def records(now: datetime, span: int) -> list[Hour]:
    """Return what came, went and failed in each hour, how long it took and waited."""
    hours = {start: Hour(start) for start in starts(now, span)}
    first = min(hours)
    columns = ("hour", "arrivals", "delivered", "failed", "waits")
    rows = FlowHour.objects.filter(hour__gte=first).order_by()
    for start, arrivals, delivered, failed, waits in rows.values_list(*columns):
        if hour := hours.get(start):
            hour.received += arrivals
            hour.delivered += delivered
            hour.failed += failed
            hour.waits.append(waits)
    for row in BacklogHour.objects.filter(hour__gte=first):
        if hour := hours.get(row.hour):
            hour.oldest, hour.unread = row.oldest_seconds, row.unread_seconds
    for hour in hours.values():
        waits = scale.summed(hour.waits)
        hour.median = scale.percentile(waits, 0.5)
        hour.slowest = scale.percentile(waits, 0.95)
    return list(hours.values())


def accounts(now: datetime, span: int) -> list[Account]:
    """Return the use of each account that was called, the busiest first."""
    hours = starts(now, span)
    minutes = SlotMinute.objects.filter(minute__gte=hours[0]).order_by()
    by_hour = minutes.annotate(hour=TruncHour("minute", tzinfo=UTC)).values(
        "connection", "hour"
    )
    found: dict[int, dict[datetime, Any]] = {}
    for row in by_hour.annotate(
        calls=Sum("calls"), refused=Sum("refused"), busiest=Max("busy_ms")
    ):
        found.setdefault(row["connection"], {})[hour_of(row["hour"])] = row
    called = Connection.objects.filter(pk__in=found)
    shown = [_account(one, found[one.pk], hours) for one in called]
    return sorted(shown, key=lambda one: -one.calls)[:MOST_ACCOUNTS]


def _account(
    connection: Connection,
    rows: dict[datetime, Any],
    hours: Iterable[datetime],
) -> Account:
    limit = limits_of(connection).limit
    uses = (_use(rows.get(hour), limit) for hour in hours)
    return Account(connection.name, limit, tuple(uses))


def _use(row: Any, limit: int) -> Use:
    if row is None:
        return Use()
    # A call is written down in the minute in which it ends, however long it took.
    peak = min(row["busiest"] / A_MINUTE_MS / max(limit, 1), 1.0)
    return Use(row["calls"], row["refused"], peak)
