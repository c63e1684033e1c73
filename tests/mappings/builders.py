"""Builders of documents and look-ups for tests of the engine."""

from collections.abc import Mapping, Sequence
from typing import Any

from mappings.engine import (
    Document,
    Found,
    Mapped,
    Row,
    Section,
    apply,
    parse_chain,
)

MANY = "MANY"
INACTIVE = "INACTIVE"


class FakeLookups:
    """Knows everything but what is named in `unknown`; remembers what was asked."""

    def __init__(self, *unknown: str) -> None:
        self.unknown = set(unknown)
        self.asked: list[tuple[str, str, str]] = []

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        self.asked.append((record, by, value))
        if value in self.unknown:
            return []
        if value == MANY:
            return [Found("7", "First"), Found("8", "Second", inactive=True)]
        return [Found(f"{record}:{value}", value, inactive=value == INACTIVE)]


def make_row(
    target: str = "field", source: str = "", chain: str = "", **more: Any
) -> Row:
    return Row(target, source=source, transforms=parse_chain(chain), key=target, **more)


def make_document(*rows: Row, **parts: Any) -> Document:
    names = {"name": "Test", "source_system": "shopify", "target_system": "netsuite"}
    return Document(rows=rows, **{**names, **parts})


def run(
    document: Document,
    source: Any,
    facts: Mapping[str, Any] | None = None,
    lookups: FakeLookups | None = None,
) -> Mapped:
    return apply(document, source, facts=facts or {}, lookups=lookups or FakeLookups())


def run_row(row: Row, source: Any, **more: Any) -> Mapped:
    return run(make_document(row), source, **more)


def lines(*rows: Row, source: str = "lines", **more: Any) -> Document:
    """A document with one section called Lines."""
    sections = (Section("Lines", "item.items", source, more.pop("when", "")),)
    inside = [Row(**{**vars(row), "section": "Lines"}) for row in rows]
    return make_document(*inside, sections=sections, **more)
