"""What the slots of the connections are used for, in figures for people."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Sum

from errorqueue.clock import database_time
from integrations.models import (
    Connection,
    Flow,
    Limits,
    Slot,
    SlotMinute,
    SlotWait,
    SyncRecord,
    limits_of,
)

MOST_COUNTED = 1000
HOUR = timedelta(hours=1)
MINUTES = 5


@dataclass(frozen=True)
class Occupancy:
    """One connection: its limits, who holds its slots, who waits, what was refused.

    `waiting` is counted to 1,000 only; `busy` is the share of the limit that calls
    filled in the last full five minutes, or None when there was no call.
    """

    connection: Connection
    limits: Limits
    taken: tuple[Slot, ...]
    orders_waiting: int
    bulk_waiting: int
    pages_waiting: int
    calls: int
    refused: int
    busy: float | None

    @property
    def waiting(self) -> int:
        return self.orders_waiting + self.bulk_waiting

    @property
    def free(self) -> int:
        return max(self.limits.limit - len(self.taken), 0)

    @property
    def reserved_free(self) -> int:
        """Free slots that only orders and pages may take."""
        reserved = self.limits.limit - self.limits.common
        used = sum(slot.number > self.limits.common for slot in self.taken)
        return max(min(reserved - used, self.free), 0)


def occupancies() -> list[Occupancy]:
    """Return every connection that ever took a slot or delivers, by name."""
    now = database_time()
    used = Exists(Slot.objects.filter(connection=OuterRef("pk")))
    delivers = Exists(Flow.objects.filter(target=OuterRef("pk")))
    shown = Connection.objects.filter(used | delivers)
    return [_occupancy(connection, now) for connection in shown]


def _occupancy(connection: Connection, now: datetime) -> Occupancy:
    limits = limits_of(connection)
    taken = Slot.objects.filter(connection=connection, lease_until__gt=now)
    hour = SlotMinute.objects.filter(connection=connection, minute__gt=now - HOUR)
    sums = hour.aggregate(calls=Sum("calls"), refused=Sum("refused"))
    orders, bulk = SyncRecord.objects.count_due(connection, MOST_COUNTED + 1)
    waits = SlotWait.objects.filter(connection=connection, until__gt=now)
    return Occupancy(
        connection=connection,
        limits=limits,
        taken=tuple(taken.order_by("number")),
        orders_waiting=orders,
        bulk_waiting=bulk,
        pages_waiting=waits.count(),
        calls=sums["calls"] or 0,
        refused=sums["refused"] or 0,
        busy=_busy(connection, limits.limit, now),
    )


def _busy(connection: Connection, limit: int, now: datetime) -> float | None:
    end = now.replace(second=0, microsecond=0)
    start = end - timedelta(minutes=MINUTES)
    rows = SlotMinute.objects.filter(
        connection=connection, minute__gte=start, minute__lt=end, calls__gt=0
    )
    spent = rows.aggregate(ms=Sum("busy_ms"))["ms"]
    if not spent or not limit:
        return None
    return min(float(spent) / (limit * MINUTES * 60_000), 1.0)
