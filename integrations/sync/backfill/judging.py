"""What would become of an object: asked as a delivery would go, writing nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from errorqueue.failures import FailureKind
from integrations.connectors.base import Compared, Payload, SourceObject
from integrations.connectors.errors import ConnectorError
from integrations.failures import NotPublished, describe
from integrations.models import (
    BackfillItem,
    BackfillLeg,
    Flow,
    Link,
    SyncRecord,
)
from integrations.sync.backfill.lease import minding
from integrations.sync.mapping import external_id_of, map_with
from integrations.sync.preflight import (
    FreshLookups,
    Look,
    against_metadata,
    patient_to,
)
from mappings.engine import Problem

Verdict = BackfillItem.Verdict
MOST_NAMED = 3


@dataclass(frozen=True)
class Judged:
    """A verdict, why in words, and the record of the target that it is about."""

    verdict: str
    note: str = ""
    target_id: str = ""


class Judge:
    """Says of the objects of one leg what would become of them."""

    def __init__(self, leg: BackfillLeg) -> None:
        self.leg, self.flow = leg, leg.flow
        self.name = leg.flow.target.name
        version = leg.flow.mapping.published()
        if version is None:
            raise NotPublished(f"{leg.flow.mapping} has no published version any more.")
        self.version, self.document = version, version.as_document()
        with minding(leg.flow.target):
            self.target = patient_to(leg.flow.target)

    def judge(self, found: SourceObject, known: SyncRecord | None) -> Judged:
        """Look at one object; raises NotNow while the target cannot be asked."""
        record = _draft(self.flow, found, known)
        try:
            with minding(self.flow.target):
                return self._judge(record)
        except (ConnectorError, ValueError) as error:
            failure = describe(error, target=self.name)
            return Judged(Verdict.FAILS, f"It {failure.what}. {failure.why}")

    def _judge(self, record: SyncRecord) -> Judged:
        lookups = FreshLookups(self.flow.target, self.target)
        mapped = map_with(record, self.document, lookups)
        if mapped.excluded:
            return Judged(Verdict.EXCLUDED, f"Rule: {mapped.excluded}")
        look = Look(record, self.target, self.version)
        problems = list(mapped.problems) or against_metadata(look, mapped)
        # What comes first comes with it, or goes by itself before.
        waits = FailureKind.DEPENDENCY.value
        blocking = [one for one in problems if one.kind != waits]
        if blocking:
            return self._blocked(record, mapped.payload, _told(blocking))
        return self._beside(record, mapped.payload)

    def _blocked(self, record: SyncRecord, payload: Payload, why: str) -> Judged:
        """It would fail; unless it is there already, and need not be sent."""
        there = None if record.target_id else self._recognised(record, payload)
        if there is None:
            return Judged(Verdict.FAILS, why)
        if self.flow.mode == Flow.Mode.UPSERT:
            return there
        return Judged(Verdict.UNSURE, f"{there.note} {why}", there.target_id)

    def _beside(self, record: SyncRecord, payload: Payload) -> Judged:
        """Lay it beside what the target has: under our id, or by the rule."""
        if record.target_id:
            return Judged(Verdict.NEWER, target_id=record.target_id)
        key = external_id_of(self.flow, record.source_key)
        if self.target.finds_written(self.flow.target_record):
            there = self.target.compare(self.flow.target_record, payload, key)
            if there:
                return self._under_our_id(there)
        return self._recognised(record, payload) or Judged(
            Verdict.NEW if record.version == 1 else Verdict.NEWER
        )

    def _under_our_id(self, there: Compared) -> Judged:
        if there.differences and self.flow.mode == Flow.Mode.CREATE:
            note = f"{self.name} has another record under our id, {there.target_id}: "
            return Judged(Verdict.FAILS, note + _differs(there), there.target_id)
        note = f"{self.name} has it as {there.target_id}."
        return Judged(Verdict.THERE, note, there.target_id)

    # By the rule

    def _recognised(self, record: SyncRecord, payload: Payload) -> Judged | None:
        """Look for a record from before us; nothing when there is none.

        One that is not surely the same is nobody's to choose but a person's.
        """
        by = self.leg.recognised_by
        value = payload.get(by) if by else None
        if not value:
            return None
        answer = self.target.find(self.flow.target_record, by, str(value))
        found = [one for one in answer if not one.inactive]
        if not found:
            return None
        if len(found) > 1:
            ids = ", ".join(one.id for one in found[:MOST_NAMED])
            note = f"{self.name} has {len(found)} with the same {by}: {ids}."
            return Judged(Verdict.UNSURE, note)
        return self._one(record, payload, found[0].id)

    def _one(self, record: SyncRecord, payload: Payload, target_id: str) -> Judged:
        there = f"{self.name} has {target_id} with the same {self.leg.recognised_by}"
        if other := self._whose(record, target_id):
            note = f"{there}, and that one belongs to {other}."
            return Judged(Verdict.UNSURE, note, target_id)
        if self.flow.mode == Flow.Mode.CREATE:
            compared = self.target.compare_at(
                self.flow.target_record, payload, target_id
            )
            if compared.differences:
                note = f"{there}, but it differs: {_differs(compared)}"
                return Judged(Verdict.UNSURE, note, target_id)
        return Judged(Verdict.PAIR, f"{there}.", target_id)

    def _whose(self, record: SyncRecord, target_id: str) -> str:
        """Name the object that has this record of the target already, if another."""
        flow, key = self.flow, record.source_key
        links = Link.objects.filter(
            target_connection=flow.target,
            target_record=flow.target_record,
            target_id=target_id,
        ).exclude(source_connection=flow.source, source_id=key)
        if link := links.first():
            return f"{link.source_entity} {link.source_id}"
        others = BackfillItem.objects.filter(
            leg=self.leg, verdict=Verdict.PAIR, target_id=target_id
        ).exclude(source_key=key)
        other = others.first()
        return f"{flow.source_entity} {other}" if other else ""


def _draft(flow: Flow, found: SourceObject, known: SyncRecord | None) -> SyncRecord:
    """Return the line that the ledger would have, without writing it."""
    payload: Any = found.payload
    return SyncRecord(
        flow=flow,
        target_connection=flow.target,
        source_key=found.key,
        source=payload,
        label=found.label,
        changed_at=found.changed_at,
        version=known.version + 1 if known else 1,
        target_id=known.target_id if known else "",
    )


def _told(problems: Sequence[Problem]) -> str:
    """Say what is wrong first; what is marked as personal keeps its value."""
    first = problems[0]
    said = "is at fault" if first.sensitivity else first.rule
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{first.target}: {said}{more}"


def _differs(compared: Compared) -> str:
    told: Any = (compared.differences or {}).items()
    return "; ".join(f"{path}: {words}" for path, words in list(told)[:MOST_NAMED])
