"""Ids that the target no longer knows: forgotten, or their record sent again."""

from datetime import timedelta

from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import FailureKind
from integrations.connectors.errors import RecordMissing, ReferenceUnknown
from integrations.failures import Unmappable
from integrations.models import SyncRecord, ring_connection
from integrations.models.account import keyless_of
from integrations.sync import audit
from integrations.sync.delivery import Delivery
from integrations.sync.lookups import forget, forget_older
from mappings.engine import row_for, trace_for

State = SyncRecord.State
# A record that was delivered this recently and is unknown already is not sent again.
JUST_NOW = timedelta(minutes=1)


def needed_again(delivery: Delivery, error: Exception) -> SyncRecord | None:
    """Return the needed record that the target no longer knows, made due again."""
    entities = _missing_entities(delivery, error)
    record = delivery.record
    for dependency in record.flow.dependencies.all() if entities else ():
        if dependency.needs.source_entity not in entities:
            continue
        found = dependency.object_in(keyless_of(record.flow.source), record.payload)
        if found:
            needed = SyncRecord.objects.first_sight(dependency.needs, found)
            return needed if needed and _send_again(needed) else None
    return None


def _missing_entities(delivery: Delivery, error: Exception) -> set[str]:
    if isinstance(error, Unmappable):
        kinds = {problem.kind for problem in error.problems}
        only = kinds == {FailureKind.DEPENDENCY.value}
        return {problem.needs for problem in error.problems} if only else set()
    if isinstance(error, ReferenceUnknown | RecordMissing) and delivery.document:
        rows = [row_for(delivery.document, path) for path in error.fields]
        return {row.needs for row in rows if row and row.needs}
    return set()


def _send_again(needed: SyncRecord) -> bool:
    if needed.delivered_at and database_time() - needed.delivered_at < JUST_NOW:
        return False
    forget(needed.target_connection, needed.flow.target_record, needed.target_id)
    SyncRecord.objects.filter(pk=needed.pk).update(target_id="")
    delivered = SyncRecord.objects.filter(pk=needed.pk, state=State.DELIVERED)
    if delivered.update(state=State.WAITING, due_at=DatabaseTime(), tries=0):
        said = "the target no longer knows it"
        audit.note(needed, "waits again", State.DELIVERED, State.WAITING, said)
    ring_connection(needed.target_connection_id)
    return True


def forgets_stale_ids(delivery: Delivery, error: Exception) -> bool:
    """Drop kept look-ups behind the ids that the target does not know.

    Only ids that were kept from before this try: one that was asked for in this try
    and is refused all the same would be asked for without end.
    """
    if not isinstance(error, ReferenceUnknown | RecordMissing) or not delivery.mapped:
        return False
    forgotten = [_forgets_stale_id(delivery, path) for path in error.fields]
    return any(forgotten)


def _forgets_stale_id(delivery: Delivery, path: str) -> bool:
    row = row_for(delivery.document, path) if delivery.document else None
    trace = trace_for(delivery.mapped, path) if delivery.mapped else None
    if row is None or trace is None or not row.record:
        return False
    target = delivery.record.flow.target
    return forget_older(target, row.record, str(trace.value), delivery.started_at)
