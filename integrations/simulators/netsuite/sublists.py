"""How changes meet what is stored.

Merge and replace rules: Oracle help section_1545295601 and section_1545297048.
"""

import copy
from collections.abc import Mapping
from typing import Any

from integrations.simulators.netsuite.schema import Field, Kind

Values = dict[str, Any]


def merge(
    fields: Mapping[str, Field],
    stored: Values,
    changes: Values,
    *,
    replace: frozenset[str] = frozenset(),
    selected: bool = False,
) -> Values:
    """Return the record as it will be.

    What is left out stays; None empties; sublists merge unless named in `replace`.
    With `selected`, only body fields named in `replace` are emptied, and those of
    them that are left out are emptied too.
    """
    merged = copy.deepcopy(stored)
    if selected:
        for name in replace - changes.keys():
            if name in fields and fields[name].kind is not Kind.SUBLIST:
                merged.pop(name, None)
    for name, value in changes.items():
        spec = fields[name]
        if spec.kind is Kind.SUBLIST:
            old = merged.get(name, {}).get("items", [])
            lines = merge_lines(spec, old, value, replace=name in replace)
            merged[name] = {"items": lines}
        elif value is None:
            if not selected or name in replace:
                merged.pop(name, None)
        elif spec.kind is Kind.SUBRECORD:
            merged[name] = merge(spec.fields, merged.get(name, {}), value)
        else:
            merged[name] = value
    return merged


def merge_lines(
    spec: Field, stored: list[Values], sent: list[Values] | None, *, replace: bool
) -> list[Values]:
    """Return the lines of a sublist after a request that sent some."""
    if sent is None:
        return [] if spec.key else stored
    if not spec.key:
        kept = [] if replace else stored
        return kept + [merge(spec.fields, {}, line) for line in sent]
    return _merge_keyed(spec, stored, sent, replace=replace)


def _merge_keyed(
    spec: Field, stored: list[Values], sent: list[Values], *, replace: bool
) -> list[Values]:
    """Update lines whose key matches and add the rest.

    A line without its key is always added: a blind repeat doubles it.
    """
    lines = [] if replace else copy.deepcopy(stored)
    old = {line[spec.key]: line for line in stored}
    for change in sent:
        key = change.get(spec.key)
        present = next(
            (i for i, line in enumerate(lines) if line.get(spec.key) == key), None
        )
        if key is not None and present is not None:
            lines[present] = merge(spec.fields, lines[present], change)
        elif key is not None and key in old:
            lines.append(merge(spec.fields, old[key], change))
        else:
            lines.append(merge(spec.fields, {}, change))
    _number(spec, lines, old)
    return lines


def _number(spec: Field, lines: list[Values], old: Values) -> None:
    """Give lines without a key the numbers after the highest one ever seen here."""
    if spec.fields[spec.key].kind is not Kind.INTEGER:
        return
    highest = max([*old, *(line.get(spec.key, 0) for line in lines), 0])
    for line in lines:
        if line.get(spec.key) is None:
            highest += 1
            line[spec.key] = highest
