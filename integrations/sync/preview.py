"""Tries a mapping version on what was received; writes and sends nothing.

Look-ups ask the target, over a slot, as a delivery would.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Q, QuerySet

from integrations.connectors import exact
from integrations.connectors.errors import (
    ConnectorError,
    LimitReached,
    OnlyNamed,
    TemporaryError,
    TopicUnsupported,
)
from integrations.failures import describe
from integrations.models import Connection, Flow, InboxEvent, SyncRecord
from integrations.models.account import reader_of
from integrations.models.removal import HAS_CONTENT
from integrations.models.vault import SealBroken
from integrations.sync.access import note_failure
from integrations.sync.mapping import map_record
from mappings.engine import Document, Mapped, Problem, SumCheck, Trace
from mappings.engine.building import without_places
from mappings.engine.values import text_of
from mappings.models import MappingDocument, MappingVersion

MOST = 25


@dataclass(frozen=True)
class Trial:
    """What a version makes of one record, or why that could not be found out."""

    record: SyncRecord
    mapped: Mapped | None = None
    error: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Field:
    """One target field of a trial: its value, where from, and what is wrong.

    `sources` and `sensitivity` are those of its row, as in a `Trace`.
    """

    target: str
    value: str
    source: str = ""
    problems: tuple[Problem, ...] = ()
    sources: tuple[str, ...] = ()
    sensitivity: str = ""


class Verdict(StrEnum):
    """What a totals check says about a trial."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "not checked: a part is missing"


def flows_of(document: MappingDocument) -> QuerySet[Flow]:
    return Flow.objects.filter(mapping=document).select_related("source", "target")


def latest_records(document: MappingDocument, words: str = "") -> QuerySet[SyncRecord]:
    """Return the latest source objects of the flows that use a document."""
    found = SyncRecord.objects.filter(HAS_CONTENT, flow__mapping=document)
    if words:
        found = found.filter(
            Q(label__icontains=words)
            | Q(party__icontains=words)
            | Q(email__icontains=words)
            | Q(source_key=words)
        )
    return found.select_related("flow").defer("source", "edited")[:MOST]


def latest_events(document: MappingDocument) -> QuerySet[InboxEvent]:
    """Return the latest deliveries from the sources of a document."""
    sources = flows_of(document).values("source")
    found = InboxEvent.objects.filter(connection__in=sources, records=None)
    return found.select_related("connection").defer("body")[:MOST]


def record_from(event: InboxEvent, document: MappingDocument) -> SyncRecord:
    """Return an unsaved record of a delivery, as its flow would enter it.

    Raises UnreadablePayload, and TopicUnsupported when no flow of this document
    takes what the delivery carries.
    """
    try:
        found = reader_of(event.connection).read_webhook(event.topic, event.raw)
    except OnlyNamed as named:
        raise TopicUnsupported(f"{named} Choose a delivery that does.") from named
    flow = (
        flows_of(document)
        .filter(source=event.connection, source_entity=found.entity)
        .first()
    )
    if flow is None:
        raise TopicUnsupported(
            f"This delivery carries a {found.entity}; no flow takes that through "
            f"{document}."
        )
    payload: Any = found.payload
    return SyncRecord(
        flow=flow,
        target_connection=flow.target,
        source_key=found.key,
        event=event,
        source=payload,
        label=found.label,
        party=found.party,
        email=found.email,
        amount=found.amount,
        currency=found.currency,
    )


def try_out(version: MappingVersion, record: SyncRecord) -> Trial:
    """Map one record by one version, saying in words when that cannot be done."""
    try:
        return Trial(record, map_record(record, version))
    except (ConnectorError, ValueError, SealBroken) as error:
        note_failure(record.flow.target, error)
        return Trial(record, error=_words(error), remedy=_remedy(error, record))


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _remedy(error: Exception, record: SyncRecord) -> str:
    if isinstance(error, TemporaryError | LimitReached):
        return "Try the preview again in a minute; nothing waits for it."
    target: Connection = record.flow.target
    return describe(error, target=target.name).remedy


def fields_of(mapped: Mapped) -> list[Field]:
    """Return every target field with its problems; fields without a value first."""
    wrong: dict[str, list[Problem]] = {}
    for problem in mapped.problems:
        wrong.setdefault(problem.target, []).append(problem)
    filled = [_field(one, wrong.pop(one.target, ())) for one in mapped.trace]
    bare = [_field(found[0], found) for found in wrong.values()]
    return bare + filled


def _field(one: Trace | Problem, problems: Iterable[Problem]) -> Field:
    return Field(
        target=one.target,
        value=shown(one.value),
        source=one.source,
        problems=tuple(problems),
        sources=one.sources,
        sensitivity=one.sensitivity,
    )


def shown(value: Any) -> str:
    return exact.dumps(value) if isinstance(value, dict | list) else text_of(value)


def totals_of(version: MappingVersion, mapped: Mapped) -> list[tuple[str, Verdict]]:
    """Return what each totals check of a version says."""
    return _totals([one.as_check() for one in version.checks.all()], mapped)


def totals_of_document(document: Document, mapped: Mapped) -> list[tuple[str, Verdict]]:
    """Return what each totals check of a document says, stored or not."""
    return _totals(document.checks, mapped)


def _totals(checks: Iterable[SumCheck], mapped: Mapped) -> list[tuple[str, Verdict]]:
    failed = {problem.row for problem in mapped.problems}
    refused = {without_places(problem.target) for problem in mapped.problems}
    found = []
    for check in checks:
        parts = {without_places(part) for part in check.parts}
        verdict = Verdict.OPEN if parts & refused else Verdict.HOLDS
        found.append((check.name, Verdict.FAILS if check.name in failed else verdict))
    return found
