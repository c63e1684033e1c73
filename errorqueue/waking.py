"""Ends the snoozes whose time is over, and those whose record would pass by now."""

import logging
import time
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from errorqueue import people, preflight
from errorqueue.clock import database_time
from errorqueue.models import FailedRecord

log = logging.getLogger(__name__)

# How often a line that waits for green is asked about.
EVERY = timedelta(minutes=10)
BATCH = 100
# How long one call works before it lets others have the worker.
SECONDS = 5.0


def has_due() -> bool:
    """Say whether a snooze is over, or a line that waits for green is to be asked."""
    now = database_time()
    return _over(now).exists() or _to_ask(now).exists()


def wake_due() -> None:
    """Wake what is over; ask whether the rest that waits for green would pass."""
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at and _wake_batch():
        pass
    for line in _to_ask(database_time()).order_by("preflight_at", "pk")[:BATCH]:
        if time.monotonic() > ends_at:
            return
        _ask(line)


def _wake_batch() -> int:
    over = _over(database_time()).order_by("snoozed_until", "pk")
    lines = list(over[:BATCH])
    for line in lines:
        people.wake(line, reason="Its time is over.")
    return len(lines)


def _over(now: datetime) -> QuerySet[FailedRecord]:
    return FailedRecord.objects.open().filter(snoozed_until__lte=now)


def _to_ask(now: datetime) -> QuerySet[FailedRecord]:
    long_ago = Q(preflight_at=None) | Q(preflight_at__lt=now - EVERY)
    asleep = FailedRecord.objects.open().filter(snoozed_until__gt=now)
    return asleep.filter(long_ago, wakes_when_green=True)


def _ask(line: FailedRecord) -> None:
    """Ask, unless another worker does; what breaks is asked again in its turn."""
    now = database_time()
    if not _to_ask(now).filter(pk=line.pk).update(preflight_at=now):
        return
    try:
        preflight.check(line)
    except Exception:
        log.exception("%s could not be asked whether it would pass", line.human_id)
