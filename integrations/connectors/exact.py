"""JSON without floats: money is Decimal from the first byte to the last."""

from decimal import Decimal
from typing import Any

import simplejson

MOST_DIGITS = 40


def loads(text: str | bytes) -> Any:
    """Parse JSON with every fraction as Decimal.

    Raises ValueError for what is no JSON, for NaN and Infinity, for numbers that no
    amount and no id can be, for a key that appears twice, and RecursionError for
    absurd nesting.
    """
    return simplejson.loads(
        text, parse_float=_fraction, parse_int=_whole, object_pairs_hook=_once
    )


def dumps(value: Any, **options: Any) -> str:
    """Write JSON in ASCII with Decimals digit for digit; floats are refused."""
    return simplejson.dumps(value, use_decimal=True, allow_nan=False, **options)


def pretty(value: Any) -> str:
    """Write JSON for a person to read."""
    return dumps(value, indent=2, ensure_ascii=False)


def _fraction(text: str) -> Decimal:
    number = Decimal(text)
    if len(text) > MOST_DIGITS or abs(number.adjusted()) > MOST_DIGITS:
        raise ValueError(f"the number {text[:20]}… is out of all bounds")
    return number


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"the number {text[:20]}… has {len(text)} digits")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} appears twice")
    return found
