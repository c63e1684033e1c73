"""The dry run, record by record: what the ledger has, what the target would do."""

from django.db import transaction

from errorqueue.clock import database_time
from integrations.connectors.base import Connector, SourceObject
from integrations.connectors.errors import ConnectorError, RecordMissing
from integrations.models import (
    Backfill,
    BackfillItem,
    BackfillLeg,
    Dependency,
    Flow,
    SyncRecord,
)
from integrations.models.account import keyless_of
from integrations.sync.backfill.digest import digest_of
from integrations.sync.backfill.judging import Judge, Judged
from integrations.sync.backfill.lease import keep, minding
from integrations.sync.backfill.listing import unknown_numbers
from integrations.sync.completeness.comparing import lacks, part_of, records_of

Verdict = BackfillItem.Verdict
Phase = BackfillLeg.Phase
HANDFUL = 10
# How the parts of a comparison are told of one record.
SAID = {
    "waiting": "It waits in the ledger and goes by itself.",
    "queued": "It stands in the error queue.",
    "by_rule": "A rule keeps it out.",
    "by_person": "A person set it aside.",
}
# What a look at the ledger reads besides what a comparison does.
KNOWN = ("version", "target_id")
# What stands at the target afterwards, and so has what it needs brought along.
SENT = BackfillItem.SENT


def look_more(leg: BackfillLeg, source: Connector, judge: Judge) -> None:
    """Judge the next handful of a leg; when none is left, the leg is done."""
    fresh = leg.items.filter(verdict=Verdict.OPEN)
    handful = list(fresh.order_by("pk")[:HANDFUL])
    records = records_of(leg.flow, [item.source_key for item in handful], *KNOWN)
    for item in handful:
        _look(leg, item, records.get(item.source_key), source, judge)
    with transaction.atomic():
        keep(leg.backfill)
        columns = ("verdict", "note", "target_id", "needed", "record")
        BackfillItem.objects.bulk_update(handful, columns)
        if not handful:
            BackfillLeg.objects.filter(pk=leg.pk).update(
                phase=Phase.JUDGED, version=judge.version
            )


def _look(
    leg: BackfillLeg,
    item: BackfillItem,
    known: SyncRecord | None,
    source: Connector,
    judge: Judge,
) -> None:
    judged = _of_ledger(leg.flow, item, known)
    if judged is None:
        try:
            with minding(leg.flow.source):
                found = source.fetch(leg.flow.source_entity, item.source_key)
        except RecordMissing as error:
            judged = Judged(Verdict.GONE, str(error))
        except ConnectorError as error:
            judged = Judged(Verdict.FAILS, f"It could not be read: {error}")
        else:
            judged = judge.judge(found, known)
            item.needed = _needed(leg, found) if judged.verdict in SENT else None
    item.verdict, item.target_id = judged.verdict, judged.target_id
    item.record = known
    item.note = judged.note[:300]


def _of_ledger(
    flow: Flow, item: BackfillItem, known: SyncRecord | None
) -> Judged | None:
    """Return the verdict of what need not be fetched."""
    if known is None or lacks(flow, known, item.changed_at):
        return None
    part = part_of(known)
    if part == "delivered":
        return Judged(Verdict.IN_STEP, target_id=known.target_id)
    return Judged(Verdict.KNOWN, SAID[part])


def _needed(leg: BackfillLeg, found: SourceObject) -> BackfillItem | None:
    """Return what must be at the target first, brought along when it is not there."""
    for dependency in leg.flow.dependencies.select_related("needs"):
        item = _brought_along(leg, dependency, found)
        if item:
            return item
    return None


def _brought_along(
    leg: BackfillLeg, dependency: Dependency, found: SourceObject
) -> BackfillItem | None:
    flow = dependency.needs
    needed = dependency.object_in(keyless_of(leg.flow.source), found.payload)
    before = BackfillLeg.objects.filter(backfill=leg.backfill_id, flow=flow).first()
    if needed is None or before is None:
        return None
    known = SyncRecord.objects.known(flow, needed)
    if known is not None and known.target_id:
        return None
    item, _ = BackfillItem.objects.get_or_create(
        leg=before,
        source_key=needed.key,
        defaults={
            "backfill_id": leg.backfill_id,
            "changed_at": needed.changed_at or database_time(),
        },
    )
    return item


@transaction.atomic
def finish(backfill: Backfill) -> None:
    """Close a dry run: what needs something that cannot go cannot go either."""
    going = backfill.items.filter(verdict__in=SENT)
    for verdict in (Verdict.UNSURE, Verdict.FAILS):
        behind = going.filter(needed__verdict=verdict)
        shown = str(verdict.label).lower()
        behind.update(verdict=verdict, note=f"What it needs first: {shown}.")
    keep(
        backfill,
        state=Backfill.State.READY,
        looked_at=database_time(),
        unknown=unknown_numbers(backfill),
        digest=digest_of(backfill),
        note="",
        try_at=None,
    )
