"""Takes back, for a person, that Waybill closed the line of a record by itself.

Whatever stands at the target stays there. The record has failed again, so it has a
person's line again; what a retry does then depends on how it was closed.
"""

from typing import TYPE_CHECKING, Any

from django.db import transaction

from errorqueue.models import FailedRecord
from integrations.models.asking import BY_RULE, NO_HOLD, drop_link
from integrations.models.audit import AuditEntry

if TYPE_CHECKING:
    from integrations.models.record import SyncRecord

User = Any
Ending = FailedRecord.Ending
# What the record forgets when the target's is not taken as ours any more.
NOT_OURS: dict[str, Any] = {
    "target_id": "",
    "delivered_version": 0,
    "delivered_at": None,
}


@transaction.atomic
def reopen(record: "SyncRecord", closing: dict[str, Any], by: User) -> bool:
    """Make the record failed again; False when it moved on since it was closed."""
    record.refresh_from_db()
    ending, before = closing.get("ending"), record.state
    columns = NOT_OURS if ending == Ending.THERE else {}
    mine = type(record).objects.filter(pk=record.pk, **_as_closed(record, closing))
    if not mine.update(state=record.State.FAILED, exclusion="", **columns, **NO_HOLD):
        return False
    AuditEntry.objects.note(
        record, "reopened", before, record.State.FAILED, f"was closed: {ending}", by
    )
    if ending == Ending.THERE:
        drop_link(record)
    return True


def _as_closed(record: "SyncRecord", closing: dict[str, Any]) -> dict[str, Any]:
    """Return what must still be so: in that state, and of that version."""
    version = closing.get("version")
    if closing.get("ending") == Ending.BY_RULE:
        excluded = record.State.EXCLUDED
        return {
            "state": excluded,
            "version": version,
            "exclusion__startswith": BY_RULE,
        }
    return {
        "state": record.State.DELIVERED,
        "version": version,
        "delivered_version": version,
    }
