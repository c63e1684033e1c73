"""Nested payloads from target paths."""

import re
from typing import Any

from mappings.engine.errors import DocumentError
from mappings.engine.paths import Step, parse_target

_INDEX = re.compile(r"\[\d*\]")


class Fields(dict[str, Any]):
    """An object under construction, told apart from one copied whole."""


class Places(dict[int, Any]):
    """A list under construction: `[1]` may come before `[0]`, or without it."""


def put(payload: Fields, target: str, value: Any) -> None:
    """Put a value at a target path, making objects and lists on the way."""
    steps = parse_target(target)
    here: Any = payload
    for step, following in zip(steps, steps[1:], strict=False):
        here = _enter(here, step, _kind(following), target)
    taken = isinstance(here.get(steps[-1]), Fields | Places)
    if taken or not _fits(here, steps[-1]):
        raise DocumentError(f"{target} is both a value and something with fields")
    here[steps[-1]] = value


def lines_at(payload: Fields, target: str) -> Places:
    """Return the list at a target path, made if it is not there yet."""
    here: Any = payload
    steps = parse_target(target)
    for step in steps[:-1]:
        here = _enter(here, step, Fields, target)
    found: Places = _enter(here, steps[-1], Places, target)
    return found


def _enter(here: Any, step: Step, kind: type[dict[Any, Any]], target: str) -> Any:
    if not _fits(here, step):
        raise DocumentError(f"{target} is both a list and something with fields")
    found = here.setdefault(step, kind())
    if type(found) is not kind:
        raise DocumentError(f"{target} is both a value and something with fields")
    return found


def _kind(following: Step) -> type[dict[Any, Any]]:
    return Places if isinstance(following, int) else Fields


def _fits(here: Any, step: Step) -> bool:
    return isinstance(here, Places) is isinstance(step, int)


def finished(value: Any) -> Any:
    """Return plain objects and lists, without gaps and without empty ones."""
    if isinstance(value, Places):
        return [finished(value[place]) for place in sorted(value)]
    if isinstance(value, Fields):
        inner = {name: finished(one) for name, one in value.items()}
        return {
            name: one
            for name, one in inner.items()
            if one or not isinstance(value[name], Fields | Places)
        }
    return value


def without_places(path: str) -> str:
    """Return a path with its indices dropped: `item.items[2].sku` as `item.items.sku`."""
    return _INDEX.sub("", path)
