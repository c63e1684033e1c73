"""JSON in and out with every number exact; a float never exists in between."""

from typing import Any

import simplejson


def loads(text: str | bytes) -> Any:
    """Parse JSON with fractions as Decimal; raise ValueError for what is no JSON."""
    return simplejson.loads(text, use_decimal=True, parse_constant=_refuse_constant)


def dumps(value: Any) -> bytes:
    """Write JSON as UTF-8, Decimals digit for digit."""
    text = simplejson.dumps(
        value, use_decimal=True, ensure_ascii=False, separators=(",", ":")
    )
    return text.encode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
