"""How long so many deliveries take with the slots and calls of today."""

from datetime import timedelta

from django.db.models import Sum

from errorqueue.clock import database_time
from integrations.models import Connection, SlotMinute, limits_of

LOOK_BACK = timedelta(days=1)
# A delivery is about two calls: a look-up that is not known yet, and the write.
CALLS_EACH = 2


def seconds_for(targets: dict[str, int]) -> float | None:
    """Return the seconds that so many records per target (by name) take.

    The targets work side by side, so the slowest decides. None when none of them was
    called within a day: a guess would look like a measurement.
    """
    connections = Connection.objects.filter(name__in=[name for name in targets if name])
    found = [
        seconds * targets[connection.name] / limits_of(connection).limit
        for connection in connections
        if (seconds := seconds_each(connection)) is not None
    ]
    return max(found, default=None)


def seconds_each(connection: Connection) -> float | None:
    """Return the slot seconds that one delivery took lately."""
    recent = SlotMinute.objects.filter(
        connection=connection, minute__gt=database_time() - LOOK_BACK
    )
    told = recent.aggregate(calls=Sum("calls"), ms=Sum("busy_ms"))
    if not told["calls"]:
        return None
    return CALLS_EACH * float(told["ms"]) / told["calls"] / 1000
