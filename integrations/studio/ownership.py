"""The three answers to an ownership conflict, and how many wait for one."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import Refused
from errorqueue.text import clean
from integrations.models import (
    BY_RULE,
    AuditEntry,
    OwnershipConflict,
    SyncRecord,
    ring_connection,
)
from mappings import changes, services
from mappings.models import MappingRow, MappingVersion

User = Any
Answer = OwnershipConflict.Answer
State = SyncRecord.State
LONGEST = 300


def open_conflicts() -> Any:
    """Return what waits for an answer, with its record and flow."""
    found = OwnershipConflict.objects.filter(answer=Answer.OPEN)
    return found.select_related("record__flow__target", "record__flow__source")


@transaction.atomic
def let_owner_win(conflict: OwnershipConflict, by: User, reason: str) -> None:
    """Leave the value of the owner; the same two values are not asked about again."""
    _answer(conflict, Answer.OWNER_WINS, by, reason)


@transaction.atomic
def accept_once(conflict: OwnershipConflict, by: User, reason: str) -> None:
    """Write this one value over the owner's, with the next try, which goes now.

    Raises Refused while the record is being sent, or when a person excluded it.
    """
    _answer(conflict, Answer.ACCEPTED, by, reason)
    _send_again(conflict.record, by)


@transaction.atomic
def change_owner(conflict: OwnershipConflict, by: User, reason: str) -> MappingVersion:
    """Name the writer as owner in a draft; it counts once that version is live.

    A draft that stands already is used. Raises Refused while a version waits for
    signatures, or when the document has no such row any more.
    """
    flow = conflict.record.flow
    draft = flow.mapping.draft() or _new_draft(conflict, by)
    rows = MappingRow.objects.filter(version=draft, section="", target=conflict.field)
    if not rows:
        raise Refused(
            f"{draft} has no row for {conflict.field} any more. Answer in another way."
        )
    for row in rows:
        _own(draft, row, flow.source.system, by)
    _answer(conflict, Answer.NEW_OWNER, by, reason, draft=draft)
    return draft


def _new_draft(conflict: OwnershipConflict, by: User) -> MappingVersion:
    try:
        return services.new_draft(conflict.record.flow.mapping, by)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error


def _own(draft: MappingVersion, row: MappingRow, owner: str, by: User) -> None:
    before, row.owner = row.owner, owner
    row.save(update_fields=["owner"])
    what = changes.Change(
        "mapping", draft.pk, "changed", f"Row {row}", "owner", before, owner
    )
    changes.tell(what, by)


def _answer(
    conflict: OwnershipConflict, answer: str, by: User, reason: str, **columns: Any
) -> None:
    """Write the answer down, once; raises Refused for a reason that is missing."""
    told = clean(reason).strip()
    if not told:
        raise Refused("Say in a few words why. Whoever comes after you will ask.")
    mine = OwnershipConflict.objects.filter(pk=conflict.pk, answer=Answer.OPEN)
    answered = mine.update(
        answer=answer,
        reason=told[:LONGEST],
        answered_at=database_time(),
        answered_by=by,
        **columns,
    )
    if not answered:
        raise Refused("Somebody has answered meanwhile. Open the conflict again.")
    conflict.refresh_from_db()
    label = conflict.get_answer_display()
    detail = f"{conflict.field}: {label[:1].lower()}{label[1:]}. {told}"
    record = conflict.record
    AuditEntry.objects.note(
        record, "conflict answered", record.state, record.state, detail, by
    )


def _send_again(record: SyncRecord, by: User) -> None:
    """Make a record due now, also one that was delivered or brought nothing new."""
    by_rule = Q(state=State.EXCLUDED, exclusion__startswith=BY_RULE)
    settled = SyncRecord.objects.filter(Q(state=State.DELIVERED) | by_rule)
    again = {"due_at": DatabaseTime(), "tries": 0, "asks_afresh": True}
    mine = settled.filter(pk=record.pk)
    if mine.update(state=State.WAITING, exclusion="", **again):
        AuditEntry.objects.note(
            record, "retry asked", record.state, State.WAITING, "accepted once", by
        )
        ring_connection(record.target_connection_id)
        return
    record.refresh_from_db()
    if record.state == State.EXCLUDED:
        raise Refused(
            f"{record} was excluded by a person: {record.exclusion}. Undo that first, "
            "then accept the value."
        )
    record.enqueue(by)
    record.refresh_from_db()
    if record.state != State.WAITING:  # a worker was quicker
        raise Refused(f"{record} is being sent right now. Answer again in a minute.")
