"""From sheets of text back to a document: all faults at once, each with its cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from mappings.engine import (
    Document,
    DocumentError,
    Exclusion,
    Finding,
    Kind,
    Row,
    Section,
    SumCheck,
    find_faults,
    parse_chain,
    parse_literal,
)
from mappings.engine.wording import system_key
from mappings.rows import LONGEST
from mappings.spreadsheet.content import NO, WORDS, YES, Pairs
from mappings.spreadsheet.sheets import (
    COLUMNS,
    LISTS,
    NEEDED,
    ROWS,
    RULES,
    SUMS,
    TABLES,
    VALUES,
    Sheet,
    heading_key,
)

# The columns that hold a field of the engine's row under another name.
CELLS = {
    "source": "comes_from",
    "constant": "comes_from",
    "template": "comes_from",
    "expression": "comes_from",
    "transforms": "chain",
}
COLUMN_OF_KIND = {
    Kind.EXPRESSION: "expression",
    Kind.CONSTANT: "constant",
    Kind.TEMPLATE: "template",
}
YES_WORDS = {YES, "y", "true", "1", "x", "ja", "wahr"}
NO_WORDS = {NO, "", "n", "false", "0", "nein", "falsch", "-"}


@dataclass(frozen=True)
class Fault:
    """One fault: the cell, and what to write there.

    `is_grave` says that the file cannot be taken in; what is not only keeps a draft
    from going live.
    """

    place: str
    text: str
    is_grave: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass
class Read:
    """What a file holds, and all that is wrong with it.

    `tables` are only those of the file; None where it has no sheet of them.
    """

    document: Document
    tables: dict[str, Pairs] | None = None
    faults: list[Fault] = field(default_factory=list)

    @property
    def may_be_taken(self) -> bool:
        return not any(fault.is_grave for fault in self.faults)


class _Lines:
    """The lines of one sheet by the names of their columns."""

    def __init__(self, sheet: Sheet, faults: list[Fault]) -> None:
        self.sheet, self.faults = sheet, faults
        self.columns = self._columns()
        for (line, column), text in sheet.wrong.items():
            faults.append(Fault(sheet.place(line, column), text))

    def _columns(self) -> dict[str, int]:
        known = {
            heading_key(text): key for key, text in COLUMNS[self.sheet.name].items()
        }
        found: dict[str, int] = {}
        for place, heading in enumerate(self.sheet.headings):
            key = known.get(heading_key(heading))
            if key in found:
                self._head_fault(place, f"the column '{heading}' is there twice")
            elif key:
                found[key] = place
            elif heading.strip():
                self._head_fault(place, _unknown(heading, self.sheet.name))
        for key in NEEDED[self.sheet.name]:
            if key not in found:
                heading = COLUMNS[self.sheet.name][key]
                text = f"the column '{heading}' is missing. Add it in the first line."
                self.faults.append(Fault(self.sheet.name, text))
        return found

    def _head_fault(self, place: int, text: str) -> None:
        head = replace(self.sheet, first=self.sheet.first - 1)
        self.faults.append(Fault(head.place(0, place), text))

    def __iter__(self) -> Any:
        for number, cells in enumerate(self.sheet.lines):
            if any(cell.strip() for cell in cells):
                yield (
                    number,
                    {
                        key: cells[place].strip() if place < len(cells) else ""
                        for key, place in self.columns.items()
                    },
                )

    def fault(self, line: int, key: str, text: str, is_grave: bool = True) -> None:
        column = self.columns.get(key, 0)
        self.faults.append(Fault(self.sheet.place(line, column), text, is_grave))


def _unknown(heading: str, sheet: str) -> str:
    names = list(COLUMNS[sheet].values())
    near = get_close_matches(heading, names, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(names)}."
    return f"there is no column '{heading}'. {hint}"


def read_document(
    sheets: Sequence[Sheet], base: Document, table_names: Sequence[str]
) -> Read:
    """Read a document out of sheets; a sheet that is missing stays as in `base`.

    A column that is missing keeps, for rows that `base` has, what stands there.
    """
    read = Read(base)
    by_name = {sheet.name: sheet for sheet in sheets}
    _name_strangers(sheets, read)
    parts: dict[str, Any] = {}
    places: dict[int, tuple[_Lines, int]] = {}
    if TABLES in by_name:
        read.tables = _tables(_Lines(by_name[TABLES], read.faults))
    names = [
        *table_names,
        *(name for name in read.tables or () if name not in table_names),
    ]
    for name, (part, make) in _makers(base, names).items():
        if name in by_name:
            lines = _Lines(by_name[name], read.faults)
            parts[part] = _made(lines, make, places)
    read.document = replace(base, **parts)
    _lint(read, places, names)
    return read


def _name_strangers(sheets: Sequence[Sheet], read: Read) -> None:
    for sheet in sheets:
        if sheet.name not in COLUMNS or sheet.name == VALUES:
            known = ", ".join(name for name in COLUMNS if name != VALUES)
            text = f"there is no sheet of this name; known: {known}. It is left out."
            read.faults.append(Fault(sheet.name, text, is_grave=False))


Make = Callable[[_Lines, int, dict[str, str]], Any]


def _makers(base: Document, tables: Sequence[str]) -> dict[str, tuple[str, Make]]:
    known = {(row.section, row.target, row.when): row for row in base.rows}
    return {
        ROWS: ("rows", lambda lines, at, line: _row(lines, at, line, known, tables)),
        LISTS: ("sections", _section),
        RULES: ("exclusions", _rule),
        SUMS: ("checks", _sum),
    }


def _made(
    lines: _Lines, make: Make, places: dict[int, tuple[_Lines, int]]
) -> tuple[Any, ...]:
    made = []
    for number, line in lines:
        part = make(lines, number, line)
        if part is not None:
            places[id(part)] = (lines, number)
            made.append(part)
    return tuple(made)


def _row(
    lines: _Lines,
    at: int,
    line: dict[str, str],
    known: Mapping[tuple[str, str, str], Row],
    tables: Sequence[str],
) -> Row | None:
    if not line.get("target"):
        lines.fault(at, "target", "the target field is empty. Name the field to fill.")
        return None
    standing = (line.get("section", ""), line["target"], line.get("when", ""))
    row = known.get(standing, Row(line["target"]))
    cells = _Cells(lines, at, line)
    kind = Kind(cells.word("kind", row.kind.value))
    plain = {
        name: cells.text(name, getattr(row, name))
        for name in ("section", "target", "record", "by", "needs", "length_option")
        + ("when", "note")
    }
    systems = {
        "owner": cells.read("owner", system_key, row.owner),
        "updaters": cells.read("updaters", system_key, row.updaters),
    }
    coded = {
        name: cells.word(name, getattr(row, name)) for name in WORDS if name != "kind"
    }
    return replace(
        row,
        kind=kind,
        **plain,
        **systems,
        **coded,
        **cells.input(kind),
        transforms=cells.read("chain", parse_chain, row.transforms),
        table=cells.table(row.table, tables),
        default=cells.read("default", parse_literal, row.default),
        required=cells.yes("required", row.required),
        clears=cells.yes("clears", row.clears),
        max_length=cells.read("max_length", _whole, row.max_length),
        key=row.key,
    )


class _Cells:
    """One line of the fields, read cell by cell; what cannot be read is told."""

    def __init__(self, lines: _Lines, at: int, line: dict[str, str]) -> None:
        self.lines, self.at, self.line = lines, at, line

    def text(self, key: str, otherwise: str) -> str:
        return self.read(key, str, otherwise)

    def read(self, key: str, reader: Callable[[str], Any], otherwise: Any) -> Any:
        if key not in self.line:
            return otherwise
        text = self.line[key]
        limit = LONGEST.get(key)
        if limit and len(text) > limit:
            self.fault(key, f"{len(text)} characters; at most {limit}.")
            return otherwise
        try:
            return reader(text)
        except (DocumentError, ValueError) as error:
            self.fault(key, f"{error}.")
            return otherwise

    def word(self, key: str, otherwise: str) -> str:
        """Read one of a few words, by its label or its own name."""
        words = WORDS[key]
        if key not in self.line:
            return otherwise
        text = self.line[key].casefold()
        for value, label in words.items():
            if text in (label.casefold(), value):
                return value
        if not text:
            return next(iter(words))
        choices = ", ".join(words.values())
        self.fault(key, f"'{self.line[key]}' is not known; choose one of {choices}.")
        return otherwise

    def yes(self, key: str, otherwise: bool) -> bool:
        text = self.line.get(key)
        if text is None:
            return otherwise
        if text.casefold() not in YES_WORDS | NO_WORDS:
            self.fault(key, f"'{text}' is neither yes nor no.")
        return text.casefold() in YES_WORDS

    def table(self, otherwise: str, names: Sequence[str]) -> str:
        name = self.line.get("table")
        if name is None:
            return otherwise
        if name and name not in names:
            shown = ", ".join(names[:12]) or "none yet"
            self.fault(
                "table", f"there is no value table '{name}'; choose one of {shown}."
            )
        return name

    def input(self, kind: Kind) -> dict[str, Any]:
        """Read where the value comes from into the one column that holds it."""
        text = self.line.get("comes_from", "")
        made: dict[str, Any] = {
            "source": "",
            "template": "",
            "expression": "",
            "constant": None,
        }
        otherwise = "template" if "{" in text else "source"
        limit = LONGEST[COLUMN_OF_KIND.get(kind, otherwise)]
        if len(text) > limit:
            self.fault("comes_from", f"{len(text)} characters; at most {limit}.")
        elif kind == Kind.EXPRESSION:
            made["expression"] = text
        elif kind == Kind.CONSTANT or text[:1] == "'":
            try:
                made["constant"] = parse_literal(text)
            except DocumentError as error:
                self.fault("comes_from", f"{error}.")
        elif kind == Kind.TEMPLATE or "{" in text:
            made["template"] = text
        else:
            made["source"] = text
        return made

    def fault(self, key: str, text: str) -> None:
        self.lines.fault(self.at, key, text)


def _whole(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 100_000:
        raise ValueError(f"'{text}' is no whole number from 1 to 99,999")
    return int(text)


def _section(lines: _Lines, at: int, line: dict[str, str]) -> Section | None:
    if not _has_name(lines, at, line, 60):
        return None
    return Section(
        line["name"], line["target"], line.get("source", ""), line.get("when", "")
    )


def _rule(lines: _Lines, at: int, line: dict[str, str]) -> Exclusion | None:
    if not _has_name(lines, at, line, 80):
        return None
    return Exclusion(line["name"], line["when"])


def _sum(lines: _Lines, at: int, line: dict[str, str]) -> SumCheck | None:
    if not _has_name(lines, at, line, 80):
        return None
    parts = tuple(part.strip() for part in line["parts"].split(",") if part.strip())
    return SumCheck(line["name"], line["source"], parts)


def _has_name(lines: _Lines, at: int, line: dict[str, str], longest: int) -> bool:
    """Say whether a line can be taken in: named, whole, and short enough."""
    if not set(NEEDED[lines.sheet.name]) <= line.keys():
        return False
    name = line["name"]
    if not name:
        lines.fault(at, "name", "the name is empty. Give it one.")
    elif len(name) > longest:
        lines.fault(at, "name", f"{len(name)} characters; at most {longest}.")
    for key, text in line.items():
        limit = LONGEST.get(key)
        if limit and len(text) > limit:
            lines.fault(at, key, f"{len(text)} characters; at most {limit}.")
    return bool(name)


def _tables(lines: _Lines) -> dict[str, Pairs]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for at, line in lines:
        if not line.get("table"):
            lines.fault(at, "table", "name the value table this line belongs to.")
            continue
        if len(line["table"]) > 80:
            lines.fault(at, "table", "the name of a table has 80 characters at most.")
        _add_pair(found.setdefault(line["table"], []), lines, at, line)
    return {name: tuple(pairs) for name, pairs in found.items()}


def read_table(sheets: Sequence[Sheet]) -> tuple[Pairs, list[Fault]]:
    """Read the pairs of one value table out of the first sheet that holds them."""
    faults: list[Fault] = []
    sheet = next((one for one in sheets if one.name == VALUES), None)
    if sheet is None:
        sheet = replace(sheets[0], name=VALUES) if sheets else Sheet(VALUES, ())
    lines = _Lines(sheet, faults)
    pairs: list[tuple[str, str, str]] = []
    for at, line in lines:
        _add_pair(pairs, lines, at, line)
    return tuple(pairs), faults


def _add_pair(
    pairs: list[tuple[str, str, str]], lines: _Lines, at: int, line: dict[str, str]
) -> None:
    cells = (line.get("source", ""), line.get("target", ""), line.get("note", ""))
    for key, text in zip(("source", "target", "note"), cells, strict=True):
        heading = COLUMNS[VALUES][key].lower()
        if not text and key != "note":
            lines.fault(at, key, f"the {heading} is empty. Fill it in.")
        elif len(text) > 200:
            lines.fault(at, key, f"{len(text)} characters; at most 200.")
    if cells[0] and any(cells[0] == source for source, _, _ in pairs):
        lines.fault(at, "source", f"'{cells[0]}' is there twice. Keep one.")
    pairs.append(cells)


def _lint(
    read: Read, places: Mapping[int, tuple[_Lines, int]], tables: Sequence[str]
) -> None:
    """Add what the engine finds wrong, each at its cell."""
    known: dict[str, dict[str, str]] = {name: {} for name in tables}
    named = replace(read.document, tables=known)
    for finding in find_faults(named):
        if "value table" in finding.text and finding.field == "table" and _told(read):
            continue
        where = places.get(id(finding.part))
        if where is None:
            read.faults.append(Fault(ROWS, str(finding), is_grave=False))
            continue
        lines, at = where
        lines.fault(at, _cell(finding), f"{finding.text}.", is_grave=False)


def _told(read: Read) -> bool:
    return any("there is no value table" in fault.text for fault in read.faults)


def _cell(finding: Finding) -> str:
    return CELLS.get(finding.field, finding.field) if isinstance(finding.part, Row) else finding.field  # fmt: skip
