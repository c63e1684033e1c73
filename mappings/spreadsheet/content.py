"""A document as sheets of text: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings.engine import Document, Kind, Row, print_chain, print_literal
from mappings.engine.literals import quoted
from mappings.engine.values import text_of
from mappings.spreadsheet.sheets import (
    COLUMNS,
    LISTS,
    ROWS,
    RULES,
    SUMS,
    TABLES,
    VALUES,
    Sheet,
)

YES, NO = "yes", "no"
# What people read for the engine's own words.
WORDS: dict[str, dict[str, str]] = {
    "kind": {
        "copy": "Copy",
        "constant": "Constant",
        "table": "Value table",
        "lookup": "Look-up",
        "template": "Template",
        "expression": "Expression",
    },
    "on_miss": {
        "refuse": "Refuse the record",
        "default": "Use the default",
        "leave_out": "Leave the field out",
    },
    "on_too_long": {"refuse": "Refuse", "cut": "Cut at a word"},
    "direction": {"to_target": "Source to target", "both": "Both ways"},
    "conflict": {
        "owner_wins": "The owner's value wins",
        "hold": "A person decides",
        "newest": "The newest value wins",
    },
    "sensitivity": {
        "": "Ordinary",
        "personal": "Personal",
        "payment": "Payment",
        "secret": "Secret",
    },
    "status": {"agreed": "Agreed", "proposed": "Proposed", "open": "Open question"},
}

Pairs = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Content:
    """A document with its value tables, each a list of source, target and note."""

    document: Document
    tables: Mapping[str, Pairs] = field(default_factory=dict)


def content_of(content: Content) -> list[Sheet]:
    """Return the sheets of a document: fields, lists, rules, sums, tables."""
    document = content.document
    return [
        _sheet(ROWS, [row_texts(row) for row in document.rows]),
        _sheet(LISTS, [vars(one) for one in document.sections]),
        _sheet(RULES, [vars(one) for one in document.exclusions]),
        _sheet(
            SUMS,
            [vars(one) | {"parts": ", ".join(one.parts)} for one in document.checks],
        ),
        _sheet(TABLES, _table_lines(content.tables)),
    ]


def table_sheet(pairs: Pairs) -> Sheet:
    """Return the one sheet of a value table."""
    return _sheet(
        VALUES, [dict(zip(COLUMNS[VALUES], one, strict=True)) for one in pairs]
    )


def _table_lines(tables: Mapping[str, Pairs]) -> list[dict[str, str]]:
    return [
        {"table": name, "source": source, "target": target, "note": note}
        for name, pairs in tables.items()
        for source, target, note in pairs
    ]


def _sheet(name: str, lines: list[dict[str, Any]]) -> Sheet:
    columns = COLUMNS[name]
    return Sheet(
        name,
        tuple(columns.values()),
        tuple(tuple(str(line[key]) for key in columns) for line in lines),
    )


def row_texts(row: Row) -> dict[str, str]:
    """Return one field of a document as the texts of its line."""
    texts = {
        name: str(getattr(row, name) or "")
        for name in COLUMNS[ROWS]
        if name not in ("comes_from", "chain")
    }
    shown = {name: words[texts[name]] for name, words in WORDS.items()}
    return {
        **texts,
        **shown,
        "comes_from": comes_from(row),
        "chain": print_chain(row.transforms),
        "default": print_literal(row.default),
        "required": YES if row.required else NO,
        "clears": YES if row.clears else NO,
    }


def comes_from(row: Row) -> str:
    """Return where a row's value comes from; a constant is quoted where it must be."""
    found = row.expression or row.source or row.template
    if found or row.constant is None:
        return found
    if row.kind == Kind.CONSTANT:
        return print_literal(row.constant)
    return quoted(text_of(row.constant))
