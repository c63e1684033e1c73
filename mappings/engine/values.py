"""What counts as empty, as text, as a number; and no float, ever."""

from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any

from mappings.engine.errors import Unfit

MAX_DEPTH = 60
MAX_DIGITS = 30
_PLAIN = frozenset((str, int, bool, Decimal, type(None)))


def is_empty(value: Any) -> bool:
    """Say whether there is nothing to send; false and 0 are something."""
    if value is None:
        return True
    kind = type(value)
    if kind is str:
        return not value or value.isspace()
    # Nothing else that is a number or a truth can be empty, and nearly all are those.
    if kind in _PLAIN:
        return False
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, list | dict | tuple) and not value


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


def single_text(value: Any) -> str:
    """Return a single value as text; raise Unfit for what holds several."""
    if isinstance(value, dict | list):
        raise Unfit(
            f"{'An object' if isinstance(value, dict) else 'A list'} cannot stand in a "
            "text",
            "Choose a field inside it in the mapping.",
        )
    return text_of(value)


def number_of(value: Any) -> Decimal | None:
    """Return a number, or a text that holds one, exactly; None for all else."""
    if type(value) is Decimal:
        number = value
    elif isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    else:
        try:
            number = Decimal(value.strip() if isinstance(value, str) else value)
        except InvalidOperation:
            return None
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS:
        return None
    return number


def length_of(text: str) -> int:
    """Count as vendors on Java do: characters beyond 16 bits count twice."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def inspect(value: Any) -> None:
    """Refuse floats (TypeError, a fault of ours) and absurd nesting (Unfit)."""
    level = [value]
    for _ in range(MAX_DEPTH):
        # Level by level and mostly in C, since each record is gone through whole.
        objects = [one for one in level if type(one) is dict]
        inside = list(chain.from_iterable(map(dict.values, objects)))
        if len(objects) < len(level):
            others = [_inside(one) for one in level if type(one) is not dict]
            inside += chain.from_iterable(others)
        level = [one for one in inside if type(one) not in _PLAIN]
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
