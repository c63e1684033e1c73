"""One value inside a payload: find it, write it, see what changed."""

import re
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors import exact
from mappings.engine.errors import DocumentError
from mappings.engine.paths import parse_path

# Beginnings of the words that fields about money are named with, on all systems.
MONEY = ("total", "subtotal", "price", "amount", "tax", "discount", "currency", "cost")
COUNTED = ("quantity", "qty")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

Steps = tuple[str | int, ...]


def steps_to(place: str) -> Steps | None:
    """Return the steps to one place of the source, or None when it is not one."""
    try:
        path = parse_path(place)
    except DocumentError:
        return None
    steps = tuple(step for step in path.steps if step is not None)
    is_one = path.root in ("@", "$") and len(steps) == len(path.steps)
    return steps if steps and is_one else None


def holder_of(payload: Any, steps: Steps) -> Any:
    """Return the object or list that holds the last step; raise LookupError."""
    for step in steps[:-1]:
        payload = _into(payload, step)
    if isinstance(steps[-1], str) != isinstance(payload, dict):
        raise LookupError(steps[-1])
    if not isinstance(payload, dict):
        _into(payload, steps[-1])
    return payload


def _into(value: Any, step: str | int) -> Any:
    if isinstance(value, dict if isinstance(step, str) else list):
        inner: Any = value
        return inner[step]
    raise LookupError(step)


def scalar_at(payload: Any, place: str) -> Any:
    """Return the text, number, truth value or None at a place; raise LookupError.

    A name that its object does not have yet counts as None.
    """
    steps = steps_to(place)
    if not steps:
        raise LookupError(place)
    holder, last = holder_of(payload, steps), steps[-1]
    value = holder.get(last) if isinstance(holder, dict) else holder[last]
    if isinstance(value, dict | list):
        raise LookupError(place)
    return value


def with_value(payload: Any, place: str, text: str) -> Any:
    """Return a copy with `text` at a place, in the kind of the value that was there.

    Raises LookupError when there is no such place, ValueError when the text does
    not fit the kind.
    """
    old = scalar_at(payload, place)
    changed = deepcopy(payload)
    steps = steps_to(place) or ()
    holder_of(changed, steps)[steps[-1]] = _typed(text, old)
    return changed


def _typed(text: str, old: Any) -> Any:
    if isinstance(old, bool):
        return _truth(text)
    if isinstance(old, int):
        return int(text)
    return _finite(text) if isinstance(old, Decimal) else text


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false"):
        raise ValueError(text)
    return word == "true"


def _finite(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not number.is_finite():
        raise ValueError(text)
    return number


def changed_places(before: Any, after: Any) -> list[str]:
    """Return every place whose value was changed, added or removed."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    changed = [steps for steps in old | new if old.get(steps) != new.get(steps)]
    return [_shown(steps) for steps in changed]


def _leaves(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, str]]:
    """Yield each value under its steps: as text, two places could look alike."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*steps, name))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*steps, number))
    else:
        yield steps, exact.dumps(value)


def _shown(steps: Steps) -> str:
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps]
    return "".join(parts).removeprefix(".")


def is_money(place: str) -> bool:
    """Say whether a place, or anything around it, is named for money or counts it."""
    words = [word.lower() for word in _WORDS.findall(place)]
    return any(word.startswith(MONEY + COUNTED) for word in words)
