"""Fills the inbox of values that no table knows, in batches beside the hot path.

Two reasons bring a value here: a stored record holds it (looked at before it is due,
where it waits for a flow, a connection or another record), or a record failed on it.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from django.db import transaction
from django.db.models import F, Max, Min, QuerySet

from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord, Watermark
from errorqueue.text import clean
from integrations.models import Flow, InboxEvent, ScanPlace, SyncRecord
from integrations.studio.choices import choices_for, offer_of
from integrations.studio.scan import reading_part, unlisted_in
from integrations.studio.waiting import waiting_for
from mappings.engine import Document, DocumentError
from mappings.models import MappingVersion, SeenValue, ValueTable
from mappings.tables.likeness import Choices, Proposal, propose
from mappings.tables.surroundings import Waiting

log = logging.getLogger(__name__)

State = SeenValue.State
RECORDS, EVENTS = "values: records", "values: deliveries"
COUNTED = "values: counted"
PUBLISHED, FAILED = "values: published", "values: failed"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
BATCH = 200
SECONDS = 2.0
# Rows are numbered before they are committed: so long a gap may still be filled.
SETTLED = timedelta(seconds=2)
# So many stored records are looked at again when another version goes live.
LOOKED_BACK = 1000
# A column that never repeats, such as a discount code, is no list of values.
MOST_PER_TABLE = 500
LONGEST = 200

Sighting = tuple[str, str]


def is_due() -> bool:
    """Say whether anything came in, failed or went live that was not looked at."""
    return (
        _newer_version() is not None
        or _fresh_records().exists()
        or _fresh_events().exists()
        or _newer_failure() is not None
    )


def step() -> None:
    """Look at what is new, a few seconds at most; a killed worker repeats a batch."""
    _look_back()
    readers = _Readers()
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at:
        if not (_see_records(readers) or _see_events(readers)):
            _see_failed()  # behind the scan: what it has seen is not counted twice
            return


def _see_records(readers: "_Readers") -> bool:
    records = list(_whole(_fresh_records().order_by("pk"))[:BATCH])
    if records:
        _see(RECORDS, records[-1].pk, records, readers)
    return bool(records)


def _see_events(readers: "_Readers") -> bool:
    """Look at records that a newer delivery changed."""
    events = list(_fresh_events().order_by("pk").values_list("pk", flat=True)[:BATCH])
    if events:
        changed = SyncRecord.objects.filter(event__in=events, version__gt=1)
        records = _whole(changed.filter(pk__lte=_row_of(RECORDS)))
        _see(EVENTS, events[-1], list(records), readers)
    return bool(events)


def _whole(records: QuerySet[SyncRecord]) -> QuerySet[SyncRecord]:
    return records.only(
        "flow_id", "source_key", "source", "edited", "label", "target_id"
    )


def _fresh_records() -> QuerySet[SyncRecord]:
    newer = SyncRecord.objects.filter(pk__gt=_row_of(RECORDS))
    return newer.filter(created_at__lt=database_time() - SETTLED)


def _fresh_events() -> QuerySet[InboxEvent]:
    """Never past one that is unread: once passed it would not be looked at again.

    It is the bound of the search too, which would go through a whole backlog else.
    """
    newer = InboxEvent.objects.filter(pk__gt=_row_of(EVENTS))
    settled = newer.filter(processed_at__lt=database_time() - SETTLED)
    unread = InboxEvent.objects.filter(state=InboxEvent.State.RECEIVED)
    first = unread.aggregate(first=Min("pk"))["first"]
    return settled if first is None else settled.filter(pk__lt=first)


@dataclass
class _Readers:
    """The parts of published documents that read tables, by flow."""

    flows: dict[int, Flow | None] = field(default_factory=dict)
    documents: dict[int, Document | None] = field(default_factory=dict)

    def of(self, flow_id: int) -> tuple[Flow | None, Document | None]:
        if flow_id not in self.flows:
            flow = _flow(flow_id)
            self.flows[flow_id] = flow
            self.documents[flow_id] = _reader(flow) if flow else None
        return self.flows[flow_id], self.documents[flow_id]


def _flow(flow_id: int) -> Flow | None:
    flows = Flow.objects.select_related("source", "target", "mapping")
    joined = flows.prefetch_related("dependencies__needs__source")
    return joined.filter(pk=flow_id).first()


def _reader(flow: Flow) -> Document | None:
    version = flow.mapping.published() if flow.mapping else None
    try:
        return reading_part(version.as_document()) if version else None
    except DocumentError as error:
        log.info("%s cannot be read for values: %s", version, error)
        return None


def _see(
    name: str, until: int, records: Sequence[SyncRecord], readers: _Readers
) -> None:
    """Note what a batch holds, and how far it went, both or neither."""
    counted = _row_of(COUNTED)
    batch = _Batch()
    for record in records:
        for sighting in _sightings(record, readers):
            batch.add(sighting, record.pk, record.pk > counted)
    tables = ValueTable.objects.filter(name__in=batch.tables()).order_by("pk")
    proposals = {
        table.pk: _columns_of_new(table, batch.of(table.name)) for table in tables
    }
    with transaction.atomic():
        # Locked first, as whoever saves rows of a table does.
        for table in tables.select_for_update():
            columns = proposals.get(table.pk, {})
            _note_in(table, batch.of(table.name), columns)
        ScanPlace.objects.update_or_create(name=name, defaults={"row": until})
        if name == RECORDS and until > counted:
            ScanPlace.objects.update_or_create(name=COUNTED, defaults={"row": until})


def _row_of(name: str) -> int:
    rows = ScanPlace.objects.filter(name=name).values_list("row", flat=True)
    return next(iter(rows), 0)


@dataclass
class _Seen:
    """How often a value was seen, how often for the first time, and one example."""

    times: int = 0
    added: int = 0
    example: int = 0


@dataclass
class _Batch:
    """What a batch of records holds, by table and value."""

    found: dict[Sighting, _Seen] = field(default_factory=dict)

    def add(self, sighting: Sighting, record: int, is_first: bool) -> None:
        seen = self.found.setdefault(sighting, _Seen())
        seen.times += 1
        seen.added += is_first
        seen.example = record

    def tables(self) -> set[str]:
        return {table for table, _ in self.found}

    def of(self, table: str) -> dict[str, _Seen]:
        return {
            value: seen for (name, value), seen in self.found.items() if name == table
        }


def _sightings(record: SyncRecord, readers: _Readers) -> Iterable[Sighting]:
    flow, document = readers.of(record.flow_id)
    if flow is None or document is None:
        return []
    record.flow = flow
    try:
        found = unlisted_in(record, document)
    except Exception as error:  # one odd payload must not stop the scan for good
        log.info("Record %s cannot be read for values: %s", record.pk, error)
        return []
    return [(table, value) for table, value in found if _is_kept(value)]


def _is_kept(value: str) -> bool:
    """Say whether a value can stand in a table, and so in the inbox."""
    return 0 < len(value) <= LONGEST and clean(value) == value


def _columns_of_new(
    table: ValueTable, seen: dict[str, _Seen]
) -> dict[str, dict[str, str]]:
    """Return what is proposed for values that are not in the inbox yet.

    The target may be asked for that, so no transaction is open meanwhile.
    """
    known = set(table.seen.filter(value__in=seen).values_list("value", flat=True))
    fresh = sorted(seen.keys() - known)[:MOST_PER_TABLE]
    proposals = _Proposals(table)
    return {value: proposals.columns(value) for value in fresh}


def _note_in(
    table: ValueTable,
    seen: dict[str, _Seen],
    columns: dict[str, dict[str, str]],
) -> None:
    now = database_time()
    # A person may have mapped some since the documents were read.
    listed = table.rows.filter(source__in=seen).values_list("source", flat=True)
    seen = {value: seen[value] for value in seen.keys() - set(listed)}
    known = set(table.seen.filter(value__in=seen).values_list("value", flat=True))
    for value in sorted(known & seen.keys()):
        mine = table.seen.filter(value=value)
        told = {"example": str(seen[value].example), "last_seen_at": now}
        mine.update(times=F("times") + seen[value].added, **told)
        # It is not in the table any more: somebody took the row out.
        mine.filter(state=State.MAPPED).update(state=State.NEW, settled_by=None)
    fresh = sorted(seen.keys() - known)[: max(MOST_PER_TABLE - table.seen.count(), 0)]
    if fresh:
        _add(table, {value: seen[value] for value in fresh}, now, columns)


def _add(
    table: ValueTable,
    fresh: dict[str, _Seen],
    now: datetime,
    columns: dict[str, dict[str, str]],
) -> None:
    rows = [
        SeenValue(
            table=table,
            value=value,
            times=seen.times,
            example=str(seen.example),
            first_seen_at=now,
            last_seen_at=now,
            **columns.get(value, {}),
        )
        for value, seen in fresh.items()
    ]
    SeenValue.objects.bulk_create(rows, ignore_conflicts=True)


@dataclass
class _Proposals:
    """Proposals for one table; what they are chosen from is read once."""

    table: ValueTable

    @cached_property
    def choices(self) -> Choices:
        return choices_for(self.table, offer_of(self.table))

    def of(self, value: str) -> Proposal:
        return propose(value, self.choices)

    def columns(self, value: str) -> dict[str, str]:
        found = self.of(value)
        return {"proposed": found.target, "because": found.because[:LONGEST]}


def propose_anew(table: ValueTable) -> None:
    """Choose proposals again: the table, or what its target takes, has changed."""
    proposals = _Proposals(table)
    for seen in table.seen.filter(state=State.NEW):
        columns = proposals.columns(seen.value)
        if (seen.proposed, seen.because) != tuple(columns.values()):
            SeenValue.objects.filter(pk=seen.pk, state=State.NEW).update(**columns)


def _newer_version() -> datetime | None:
    """Return when a version went live since the last look, if one did."""
    published = MappingVersion.objects.filter(state=MappingVersion.State.PUBLISHED)
    return _later(PUBLISHED, published.aggregate(at=Max("published_at"))["at"])


def _newer_failure() -> datetime | None:
    """Return when a record last failed on a mapping, if that was not looked at."""
    # Later than the records themselves, so that the scan has seen those first.
    settled = database_time() - 2 * SETTLED
    lines = FailedRecord.objects.filter(
        status=FailedRecord.Status.FAILED,
        kind=FailureKind.MAPPING,
        last_failed_at__lt=settled,
    )
    newest = lines.order_by("-last_failed_at").values_list("last_failed_at", flat=True)
    return _later(FAILED, next(iter(newest[:1]), None))


def _later(name: str, at: datetime | None) -> datetime | None:
    mark = Watermark.objects.filter(name=name).first()
    return at if at and (mark is None or at > mark.at) else None


def _look_back() -> None:
    """Another version may read other fields: the latest records are read again."""
    at = _newer_version()
    if at is None:
        return
    newest = SyncRecord.objects.order_by("-pk").values_list("pk", flat=True)
    behind = max(next(iter(newest[:1]), 0) - LOOKED_BACK, 0)
    with transaction.atomic():
        ScanPlace.objects.filter(name=RECORDS, row__gt=behind).update(row=behind)
        Watermark.objects.update_or_create(name=PUBLISHED, defaults={"at": at})


def _see_failed() -> None:
    """Take in values that records failed on; those of polled records come so."""
    at = _newer_failure()
    if at is None:
        return
    tables = ValueTable.objects.in_bulk()
    for (table_id, value), waiting in waiting_for().items():
        table = tables.get(table_id)
        is_open = waiting.is_unlisted and not waiting.is_mended
        if table and is_open and _is_kept(value):
            _see_waiting(table, value, waiting)
    Watermark.objects.update_or_create(name=FAILED, defaults={"at": at})


def _see_waiting(table: ValueTable, value: str, waiting: Waiting) -> None:
    if not table.seen.filter(value=value, state=State.NEW).exists():
        line = FailedRecord.objects.get(pk=waiting.ids[0])
        seen = {value: _Seen(waiting.count, 0, int(line.object_id))}
        _note_in(table, seen, _columns_of_new(table, seen))
