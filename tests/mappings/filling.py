"""Drafts filled from an engine document, for tests that need one quickly."""

from typing import Any

from mappings import engine
from mappings.engine import Document, chain_items, print_literal
from mappings.models import (
    ExclusionRule,
    MappingRow,
    MappingSection,
    MappingVersion,
    SumCheck,
    ValueTable,
)

PARTS = ("sections", "rows", "exclusions", "checks")


def fill_draft(version: MappingVersion, document: Document) -> None:
    """Put the content of an engine document in place of a draft's own.

    Raises ValidationError when the version is frozen, and ValueTable.DoesNotExist
    for a table that is not there.
    """
    for name in PARTS:
        getattr(version, name).all().delete()
    tables = {table.name: table for table in ValueTable.objects.all()}
    made: list[tuple[Any, list[dict[str, Any]]]] = [
        (MappingSection, [vars(part) for part in document.sections]),
        (MappingRow, [_columns(row, tables) for row in document.rows]),
        (ExclusionRule, [vars(part) for part in document.exclusions]),
        (SumCheck, [vars(one) | {"parts": list(one.parts)} for one in document.checks]),
    ]
    for model, parts in made:
        for position, columns in enumerate(parts):
            model(version=version, position=position, **columns).save()


def _columns(row: engine.Row, tables: dict[str, ValueTable]) -> dict[str, Any]:
    columns = {name: value for name, value in vars(row).items() if name != "key"}
    if row.table and row.table not in tables:
        raise ValueTable.DoesNotExist(f"There is no value table {row.table!r}.")
    return columns | {
        "table": tables.get(row.table),
        "constant": print_literal(row.constant),
        "default": print_literal(row.default),
        "transforms": chain_items(row.transforms),
    }
