"""What of a document is used: rows that never fill, defaults, tables never hit.

A worker maps the newest records once more, a few at a time, without asking any
account: every look-up counts as found. Nothing is sent or kept of the records.
"""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from errorqueue.clock import database_time
from integrations.connectors.errors import ConnectorError
from integrations.models import Coverage, Flow, Metadata, SyncRecord
from integrations.models.removal import HAS_CONTENT
from integrations.studio.refresh import KNOWN
from integrations.studio.uses import target_uses, users
from integrations.sync import background
from integrations.sync.mapping import facts_of
from integrations.sync.stopping import is_stopping
from mappings import engine
from mappings.engine import Document, DocumentError, Found
from mappings.models import MappingVersion

log = logging.getLogger(__name__)

User = Any
SAMPLE = 1000
NIGHTLY_SAMPLE = 300
BATCH = 25
KEPT = timedelta(days=30)


class _Everything:
    """Every look-up finds one record: coverage asks nobody."""

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        return [Found("1")]


class _Counted(dict[str, str]):
    """A value table that counts which of its rows are used."""

    def __init__(self, name: str, pairs: Mapping[str, str], hits: Counter[str]) -> None:
        super().__init__(pairs)
        self.name, self.hits = name, hits

    def __getitem__(self, key: str) -> str:
        self.hits[f"{self.name}|{key}"] += 1
        return super().__getitem__(key)


@dataclass
class Tally:
    """How often each row filled, how often by its default, each table row was hit."""

    records: int = 0
    excluded: int = 0
    unreadable: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    defaults: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Tally":
        return cls(
            content.get("records", 0),
            content.get("excluded", 0),
            content.get("unreadable", 0),
            *(Counter(content.get(name, {})) for name in ("rows", "defaults", "hits")),
        )

    def written(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "excluded": self.excluded,
            "unreadable": self.unreadable,
            "rows": dict(self.rows),
            "defaults": dict(self.defaults),
            "hits": dict(self.hits),
        }


def count(
    document: Document, source: Any, facts: Mapping[str, Any], tally: Tally
) -> None:
    """Map one source and count what it used; a row counts once for each record."""
    tally.records += 1
    tables = {
        name: _Counted(name, pairs, tally.hits)
        for name, pairs in document.tables.items()
    }
    full = replace(document, tables=tables)
    mapped = engine.apply(full, source, facts=facts, lookups=_Everything())
    if mapped.excluded:
        tally.excluded += 1
        return
    filled = {trace.row for trace in mapped.trace}
    tally.rows.update(filled)
    bare = engine.apply(bare_of(document), source, facts=facts, lookups=_Everything())
    tally.defaults.update(filled - {trace.row for trace in bare.trace})


def bare_of(document: Document) -> Document:
    """Return the document without its defaults: what fills there came from a source."""
    rows = tuple(replace(row, default=None, required=False) for row in document.rows)
    return replace(document, rows=rows)


# Asked for, and done by a worker


@transaction.atomic
def ask(version: MappingVersion, by: User, sample: int = SAMPLE) -> Coverage:
    """Have a version measured over its newest records; the one under way, if any."""
    known = Coverage.objects.filter(version=version, ended_at=None).first()
    if known is None:
        try:
            with transaction.atomic():
                known = Coverage.objects.create(
                    version=version,
                    sample=sample,
                    asked_at=database_time(),
                    asked_by=by,
                )
        except IntegrityError:
            known = Coverage.objects.get(version=version, ended_at=None)
    background.ring()
    return known


def ask_all() -> None:
    """Have every published version in use measured, over a sample; drop old results."""
    Coverage.objects.filter(ended_at__lt=database_time() - KEPT).delete()
    used = Flow.objects.filter(is_enabled=True).values("mapping")
    live = MappingVersion.objects.filter(
        document__in=used, state=MappingVersion.State.PUBLISHED
    )
    for version in live:
        ask(version, None, NIGHTLY_SAMPLE)


def latest(version: MappingVersion) -> Coverage | None:
    return Coverage.objects.filter(version=version).first()


def has_due() -> bool:
    return Coverage.objects.filter(ended_at=None).exists()


