"""What taking a spreadsheet in would change, before anything is stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.engine import Document
from mappings.engine.difference import Difference, differences
from mappings.spreadsheet.content import Pairs
from mappings.spreadsheet.reading import Fault
from mappings.tables.editing import Cells, RowEdit


@dataclass(frozen=True)
class TableReport:
    """What would change in one value table, in words."""

    name: str
    sentences: tuple[str, ...]
    is_new: bool = False


@dataclass
class Report:
    """Every difference between what stands and what a file says, and every fault."""

    differences: list[Difference] = field(default_factory=list)
    tables: list[TableReport] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put the faults in the order of the file: sheet by sheet, line by line."""
        sheets = list(dict.fromkeys(one.place.partition("!")[0] for one in self.faults))
        self.faults.sort(key=lambda one: _cell(one.place, sheets))

    @property
    def is_blocked(self) -> bool:
        return any(fault.is_grave for fault in self.faults)

    @property
    def is_empty(self) -> bool:
        return not self.differences and not self.tables


def _cell(place: str, sheets: list[str]) -> tuple[int, int, int, str]:
    """Return where a cell stands: sheet, line, column; AA comes after Z."""
    sheet, _, cell = place.partition("!")
    column = cell.rstrip("0123456789")
    line = cell.removeprefix(column)
    return sheets.index(sheet), int(line or 0), len(column), column


def document_report(
    before: Document,
    after: Document,
    tables: Mapping[str, Pairs] | None,
    standing: Mapping[str, Pairs],
    faults: Iterable[Fault],
) -> Report:
    """Compare a document and its tables with what a file says of them."""
    found = [
        table_report(name, standing.get(name), pairs)
        for name, pairs in (tables or {}).items()
    ]
    changed = [one for one in found if one.sentences or one.is_new]
    return Report(differences(before, after), changed, list(faults))


def table_report(name: str, standing: Pairs | None, pairs: Pairs) -> TableReport:
    """Say what would become of each row of a table."""
    old = {source: (target, note) for source, target, note in standing or ()}
    new = {source: (target, note) for source, target, note in pairs}
    told = []
    for source, (target, note) in new.items():
        if source not in old:
            told.append(f"{source} → {target}: added")
        elif old[source] != (target, note):
            told.append(_changed(source, old[source], (target, note)))
    told += [
        f"{source} → {old[source][0]}: removed" for source in old if source not in new
    ]
    return TableReport(name, tuple(told), standing is None)


def _changed(source: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    if old[0] == new[0]:
        return f"{source}: note '{old[1]}' now → '{new[1]}'"
    return f"{source}: '{old[0]}' now → '{new[0]}'"


def edits_of(rows: Sequence[Any], pairs: Pairs, were: Pairs) -> list[RowEdit]:
    """Return the rows of a file as edits of those that stand.

    `were` is how the table stood when the file was looked at: what others added
    since stays, and what they changed since is told as a conflict.
    """
    wanted = {one[0]: one for one in pairs}
    shown = {one[0]: one for one in were}
    edits: list[RowEdit] = []
    for row in rows:
        if row.source in shown:
            cells = wanted.get(row.source)
            was = shown[row.source]
            edits.append(_edit(len(edits), row, cells, was))
    kept = {row.source for row in rows} & shown.keys()
    for source, cells in wanted.items():
        if source not in kept and cells != shown.get(source):
            edits.append(RowEdit(len(edits), cells))
    return edits


def _edit(index: int, row: Any, cells: Cells | None, was: Cells) -> RowEdit:
    return RowEdit(index, cells or was, row.pk, was, is_removed=cells is None)
