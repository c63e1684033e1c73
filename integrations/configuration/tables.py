"""Value tables and their rows."""

from typing import Any

from integrations.configuration.changes import Changes, counted, put, show
from integrations.configuration.problems import Problems
from integrations.configuration.schema import Wanted
from integrations.configuration.values import Item
from mappings.changes import Change, tell
from mappings.models import ValueTable, ValueTableRow
from mappings.rows import MOST_ROWS
from mappings.tables.editing import (
    Cells,
    RowEdit,
    cells_of,
    fault_in,
    lock,
    save_rows,
)


def check_tables(wanted: Wanted, problems: Problems) -> None:
    """A table from a file keeps to what its page can hold."""
    for item in wanted.value_tables:
        rows = item.get("rows", {})
        if len(rows) > MOST_ROWS:
            text = f"It has {len(rows):,} rows, and a value table takes {MOST_ROWS:,}."
            problems.add(item.at("rows"), text, "Make two tables of it.")
        whole = {key: row for key, row in rows.items() if "target" in row}
        for source, columns in whole.items():
            fault = fault_in((source, columns["target"], columns.get("note", "")))
            if fault:
                problems.add(item.at("rows"), f"Row {source}: {fault}")


def apply_tables(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.value_tables:
        subject = f"value table {item.get('name')}"
        table = ValueTable.objects.filter(name=item.get("name")).first() or ValueTable()
        words = f"created with {counted(len(item.get('rows')), 'row')}"
        row_changes = changes if table.pk else Changes()
        facts = item.only(("name", "purpose", "note"))
        _put_table(table, subject, facts, item, changes, words)
        _apply_rows(table, subject, item, row_changes)


def _put_table(
    table: ValueTable,
    subject: str,
    facts: dict[str, Any],
    item: Item,
    changes: Changes,
    words: str,
) -> None:
    """Save what a table says of itself, and put each change into the trail."""
    is_new = table.pk is None
    before = {name: str(getattr(table, name)) for name in facts}
    put(table, subject, facts, item, changes, words)
    if is_new:
        tell(Change("table", table.pk, "made", f"'{table.name}'"), None)
        return
    for name, old in before.items():
        new = str(getattr(table, name))
        if old != new:
            label = name.capitalize()
            tell(Change("table", table.pk, "changed", "", label, old, new), None)


def _apply_rows(table: ValueTable, subject: str, item: Item, changes: Changes) -> None:
    """Make the rows those of the file: told, and settled, as if a person typed them."""
    lock(table)
    stored = {row.source: row for row in table.rows.all()}
    edits: list[RowEdit] = []
    asked: dict[str, dict[str, str]] = item.get("rows")
    for source, columns in asked.items():
        row = stored.get(source)
        note = columns.get("note", row.note if row else "")
        cells = (source, columns["target"], note)
        edits.append(_edit(len(edits), cells, row))
        if edits[-1].is_changed:
            changes.add(subject, _words(row, cells, item))
    for source in sorted(stored.keys() - asked.keys()):
        row = stored[source]
        edits.append(_edit(len(edits), cells_of(row), row, is_removed=True))
        changes.add(subject, f"row {source} removed")
    save_rows(table, edits, None)


def _edit(
    place: int, cells: Cells, row: ValueTableRow | None, *, is_removed: bool = False
) -> RowEdit:
    if row is None:
        return RowEdit(place, cells)
    return RowEdit(place, cells, row.pk, cells_of(row), is_removed=is_removed)


def _words(row: ValueTableRow | None, cells: Cells, item: Item) -> str:
    source, target, note = cells
    if item.is_filled("rows"):
        return f"row {source} {'changed' if row else 'added'}"
    if row is None:
        return f"row {source} → {target} added"
    if row.target == target:
        return f"row {source}: note {show(row.note)} → {show(note)}"
    return f"row {source}: {row.target} → {target}"


def export_tables() -> list[dict[str, Any]]:
    return [
        {
            "name": table.name,
            "purpose": table.purpose,
            "note": table.note,
            "rows": {row.source: _pair(row) for row in table.rows.order_by("source")},
        }
        for table in ValueTable.objects.order_by("name").prefetch_related("rows")
    ]


def _pair(row: ValueTableRow) -> Any:
    return {"target": row.target, "note": row.note} if row.note else row.target