def step() -> None:
    """Go on with every open measurement until the time is up."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    for coverage in Coverage.objects.filter(ended_at=None).order_by("pk"):
        try:
            _measure(coverage, ends_at)
        except DocumentError as error:
            _end(coverage, str(error))
        if time.monotonic() >= ends_at or is_stopping():
            background.ring()
            return


def _measure(coverage: Coverage, ends_at: float) -> None:
    document = coverage.version.as_document()
    while time.monotonic() < ends_at and not is_stopping():
        left = coverage.sample - coverage.records
        batch = list(_records(coverage)[: min(BATCH, max(left, 0))])
        if not batch:
            _end(coverage)
            return
        tally = Tally.read(coverage.content)
        for record in batch:
            _count(document, record, tally)
        if not _advance(coverage, batch[-1].pk, tally):
            return


def _records(coverage: Coverage) -> QuerySet[SyncRecord]:
    """Return what was not measured yet, newest first."""
    document = coverage.version.document
    mine = [document.pk, document.origin_id or 0]
    flows = Flow.objects.filter(mapping__in=mine)
    records = SyncRecord.objects.filter(HAS_CONTENT, flow__in=flows)
    if coverage.cursor is not None:
        records = records.filter(pk__lt=coverage.cursor)
    return records.select_related("flow__source", "flow__target").order_by("-pk")


def _count(document: Document, record: SyncRecord, tally: Tally) -> None:
    try:
        count(document, record.payload, facts_of(record), tally)
    except (ValueError, TypeError, ConnectorError) as error:
        tally.unreadable += 1
        log.info("%s could not be measured: %s", record, error)


def _advance(coverage: Coverage, cursor: int, tally: Tally) -> bool:
    """Keep a step, unless another worker took the same one."""
    mine = Coverage.objects.filter(
        pk=coverage.pk, cursor=coverage.cursor, ended_at=None
    )
    coverage.cursor, coverage.records = cursor, tally.records
    coverage.content = tally.written()
    return bool(
        mine.update(cursor=cursor, records=tally.records, content=coverage.content)
    )


def _end(coverage: Coverage, problem: str = "") -> None:
    mine = Coverage.objects.filter(pk=coverage.pk, ended_at=None)
    mine.update(ended_at=database_time(), problem=problem[:300])


# What it says


@dataclass(frozen=True)
class RowUse:
    """How often one row filled its field, and how often by its default."""

    name: str
    when: str
    filled: int
    default: int
    records: int

    @property
    def verdict(self) -> str:
        if not self.records:
            return "unknown"
        if not self.filled:
            return "never"
        return "default" if self.default == self.filled else "used"

    @property
    def percent(self) -> int:
        return round(100 * self.filled / self.records) if self.records else 0


def row_uses(document: Document, coverage: Coverage) -> list[RowUse]:
    """Return every row of the version with its use, in the order of the document."""
    tally = Tally.read(coverage.content)
    sent = max(tally.records - tally.excluded - tally.unreadable, 0)
    return [
        RowUse(
            f"{row.section}: {row.target}" if row.section else row.target,
            row.when,
            tally.rows[row.key],
            tally.defaults[row.key],
            sent,
        )
        for row in document.rows
    ]


@dataclass(frozen=True)
class TableUse:
    """A value table of the version, and which of its rows no record hit."""

    name: str
    hits: int
    unused: list[str]
    rows: int


def table_uses(document: Document, coverage: Coverage) -> list[TableUse]:
    """Return the tables of the version with what was never hit."""
    tally = Tally.read(coverage.content)
    return [
        TableUse(
            name,
            sum(tally.hits[f"{name}|{source}"] for source in pairs),
            [source for source in pairs if not tally.hits[f"{name}|{source}"]],
            len(pairs),
        )
        for name, pairs in sorted(document.tables.items())
    ]


def unfilled_required(version: MappingVersion, document: Document) -> list[str]:
    """Return fields that an account requires and that no row fills, as known last."""
    flows = Flow.objects.filter(mapping=version.document)
    uses = target_uses(version.document.slug, document)
    names = f"{KNOWN}{version.document.target_record}"[:120]
    known = Metadata.objects.filter(connection__in=flows.values("target"), name=names)
    return sorted(
        {
            f"{rule.get('label') or path} ({path})"
            for kept in known
            for path, rule in kept.content.items()
            if rule.get("required") and _is_asked(path, kept.content, uses)
        }
    )


def _is_asked(path: str, rules: Mapping[str, Any], uses: Any) -> bool:
    """A field inside a list or a group is asked for only when the document fills it."""
    parent = path.rpartition(".")[0]
    inside = not parent or parent not in rules or bool(users(parent, uses))
    return inside and not users(path, uses)
