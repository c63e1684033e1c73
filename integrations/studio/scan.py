"""Which values of a record its document looks for in value tables.

The document itself is applied, with tables that listen and look-ups that ask nobody:
so conditions, lists, transforms and rules that keep records out all count.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from integrations.models import SyncRecord
from integrations.sync.mapping import facts_of
from mappings import engine
from mappings.engine import Document, Found, Row


class Listening(Mapping[str, str]):
    """A value table that remembers what it was asked for."""

    def __init__(self, rows: Mapping[str, str]) -> None:
        self.rows = rows
        self.asked: set[str] = set()

    def __contains__(self, value: object) -> bool:
        self.asked.add(str(value))
        return value in self.rows

    def __getitem__(self, value: str) -> str:
        self.asked.add(value)
        return self.rows[value]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class Nobody:
    """Look-ups that ask nobody and find something each time."""

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        return [Found("0")]


def reading_part(document: Document) -> Document | None:
    """Return the part of a document that reads tables; None when nothing does."""
    reading = {(row.section, row.target) for row in document.rows if row.table}
    if not reading:
        return None
    rows = tuple(row for row in document.rows if _place(row) in reading)
    named = {section for section, _ in reading}
    sections = tuple(one for one in document.sections if one.name in named)
    return replace(document, rows=rows, sections=sections, checks=())


def _place(row: Row) -> tuple[str, str]:
    return (row.section, row.target)


def unlisted_in(record: SyncRecord, document: Document) -> list[tuple[str, str]]:
    """Return table and value of each value that a table has no row for.

    Raises whatever the source's own reading raises for a payload it cannot read.
    """
    tables = {name: Listening(rows) for name, rows in document.tables.items()}
    listening = replace(document, tables=tables)
    facts: dict[str, Any] = facts_of(record)
    engine.apply(listening, record.payload, facts=facts, lookups=Nobody())
    return [
        (name, value)
        for name, table in tables.items()
        for value in sorted(table.asked - set(table.rows) - {"*"})
    ]
