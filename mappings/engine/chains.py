"""Transforms as people write them: `trim | cut(40) | date(zone=Europe/Berlin)`."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from mappings.engine.catalogue import CATALOGUE
from mappings.engine.errors import DocumentError
from mappings.engine.literals import parse_literal, print_literal, quoted
from mappings.engine.transforms import Chain, known
from mappings.engine.values import text_of

MAX_CHAIN = 12
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
# No part may give back what it took: a text of spaces would be tried in every split.
_STEP = re.compile(
    rf"\s*+(?P<name>[a-z_]++)\s*+"
    rf"(?:\((?P<inside>(?:{_QUOTED}|[^()'\"])*+)\))?\s*+(?P<end>\||$)"
)
_ARGUMENT = re.compile(
    rf"\s*+(?:(?P<name>[a-z_]++)\s*+=)?\s*+"
    rf"(?P<value>{_QUOTED}|[^,'\"]*+)\s*+(?P<end>,|$)"
)


def parse_chain(text: str) -> Chain:
    """Read transforms; raise DocumentError with the words that do not fit."""
    chain = tuple(_steps(text)) if text.strip() else ()
    if len(chain) > MAX_CHAIN:
        raise DocumentError(f"more than {MAX_CHAIN} transforms in a row")
    return chain


def print_chain(chain: Chain) -> str:
    """Write transforms so that `parse_chain` reads the same ones."""
    return " | ".join(_print_step(name, given) for name, given in chain)


def chain_from(items: Any) -> Chain:
    """Read the form kept in files and columns: `name` or `{name: {parameter: value}}`.

    Raises DocumentError for any other shape.
    """
    if not isinstance(items, list | tuple):
        raise DocumentError("transforms must be a list")
    return tuple(_item(item) for item in items)


def chain_items(chain: Chain) -> list[Any]:
    """Return the form kept in files and columns, which knows no Decimal."""
    return [{name: _plain(given)} if given else name for name, given in chain]


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: text_of(value) if isinstance(value, Decimal) else value
        for name, value in given.items()
    }


def _item(item: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(item, str):
        return item, {}
    if isinstance(item, dict) and len(item) == 1:
        ((name, given),) = item.items()
        if isinstance(name, str) and isinstance(given, dict):
            return name, given
    raise DocumentError(f"{item!r} is neither a name nor one name with its parameters")


def _steps(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    position, again = 0, True
    while again:
        match = _STEP.match(text, position)
        if not match:
            raise DocumentError(
                f"the transforms cannot be read from '{text[position:].strip()}' on"
            )
        yield match["name"], _arguments(match["name"], match["inside"] or "")
        position, again = match.end(), match["end"] == "|"


def _arguments(name: str, inside: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    names = [parameter.name for parameter in known(name).parameters]
    for number, (key, value) in enumerate(_pairs(inside)):
        if not key and number >= len(names):
            raise DocumentError(f"{name} takes {len(names)} parameters at most")
        key = key or names[number]
        if key in given:
            raise DocumentError(f"{name} names {key!r} twice")
        given[key] = parse_literal(value)
    return given


def _pairs(inside: str) -> Iterator[tuple[str, str]]:
    position = 0
    while inside.strip() and position <= len(inside):
        match = _ARGUMENT.match(inside, position)
        if not match:
            raise DocumentError(f"the parameters '{inside}' cannot be read")
        yield match["name"] or "", match["value"]
        if not match["end"]:
            return
        position = match.end()


def _print_step(name: str, given: Mapping[str, Any]) -> str:
    if not given:
        return name
    names = (
        [one.name for one in CATALOGUE[name].parameters] if name in CATALOGUE else []
    )
    in_order = list(given) == names[: len(given)]
    written = [
        _print_value(value) if in_order else f"{key}={_print_value(value)}"
        for key, value in given.items()
    ]
    return f"{name}({', '.join(written)})"


def _print_value(value: Any) -> str:
    text = print_literal(value)
    plain = re.fullmatch(r"[^(),'\"=|]+", text)
    return text if plain or text[:1] == "'" else quoted(text)
