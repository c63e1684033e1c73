"""The limit that is learnt from a vendor's refusals, and the count of its calls."""

import logging
from datetime import timedelta

from django.db.models import F, Q

from errorqueue.clock import database_time
from integrations.models import Connection, SlotMinute, limits_of

log = logging.getLogger(__name__)

# One crowded moment is answered by many refusals, but it is one reason to shrink.
SHRINK_EVERY = timedelta(seconds=1)
GROW_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=7)


def refuse(connection: Connection) -> None:
    """The vendor asked for fewer requests at once: use one slot less from now on.

    The call itself is settled by whoever made it, so nothing is raised here.
    """
    try:
        shrink(connection.pk)
        count_minute(connection.pk, refused=1)
    except Exception:
        log.exception("A refusal of %s could not be noted", connection)


def shrink(connection_id: int) -> bool:
    """Lower the learnt limit by one, once a second at most and never below one."""
    now = database_time()
    connection = Connection.objects.get(pk=connection_id)
    calm = Q(learnt_at=None) | Q(learnt_at__lt=now - SHRINK_EVERY)
    same = Connection.objects.filter(calm, pk=connection_id, learnt=connection.learnt)
    lower = max(limits_of(connection).limit - 1, 1)
    return bool(same.update(learnt=lower, learnt_at=now))


def grow(connection_id: int) -> None:
    """After a minute without refusals give one slot back, until all are in use."""
    now = database_time()
    mine = Connection.objects.filter(pk=connection_id, learnt__isnull=False)
    if mine.filter(learnt_at__lt=now - GROW_EVERY).update(
        learnt=F("learnt") + 1, learnt_at=now
    ):
        mine.filter(learnt__gte=F("allowance")).update(learnt=None, learnt_at=None)


def count_minute(
    connection_id: int, calls: int = 0, busy_seconds: float = 0.0, refused: int = 0
) -> None:
    """Add to what this minute of a connection's slots was used for."""
    minute = database_time().replace(second=0, microsecond=0)
    row, is_new = SlotMinute.objects.get_or_create(
        connection_id=connection_id, minute=minute
    )
    SlotMinute.objects.filter(pk=row.pk).update(
        calls=F("calls") + calls,
        busy_ms=F("busy_ms") + round(busy_seconds * 1000),
        refused=F("refused") + refused,
    )
    if is_new:
        old = SlotMinute.objects.filter(connection_id=connection_id)
        old.filter(minute__lt=minute - KEPT).delete()
