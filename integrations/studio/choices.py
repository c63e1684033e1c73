"""What targets take for a value table, and what a new value most likely means."""

from collections.abc import Iterable
from datetime import datetime

from errorqueue.models import Recipe
from integrations.models import Connection, Flow
from integrations.sync.metadata import age_of, rules_of, values_of
from mappings.engine import Kind
from mappings.engine.wording import record_name, system
from mappings.models import MappingRow, MappingVersion, ValueTable, ValueTableRow
from mappings.tables.checking import Offer
from mappings.tables.likeness import ANYTHING_ELSE, Choices, Known, folded


def offer_of(table: ValueTable) -> Offer:
    """Return what the targets of a table take; asks them when that is old.

    Empty when nothing reads the table yet, or the target has no short list.
    """
    values: dict[str, None] = {}
    ages: list[datetime] = []
    thing, target = "", ""
    for row, connection in _readers(table):
        found, read_at = _told(row, connection)
        values |= dict.fromkeys(found)
        ages += [read_at] if read_at else []
        thing = thing or _thing(row)
        target = target or system(connection.system, "The target")
    if not values:
        return Offer(thing=thing or "value", target=target or "The target")
    return Offer(tuple(values), thing, target, age_of(min(ages, default=None)))


def _readers(table: ValueTable) -> Iterable[tuple[MappingRow, Connection]]:
    """Give each row that reads a table with a connection its flow writes to.

    Rows of published versions; of drafts when the table is not published yet.
    """
    rows = MappingRow.objects.filter(table=table).select_related("version")
    published = rows.filter(version__state=MappingVersion.State.PUBLISHED)
    chosen = list(published) or list(rows.order_by("-version", "position")[:5])
    documents = {row.version.document_id for row in chosen}
    flows = Flow.objects.filter(mapping__in=documents).select_related("target")
    seen = set()
    for flow in flows:
        for row in chosen:
            mark = (flow.target_id, row.kind, row.record, row.by, row.target)
            if row.version.document_id == flow.mapping_id and mark not in seen:
                seen.add(mark)
                yield row, flow.target


def _told(row: MappingRow, target: Connection) -> tuple[list[str], datetime | None]:
    if row.kind == Kind.LOOKUP:
        values = values_of(target, row.record, row.by)
        return [value for value, _ in values.pairs], values.read_at
    record = row.version.document.target_record
    rules = rules_of(target, record)
    return list(rules.of(_path(row)).choices), rules.read_at


def _path(row: MappingRow) -> str:
    section = row.version.sections.filter(name=row.section).first()
    return f"{section.target}.{row.target}" if section else row.target


def _thing(row: MappingRow) -> str:
    if row.kind == Kind.LOOKUP:
        return record_name(row.record)
    return "value"


def choices_for(table: ValueTable, offer: Offer) -> Choices:
    """Return what a proposal for this table is chosen from."""
    rows = dict(table.rows.values_list("source", "target"))
    return Choices(rows, offer.values, offer.target, _elsewhere(table, rows))


def _elsewhere(table: ValueTable, own: dict[str, str]) -> dict[str, Known]:
    """Return what known fixes, and tables of the same purpose, say of a value."""
    found = {
        folded(bad): Known(own.get(good, good), f"A known fix turns '{bad}' into '{good}'.")
        for bad, good in _mended_by_hand()
        if good in own or good in own.values()
    }  # fmt: skip
    if table.purpose == ValueTable.Purpose.OTHER:
        return found
    others = ValueTableRow.objects.filter(table__purpose=table.purpose)
    others = others.exclude(table=table).exclude(source=ANYTHING_ELSE)
    for row in others.select_related("table")[:2000]:
        where = f"The table '{row.table}' turns '{row.source}' into '{row.target}'."
        found.setdefault(folded(row.source), Known(row.target, where))
    return found


def _mended_by_hand() -> list[tuple[str, str]]:
    """Return what known fixes put in place of a value that failed."""
    fixes = Recipe.objects.filter(verb=Recipe.Verb.MEND, retired_at=None)
    return [
        (fix.cause.value, str(next(iter(fix.steps.values()))))
        for fix in fixes.select_related("cause")[:500]
        if fix.cause.value and len(fix.steps) == 1
    ]
