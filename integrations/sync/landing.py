"""What follows when a record stands at its target, however it came there."""

from errorqueue import failpoints
from integrations.models import SyncRecord, ring_connection, statements
from integrations.sync import audit
from integrations.sync.blocking import unblock
from integrations.sync.holds import release

State = SyncRecord.State


def link(record: SyncRecord, external_id: str, target_id: str) -> statements.Step:
    """Return what notes the pair of ids of a record."""
    flow = record.flow
    values = {
        "source": flow.source_id,
        "entity": flow.source_entity,
        "source_id": record.source_key,
        "target": flow.target_id,
        "record_type": flow.target_record,
        "target_id": target_id,
        "external_id": external_id,
    }
    return statements.Step(statements.LINK, values)


def awaited(record: SyncRecord) -> list[int]:
    """Return the targets of whoever waits for a record."""
    rows = statements.read(statements.AWAITED, {"record": record.pk})
    return [target for (target,) in rows]


def let_go(record: SyncRecord, targets: list[int]) -> None:
    """Wake who waits for this record on the way to these connections."""
    if not targets:
        return
    released = release(SyncRecord.objects.filter(held_on=record, state=State.HELD))
    failpoints.hit("hold.wake")
    unblock(record)
    audit.note_many("record", record.pk, "let go", released, "They waited for it.")
    for target in targets:
        ring_connection(target)
