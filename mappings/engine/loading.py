"""Documents from plain data, as written in files."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from mappings.engine.chains import chain_from
from mappings.engine.document import (
    Document,
    Exclusion,
    Kind,
    Row,
    Section,
    SumCheck,
)
from mappings.engine.errors import DocumentError
from mappings.engine.literals import parse_literal

Tables = Mapping[str, Mapping[str, str]]
_ROW_KEYS = {field.name for field in fields(Row)} - {"key"}


def tables_from(data: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Read value tables: a target stands alone, or with a note beside it."""
    return {
        table["name"]: {str(s): _pair(t) for s, t in (table.get("rows") or {}).items()}
        for table in data
    }


def document_from(data: Mapping[str, Any], tables: Tables) -> Document:
    """Read one mapping document; raise DocumentError for keys that are not known."""
    rows = tuple(_row(row, number) for number, row in enumerate(data["rows"], start=1))
    used = {row.table for row in rows}
    return Document(
        name=data["name"],
        rows=rows,
        sections=tuple(_part(Section, one) for one in data.get("sections") or ()),
        exclusions=tuple(_part(Exclusion, one) for one in data.get("exclusions") or ()),
        checks=tuple(_check(one) for one in data.get("checks") or ()),
        tables={name: pairs for name, pairs in tables.items() if name in used},
        source_system=data.get("source_system", ""),
        target_system=data.get("target_system", ""),
    )


def _row(data: Mapping[str, Any], number: int) -> Row:
    unknown = sorted(data.keys() - _ROW_KEYS)
    if unknown:
        raise DocumentError(f"row {number} has unknown keys: {', '.join(unknown)}")
    values = dict(data)
    for name in ("constant", "default"):
        values[name] = _value(values.get(name), name)
    values["kind"] = Kind(values.get("kind", Kind.COPY))
    values["transforms"] = chain_from(values.get("transforms") or [])
    key = f"{values.get('section', '')}:{values['target']}:{number}"
    return Row(**values, key=key)


def _value(value: Any, name: str) -> Any:
    if isinstance(value, float):
        raise DocumentError(f"put the {name} {value} in quotes: it must stay exact")
    return parse_literal(value) if isinstance(value, str) else value


def _part(kind: Any, data: Mapping[str, Any]) -> Any:
    known = {field.name for field in fields(kind)}
    unknown = sorted(data.keys() - known)
    if unknown:
        raise DocumentError(
            f"{data.get('name')} has unknown keys: {', '.join(unknown)}"
        )
    return kind(**data)


def _check(data: Mapping[str, Any]) -> SumCheck:
    found: SumCheck = _part(SumCheck, {**data, "parts": tuple(data["parts"])})
    return found


def _pair(target: Any) -> str:
    return str(target["target"] if isinstance(target, Mapping) else target)
