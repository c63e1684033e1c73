"""Fields of nested payloads by path: found, compared, left out."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Payload

MISSING = object()


def value_at(payload: Any, path: str) -> Any:
    """Return the value at a path of plain names, or MISSING."""
    here = payload
    for name in path.split("."):
        if not isinstance(here, Mapping) or name not in here:
            return MISSING
        here = here[name]
    return here


def without(payload: Payload, path: str) -> Payload:
    """Return a payload without the field at a path, nor the objects left empty by it."""
    name, _, rest = path.partition(".")
    if name not in payload:
        return payload
    left = {key: value for key, value in payload.items() if key != name}
    if not rest or not isinstance(payload[name], dict):
        return left
    inner = without(payload[name], rest)
    return {**payload, name: inner} if inner else left


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of a payload that holds no others, with its path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


def plain(value: Any) -> Any:
    """Return a value as it compares: numbers by their worth, texts trimmed."""
    if isinstance(value, Mapping):
        value = value.get("id", value.get("refName"))
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return value
    text = str(value).strip()
    if text in ("true", "false"):
        return text == "true"
    return _number(text)


def _number(text: str) -> Any:
    """Read "10.50" and "10.5" alike; "007" and long codes stay what they are."""
    digits = text.removeprefix("-").replace(".", "", 1)
    is_number = digits.isascii() and digits.isdigit() and text[-1:] != "."
    if not is_number or (digits[0] == "0" and len(digits.partition(".")[0]) > 1):
        return text if "." not in text or not is_number else Decimal(text)
    return Decimal(text)


def same(left: Any, right: Any) -> bool:
    """Say whether two values mean the same to the system that keeps them."""
    return bool(plain(left) == plain(right))


def shown(value: Any) -> str:
    """Write a value for a person; nothing for none."""
    if isinstance(value, Mapping):
        value = value.get("refName") or value.get("id")
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
