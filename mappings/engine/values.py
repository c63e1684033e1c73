"""What counts as empty, as text, as a number; and no float, ever."""

from decimal import Decimal, InvalidOperation
from typing import Any

from mappings.engine.errors import Unfit

MAX_DEPTH = 60
MAX_DIGITS = 30


def is_empty(value: Any) -> bool:
    """Say whether there is nothing to send; false and 0 are something."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == [] or value == {}


def text_of(value: Any) -> str:
    """Return a single value as people write it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def number_of(value: Any) -> Decimal | None:
    """Return a number, or a text that holds one, exactly; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS:
        return None
    return number


def length_of(text: str) -> int:
    """Count as vendors on Java do: characters beyond 16 bits count twice."""
    return len(text) + sum(character > "\uffff" for character in text)


def inspect(value: Any) -> None:
    """Refuse floats (TypeError, a fault of ours) and absurd nesting (Unfit)."""
    level = [value]
    for _ in range(MAX_DEPTH):
        # Most values are texts, which hold nothing.
        level = [
            inner
            for outer in level
            if type(outer) is not str
            for inner in _inside(outer)
        ]
        if not level:
            return
    raise Unfit(
        f"The record is nested deeper than {MAX_DEPTH} levels",
        "Ask the sender what went wrong; no order looks like this.",
    )


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, float):
        raise TypeError(f"a float ({value!r}) reached the mapping; money must be exact")
    return ()
