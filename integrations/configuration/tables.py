"""Value tables and their rows."""

from typing import Any

from integrations.configuration.changes import Changes, counted, put, show
from integrations.configuration.schema import Wanted
from integrations.configuration.values import Item
from mappings.models import ValueTable, ValueTableRow


def apply_tables(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.value_tables:
        subject = f"value table {item.get('name')}"
        table = ValueTable.objects.filter(name=item.get("name")).first() or ValueTable()
        words = f"created with {counted(len(item.get('rows')), 'row')}"
        row_changes = changes if table.pk else Changes()
        facts = item.only(("name", "purpose", "note"))
        put(table, subject, facts, item, changes, words)
        _apply_rows(table, subject, item, row_changes)


def _apply_rows(table: ValueTable, subject: str, item: Item, changes: Changes) -> None:
    stored = {row.source: row for row in table.rows.all()}
    asked: dict[str, dict[str, str]] = item.get("rows")
    standing = {
        row.source: {"target": row.target, "note": row.note} for row in stored.values()
    }
    for source, columns in asked.items():
        row = stored.get(source) or ValueTableRow(table=table, source=source)
        _put_row(row, subject, columns, item, changes)
    for source in sorted(stored.keys() - asked.keys()):
        stored[source].delete()
        changes.add(subject, f"row {source} removed")
    if asked != standing:
        table.touch()


def _put_row(
    row: ValueTableRow,
    subject: str,
    columns: dict[str, str],
    item: Item,
    changes: Changes,
) -> None:
    old = {name: getattr(row, name) for name in columns}
    if row.pk is not None and old == columns:
        return
    is_new = row.pk is None
    for name, value in columns.items():
        setattr(row, name, value)
    row.save()
    changes.add(subject, _words(row, old, is_new, item))


def _words(row: ValueTableRow, old: dict[str, str], is_new: bool, item: Item) -> str:
    if item.is_filled("rows"):
        return f"row {row.source} {'added' if is_new else 'changed'}"
    if is_new:
        return f"row {row.source} → {row.target} added"
    if old["target"] == row.target:
        return f"row {row.source}: note {show(old['note'])} → {show(row.note)}"
    return f"row {row.source}: {old['target']} → {row.target}"


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
