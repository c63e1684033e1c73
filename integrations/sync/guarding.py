"""Guards what belongs to others: a non-owner's write never passes in silence.

Asked only of updates whose mapping has rows that somebody else owns; what is created
is written whole, and create-only flows are not asked at all. What is left out is
noted on the try, what a person must decide is parked as an ownership conflict, and
the rest of the record is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from errorqueue.clock import DatabaseTime, database_time
from integrations.connectors.base import Connector, Payload, Standing
from integrations.models import (
    Attempt,
    Flow,
    OwnershipConflict,
    SyncRecord,
    ring_connection,
)
from integrations.sync import audit
from integrations.sync.fields import MISSING, leaves, same, shown, value_at, without
from mappings.engine import Document, Row
from mappings.models import MappingVersion

if TYPE_CHECKING:
    from integrations.sync.delivery import Delivery

Answer = OwnershipConflict.Answer
State = SyncRecord.State
OWNER_WINS, HOLD, NEWEST = "owner_wins", "hold", "newest"
MAY_STAND = (*Attempt.UNSETTLED, Attempt.Outcome.DELIVERED)
MOST_WRITTEN = 10
NOT_READABLE = "(cannot be read there)"


@dataclass(frozen=True)
class Left:
    """One field that was not written, and whether a person must decide about it."""

    field: str
    owner: str
    rule: str
    standing: str
    wanted: str
    is_parked: bool


@dataclass(frozen=True)
class Guarded:
    """What the guard found on one delivery."""

    checked: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    accepted: tuple[int, ...] = ()
    leaves_nothing: bool = False


def may_write(row: Row, source: str) -> bool:
    """Say whether a system may write this field whatever stands there.

    A field without an owner and without named updaters is anybody's.
    """
    if not row.owner and not row.updaters:
        return True
    return row.owner == source


def may_update(row: Row, source: str) -> bool:
    """Say whether a system that does not own the field may change it all the same."""
    return source in {name.strip() for name in row.updaters.split(",")}


def guarded_rows(document: Document) -> tuple[Row, ...]:
    """Return the rows whose target is not simply the source's to write.

    Lines are not guarded: a list is replaced as a whole or only added to.
    """
    return tuple(
        row
        for row in document.rows
        if not row.section
        and "[" not in row.target
        and not may_write(row, document.source_system)
    )


def guard(delivery: "Delivery", connector: Connector, payload: Payload) -> Payload:
    """Return what may be written of a payload; the rest is noted on the delivery."""
    rows = _rows_for(delivery, payload)
    if not rows:
        return payload
    record = delivery.record
    record_type = record.flow.target_record
    standing = None
    if connector.reads_standing(record_type):
        standing = connector.standing(record_type, delivery.target_id)
        if standing is None:
            return payload
    found = _Guard(delivery, standing).look(rows, payload)
    fields = {one.field for one in found.left}
    for field in fields:
        payload = without(payload, field)
    if fields and not payload or delivery.news and delivery.news <= fields:
        # To send the rest would tell nothing, and come back as a change all the same.
        payload, found = {}, replace(found, leaves_nothing=True)
    delivery.guarded = found
    return payload


def _rows_for(delivery: "Delivery", payload: Payload) -> dict[str, Row]:
    """Return the guarded rows that this payload writes; none on a first delivery."""
    document, version = delivery.document, delivery.version
    if delivery.record.flow.mode != Flow.Mode.UPSERT or not delivery.target_id:
        return {}
    if document is None or version is None:
        return {}
    key = ("guarded", version.pk)
    rows = delivery.desk.keep(key, partial(guarded_rows, document))
    return {
        row.target: row for row in rows if value_at(payload, row.target) is not MISSING
    }


class _Guard:
    """One look at the fields of one record that belong to somebody else."""

    def __init__(self, delivery: "Delivery", standing: Standing | None) -> None:
        self.record = delivery.record
        self.source = delivery.record.flow.source.system
        self.stale = delivery.stale
        self.standing = standing
        answers = OwnershipConflict.objects.filter(record=delivery.record)
        self.answers = list(answers.exclude(answer=Answer.OPEN).order_by("-pk")[:50])
        self.known = _last_known(delivery)

    def look(self, rows: Mapping[str, Row], payload: Payload) -> Guarded:
        left: list[Left] = []
        accepted: list[int] = []
        for field, row in rows.items():
            wanted = value_at(payload, field)
            there = self._there(field)
            answered = self._accepted(field, there, wanted)
            accepted += [answered.pk] if answered else []
            if answered or same(there, wanted) or self._is_untouched(row, there):
                continue
            if not self._is_newest(row):
                left.append(self._left(row, there, wanted))
        return Guarded(tuple(rows), tuple(left), tuple(accepted))

    def _there(self, field: str) -> Any:
        if self.standing is None:
            return NOT_READABLE
        return value_at(self.standing.values, field)

    def _is_untouched(self, row: Row, there: Any) -> bool:
        """Say that one who may update finds what was last written or seen there."""
        if row.target in self.stale or not may_update(row, self.source):
            return False
        return any(same(one, there) for one in self.known.get(row.target, ()))

    def _accepted(
        self, field: str, there: Any, wanted: Any
    ) -> OwnershipConflict | None:
        """Return the answer that lets this very value through, once.

        It was given over the value that the person saw there; a try that may have
        written it without an answer has used it up.
        """
        for one in self.answers:
            is_it = one.field == field and same(one.wanted, shown(wanted))
            if is_it and one.answer == Answer.ACCEPTED and one.written_at is None:
                seen = (one.standing, one.wanted)
                return one if any(same(x, shown(there)) for x in seen) else None
        return None

    def _is_newest(self, row: Row) -> bool:
        times = self._times()
        return row.conflict == NEWEST and times is not None and times[0] > times[1]

    def _times(self) -> tuple[datetime, datetime] | None:
        """Return when the source and when the target changed, where both are known."""
        ours = self.record.changed_at
        theirs = self.standing.changed_at if self.standing else None
        return (ours, theirs) if ours and theirs else None

    def _left(self, row: Row, there: Any, wanted: Any) -> Left:
        owner = row.owner or "nobody"
        told = (row.target, owner, row.conflict, shown(there), shown(wanted))
        return Left(*told, self._must_decide(row, there, wanted))

    def _must_decide(self, row: Row, there: Any, wanted: Any) -> bool:
        """Say whether a person must look: not when the rule or an answer tells."""
        if row.conflict == OWNER_WINS:
            return False
        if row.conflict == NEWEST and self._times() is not None:
            return False
        said = (row.target, shown(there), shown(wanted))
        return not any(
            (one.field, one.standing, one.wanted) == said
            for one in self.answers
            if one.answered_by_id
            and one.answer in (Answer.OWNER_WINS, Answer.NEW_OWNER)
        )


def _last_known(delivery: "Delivery") -> dict[str, list[Any]]:
    """Return what this console last knew to stand there, by field.

    It is what this flow wrote last, also with tries whose end nobody knows, and over
    it what the other flow read there, when nothing newer of that is on its way.
    """
    known: dict[str, list[Any]] = {}
    for attempt in _last_written(delivery.record):
        for path, value in leaves(attempt.payload):
            known.setdefault(path, []).append(value)
    pair = delivery.pair
    if pair is not None and pair.state in (State.DELIVERED, State.EXCLUDED):
        known |= {path: [value] for path, value in leaves(pair.payload)}
    return known


def _last_written(record: SyncRecord) -> list[Attempt]:
    """Return the last try that was delivered, and those of unknown end behind it."""
    sent = record.attempts.filter(outcome__in=MAY_STAND, payload__isnull=False)
    tries = sent.exclude(external_id="").only("payload", "outcome")
    found: list[Attempt] = []
    for attempt in tries.order_by("-number")[:MOST_WRITTEN]:
        found.append(attempt)
        if attempt.outcome == Attempt.Outcome.DELIVERED:
            break
    return found


# Settling


def told(guarded: Guarded | None, target: str) -> str:
    """Say on the try what was not written."""
    if guarded is None or not guarded.left:
        return ""
    parked = [one.field for one in guarded.left if one.is_parked]
    left = [one.field for one in guarded.left if not one.is_parked]
    parts = []
    if left:
        parts.append(f"left to {target}: {', '.join(left)}")
    if parked:
        parts.append(f"parked as ownership conflict: {', '.join(parked)}")
    return "; " + "; ".join(parts)


def settle(delivery: "Delivery") -> None:
    """Park what a person must decide, and close what is settled; in the outcome.

    Nothing is parked for a version that another one has replaced meanwhile: then the
    record goes again, and that one says whether there is anything to decide.
    """
    record, guarded = delivery.record, delivery.guarded
    if guarded is None:
        return
    now = database_time()
    OwnershipConflict.objects.filter(pk__in=guarded.accepted).update(written_at=now)
    parked = [one for one in guarded.left if one.is_parked]
    if parked and _is_replaced(delivery):
        _judge_again(record)
        return
    for one in parked:
        _park(record, one, now)
    stale = OwnershipConflict.objects.filter(
        record=record, answer=Answer.OPEN, field__in=guarded.checked
    ).exclude(field__in=[one.field for one in parked])
    stale.update(
        answer=Answer.OWNER_WINS,
        answered_at=now,
        reason="Nothing is left to decide: the values agree, or the rule decided.",
    )


def _is_replaced(delivery: "Delivery") -> bool:
    """Say whether the version is in force no more, unless a person chose it.

    It stays locked: whoever replaces it now looks behind us at what was parked.
    """
    version = delivery.version
    if version is None or delivery.record.retry_version_id:
        return False
    goes_by = Flow.objects.filter(pk=delivery.record.flow_id).values("mapping")
    mine = MappingVersion.objects.select_for_update(of=("self",), no_key=True)
    held = mine.filter(pk=version.pk, document__in=goes_by).order_by()
    states = list(held.values_list("state", flat=True))
    return states != [MappingVersion.State.PUBLISHED]


def _judge_again(record: SyncRecord) -> None:
    """Make a delivered record due, with nothing at hand from before."""
    again = {"due_at": DatabaseTime(), "tries": 0, "asks_afresh": True}
    mine = SyncRecord.objects.filter(pk=record.pk, state=State.DELIVERED)
    if mine.update(state=State.WAITING, **again):
        why = "another version is in force"
        audit.note(record, "judged anew", State.DELIVERED, State.WAITING, why)
        ring_connection(record.target_connection_id)


def _park(record: SyncRecord, one: Left, now: datetime) -> None:
    conflict, is_new = OwnershipConflict.objects.get_or_create(
        record=record,
        field=one.field,
        answer=Answer.OPEN,
        defaults={**_columns(record, one), "found_at": now},
    )
    if is_new:
        audit.note(
            record, "parked", State.RUNNING, record.state, f"{one.field} was not sent"
        )
    elif (conflict.standing, conflict.wanted) != (one.standing, one.wanted):
        mine = OwnershipConflict.objects.filter(pk=conflict.pk, answer=Answer.OPEN)
        if not mine.update(**_columns(record, one), found_at=now):
            _park(record, one, now)  # answered meanwhile, for the values before


def _columns(record: SyncRecord, one: Left) -> dict[str, Any]:
    return {
        "owner": one.owner[:20],
        "writer": record.flow.source.system,
        "rule": one.rule,
        "standing": one.standing,
        "wanted": one.wanted,
    }
