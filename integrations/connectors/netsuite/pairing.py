"""Tells which line is which, where lines have no id of the source."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Payload
from integrations.connectors.netsuite.records import plain_value

# By what two lines are taken for one: all of a step must agree, the surest step first.
STEPS: tuple[tuple[str, ...], ...] = (
    ("taxDetailsReference",),
    ("item", "description", "rate", "quantity", "amount"),
    ("item", "description", "rate"),
    ("item", "description"),
    ("item", "rate"),
    ("item",),
)


def paired(
    wanted: Sequence[Payload], others: Sequence[Payload]
) -> list[Payload | None]:
    """Return for each line its counterpart, each of which is taken once.

    Among equals an open line goes before a closed one, and a shipped one before one
    that was not: what was shipped is the last to be missing.
    """
    found: list[Payload | None] = [None] * len(wanted)
    left = sorted(others, key=_rank)
    for names in STEPS:
        key = _key_by(names)
        for index, line in enumerate(wanted):
            if found[index] is not None or (mine := key(line)) is None:
                continue
            match = next((one for one in left if key(one) == mine), None)
            if match is not None:
                found[index] = match
                left = [one for one in left if one is not match]
    return found


def _key_by(names: tuple[str, ...]) -> Callable[[Payload], tuple[Any, ...] | None]:
    """Return how lines are told by these fields; None for one that lacks the first."""

    def key(line: Payload) -> tuple[Any, ...] | None:
        found = tuple(plain_value(line.get(name)) for name in names)
        return None if found[0] == "" else found

    return key


def _rank(line: Payload) -> tuple[bool, Decimal, int]:
    shipped = Decimal(str(line.get("quantityFulfilled") or 0))
    return bool(line.get("isClosed")), -shipped, int(line.get("line") or 0)
