"""Changing a value table: what two people do at once, both keep."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from mappings.changes import Change, tell
from mappings.models import SeenValue, ValueTable, ValueTableRow
from mappings.rows import MOST_ROWS

FIELDS = ("source", "target", "note")
LABELS = {"source": "Source value", "target": "Target value", "note": "Note"}
LONGEST = 200

Cells = tuple[str, str, str]


@dataclass(frozen=True)
class RowEdit:
    """One row as a person left it; `shown` is how it stood on their page.

    A row without `pk` is new. `faults` and clashes are told by `index`.
    """

    index: int
    cells: Cells
    pk: int | None = None
    shown: Cells | None = None
    is_removed: bool = False

    @property
    def is_changed(self) -> bool:
        return self.is_removed or self.cells != self.shown

    @property
    def is_blank(self) -> bool:
        return self.pk is None and not any(self.cells)


class NotSaved(Exception):
    """Nothing was saved; `by_row` says what is wrong with which row.

    `now` holds how a row stands that somebody else changed meanwhile; None for one
    that is gone.
    """

    def __init__(
        self, by_row: dict[int, str], now: dict[int, Cells | None] | None = None
    ) -> None:
        super().__init__(" ".join(by_row.values()))
        self.by_row = by_row
        self.now = now or {}


@transaction.atomic
def save_rows(table: ValueTable, edits: Iterable[RowEdit], by: Any) -> int:
    """Save what a person changed and nothing else; return how many rows that were.

    Raises NotSaved when a value cannot be, or when somebody else changed the same
    row since it was shown: both values are told and nothing is stored.
    """
    lock(table)
    standing = {row.pk: row for row in table.rows.all()}
    wanted = [one for one in edits if one.is_changed and not one.is_blank]
    there = {cells_of(row)[:2] for row in standing.values()}
    meant = [one for one in wanted if not _is_done(one, standing, there)]
    _refuse_clashes(meant, standing)
    _refuse_faults(meant, standing)
    _refuse_too_many(meant, len(standing))
    for edit in sorted(meant, key=lambda one: not one.is_removed):
        _apply(table, edit, standing, by)
    if meant:
        _settle_seen(table, meant, by)
        table.touch()
    return len(meant)


def lock(table: ValueTable) -> None:
    """Let one person at a time change a table; the other one waits, then looks."""
    ValueTable.objects.select_for_update().get(pk=table.pk)


def cells_of(row: ValueTableRow) -> Cells:
    return (row.source, row.target, row.note)


def _is_done(
    edit: RowEdit,
    standing: dict[int, ValueTableRow],
    there: set[tuple[str, str]],
) -> bool:
    """Say whether somebody else did the very same meanwhile."""
    if edit.pk is None:
        return edit.cells[:2] in there
    row = standing.get(edit.pk)
    if edit.is_removed:
        return row is None
    return row is not None and cells_of(row) == edit.cells


def _refuse_clashes(
    edits: Sequence[RowEdit], standing: dict[int, ValueTableRow]
) -> None:
    told: dict[int, str] = {}
    now: dict[int, Cells | None] = {}
    by_source = {row.source: row for row in standing.values()}
    by_key = {edit.pk: edit for edit in edits}
    for edit in edits:
        row = standing.get(edit.pk or 0)
        if edit.pk is None:
            meanwhile = by_source.get(edit.cells[0])
            if meanwhile and not _is_leaving(meanwhile, by_key.get(meanwhile.pk)):
                told[edit.index] = (
                    f"'{meanwhile.source}' is in this table already and gives "
                    f"'{meanwhile.target}'; you wrote '{edit.cells[1]}'. Change that "
                    "row, or leave this one out."
                )
        elif row is None:
            now[edit.index] = None
            told[edit.index] = (
                "Somebody else removed this row meanwhile. Save again to put yours "
                "back, or tick Remove."
            )
        elif edit.shown != cells_of(row):
            now[edit.index] = cells_of(row)
            told[edit.index] = _clash(edit, cells_of(row))
    if told:
        raise NotSaved(told, now)


def _is_leaving(row: ValueTableRow, edit: RowEdit | None) -> bool:
    return edit is not None and (edit.is_removed or edit.cells[0] != row.source)


def _clash(edit: RowEdit, cells: Cells) -> str:
    theirs, mine = f"'{cells[0]}' → '{cells[1]}'", f"'{edit.cells[0]}' → "
    yours = (
        "you removed it" if edit.is_removed else f"you wrote {mine}'{edit.cells[1]}'"
    )
    notes = ""
    if not edit.is_removed and cells[2] != edit.cells[2]:
        notes = f" Note: '{cells[2]}' there, '{edit.cells[2]}' here."
    return (
        f"Somebody else changed this row meanwhile to {theirs}; {yours}.{notes} "
        "Save again to put yours in its place, or write theirs here."
    )


def _refuse_faults(
    edits: Sequence[RowEdit], standing: dict[int, ValueTableRow]
) -> None:
    touched = {edit.pk for edit in edits}
    taken = {row.source for row in standing.values() if row.pk not in touched}
    told: dict[int, str] = {}
    for edit in edits:
        if edit.is_removed:
            continue
        if fault := fault_in(edit.cells):
            told[edit.index] = fault
        elif edit.cells[0] in taken:
            told[edit.index] = f"'{edit.cells[0]}' is in this table twice. Keep one."
        taken.add(edit.cells[0])
    if told:
        raise NotSaved(told)


def _refuse_too_many(edits: Sequence[RowEdit], standing: int) -> None:
    """Keep a table to as many rows as its page and a file can hold."""
    new = [edit.index for edit in edits if edit.pk is None]
    size = standing + len(new) - sum(edit.is_removed for edit in edits)
    if new and size > MOST_ROWS:
        text = f"A value table takes {MOST_ROWS:,} rows; this would make {size:,}."
        raise NotSaved({new[-1]: text})


def fault_in(cells: Cells) -> str:
    """Say what keeps a row from being stored, or nothing."""
    for name, text in zip(FIELDS, cells, strict=True):
        if not text and name != "note":
            return f"{LABELS[name]} is empty. Fill it in, or remove the row."
        if len(text) > LONGEST:
            return f"{LABELS[name]} has {len(text)} characters; at most {LONGEST}."
        if "\x00" in text:
            return f"{LABELS[name]} has a character that cannot be stored."
    return ""


def _apply(
    table: ValueTable, edit: RowEdit, standing: dict[int, ValueTableRow], by: Any
) -> None:
    row = standing.get(edit.pk or 0)
    before = cells_of(row) if row else ("", "", "")
    if edit.is_removed:
        table.rows.filter(pk__in=[edit.pk]).delete()
        gone = f"{before[0]} → {before[1]}"
        tell(Change("table", table.pk, "row removed", f"Row {gone}"), by)
        return
    row = row or ValueTableRow(table=table)
    row.source, row.target, row.note = edit.cells
    if before[0] and before[0] != row.source:
        _make_room(table, row)
    row.save()
    verb = "row changed" if before[0] else "row added"
    name = f"Row {before[0] or row.source}"
    for field, old, new in zip(FIELDS, before, edit.cells, strict=True):
        if old != new:
            tell(Change("table", table.pk, verb, name, LABELS[field], old, new), by)


@transaction.atomic
def remove(table: ValueTable, by: Any) -> None:
    """Delete a table, telling each of its rows. Raises ProtectedError while it is read."""
    lock(table)
    key, rows = table.pk, [str(row) for row in table.rows.all()]
    named = f"'{table.name}' with {len(rows)} row{'s' * (len(rows) != 1)}"
    table.delete()
    for row in rows:
        tell(Change("table", key, "row removed", f"Row {row}"), by)
    tell(Change("table", key, "deleted", after=named), by)


def _make_room(table: ValueTable, row: ValueTableRow) -> None:
    """Two rows may swap their sources: whoever stands in the way steps aside."""
    other = table.rows.exclude(pk=row.pk).filter(source=row.source).first()
    if other:
        ValueTableRow.objects.filter(pk=other.pk).update(source=f"\x1a{other.pk}")


def _settle_seen(table: ValueTable, edits: Sequence[RowEdit], by: Any) -> None:
    """Values that were waiting to be mapped are mapped now."""
    values = [edit.cells[0] for edit in edits if not edit.is_removed]
    news = table.seen.filter(value__in=values).exclude(state=SeenValue.State.MAPPED)
    news.update(state=SeenValue.State.MAPPED, settled_by=by)


@transaction.atomic
def save_facts(table: ValueTable, wanted: dict[str, str], by: Any) -> None:
    """Save name, purpose and note of a table, telling each change."""
    lock(table)
    changed = {
        name: (str(getattr(table, name)), value)
        for name, value in wanted.items()
        if str(getattr(table, name)) != value
    }
    for name, (old, new) in changed.items():
        setattr(table, name, new)
        label = name.capitalize()
        tell(Change("table", table.pk, "changed", "", label, old, new), by)
    if changed:
        table.save(update_fields=list(changed))
