"""Finds what people look for by one word: whatever it is, by indexes alone.

Every question is one look into one index and is bounded, so a search takes as long
among millions of records as among ten. Parts of words are not looked for.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Q, QuerySet

from errorqueue import keys as line_keys
from errorqueue.models import Cause, FailedRecord, LineKey
from integrations.connectors.base import Found
from integrations.connectors.errors import ConnectorError
from integrations.connectors.registry import connector_class
from integrations.failures import describe
from integrations.models import Connection, InboxEvent, Link, RecordKey, SyncRecord
from integrations.models.account import keyless_of
from integrations.models.key import folded
from integrations.models.vault import SealBroken
from integrations.sync.access import note_failure
from integrations.sync.outbound import connector_for
from integrations.sync.story import records, spaced

MOST = 25
# One more than is shown tells that there are more.
LOOKED_AT = MOST + 1
LONGEST = 254
_LINE = re.compile(r"err-([0-9]{1,18})", re.I)
_CAUSE = re.compile(r"cause-([0-9]{1,18})", re.I)
# An external id ends with the source's own id, and so does an id of Shopify's GraphQL.
_OWN_ID = re.compile(r"(?:-|/)(\d{6,})$")
# What names one thing; a field path or a word of a customer's name names many.
TELLING = (
    LineKey.Name.ORDER,
    LineKey.Name.SKU,
    LineKey.Name.EMAIL,
    LineKey.Name.SOURCE_ID,
    LineKey.Name.TARGET_ID,
    LineKey.Name.EXTERNAL_ID,
)


@dataclass(frozen=True)
class Hits:
    """What a word led to, newest first and `MOST` of each kind."""

    word: str
    records: tuple[SyncRecord, ...] = ()
    lines: tuple[FailedRecord, ...] = ()
    causes: tuple[Cause, ...] = ()
    deliveries: tuple[InboxEvent, ...] = ()
    more: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not (self.records or self.lines or self.causes or self.deliveries)

    @property
    def only_record(self) -> SyncRecord | None:
        """The one record that was surely meant, if there is no choice."""
        named = _LINE.fullmatch(self.word) or self.causes or self.deliveries
        if len(self.records) != 1 or named:
            return None
        ours = {str(self.records[0].pk)}
        return (
            self.records[0] if {one.object_id for one in self.lines} <= ours else None
        )


def find(text: str, also: Iterable[int] = ()) -> Hits:
    """Look a word up everywhere; `also` are records known from elsewhere."""
    word = text.strip()[:LONGEST]
    if not word and not also:
        return Hits("")
    causes = _causes(word)
    deliveries = _deliveries(word)
    lines = _lines(word, causes)
    found = _records(word, lines, deliveries, also)
    lines = _with_lines_of(found, lines)
    groups: dict[str, list[Any]] = {
        "records": found,
        "lines": lines,
        "deliveries": deliveries,
    }
    return Hits(
        word,
        tuple(found[:MOST]),
        tuple(lines[:MOST]),
        tuple(causes),
        tuple(deliveries[:MOST]),
        frozenset(name for name, rows in groups.items() if len(rows) > MOST),
    )


# Records


def _records(
    word: str,
    lines: list[FailedRecord],
    deliveries: list[InboxEvent],
    also: Iterable[int],
) -> list[SyncRecord]:
    pks = {*also, *_subjects(lines, word)}
    if word:
        pks |= {*_named(word), *_keyed(word), *_linked(word), *_told(deliveries)}
    newest = sorted(pks, reverse=True)[:LOOKED_AT]
    return list(records().filter(pk__in=newest).order_by("-pk"))


def _named(word: str) -> Iterator[int]:
    """Ask the columns of the line that have an index, each on its own."""
    bare = word.lstrip("#")
    yield from _newest(Q(label__in=sorted({word, bare, f"#{bare}"})))
    if "@" in word:
        yield from _newest(Q(email__in=sorted({word, word.lower()})))
    else:
        yield from _newest(Q(source_key__in=_ids_in(word)))


def _newest(where: Q) -> QuerySet[SyncRecord, int]:
    """Return the newest matches, sorted after they are found.

    Ordered by the key alone, a database may walk all records backwards instead.
    """
    after = (F("pk") + 0).desc()
    return (
        SyncRecord.objects.filter(where)
        .order_by(after)
        .values_list("pk", flat=True)[:LOOKED_AT]
    )


def _ids_in(word: str) -> list[str]:
    own = _OWN_ID.search(word)
    return [word, own[1]] if own else [word]


def _keyed(word: str) -> QuerySet[RecordKey, int]:
    known = [RecordKey.Name.SKU, RecordKey.Name.TRACKING]
    found = RecordKey.objects.filter(name__in=known, value=folded(word))
    return found.order_by("-record").values_list("record", flat=True)[:LOOKED_AT]


def _linked(word: str) -> Iterator[int]:
    """Follow the ids of the other side back to the records that led there."""
    by_id = Link.objects.filter(target_id=word)[:LOOKED_AT]
    by_key = Link.objects.filter(external_id=word)[:LOOKED_AT]
    return _behind([*by_id, *by_key])


def _behind(links: Iterable[Link]) -> Iterator[int]:
    pairs = {
        (one.source_connection_id, one.source_entity, one.source_id) for one in links
    }
    if not pairs:
        return
    candidates = SyncRecord.objects.filter(source_key__in={key for *_, key in pairs})
    for pk, *pair in candidates.order_by().values_list(
        "pk", "flow__source", "flow__source_entity", "source_key"
    ):
        if tuple(pair) in pairs:
            yield pk


def _told(deliveries: list[InboxEvent]) -> Iterator[int]:
    """Return the records that these deliveries told about."""
    if not deliveries:
        return
    pks = [event.pk for event in deliveries]
    told = RecordKey.objects.filter(
        name=RecordKey.Name.DELIVERY, value__in=[str(pk) for pk in pks]
    )
    yield from told.values_list("record", flat=True)[:LOOKED_AT]
    entered = SyncRecord.objects.filter(event__in=pks).order_by()
    yield from entered.values_list("pk", flat=True)[:LOOKED_AT]


def _subjects(lines: list[FailedRecord], word: str) -> Iterator[int]:
    """Return the record of a line that was asked for by its own number."""
    kind = ContentType.objects.get_for_model(SyncRecord).pk
    for line in lines if _LINE.fullmatch(word) else ():
        if line.content_type_id == kind:
            yield int(line.object_id)


# Failed records, causes, deliveries


def _lines(word: str, causes: list[Cause]) -> list[FailedRecord]:
    if named := _LINE.fullmatch(word):
        return list(_light().filter(pk=int(named[1])))
    if causes:
        ours = _light().open().filter(cause__in=causes)
        return list(ours.order_by("-first_failed_at")[:LOOKED_AT])
    known = LineKey.objects.filter(name__in=TELLING, value=line_keys.folded(word))
    pks = list(known.order_by("-line").values_list("line", flat=True)[:LOOKED_AT])
    return list(_light().filter(pk__in=pks).order_by("-pk")) if word else []


def _light() -> Any:
    return FailedRecord.objects.defer("raw", "problems", "why", "remedy", "first_error")


def _with_lines_of(
    found: list[SyncRecord], lines: list[FailedRecord]
) -> list[FailedRecord]:
    """Add the lines about the records that were found."""
    kind = ContentType.objects.get_for_model(SyncRecord)
    about = _light().filter(
        content_type=kind, object_id__in=[str(one.pk) for one in found[:MOST]]
    )
    known = {one.pk: one for one in [*lines, *about.order_by("-pk")[:LOOKED_AT]]}
    return [known[pk] for pk in sorted(known, reverse=True)][:LOOKED_AT]


def _causes(word: str) -> list[Cause]:
    named = _CAUSE.fullmatch(word)
    return list(Cause.objects.filter(pk=int(named[1]))) if named else []


def _deliveries(word: str) -> list[InboxEvent]:
    """One index knows delivery ids, by connection."""
    known = list(Connection.objects.values_list("pk", flat=True))
    found = InboxEvent.objects.filter(connection__in=known, delivery_id=word)
    light = found.select_related("connection").defer("body", "headers")
    return list(light.order_by("-pk")[:LOOKED_AT]) if word else []


# Numbers that only the other system knows


@dataclass(frozen=True)
class Elsewhere:
    """A record of another system that has the number; `records` are ours."""

    name: str
    url: str
    records: tuple[int, ...]


@dataclass(frozen=True)
class Asked:
    """What other systems said, and what is wrong with those that could not say."""

    found: tuple[Elsewhere, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def records(self) -> set[int]:
        return {pk for one in self.found for pk in one.records}

    @property
    def strangers(self) -> list[Elsewhere]:
        """What is there, but was not brought there by us."""
        return [one for one in self.found if not one.records]


def askable() -> list[Connection]:
    """Return the connections that can be asked for a number people know."""
    return [
        connection
        for connection in Connection.objects.all()
        if connector_class(connection.system).knows_numbers
    ]


def askable_for(word: str) -> list[Connection]:
    """Return those that may know a word: an address or a number of ours is none."""
    is_ours = "@" in word or _LINE.fullmatch(word) or _CAUSE.fullmatch(word)
    return [] if not word or is_ours else askable()


def ask(word: str) -> Asked:
    """Ask them for a document number, one short call each; reads only."""
    found: list[Elsewhere] = []
    problems: list[str] = []
    for connection in askable():
        try:
            numbered = connector_for(connection).numbered(word.strip()[:LONGEST])
        except (ConnectorError, SealBroken) as error:
            note_failure(connection, error)
            why = describe(error, target=connection.name).why
            problems.append(f"{connection} could not be asked. {why}")
        else:
            found += [_elsewhere(connection, *one) for one in numbered]
    return Asked(tuple(found), tuple(problems))


def _elsewhere(connection: Connection, record_type: str, found: Found) -> Elsewhere:
    links = Link.objects.filter(target_connection=connection, target_id=found.id)
    ours = [one for one in links[:LOOKED_AT] if one.target_record == record_type]
    kind = spaced(record_type) or "record"
    return Elsewhere(
        f"{kind.capitalize()} {found.label} in {connection}",
        keyless_of(connection).record_url(record_type, found.id),
        tuple(_behind(ours)),
    )
