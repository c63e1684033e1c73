"""Paths into a record: `a.b`, `a[0].b`, `a[].b`, and where they start.

A strict subset of JMESPath (https://jmespath.org/specification.html) with prefixes:
nothing or `@.` starts at the current element, `^.` at the element around it, `$.` at
the whole source. A first name among FACTS reads what the surroundings know.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from mappings.engine.errors import DocumentError

FACTS = ("derived", "connection", "source_connection", "waybill", "needs")
MAX_STEPS = 20

Step = str | int | None  # a name, an index, or None for "each element"

NAME = r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\\]+")'
PREFIX = r"(?:\$|@|\^(?:\.\^)*)"
_STEP = re.compile(rf"\.?(?P<name>{NAME})|\[(?P<index>\d{{0,6}})\]")
_PREFIX = re.compile(rf"{PREFIX}(?=\.|\[|$)")


@dataclass(frozen=True, slots=True)
class Path:
    """One parsed path; `root` is `@`, `$`, `^`, `^^` … or `facts`, `tail` its place.

    `get` reads the value alone, in a fraction of the time that `read` takes.
    """

    text: str
    root: str
    steps: tuple[Step, ...]
    tail: str
    is_projection: bool
    get: "Getter" = field(compare=False, repr=False)


# A record makes hundreds of these: a tuple is made in a third of the time.
class Scope(NamedTuple):
    """Where a path starts: an element with its place, its parent and its line."""

    source: Any
    facts: Mapping[str, Any]
    element: Any
    at: str = ""
    parent: "Scope | None" = None
    line: int | None = None


Getter = Callable[[Scope], Any]
# Where each root stands in a scope, to be read by number: it is read most of all.
_SOURCE, _FACTS, _ELEMENT = 0, 1, 2


class Reading(NamedTuple):
    """What a path found: the value and its place, or the part that is missing."""

    value: Any
    at: str
    missing: str = ""


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Read a path; raise DocumentError that says at which character it fails."""
    text = text.strip()
    prefix = _PREFIX.match(text)
    root = prefix[0].replace(".", "") if prefix else "@"
    steps = tuple(_steps(text, prefix.end() if prefix else 0))
    if not steps and root == "@" and not prefix:
        raise DocumentError("a path is missing")
    if len(steps) > MAX_STEPS:
        raise DocumentError(f"the path {text} has more than {MAX_STEPS} steps")
    if not prefix and steps[0] in FACTS:
        root = "facts"
    return Path(
        text, root, steps, place("", steps), None in steps, _getter(text, root, steps)
    )


def _getter(text: str, root: str, steps: tuple[Step, ...]) -> Getter:
    """Return what reads the value of a path, made once for all records."""
    if root.startswith("^"):
        return _from_parent(text, len(root), steps)
    start = {"$": _SOURCE, "facts": _FACTS}.get(root, _ELEMENT)
    if len(steps) == 1 and isinstance(steps[0], str):
        return _one_name(start, steps[0])
    if None in steps:
        return lambda scope: _values(scope[start], steps)
    return _several_steps(start, steps)


def _one_name(start: int, name: str) -> Getter:
    def get(scope: Scope) -> Any:
        value = scope[start]
        return value.get(name) if type(value) is dict else _into(value, name)

    return get


def _several_steps(start: int, steps: tuple[Step, ...]) -> Getter:
    def get(scope: Scope) -> Any:
        value = scope[start]
        for step in steps:
            value = value.get(step) if type(value) is dict else _into(value, step)
            if value is None:
                return None
        return value

    return get


def _from_parent(text: str, levels: int, steps: tuple[Step, ...]) -> Getter:
    def get(scope: Scope) -> Any:
        for _ in range(levels):
            if scope.parent is None:
                raise DocumentError(f"{text} asks for a parent, but there is none")
            scope = scope.parent
        return (_values if None in steps else _follow)(scope.element, steps)

    return get


def _follow(value: Any, steps: tuple[Step, ...]) -> Any:
    for step in steps:
        value = _into(value, step)
        if value is None:
            return None
    return value


def _values(value: Any, steps: tuple[Step, ...]) -> Any:
    each = steps.index(None)
    found = list(_each(_follow(value, steps[:each]), steps[each:]))
    return found or None


def _steps(text: str, position: int) -> Iterator[Step]:
    first = position == 0
    while position < len(text):
        match = _STEP.match(text, position)
        dotted = text[position] == "."
        if not match or (match["name"] and dotted == first):
            raise DocumentError(
                f"the path {text!r} cannot be read from character {position + 1} on"
            )
        if match["name"]:
            yield match["name"].strip('"')
        else:
            yield int(match["index"]) if match["index"] else None
        position, first = match.end(), False


