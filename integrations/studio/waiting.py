"""Which failed records wait for a value of a value table, and their retry."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from errorqueue import wording
from errorqueue.bulk import running
from errorqueue.bulk.rights import may_run
from errorqueue.failures import FailureKind
from errorqueue.models import BulkRun, FailedRecord
from integrations.models import Flow
from mappings.engine import Kind
from mappings.engine.building import without_places
from mappings.models import (
    MappingRow,
    MappingSection,
    MappingVersion,
    ValueTable,
    ValueTableRow,
)
from mappings.tables.likeness import ANYTHING_ELSE
from mappings.tables.surroundings import Waiting

# Of more than so many failed records the newest are looked at.
MOST_LINES = 20_000
MOST_IN_A_RUN = 5_000


class Use(NamedTuple):
    """A published row that reads a table, on one flow; `target` is its whole path."""

    table: int
    flow: str
    target: str
    is_lookup: bool
    document: int


def uses_of(tables: Collection[int] | None = None) -> list[Use]:
    """Return where tables are read by flows now; three queries."""
    published = MappingVersion.State.PUBLISHED
    rows = MappingRow.objects.filter(
        table__isnull=False, version__state=published
    ).order_by("version", "position", "pk")
    if tables is not None:
        rows = rows.filter(table__in=tables)
    columns = ("table", "kind", "section", "target", "version", "version__document")
    found = list(rows.values_list(*columns))
    sections = _sections({one[4] for one in found})
    flows = _flows({one[5] for one in found})
    return [
        Use(table, flow, _whole(sections, version, section, target), kind == Kind.LOOKUP, document)
        for table, kind, section, target, version, document in found
        for flow in flows.get(document, ())
    ]  # fmt: skip


def _sections(versions: set[int]) -> dict[tuple[int, str], str]:
    rows = MappingSection.objects.filter(version__in=versions).order_by()
    return {(row.version_id, row.name): row.target for row in rows}


def _flows(documents: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    flows = Flow.objects.filter(mapping__in=documents).order_by("name")
    for document, name in flows.values_list("mapping", "name"):
        found.setdefault(document or 0, []).append(name)
    return found


def _whole(
    sections: Mapping[tuple[int, str], str], version: int, section: str, target: str
) -> str:
    around = sections.get((version, section), "") if section else ""
    return without_places(f"{around}.{target}" if around else target)


@dataclass
class _Group:
    """Lines with one value of one table."""

    ids: list[int] = field(default_factory=list)
    sums: dict[str, Decimal] = field(default_factory=dict)
    is_mended: bool = False
    is_unlisted: bool = True

    def add(self, line: int, amount: Decimal | None, currency: str) -> None:
        if line in self.ids[-1:]:  # two of its lines have the same value
            return
        self.ids.append(line)
        if amount is not None and currency:
            self.sums[currency] = self.sums.get(currency, Decimal(0)) + amount

    def as_waiting(self, value: str) -> Waiting:
        largest = sorted(self.sums.items(), key=lambda pair: -pair[1])
        money = tuple(wording.money(total, name) for name, total in largest)
        return Waiting(value, tuple(self.ids), money, self.is_mended, self.is_unlisted)


def waiting_for(
    tables: Collection[int] | None = None,
) -> dict[tuple[int, str], Waiting]:
    """Return who waits, by table and value; a handful of queries, however many wait.

    Counted are records that need a person. A value is mended once its table holds
    it, or no longer gives the wrong target value that was refused.
    """
    uses = uses_of(tables)
    if not uses:
        return {}
    rows = _rows_of({use.table for use in uses})
    groups: dict[tuple[int, str], _Group] = {}
    for line, amount, currency, use, problem in _troubles(uses):
        key = (use.table, str(problem.get("value", "")))
        group = groups.setdefault(key, _Group())
        group.add(line, amount, currency)
        group.is_unlisted = is_unlisted(problem)
        group.is_mended = _is_mended(rows.get(use.table, {}), key[1], problem)
    return {key: group.as_waiting(key[1]) for key, group in groups.items()}


def _rows_of(tables: set[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    rows = ValueTableRow.objects.filter(table__in=tables).order_by()
    for table, source, target in rows.values_list("table", "source", "target"):
        found.setdefault(table, {})[source] = target
    return found


def _troubles(
    uses: list[Use],
) -> Iterator[tuple[int, Decimal | None, str, Use, dict[str, Any]]]:
    """Give each problem of an open line that stands at a field that reads a table."""
    by_field = {(use.flow, use.target): use for use in uses}
    lines = FailedRecord.objects.filter(
        status=FailedRecord.Status.FAILED,
        kind=FailureKind.MAPPING,
        flow__in={use.flow for use in uses},
    ).order_by("-pk")
    columns = ("pk", "flow", "amount", "currency", "problems")
    for pk, flow, amount, currency, problems in lines.values_list(*columns)[
        :MOST_LINES
    ].iterator(1000):
        for problem in problems:
            use = by_field.get((flow, without_places(problem.get("target", ""))))
            if use and problem.get("value"):
                yield pk, amount, currency, use, problem


def is_unlisted(problem: Mapping[str, Any]) -> bool:
    """Say whether a table had no row for a value: then it names those that it has."""
    return bool(problem.get("allowed"))


def _is_mended(rows: dict[str, str], value: str, problem: dict[str, Any]) -> bool:
    if is_unlisted(problem):
        return value in rows or ANYTHING_ELSE in rows
    return value not in rows.values() and bool(rows)


def mended(tables: Collection[int] | None = None) -> list[tuple[int, Waiting]]:
    """Return who could go now, by table: their value was put right meanwhile."""
    found = waiting_for(tables)
    return [(table, one) for (table, _), one in found.items() if one.is_mended]


class NothingToRetry(ValueError):
    """No record waits for that any more."""


class NotAllowed(PermissionError):
    """The person has no right to retry records in bulk."""


def may_retry(user: Any) -> bool:
    """Say whether somebody may send waiting records again."""
    return may_run(user, BulkRun.Verb.RETRY)


def retry(table: ValueTable, values: Collection[str], by: Any) -> BulkRun:
    """Pre-flight what waited for these values, then retry what would pass.

    Raises NotAllowed, and NothingToRetry when others were quicker.
    """
    if not may_retry(by):
        raise NotAllowed
    ids = [
        pk
        for _, waiting in mended([table.pk])
        if waiting.value in values or not values
        for pk in waiting.ids
    ]
    chosen = list(dict.fromkeys(ids))[:MOST_IN_A_RUN]
    if not chosen:
        raise NothingToRetry("No record waits for these values any more.")
    return running.start(
        BulkRun.Verb.PREFLIGHT,
        by,
        chosen=chosen,
        options={"then": BulkRun.Verb.RETRY.value},
        reason=f"The value table {table} was changed.",
    )
