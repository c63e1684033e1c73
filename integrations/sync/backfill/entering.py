"""Hands objects to the ledger one by one; what exists at the target is linked."""

from typing import Any

from django.db import transaction

from errorqueue import failpoints
from errorqueue.clock import database_time
from errorqueue.failures import Refused
from integrations.connectors.base import Connector, SourceObject
from integrations.connectors.errors import ConnectorError
from integrations.models import (
    AuditEntry,
    Backfill,
    BackfillItem,
    BackfillLeg,
    Flow,
    Remembered,
    SyncRecord,
    ring_connection,
)
from integrations.sync.adopting import take_over
from integrations.sync.backfill.judging import Judge, Judged
from integrations.sync.backfill.lease import keep, minding
from integrations.sync.mapping import external_id_of

ItemState = BackfillItem.State
Verdict = BackfillItem.Verdict
State = SyncRecord.State
# What only the rule tells apart from a double is looked for once more.
BY_RULE = (Verdict.NEW, Verdict.NEWER, Verdict.PAIR)


def enter(
    leg: BackfillLeg, item: BackfillItem, source: Connector, judge: Judge
) -> None:
    """Bring one object; raises NotNow, and Lost when a person stopped it meanwhile.

    Item and ledger move in one transaction, so a worker that dies leaves both or
    neither, and entering again changes nothing.
    """
    flow = leg.flow
    try:
        with minding(flow.source):
            found = source.fetch(flow.source_entity, item.source_key)
    except ConnectorError as error:
        _leave(leg, item, f"It could not be read: {error}")
        return
    judged = Judged(item.verdict, item.note, item.target_id)
    if leg.recognised_by and item.verdict in BY_RULE:
        judged = _look_again(flow, found, judge)
        if _must_stay(judged, leg.backfill):
            _leave(leg, item, judged.note)
            return
    with transaction.atomic():
        keep(leg.backfill)
        _enter(leg, item, found, judged)
        failpoints.hit("backfill.enter")
    ring_connection(flow.target_id)


def _must_stay(judged: Judged, backfill: Backfill) -> bool:
    fails = judged.verdict == Verdict.FAILS and not backfill.with_failing
    return fails or judged.verdict == Verdict.UNSURE


def _look_again(flow: Flow, found: SourceObject, judge: Judge) -> Judged:
    known = SyncRecord.objects.filter(flow=flow, source_key=found.key).first()
    if known and known.target_id:
        return Judged(Verdict.NEWER, target_id=known.target_id)
    return judge.judge(found, known)


def _enter(
    leg: BackfillLeg, item: BackfillItem, found: SourceObject, judged: Judged
) -> None:
    flow, backfill = leg.flow, leg.backfill
    record, outcome = SyncRecord.objects.remember(flow, found)
    record.refresh_from_db()
    record.flow = flow
    changed: dict[str, Any] = {"record": record, "state": ItemState.ENTERED}
    if outcome in (Remembered.NEW, Remembered.NEWER):
        AuditEntry.objects.note(
            record, "back-filled", "", record.state, str(backfill), backfill.started_by
        )
        changed |= {"verdict": judged.verdict, "target_id": judged.target_id}
        if judged.verdict == Verdict.PAIR:
            _pair(record, judged, backfill)
    elif record.state == State.DELIVERED:
        changed["state"] = ItemState.IN_STEP
        changed["note"] = "It came by itself meanwhile."
    _close(item, **changed)


def _pair(record: SyncRecord, judged: Judged, backfill: Backfill) -> None:
    """Take the target's record as this one, and send nothing.

    What is written later goes to that record by its own id.
    """
    flow = record.flow
    key = external_id_of(flow, record.source_key)
    why = f"{judged.note} Linked by {backfill}."
    try:
        take_over(record, judged.target_id, key, backfill.started_by, why)
    except Refused:  # it is being sent this very moment, and settles itself
        return
    if flow.mode == Flow.Mode.UPSERT:
        SyncRecord.objects.filter(pk=record.pk).update(is_paired=True)


def _leave(leg: BackfillLeg, item: BackfillItem, note: str) -> None:
    with transaction.atomic():
        keep(leg.backfill)
        _close(item, state=ItemState.LEFT, note=note)


def _close(item: BackfillItem, **columns: Any) -> None:
    if "note" in columns:
        columns["note"] = columns["note"][:300]
    if columns["state"] != ItemState.ENTERED:
        columns["settled_at"] = database_time()
    mine = BackfillItem.objects.filter(pk=item.pk, state=ItemState.WAITING)
    mine.update(**columns)
