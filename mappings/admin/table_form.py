"""What a person sees and types on the page of a value table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings.models import ValueTable
from mappings.tables.editing import Cells, NotSaved, RowEdit, cells_of
from mappings.tables.surroundings import Waiting

BLANKS = 3
FACTS = ("name", "purpose", "note")
LONGEST = {"name": 80, "purpose": 12, "note": 200}


@dataclass
class ShownRow:
    """One row of the page; `was` is how it stood when it was shown."""

    index: int
    source: str = ""
    target: str = ""
    note: str = ""
    pk: int | None = None
    was: str = ""
    is_removed: bool = False
    error: str = ""
    remarks: list[str] = field(default_factory=list)
    waiting: Waiting | None = None

    @property
    def is_blank(self) -> bool:
        return self.pk is None and not (self.source or self.target or self.note)


@dataclass
class TableForm:
    """The page's boxes with their values and faults."""

    table: ValueTable
    rows: list[ShownRow]
    facts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        standing = {name: str(getattr(self.table, name)) for name in FACTS}
        self.facts = self.facts or standing
        self.was = json.dumps(standing)
        self._add_blanks()

    def _add_blanks(self) -> None:
        next_one = max((row.index for row in self.rows), default=-1) + 1
        missing = BLANKS - sum(row.is_blank for row in self.rows)
        self.rows += [ShownRow(next_one + n) for n in range(max(missing, 0))]

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors) or any(row.error for row in self.rows)

    @property
    def filled(self) -> list[ShownRow]:
        return [row for row in self.rows if not row.is_blank]

    def with_fact(self, name: str, fault: str) -> "TableForm":
        self.errors[name] = fault
        return self

    def with_faults(self, reason: NotSaved) -> "TableForm":
        """Mark what was not saved; what others did meanwhile counts as shown now."""
        for row in self.rows:
            row.error = reason.by_row.get(row.index, "")
            if row.index in reason.now:
                cells = reason.now[row.index]
                row.pk, row.was = (row.pk, as_was(cells)) if cells else (None, "")
        return self

    def whole(self) -> "TableForm":
        """Show every row again: the page sends only those that somebody touched."""
        sent = {row.pk: row for row in self.rows if row.pk is not None}
        standing = list(self.table.rows.all())
        known = [
            sent.pop(row.pk) if row.pk in sent else _shown(0, row) for row in standing
        ]
        typed = [row for row in self.rows if row.pk is None and not row.is_blank]
        blank = [row for row in self.rows if row.is_blank]
        self.rows = [*known, *sent.values(), *typed, *blank]
        for place, row in enumerate(self.rows):
            row.index = place
        return self


def rows_shown(table: ValueTable) -> list[ShownRow]:
    """Return the rows of a table as its page first shows them."""
    return [_shown(index, row) for index, row in enumerate(table.rows.all())]


def _shown(index: int, row: Any) -> ShownRow:
    cells = cells_of(row)
    return ShownRow(index, *cells, pk=row.pk, was=as_was(cells))


def as_was(cells: Cells) -> str:
    return json.dumps(cells, ensure_ascii=False)


class Posted:
    """A page that came back: its rows as edits, its facts as typed."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.edits = [self._edit(index) for index in self._indexes()]
        self.facts = {name: self._text(name) for name in FACTS}
        self.facts_were: dict[str, str] = _as_dict(self._text("was"))

    @property
    def adds(self) -> bool:
        return any(one.pk is None and not one.is_blank for one in self.edits)

    @property
    def removes(self) -> bool:
        return any(one.is_removed for one in self.edits)

    def facts_changed(self) -> dict[str, str]:
        """Return the facts a person changed; the others keep what others made them."""
        were = self.facts_were
        return {
            name: text for name, text in self.facts.items() if text != were.get(name)
        }

    def form(self, table: ValueTable) -> TableForm:
        rows = [
            ShownRow(
                one.index,
                *one.cells,
                pk=one.pk,
                was=as_was(one.shown) if one.shown else "",
                is_removed=one.is_removed,
            )
            for one in self.edits
        ]
        return TableForm(table, rows, self.facts, self._faults(table))

    def _faults(self, table: ValueTable) -> dict[str, str]:
        faults = {}
        for name, text in self.facts_changed().items():
            standing = str(getattr(table, name))
            if standing not in (self.facts_were.get(name), text):
                faults[name] = (
                    f"Somebody else changed it meanwhile to '{standing}'; you wrote "
                    f"'{text}'. Save again to put yours in its place."
                )
            elif len(text) > LONGEST[name]:
                faults[name] = f"At most {LONGEST[name]} characters."
        if not self.facts["name"]:
            faults["name"] = "Give the table a name."
        if self.facts["purpose"] not in ValueTable.Purpose.values:
            faults["purpose"] = "Choose one of the list."
        return faults

    def _indexes(self) -> list[int]:
        names = (name for name in self.data if name.endswith("-source"))
        numbers = (name.split("-")[1] for name in names if name.startswith("row-"))
        found = {int(one) for one in numbers if one.isdecimal() and len(one) < 9}
        return sorted(found)

    def _edit(self, index: int) -> RowEdit:
        pk = self._text(f"row-{index}-id")
        shown = _as_cells(self._text(f"row-{index}-was"))
        return RowEdit(
            index=index,
            cells=self._cells(index, shown),
            pk=int(pk) if pk.isdecimal() and len(pk) < 19 else None,
            shown=shown,
            is_removed=bool(self.data.get(f"row-{index}-remove")) and bool(pk),
        )

    def _cells(self, index: int, shown: Cells | None) -> Cells:
        """Return what was typed, without spaces around it; what nobody touched as it is."""
        boxes = (f"row-{index}-{name}" for name in ("source", "target", "note"))
        source, target, note = (str(self.data.get(box, "")) for box in boxes)
        if (source, target, note) == shown:
            return source, target, note
        return source.strip(), target.strip(), note.strip()

    def _text(self, name: str) -> str:
        return str(self.data.get(name, "")).strip()


def _as_cells(text: str) -> Cells | None:
    found = _loaded(text)
    if not isinstance(found, list) or len(found) != 3:
        return None
    source, target, note = map(str, found)
    return (source, target, note)


def _as_dict(text: str) -> dict[str, str]:
    found = _loaded(text)
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
