"""Records that wait for another one that has failed: a line of their own, behind its.

A short wait has no line. One opens as soon as the record waited for needs a person,
or tries again only much later, and says which line holds it up. Nothing has to be
done about it: it goes by itself, in its old order, when that one is settled.
"""

from datetime import timedelta

from errorqueue.clock import database_time
from errorqueue.failures import Failure, FailureKind
from errorqueue.models import FailedRecord
from errorqueue.services import capture
from integrations.models import SyncRecord

State = SyncRecord.State
Status = FailedRecord.Status
# A record that tries again by itself within so long holds nobody up.
LONG_WAIT = timedelta(minutes=5)
# As many lines as one transaction opens; the sweep opens the rest.
BATCH = 200
DEEPEST = 5


def holds_up(line: FailedRecord) -> bool:
    """Say whether a line is more than a moment's wait for those behind it."""
    if line.status == Status.WAITING and line.next_try_at:
        return line.next_try_at > database_time() + LONG_WAIT
    return line.status in (Status.FAILED, Status.BLOCKED)


def block(record: SyncRecord, on: SyncRecord) -> None:
    """Open a line for a record that begins to wait, if what it waits for has failed.

    One that has never failed has no line; then no question is asked.
    """
    if on.state == State.RUNNING or (on.state == State.WAITING and not on.tries):
        return
    head = FailedRecord.objects.about(on).open().first()
    if head and holds_up(head):
        _open(record, on, head)


def block_behind(on: SyncRecord, head: FailedRecord, depth: int = 0) -> int:
    """Open lines for those who wait for a record that has failed; return how many."""
    if depth >= DEEPEST or not holds_up(head):
        return 0
    waiting = list(behind(on, head)[:BATCH])
    for record in waiting:
        line = _open(record, on, head)
        block_behind(record, line, depth + 1)
    return len(waiting)


def behind(on: SyncRecord, head: FailedRecord) -> list[SyncRecord]:
    """Return who waits for a record and has no line behind `head` yet, in order."""
    known = set(head.blocking.values_list("object_id", flat=True))
    held = SyncRecord.objects.filter(held_on=on, state=State.HELD)
    picked = held.order_by("due_at", "pk").values_list("pk", flat=True)
    missing = [pk for pk in picked if str(pk) not in known][:BATCH]
    joined = held.select_related("flow__source", "flow__target")
    found = joined.in_bulk(missing)
    return [found[pk] for pk in missing if pk in found]


def _open(record: SyncRecord, on: SyncRecord, head: FailedRecord) -> FailedRecord:
    return capture(
        record,
        record.labels(),
        _failure(record, on, head),
        tries=max(record.tries, 1),
        blocked_by=head,
    )


def _failure(record: SyncRecord, on: SyncRecord, head: FailedRecord) -> Failure:
    """Say what is waited for; without its name, so that all are of one cause."""
    return Failure(
        kind=FailureKind.DEPENDENCY,
        what=f"waits for its {on.flow.source_entity}, which has failed",
        why=f"{on} has to be at {record.flow.target} first, and {head.human_id} says "
        f"why it is not: {head.sentence}",
        remedy=f"Settle {head.human_id}. This one then goes by itself, in its order.",
    )


def set_aside(record: SyncRecord, on: SyncRecord) -> Failure:
    """Say that what a record waits for will not come."""
    return Failure(
        kind=FailureKind.DEPENDENCY,
        what=f"needs its {on.flow.source_entity}, which was set aside",
        why=f"{on} will not be sent. {on.exclusion}".strip(),
        remedy=f"Bring {on} to {record.flow.target} after all, or exclude this one as "
        "well. Then press Retry now.",
    )


def unblock(on: SyncRecord) -> int:
    """Queue the lines behind a record that has landed; return how many."""
    heads = FailedRecord.objects.about(on)
    mine = FailedRecord.objects.filter(status=Status.BLOCKED, blocked_by__in=heads)
    return mine.update(
        status=Status.RETRYING, blocked_by=None, touched_at=database_time()
    )


def keep_waiting(record: SyncRecord) -> bool:
    """Give a wait that stands in the queue already another term.

    Its deadline is there so that no wait goes unseen; this one is seen, and it must
    go by itself whenever a person settles what it waits for.
    """
    seen = FailedRecord.objects.about(record).filter(
        status=Status.BLOCKED, blocked_by__status__in=FailedRecord.OPEN
    )
    until = database_time() + timedelta(hours=record.flow.hold_hours)
    mine = SyncRecord.objects.filter(
        pk=record.pk, state=State.HELD, hold_until=record.hold_until
    )
    return seen.exists() and bool(mine.update(hold_until=until))
