"""Checks of what a mapping gives: lengths, and parts that make the whole."""

from decimal import Decimal
from typing import Any

from mappings.engine import wording
from mappings.engine.document import Document, Problem, Row, SumCheck
from mappings.engine.errors import Unfit
from mappings.engine.numbers import total
from mappings.engine.paths import Scope, parse_path, read, whole
from mappings.engine.texts import cut
from mappings.engine.values import length_of, number_of, text_of


def limit_of(row: Row, scope: Scope) -> int | None:
    """Return how many characters fit: the connection's option, or the row's own."""
    if row.length_option:
        options = scope.facts.get("connection") or {}
        found = number_of(options.get(row.length_option))
        if found is not None and found >= 1:
            return int(found)
    return row.max_length


def fit(document: Document, row: Row, scope: Scope, value: Any) -> Any:
    """Return a text that fits; raise Unfit when it is too long and may not be cut."""
    limit = limit_of(row, scope)
    if limit is None or not isinstance(value, str) or length_of(value) <= limit:
        return value
    if row.on_too_long == "cut":
        return cut(value, limit)
    raise Unfit(*wording.too_long(document, length_of(value), limit))


def check_sum(
    document: Document, check: SumCheck, payload: dict[str, Any], scope: Scope
) -> Problem | None:
    """Compare parts of the payload with an amount of the source, to the cent."""
    wanted = read(parse_path(check.source), scope)
    expected = number_of(wanted.value)
    if expected is None:
        return _unreadable(document, check, wanted.value)
    parts = [(part, _part(part, payload)) for part in check.parts]
    reached = total([amount for _, amount in parts])
    if reached == expected:
        return None
    listed = ", ".join(f"{part} {text_of(amount)}" for part, amount in parts)
    return Problem(
        kind="mapping",
        target=", ".join(check.parts),
        rule=f"{check.name}: the parts add up to {text_of(reached)}, but {check.source} "
        f"is {text_of(expected)} (difference {text_of(expected - reached)})",
        remedy=f"Compare the amounts with {wording.source_of(document)} ({listed}). "
        "An amount that has no row in the mapping needs one; then retry.",
        source=check.source,
        value=text_of(reached),
        allowed=(text_of(expected),),
        row=check.name,
    )


def _part(part: str, payload: dict[str, Any]) -> Decimal:
    value = read(parse_path(part), whole(payload, {})).value
    return total(value if isinstance(value, list) else [value])


def _unreadable(document: Document, check: SumCheck, value: Any) -> Problem:
    return Problem(
        kind="data",
        target=", ".join(check.parts),
        rule=f"{check.name}: {check.source} holds no amount to compare with",
        remedy=f"Look at the record in {wording.source_of(document)}, then retry.",
        source=check.source,
        value=wording.shown(value),
        row=check.name,
    )