@lru_cache(maxsize=4096)
def parse_sources(text: str) -> tuple[Path, ...]:
    """Read one path, or several with commas between them."""
    return tuple(parse_path(part) for part in text.split(","))


@lru_cache(maxsize=4096)
def parse_target(text: str) -> tuple[str | int, ...]:
    """Read a target path: names and fixed places only."""
    path = parse_path(text)
    steps = tuple(step for step in path.steps if step is not None)
    if len(steps) != len(path.steps) or path.text[:1] in "$@^":
        raise DocumentError(f"{text!r} is no target: use names and [0], [1] … only")
    if not isinstance(steps[0], str):
        raise DocumentError(f"the target {text!r} must begin with a name")
    return steps


def whole(source: Any, facts: Mapping[str, Any]) -> Scope:
    """Return the scope of a whole record."""
    return Scope(source, facts, source)


def read(path: Path, scope: Scope) -> Reading:
    """Follow a path; a projection gives the values that are there, as a list."""
    value, start = _start(path, scope)
    if path.is_projection:
        return _read_each(path, value, start)
    between = "." if start and path.tail[:1] not in ("[", "") else ""
    at = start + between + path.tail
    for number, step in enumerate(path.steps, start=1):
        value = _into(value, step)
        if value is None:
            return Reading(None, at, place(start, path.steps[:number]))
    return Reading(value, at, "" if value is not None else at)


def _read_each(path: Path, value: Any, at: str) -> Reading:
    each = path.steps.index(None)
    for number, step in enumerate(path.steps[:each]):
        value, here = _into(value, step), join_at(at, step)
        if value is None:
            return Reading(None, place(at, path.steps[number:]), here)
        at = here
    return _project(value, at, path.steps[each:])


def read_all(paths: tuple[Path, ...], scope: Scope) -> Reading:
    """Read one path, or several into a list in their order."""
    if len(paths) == 1:
        return read(paths[0], scope)
    readings = [read(path, scope) for path in paths]
    missing = [reading.missing for reading in readings if reading.missing]
    at = next((reading.at for reading in readings if not reading.missing), "")
    return Reading(
        [reading.value for reading in readings],
        at or readings[0].at,
        ", ".join(missing) if len(missing) == len(readings) else "",
    )


def elements(path: Path, scope: Scope) -> Iterator[Scope]:
    """Give the scope of each element of the list at `path`.

    Raises DocumentError when something else than a list is there.
    """
    value, at = _start(path, scope)
    steps = path.steps if path.steps[-1:] == (None,) else (*path.steps, None)
    yield from _elements(value, at, steps, scope)


def _elements(
    value: Any, at: str, steps: tuple[Step, ...], parent: Scope
) -> Iterator[Scope]:
    each = steps.index(None)
    for step in steps[:each]:
        value, at = _into(value, step), join_at(at, step)
    if value is None:
        return
    if not isinstance(value, list):
        raise DocumentError(f"{at or 'the record'} is not a list")
    rest = steps[each + 1 :]
    for place_in_list, inner in enumerate(value):
        line = parent.line or place_in_list + 1
        here = Scope(
            parent.source, parent.facts, inner, f"{at}[{place_in_list}]", parent, line
        )
        if rest:
            yield from _elements(inner, here.at, rest, here)
        else:
            yield here


def _start(path: Path, scope: Scope) -> tuple[Any, str]:
    if path.root == "facts":
        return scope.facts, ""
    if path.root == "$":
        return scope.source, ""
    for _ in range(path.root.count("^")):
        if scope.parent is None:
            raise DocumentError(f"{path.text} asks for a parent, but there is none")
        scope = scope.parent
    return scope.element, scope.at


def _into(value: Any, step: Step) -> Any:
    if isinstance(step, str):
        # Nearly all are plain objects; the check for any other mapping is dear.
        is_object = type(value) is dict or isinstance(value, Mapping)
        return value.get(step) if is_object else None
    if isinstance(value, list) and step is not None and step < len(value):
        return value[step]
    return None


def _project(value: Any, at: str, steps: tuple[Step, ...]) -> Reading:
    found = list(_each(value, steps))
    shown = place(at, steps)
    return Reading(found or None, shown, "" if found else shown)


def _each(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """Follow steps that begin with `[]`; what is not there is left out."""
    for inner in value if isinstance(value, list) else ():
        for number, step in enumerate(steps[1:], start=1):
            if step is None:
                yield from _each(inner, steps[number:])
                break
            inner = _into(inner, step)
        else:
            if inner is not None:
                yield inner


def place(at: str, steps: tuple[Step, ...]) -> str:
    """Return a place with further steps written behind it."""
    for step in steps:
        at = join_at(at, step)
    return at


def join_at(at: str, step: Step) -> str:
    """Return the place one step further."""
    if isinstance(step, str):
        return f"{at}.{step}" if at else step
    return f"{at}[{'' if step is None else step}]"
