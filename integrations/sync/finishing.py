"""Reads a record from its source again, until the source has told the whole of it.

Some sources announce what is not final: a refund whose money is on its way, a change
without its content. Such a record is read again before it is sent; what has changed is
its newer version. While nothing has, it waits, ever longer and without using up a try,
and after the time for which a record of its flow may be held a person must look.
"""

from datetime import timedelta

from errorqueue.clock import database_time
from integrations.failures import NeededMissing, Unfinished
from integrations.models import Flow, Remembered, SyncRecord
from integrations.models.account import keyless_of
from integrations.sync.delivery import Delivery, NotYet
from integrations.sync.needed import read

# It is looked at again after half of its age, but not sooner or later than these.
SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=2)


def finish(delivery: Delivery) -> None:
    """Return when the payload is the whole; a person's edit always is.

    Raises NotYet while it is not, NeededUnread when the source cannot be asked, and
    Unfinished when it has been so for too long or the source shows it no longer.
    """
    record = delivery.record
    flow, why = record.flow, _unfinished(record.flow, record.payload)
    if not why or record.edited is not None:
        return
    try:
        found = read(flow, record.source_key)
    except NeededMissing as error:
        raise Unfinished(f"It was announced, and is not there: {error}") from error
    _, outcome = SyncRecord.objects.remember(flow, found, record.event)
    still = _unfinished(flow, found.payload)
    if outcome == Remembered.NEWER and not still:
        raise NotYet(f"read from {flow.source}, since {why}", timedelta())
    raise NotYet(
        f"read from {flow.source}: {still or why}", _wait(record, still or why)
    )


def _unfinished(flow: Flow, payload: object) -> str:
    told = payload if isinstance(payload, dict) else {}
    return keyless_of(flow.source).unfinished(flow.source_entity, told)


def _wait(record: SyncRecord, why: str) -> timedelta:
    """Return how long to wait; raises Unfinished after too long a time."""
    age = database_time() - record.created_at
    longest = timedelta(hours=record.flow.hold_hours)
    if age > longest:
        raise Unfinished(
            f"{record.flow.source} has told for {record.flow.hold_hours} hours: {why}."
        )
    return min(max(age / 2, SOONEST), LATEST)
