"""Fields as the newest records show them: of accounts that do not tell of their fields.

A field is only missed when it would have been seen: the things it belongs to came,
and before it was there so often that its absence is no chance. So what is filled
now and then comes and goes without a word.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from integrations.models import Attempt, Connection, SyncRecord
from integrations.models.removal import HAS_CONTENT
from integrations.studio.comparison import leaves
from mappings.engine.building import without_places

NEWEST = 100
# Less than so many owners of a field say nothing about it.
FEWEST = 20
# A field that was seen less often than this is no field of the account yet.
OFTEN = 3
# How likely chance may be the reason that a field was not seen.
CHANCE = 0.001
DEEPEST = 8
MOST_FIELDS = 2000

Fields = Mapping[str, Mapping[str, Any]]


@dataclass
class Tally:
    """In how many groups each field was there, and how many groups there were."""

    records: int = 0
    there: Counter[str] = field(default_factory=Counter)
    owners: Counter[str] = field(default_factory=Counter)
    types: dict[str, str] = field(default_factory=dict)

    def count(self, source: Any) -> None:
        """Count the fields of one record."""
        self.records += 1
        for path, value in _fields(source, "", 0):
            self.there[path] += 1
            self.types[path] = _type(value) or self.types.get(path, "")
        for path in _groups(source, "", 0):
            self.owners[path] += 1

    def share(self, path: str) -> float:
        owners = self.owners[path.rpartition(".")[0]]
        return self.there[path] / owners if owners else 0.0

    def is_missed(self, path: str, share: float) -> bool:
        """Say whether a field that had this share would have been seen."""
        owners = self.owners[path.rpartition(".")[0]]
        return owners >= FEWEST and bool((1 - min(share, 1.0)) ** owners < CHANCE)


def tally_of(connection: Connection, entity: str) -> Tally:
    """Count the fields of the newest records of one kind, as they were received."""
    tally = Tally()
    for record in _newest(connection, entity):
        tally.count(record.source)
    return tally


def _newest(connection: Connection, entity: str) -> QuerySet[SyncRecord]:
    """Return those that came as themselves: one seen inside another says less."""
    own = Q(event=None) | Q(event__topic__icontains=entity)
    found = SyncRecord.objects.filter(
        HAS_CONTENT, own, flow__source=connection, flow__source_entity=entity
    )
    return found.order_by("-pk").only("source")[:NEWEST]


def fields_of(known: Fields, tally: Tally) -> dict[str, dict[str, Any]]:
    """Return what the account's records hold now; what cannot be told stays as known."""
    now = {
        path: _rule(tally, path)
        for path, often in list(tally.there.items())[:MOST_FIELDS]
        if path in known or often >= OFTEN
    }
    for path, rule in known.items():
        if path not in now and not tally.is_missed(path, rule.get("share") or 0.0):
            now[path] = dict(rule)
    return now


def _rule(tally: Tally, path: str) -> dict[str, Any]:
    return {
        "longest": None,
        "choices": [],
        "label": "",
        "type": tally.types[path],
        "required": False,
        "share": round(tally.share(path), 4),
    }


def _fields(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Give every field of each group, with the places in lists left out."""
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{path}.{name}".lstrip(".")
            yield here, inner
            yield from _fields(inner, here, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, path, depth)


def _groups(value: Any, path: str, depth: int) -> Iterator[str]:
    """Give the path of every group: once for each, so once for each line."""
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        yield path
        for name, inner in value.items():
            yield from _groups(inner, f"{path}.{name}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _groups(inner, path, depth)


def _type(value: Any) -> str:
    """Name the type in the words of metadata; an empty field has none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes or no"
    names = ((Mapping, "group"), (list, "list"), (str, "text"))
    return next((name for kind, name in names if isinstance(value, kind)), "number")


# What was written lately


def too_long(
    connection: Connection, record_type: str, path: str, limit: int
) -> tuple[int, int]:
    """Count the newest values of a target's field: those beyond a limit, and all."""
    lengths = [
        len(value)
        for attempt in _newest_attempts(connection, record_type)
        for at, value in leaves(attempt.payload)
        if isinstance(value, str) and without_places(at) == path
    ]
    return sum(length > limit for length in lengths), len(lengths)


def _newest_attempts(connection: Connection, record_type: str) -> QuerySet[Attempt]:
    sent = Attempt.objects.filter(
        record__target_connection=connection,
        record__flow__target_record=record_type,
        outcome=Attempt.Outcome.DELIVERED,
    )
    newest = sent.exclude(payload=None).order_by("-pk")
    return newest.only("payload")[:NEWEST]
