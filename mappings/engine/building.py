"""Nested payloads from target paths."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from mappings.engine.errors import DocumentError
from mappings.engine.paths import Step, parse_target

_INDEX = re.compile(r"\[\d*\]")


class Fields(dict[str, Any]):
    """An object under construction, told apart from one copied whole."""


class Places(dict[int, Any]):
    """A list under construction: `[1]` may come before `[0]`, or without it."""


Put = Callable[[Any, Any], None]


def putter(target: str) -> Put:
    """Return what puts a value at a target path, wary of clashes."""
    return lambda payload, value: put(payload, target, value)


@lru_cache(maxsize=4096)
def quick_putter(target: str) -> Put:
    """Return what puts a value into plain dictionaries, looking for no clash.

    For documents of which `never_clash` has said that there can be none.
    """
    *around, last = parse_target(target)
    if not around:
        return lambda payload, value: payload.__setitem__(last, value)

    def put_in(payload: Any, value: Any) -> None:
        for step in around:
            inner = payload.get(step)
            if inner is None:
                inner = payload[step] = {}
            payload = inner
        payload[last] = value

    return put_in


def never_clash(targets: Iterable[str], lists: Iterable[str] = ()) -> bool:
    """Say whether values at these targets can stand beside each other, whatever comes.

    `lists` are targets that hold lines. Targets with places in lists (`a[0]`) need a
    closer look each time, so of those this is never said.
    """
    values, holders = set(targets), set(lists)
    if values & holders:
        return False
    for target in values | holders:
        try:
            steps = parse_target(target)
        except DocumentError:
            return False
        if not all(isinstance(step, str) for step in steps):
            return False
    every = {parse_target(target) for target in values | holders}
    return not any(
        steps[:length] in every for steps in every for length in range(1, len(steps))
    )


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


def cleared_target(target: str) -> str:
    """Return what is emptied: of a reference, as `terms.id`, the whole of it."""
    return target.removesuffix(".id")


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
