"""Open ownership conflicts are judged anew when another version is in force.

What that version lets the writer write is no conflict any more: it is closed, and its
record goes again by itself. What only the target can tell goes again as well: then
the guard lays both values beside each other and closes the conflict, or keeps it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Q

from errorqueue.clock import DatabaseTime, database_time
from integrations.models import (
    BY_RULE,
    AuditEntry,
    Flow,
    OwnershipConflict,
    SyncRecord,
    ring_connection,
)
from integrations.models.removal import HAS_CONTENT
from integrations.sync.guarding import OWNER_WINS, may_update, may_write
from mappings.engine import Row, wording
from mappings.models import MappingVersion

Answer = OwnershipConflict.Answer
State = SyncRecord.State
HEAVY = ("source", "edited")


class Verdict(StrEnum):
    """What becomes of an open conflict under another version."""

    FREE = "free"
    UNWRITTEN = "unwritten"
    LEFT = "left"
    ASK = "ask"
    SAME = "same"


@dataclass(frozen=True)
class Judged:
    """One open conflict, what is to become of it, and the rows that say so."""

    conflict: OwnershipConflict
    verdict: Verdict
    rows: Sequence[Row]


def judge_anew(flow: Flow, version: MappingVersion, by: Any) -> int:
    """Close what is no conflict under a version; return how many were closed.

    Within the transaction that puts the version in force. Those whose owner was
    changed by this very version wait for no answer any more: they go as well.
    """
    judged = _judged(flow, version)
    changed = OwnershipConflict.objects.filter(draft=version, record__flow=flow)
    answered = changed.filter(answer=Answer.NEW_OWNER)
    going = {
        one.conflict.record_id
        for one in judged
        if one.verdict in (Verdict.FREE, Verdict.ASK)
    }
    going |= set(answered.values_list("record", flat=True))
    if going:
        _send(flow, going, version, by)
    _renew(one for one in judged if one.verdict == Verdict.ASK)
    return sum(_close(one, version, by) for one in judged)


def _judged(flow: Flow, version: MappingVersion) -> list[Judged]:
    found = OwnershipConflict.objects.filter(answer=Answer.OPEN, record__flow=flow)
    conflicts = list(found.order_by("record", "pk"))
    if not conflicts:
        return []
    document = version.as_document()
    rows: dict[str, list[Row]] = {}
    for row in document.rows:
        if not row.section:
            rows.setdefault(row.target, []).append(row)
    source = document.source_system
    return [_judge(one, rows.get(one.field, []), source) for one in conflicts]


def _judge(conflict: OwnershipConflict, rows: Sequence[Row], source: str) -> Judged:
    if not rows:
        verdict = Verdict.UNWRITTEN
    elif all(may_write(row, source) for row in rows):
        verdict = Verdict.FREE
    elif all(row.conflict == OWNER_WINS and row.owner != source for row in rows):
        verdict = Verdict.LEFT
    elif _is_as_parked(conflict, rows, source):
        verdict = Verdict.SAME
    else:
        verdict = Verdict.ASK
    return Judged(conflict, verdict, rows)


def _is_as_parked(
    conflict: OwnershipConflict, rows: Sequence[Row], source: str
) -> bool:
    said = {(row.owner or "nobody", row.conflict) for row in rows}
    is_same = said == {(conflict.owner, conflict.rule)}
    return is_same and not any(may_update(row, source) for row in rows)


def _renew(judged: Iterable[Judged]) -> None:
    """Let what a person may have to answer say who owns the field now."""
    for one in judged:
        row = one.rows[0]
        OwnershipConflict.objects.filter(pk=one.conflict.pk, answer=Answer.OPEN).update(
            owner=(row.owner or "nobody")[:20], rule=row.conflict
        )


def _send(flow: Flow, records: set[int], version: MappingVersion, by: Any) -> None:
    """Make records go again; what a person excluded stays excluded.

    What waits, is held or failed goes by itself, or when a person retries it. What is
    being sent or settled right now goes again by itself too, if it would park anything
    (`guarding.settle`); so nobody waits for its worker, who may wait for us.
    """
    mine = SyncRecord.objects.filter(pk__in=records)
    by_rule = Q(state=State.EXCLUDED, exclusion__startswith=BY_RULE)
    settled = mine.filter(Q(state=State.DELIVERED) | by_rule).filter(HAS_CONTENT)
    free = settled.select_for_update(of=("self",), skip_locked=True)
    for record in free.defer(*HEAVY).order_by("pk"):
        _send_again(record, version, by)
    ring_connection(flow.target_id)


def _send_again(record: SyncRecord, version: MappingVersion, by: Any) -> None:
    as_it_is = SyncRecord.objects.filter(pk=record.pk, state=record.state)
    again = {"due_at": DatabaseTime(), "tries": 0, "asks_afresh": True}
    if as_it_is.update(state=State.WAITING, exclusion="", **again):
        told = f"{version} is in force"
        AuditEntry.objects.note(
            record, "judged anew", record.state, State.WAITING, told, by
        )


def _close(judged: Judged, version: MappingVersion, by: Any) -> int:
    """Close one conflict with its proof, once, and note it with its record."""
    if judged.verdict in (Verdict.ASK, Verdict.SAME):
        return 0
    is_free = judged.verdict == Verdict.FREE
    reason = _reason(judged, version)
    closed = OwnershipConflict.objects.filter(
        pk=judged.conflict.pk, answer=Answer.OPEN
    ).update(
        answer=Answer.NEW_OWNER if is_free else Answer.OWNER_WINS,
        reason=reason[:300],
        answered_at=database_time(),
        draft=version,
    )
    if closed:
        record = SyncRecord.objects.defer(*HEAVY).get(pk=judged.conflict.record_id)
        detail = f"{judged.conflict.field}: {reason}"
        AuditEntry.objects.note(
            record, "conflict settled", record.state, record.state, detail, by
        )
    return closed


def _reason(judged: Judged, version: MappingVersion) -> str:
    if judged.verdict == Verdict.UNWRITTEN:
        return f"{version} does not write this field any more."
    if judged.verdict == Verdict.LEFT:
        return f"{version} says that the value of its owner stays."
    owner = judged.rows[0].owner
    if not owner:
        return f"{version} gives this field no owner: whoever changes it may write it."
    name = wording.system(owner, owner)
    return f"{version} makes {name} the owner: the value that waited goes now."
