"""Records that go through a mapping while somebody edits it: stored or golden ones.

A golden sample keeps its source, the facts around it and the answers of the look-ups,
so that it runs without asking anybody, and what the published version made of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from integrations.connectors import exact
from integrations.connectors.errors import ConnectorError
from integrations.models import Connection, SyncRecord
from integrations.models.removal import HAS_CONTENT
from integrations.models.vault import SealBroken
from integrations.sync.lookups import TargetLookups
from integrations.sync.mapping import facts_of
from integrations.sync.outbound import connector_for
from integrations.sync.preflight import memory
from integrations.sync.preview import flows_of, latest_records
from mappings.engine import Document, Found, Lookups, Mapped, apply
from mappings.models import GoldenSample, MappingDocument

NOT_ASKED = "…"
SAME, CHANGED, FAILING, KEPT_OUT = "same", "changed", "failing", "kept out"
Key = tuple[str, str, str]


@dataclass
class CalmLookups:
    """Asks the target and never raises: what could not be asked is remembered.

    A miss is asked for again after a moment only, however fast somebody types.
    """

    connection: Connection
    unanswered: dict[Key, str] = field(default_factory=dict)
    answers: dict[Key, list[Found]] = field(default_factory=dict)

    @cached_property
    def _lookups(self) -> TargetLookups:
        return TargetLookups(self.connection, connector_for(self.connection))

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        """Return every candidate; a stand-in where the target does not answer."""
        key = (record, by, value)
        if key in self.unanswered:
            return [Found(NOT_ASKED)]
        try:
            found = memory.keep(
                ("studio", self.connection.pk, *key),
                lambda: list(self._lookups.find(*key)),
            )
        except NotImplementedError:
            self.unanswered[key] = f"{self.connection} cannot be searched by name."
            return [Found(NOT_ASKED)]
        except (ConnectorError, SealBroken, ValueError) as error:
            self.unanswered[key] = str(error) or type(error).__name__
            return [Found(NOT_ASKED)]
        self.answers[key] = found
        return found


@dataclass
class KeptLookups:
    """Answers from a golden sample; what it does not hold is asked, if anybody can."""

    kept: Mapping[Key, list[Found]]
    otherwise: CalmLookups | None = None
    unanswered: dict[Key, str] = field(default_factory=dict)

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        """Return what was kept."""
        key = (record, by, value)
        if key in self.kept:
            return self.kept[key]
        if self.otherwise:
            found = self.otherwise.find(*key)
            self.unanswered.update(self.otherwise.unanswered)
            return found
        self.unanswered[key] = "No connection is there to ask."
        return [Found(NOT_ASKED)]


@dataclass(frozen=True)
class Subject:
    """One record in hand, ready to be mapped as often as somebody types."""

    name: str
    source: Any
    facts: Mapping[str, Any]
    lookups: CalmLookups | KeptLookups
    record: SyncRecord | None = None
    sample: GoldenSample | None = None

    @property
    def key(self) -> str:
        """Return how a page asks for it again."""
        if self.sample:
            return f"sample-{self.sample.pk}"
        return f"record-{self.record.pk}" if self.record else ""

    def run(self, document: Document) -> Mapped:
        """Map it; raises ValueError or TypeError for a record that no engine takes."""
        lookups: Lookups = self.lookups
        return apply(document, self.source, facts=self.facts, lookups=lookups)


def subject_of(record: SyncRecord) -> Subject:
    """Take a stored record; raises ValueError when its facts cannot be made."""
    lookups = CalmLookups(record.flow.target)
    return Subject(str(record), record.payload, facts_of(record), lookups, record)


def subject_of_sample(sample: GoldenSample, *, ask: bool = False) -> Subject:
    """Take a golden sample; `ask` lets look-ups it does not know go to the target."""
    otherwise = None
    flow = flows_of(sample.document).first() if ask else None
    if flow:
        otherwise = CalmLookups(flow.target)
    lookups = KeptLookups(answers_of(sample), otherwise)
    source, facts = unpacked(sample.source), unpacked(sample.facts)
    return Subject(sample.name, source, facts, lookups, sample=sample)


def records_of(document: MappingDocument) -> QuerySet[SyncRecord]:
    """Return the records of the flows that use a document."""
    found = SyncRecord.objects.filter(HAS_CONTENT, flow__mapping=document)
    return found.select_related("flow__source", "flow__target")


def chosen(document: MappingDocument, key: str) -> Subject | None:
    """Return what a page asked for, else a golden sample, else the latest record."""
    kind, _, number = key.partition("-")
    if number.isdecimal() and len(number) < 19:
        if kind == "record":
            record = records_of(document).filter(pk=int(number)).first()
            return subject_of(record) if record else None
        if kind == "sample":
            sample = document.samples.filter(pk=int(number)).first()
            return subject_of_sample(sample, ask=True) if sample else None
    latest = latest_records(document).values_list("pk", flat=True).first()
    if latest:
        return subject_of(records_of(document).get(pk=latest))
    first = document.samples.first()
    return subject_of_sample(first, ask=True) if first else None


class NotKept(Exception):
    """A record cannot become a golden sample; says why and what to do."""


def keep(record: SyncRecord, name: str, by: Any) -> GoldenSample:
    """Keep a record with its facts and answers, and what the published version makes.

    Raises NotKept when a look-up cannot be answered now or the name is taken.
    """
    document = record.flow.mapping
    if document is None:
        raise NotKept(f"The flow {record.flow} has no mapping document.")
    name = name.strip()[:120] or str(record)
    if document.samples.filter(name=name).exists():
        raise NotKept(f"There is a sample “{name}” already. Choose another name.")
    subject = subject_of(record)
    versions = [one for one in (document.published(), document.open_line()) if one]
    made = [subject.run(version.as_document()) for version in versions]
    if subject.lookups.unanswered:
        why = next(iter(subject.lookups.unanswered.values()))
        raise NotKept(f"The target could not be asked: {why} Try again later.")
    has_published = bool(versions) and versions[0].state == versions[0].State.PUBLISHED
    answers = (
        subject.lookups.answers if isinstance(subject.lookups, CalmLookups) else {}
    )
    return document.samples.create(
        name=name,
        source=packed(subject.source),
        facts=packed(dict(subject.facts)),
        found=[
            [*key, [[one.id, one.label, one.inactive] for one in found]]
            for key, found in answers.items()
        ],
        expected=packed(outcome_of(made[0])) if has_published else None,
        added_by=by,
    )


def outcome_of(mapped: Mapped) -> dict[str, Any]:
    """Return what is compared of a result: the payload, the problems, the rule."""
    return {
        "payload": mapped.payload,
        "problems": [f"{one.target}: {one.rule}" for one in mapped.problems],
        "excluded": mapped.excluded,
    }


def verdict_of(sample: GoldenSample, document: Document) -> str:
    """Say whether a document makes of a sample what the published version made."""
    try:
        mapped = subject_of_sample(sample).run(document)
    except (ValueError, TypeError):
        return FAILING
    expected = unpacked(sample.expected)
    if mapped.problems and not (expected and expected.get("problems")):
        return FAILING
    if expected is None:
        return KEPT_OUT if mapped.excluded else SAME
    found = exact.loads(exact.dumps(outcome_of(mapped)))
    return SAME if found == expected else CHANGED


def answers_of(sample: GoldenSample) -> dict[Key, list[Found]]:
    """Return the look-ups of a sample as they were answered."""
    return {
        (record, by, value): [Found(*one) for one in found]
        for record, by, value, found in sample.found
    }


def packed(value: Any) -> Any:
    """Write a value so that a JSON column keeps every digit of it."""
    return exact.dumps(value)


def unpacked(kept: Any) -> Any:
    """Read what `packed` wrote."""
    return exact.loads(kept) if isinstance(kept, str) else kept
