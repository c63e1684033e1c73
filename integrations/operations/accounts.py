"""How each account is doing: its circuit, its slots, and what was learnt of its limit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from errorqueue.models import Alert, Cause, Message
from integrations.models import Connection, Slot, SlotWait, limits_of


@dataclass(frozen=True)
class AccountFigures:
    """One connection, the slots in use, and who waits for one."""

    connection: Connection
    used: int
    waiting: int

    @property
    def limit(self) -> int:
        return limits_of(self.connection).limit

    def rests(self, now: datetime) -> bool:
        """Say whether the vendor asked for a wait that is not over."""
        until = self.connection.limited_until
        return until is not None and until > now

    def is_usable(self, now: datetime) -> bool:
        """Say whether records may be sent there: as `Connection.is_usable`, at `now`."""
        connection = self.connection
        answers = connection.is_ready and connection.probe_at is None
        return answers and not self.rests(now) and not self.is_maintained(now)

    def is_maintained(self, now: datetime) -> bool:
        """Say whether a maintenance window is in force."""
        until = self.connection.window_until
        return until is not None and until > now


def account_figures(now: datetime) -> list[AccountFigures]:
    """Return every connection with the use of its slots."""
    used = _by_connection(Slot.objects.filter(lease_until__gt=now))
    waiting = _by_connection(SlotWait.objects.filter(until__gt=now))
    return [
        AccountFigures(one, used.get(one.pk, 0), waiting.get(one.pk, 0))
        for one in Connection.objects.all()
    ]


def _by_connection(rows: QuerySet[Any]) -> dict[int, int]:
    counted = rows.order_by().values_list("connection").annotate(count=Count("pk"))
    return dict(counted)


def open_by_kind() -> dict[str, int]:
    """Return the open lines of the error queue by kind, from the counts of causes.

    These are taken anew every few seconds, less often when they are large.
    """
    found = Cause.objects.filter(open_count__gt=0).order_by()
    return dict(found.values_list("kind").annotate(count=Sum("open_count")))


def unsent_alerts(now: datetime) -> int:
    """Count what people should have been told by now and were not."""
    unplanned = Alert.objects.filter(planned_at=None, try_at__lte=now).count()
    tried = Q(tries__gt=0) | Q(try_at__lte=now)
    return unplanned + Message.objects.unsent().filter(tried).count()
