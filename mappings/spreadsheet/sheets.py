"""The sheets of a spreadsheet: their names, and their columns as people read them."""

import re
from dataclasses import dataclass, field

ROWS, LISTS, RULES, SUMS = "Rows", "Lists", "Rules", "Sums"
TABLES, VALUES = "Value tables", "Values"

# Each column: the field it holds, and its heading.
COLUMNS: dict[str, dict[str, str]] = {
    ROWS: {
        "section": "List",
        "target": "Target field",
        "kind": "Kind",
        "comes_from": "Comes from",
        "chain": "Transforms",
        "table": "Value table",
        "record": "Look-up record",
        "by": "Looked up by",
        "needs": "Waits for",
        "default": "Default",
        "required": "Required",
        "clears": "Clears the field",
        "on_miss": "When not found",
        "max_length": "Max length",
        "length_option": "Length option",
        "on_too_long": "When too long",
        "when": "Only when",
        "owner": "System of record",
        "direction": "Direction",
        "updaters": "Who may update",
        "conflict": "On a conflict",
        "sensitivity": "Sensitivity",
        "status": "Status",
        "note": "Note",
    },
    LISTS: {
        "name": "Name",
        "target": "Target list",
        "source": "Source list",
        "when": "Only when",
    },
    RULES: {"name": "Name", "when": "Condition"},
    SUMS: {"name": "Name", "source": "Source amount", "parts": "Parts at the target"},
    TABLES: {
        "table": "Value table",
        "source": "Source value",
        "target": "Target value",
        "note": "Note",
    },
    VALUES: {"source": "Source value", "target": "Target value", "note": "Note"},
}
# Without these columns a sheet cannot be read; any other may be left out.
NEEDED: dict[str, tuple[str, ...]] = {
    ROWS: ("target", "kind", "comes_from"),
    LISTS: ("name", "target"),
    RULES: ("name", "when"),
    SUMS: ("name", "source", "parts"),
    TABLES: ("table", "source", "target"),
    VALUES: ("source", "target"),
}


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, its headings and its lines as texts.

    `first` is the number of the first line below the headings. `wrong` holds what a
    file says of single cells that cannot be taken as text, by line and column.
    """

    name: str
    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...] = ()
    first: int = 2
    wrong: dict[tuple[int, int], str] = field(default_factory=dict)

    def place(self, line: int, column: int) -> str:
        """Return the address of a cell as a spreadsheet shows it: Rows!F12."""
        return f"{self.name}!{letters(column)}{line + self.first}"


def letters(column: int) -> str:
    """Return the letters above a column, from 0: A, B … Z, AA."""
    found = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(ord("A") + rest) + found
    return found


def heading_key(text: str) -> str:
    """Return a heading without case and spaces, so that small slips are forgiven."""
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()
