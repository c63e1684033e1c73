"""Mapping documents checked as the engine would, with the line of each fault."""

from collections.abc import Iterator
from typing import Any

from integrations.configuration.documents import PARTS
from integrations.configuration.problems import Place, Problems
from integrations.configuration.reader import unseen
from integrations.configuration.schema import Wanted
from integrations.configuration.values import Item
from mappings.engine import Document
from mappings.engine.errors import DocumentError
from mappings.engine.lint import Finding, find_faults
from mappings.engine.loading import document_from
from mappings.models import ValueTable

Tables = dict[str, dict[str, str]]

_REMEDY = "The rules are in docs/mapping-language.md."


def check_documents(wanted: Wanted, problems: Problems, *, is_whole: bool) -> None:
    """Check each document; unknown value tables only when every file was read."""
    tables = _tables(wanted)
    for item in wanted.mapping_documents:
        if not any(item.parts(part) for part in PARTS):
            continue  # nothing to publish yet
        used = {row.get("table") for row in item.parts("rows")} - {None, ""}
        unknown: Tables = {} if is_whole else {name: {} for name in used}
        _check(item, unknown | tables, problems)


def _tables(wanted: Wanted) -> Tables:
    stored = ValueTable.objects.prefetch_related("rows")
    tables = {
        table.name: {row.source: row.target for row in table.rows.all()}
        for table in stored
    }
    for item in wanted.value_tables:
        rows = item.get("rows", {})
        tables[item.get("name", "")] = {
            source: pair.get("target", "") for source, pair in rows.items()
        }
    return tables


def _check(item: Item, tables: Tables, problems: Problems) -> None:
    """Note the engine's findings, but not where reading has found faults already."""
    faulty = {problem.place for problem in problems}
    unreadable = [row for row in item.parts("rows") if _note_unreadable(row, problems)]
    if unreadable:
        return
    document = document_from(_data(item), tables)
    for finding in find_faults(document):
        element = _element(document, finding, item)
        if not _is_faulty(element, faulty):
            place = element.at(finding.field)
            problems.add(place, unseen(element.node, _sentence(finding.text)), _REMEDY)


def _note_unreadable(row: Item, problems: Problems) -> bool:
    """Note a row whose values cannot be read at all; say whether it is one."""
    try:
        document_from({"name": "", "rows": [_complete(row, "rows")]}, {})
    except DocumentError as error:
        problems.add(row.node.place, unseen(row.node, _sentence(str(error))), _REMEDY)
        return True
    return False


def _data(item: Item) -> dict[str, Any]:
    """Return the document as plain data, with empty words for missing ones."""
    parts = {
        part: [_complete(element, part) for element in item.parts(part)]
        for part in PARTS
    }
    return {"name": "", **item.values, **parts}


def _complete(element: Item, part: str) -> dict[str, Any]:
    keys = PARTS[part][1]
    empty = {
        name: [] if name == "parts" else "" for name in keys if keys[name].required
    }
    return {**empty, **element.values}


def _element(document: Document, finding: Finding, item: Item) -> Item:
    """Return the part of the file that a finding is about."""
    for part in PARTS:
        for made, element in zip(
            getattr(document, part), item.parts(part), strict=True
        ):
            if made is finding.part:
                return element
    return item


def _is_faulty(element: Item, faulty: set[Place]) -> bool:
    return any(place in faulty for place in _places(element))


def _places(element: Item) -> Iterator[Place]:
    yield element.node.place
    yield from element.node.keys.values()
    yield from (entry.place for entry in element.node.entries.values())


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
