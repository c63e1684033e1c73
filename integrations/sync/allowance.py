"""The limits of an account: learnt from refusals, asked for by the vendor; its calls.

A crowded moment shrinks the slots. A vendor that asks for a longer wait, or whose
requests of the day are used up, gets none at all until the wait is over.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from errorqueue import policy
from errorqueue.clock import database_time
from integrations.connectors.errors import DailyLimitReached, LimitReached
from integrations.connectors.http import QUICK_SECONDS
from integrations.models import Connection, SlotMinute, limits_of
from integrations.sync import incidents

log = logging.getLogger(__name__)

# One crowded moment is answered by many refusals, but it is one reason to shrink.
SHRINK_EVERY = timedelta(seconds=1)
GROW_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=7)
# A budget counted over the last 24 hours comes back bit by bit, nobody says when.
SPENT_WAIT = timedelta(minutes=15)
# Many calls are refused in one moment; waits that differ by less are one.
SAME_WAIT = timedelta(seconds=5)
# What the vendor did not refuse for so long after its wait, it takes again.
CALM = timedelta(minutes=1)


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


def rest(connection: Connection, error: Exception) -> bool:
    """Leave an account alone for as long as it asked; say whether it asked for that.

    Nothing is claimed for it meanwhile. People hear of waits that last, once, until
    `end_rests` finds that they are over.
    """
    wait = _asked_wait(error)
    if wait is None:
        return False
    now = database_time()
    shorter = Q(limited_until=None) | Q(limited_until__lt=now + wait - SAME_WAIT)
    Connection.objects.filter(shorter, pk=connection.pk).update(
        limited_until=now + wait,
        limited_since=Coalesce("limited_since", Value(now)),
    )
    connection.refresh_from_db(fields=["limited_until", "limited_since"])
    since, until = connection.limited_since, connection.limited_until
    if since and until and until - since > incidents.TELL_AFTER:
        incidents.tell_limited(connection, until, str(error))
    return True


def _asked_wait(error: Exception) -> timedelta | None:
    """Return the wait that an account asked for; None for a crowded moment."""
    if not isinstance(error, LimitReached) or not error.sent:
        return None
    wait = timedelta(seconds=min(error.retry_after or 0, policy.LONGEST_ASKED))
    if isinstance(error, DailyLimitReached):
        return max(wait, SPENT_WAIT)
    return wait if wait > timedelta(seconds=QUICK_SECONDS) else None


def end_rests() -> None:
    """End the waits after which the vendor refused nothing more for a minute."""
    over = database_time() - CALM
    for connection in Connection.objects.filter(limited_until__lt=over):
        end_rest(connection, over)


@transaction.atomic
def end_rest(connection: Connection, over: datetime | None = None) -> None:
    """End a wait, unless it was renewed until later than `over`, and its incident."""
    mine = Connection.objects.filter(pk=connection.pk, limited_until__isnull=False)
    ending = mine.filter(limited_until__lt=over) if over else mine
    if ending.update(limited_until=None, limited_since=None):
        incidents.close_limited(connection)


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
