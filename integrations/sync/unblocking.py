"""Keeps blocked lines true: the rest of a long queue, and heads that never land."""

from datetime import timedelta

from django.contrib.contenttypes.models import ContentType

from errorqueue.clock import database_time
from errorqueue.models import FailedRecord, FailedRecordQuerySet
from integrations.models import SyncRecord
from integrations.sync.blocking import BATCH, Status, block_behind, set_aside
from integrations.sync.outcome import fail_hold

State = SyncRecord.State
# How far back a pass looks for heads that failed or were settled.
MOMENTS_AGO = timedelta(minutes=10)
MOST_HEADS = 50


def keep_blocked() -> None:
    """Open what one transaction could not, and end what waits for nothing any more.

    Only heads that changed minutes ago are looked at: whatever changes one does most
    of this in its own transaction.
    """
    failed = _changed().filter(status__in=(Status.FAILED, Status.BLOCKED))
    for head in failed[:MOST_HEADS]:
        record = head.subject
        if record is not None:
            block_behind(record, head)
    closed = _changed().filter(status__in=(Status.EXCLUDED, Status.RESOLVED))
    holding = closed.filter(blocking__status=Status.BLOCKED).distinct()
    for head in holding[:MOST_HEADS]:
        for line in head.blocking.filter(status=Status.BLOCKED)[:BATCH]:
            _let_on(line)


def _changed() -> FailedRecordQuerySet:
    kind = ContentType.objects.get_for_model(SyncRecord)
    since = database_time() - MOMENTS_AGO
    changed = FailedRecord.objects.filter(content_type=kind, touched_at__gte=since)
    return changed.order_by("-touched_at")


def _let_on(line: FailedRecord) -> None:
    """Go on with a line whose head is settled: to a person, or as it is going already."""
    record: SyncRecord | None = line.subject
    if record is None:
        return
    on = record.held_on
    if record.state == State.HELD and on and on.state == State.EXCLUDED:
        fail_hold(record, set_aside(record, on))
    elif record.state in (State.WAITING, State.RUNNING):
        FailedRecord.objects.filter(pk=line.pk, status=Status.BLOCKED).update(
            status=Status.RETRYING, blocked_by=None, touched_at=database_time()
        )
