"""JSON without floats: money is Decimal from the first byte to the last."""

from typing import Any

import simplejson


def loads(text: str | bytes) -> Any:
    """Parse JSON with every fraction as Decimal.

    Raises ValueError for what is no JSON, for NaN and Infinity, for a key that
    appears twice, and RecursionError for absurd nesting.
    """
    return simplejson.loads(text, use_decimal=True, object_pairs_hook=_once)


def dumps(value: Any, **options: Any) -> str:
    """Write JSON in ASCII with Decimals digit for digit; floats are refused."""
    return simplejson.dumps(value, use_decimal=True, allow_nan=False, **options)


def pretty(value: Any) -> str:
    """Write JSON for a person to read."""
    return dumps(value, indent=2, ensure_ascii=False)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} appears twice")
    return found
