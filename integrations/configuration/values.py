"""Readers: from a node to a typed value, with every problem noted on the way."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import models

from integrations.configuration.problems import Place, Problems, suggest
from integrations.configuration.reader import Node, Shape

Reader = Callable[[Node, Problems], Any]

# What a reader returns when it has noted a problem instead.
BAD: Final[Any] = object()

_FLAGS = {
    "true": True,
    "yes": True,
    "on": True,
    "false": False,
    "no": False,
    "off": False,
}
_SECONDS = re.compile(r"[0-9]{1,7}(\.[0-9]{1,3})?")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True)
class Key:
    """What stands under one key of a table."""

    read: Reader
    required: bool = False


@dataclass(frozen=True)
class Item:
    """A table as read: good values by key, and where each stands."""

    node: Node
    values: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def parts(self, key: str) -> list["Item"]:
        """Return the tables of a list; none when the key is left out."""
        found: list[Item] = self.values.get(key, [])
        return found

    def only(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the values that were given for some keys."""
        return {key: self.values[key] for key in keys if key in self.values}

    def at(self, key: str) -> Place:
        """Return where the value stands, or the table when the key is left out."""
        entry = self.node.entries.get(key)
        return entry.place if entry else self.node.place

    def is_filled(self, key: str) -> bool:
        """Say whether the value comes from the environment and stays unseen."""
        entry = self.node.entries.get(key)
        return entry is not None and entry.is_filled


def read_table(node: Node, keys: Mapping[str, Key], problems: Problems) -> Item:
    """Read a table by its keys; note the unknown, the missing and the bad ones."""
    if not is_shape(node, Shape.TABLE, problems):
        return Item(node)
    for name in [name for name in node.entries if name not in keys]:
        problems.add(node.keys[name], "This key is not known.", suggest(name, keys))
    for name, key in keys.items():
        if key.required and name not in node.entries:
            problems.add(node.place, f"The key {name} is missing.", f"Add {name}.")
    read = {
        name: keys[name].read(entry, problems)
        for name, entry in node.entries.items()
        if name in keys
    }
    return Item(node, {name: value for name, value in read.items() if value is not BAD})


def is_shape(node: Node, shape: Shape, problems: Problems) -> bool:
    if node.shape is shape:
        return True
    if node.shape is not Shape.BROKEN:
        wanted = "a single value" if shape is Shape.TEXT else shape.value
        problems.add(node.place, f"This must be {wanted}.", _SHAPE_REMEDY[shape])
    return False


_SHAPE_REMEDY = {
    Shape.TEXT: "Quote it if it holds : # { [ or a line break.",
    Shape.LIST: "Begin each element with a dash, or write [a, b].",
    Shape.TABLE: "Write key: value on lines of their own, or {key: value}.",
}


def table(keys: Mapping[str, Key]) -> Reader:
    return lambda node, problems: read_table(node, keys, problems)


def list_of(read: Reader) -> Reader:
    """Read each element; elements with problems are left out."""

    def read_list(node: Node, problems: Problems) -> Any:
        if node.shape is Shape.NOTHING:
            return []
        if not is_shape(node, Shape.LIST, problems):
            return BAD
        read_items = [read(item, problems) for item in node.items]
        return [item for item in read_items if item is not BAD]

    return read_list


def optional(read: Reader, nothing: Any = None) -> Reader:
    """Read a value that may be left empty."""

    def read_optional(node: Node, problems: Problems) -> Any:
        return nothing if node.shape is Shape.NOTHING else read(node, problems)

    return read_optional


def column(model: type[models.Model], name: str) -> Reader:
    """Return the reader for a value that is kept in a column of a model."""
    found = model._meta.get_field(name)
    if not isinstance(found, models.Field):
        raise TypeError(f"{name} of {model.__name__} is no column")
    if isinstance(found, models.BooleanField):
        return flag
    if found.choices:
        return choice([str(value) for value, _ in found.flatchoices])
    if isinstance(found, models.IntegerField):
        return whole(optional=found.null)
    return _text_column(found)


def _text_column(kept_in: "models.Field[Any, Any]") -> Reader:
    def read_text(node: Node, problems: Problems) -> Any:
        if node.shape is Shape.NOTHING and kept_in.blank:
            return ""
        if not is_shape(node, Shape.TEXT, problems):
            return BAD
        try:
            return kept_in.clean(node.value, None)
        except ValidationError as error:
            remedy = " ".join(error.messages)
            problems.add(node.place, f"{shown(node)} cannot stand here.", remedy)
            return BAD

    return read_text


def text(limit: int | None = None, *, blank: bool = False) -> Reader:
    return _text_column(models.CharField(max_length=limit, blank=blank))


def choice(known: Iterable[str]) -> Reader:
    words = list(known)

    def read_choice(node: Node, problems: Problems) -> Any:
        if not is_shape(node, Shape.TEXT, problems):
            return BAD
        if node.value not in words:
            problems.add(
                node.place, f"{shown(node)} is not known.", suggest(node.value, words)
            )
            return BAD
        return node.value

    return read_choice


def flag(node: Node, problems: Problems) -> Any:
    if not is_shape(node, Shape.TEXT, problems):
        return BAD
    if node.value.lower() not in _FLAGS:
        problems.add(
            node.place,
            f"{shown(node)} is neither true nor false.",
            "Write true or false.",
        )
        return BAD
    return _FLAGS[node.value.lower()]


def whole(low: int = 0, high: int = 32767, *, optional: bool = False) -> Reader:
    def read_whole(node: Node, problems: Problems) -> Any:
        if optional and node.shape is Shape.NOTHING:
            return None
        if not is_shape(node, Shape.TEXT, problems):
            return BAD
        if not _WHOLE.fullmatch(node.value) or not low <= int(node.value) <= high:
            remedy = f"Write a whole number from {low} to {high}."
            problems.add(
                node.place, f"{shown(node)} is no whole number in range.", remedy
            )
            return BAD
        return int(node.value)

    return read_whole


def seconds(node: Node, problems: Problems) -> Any:
    if not is_shape(node, Shape.TEXT, problems):
        return BAD
    if not _SECONDS.fullmatch(node.value):
        remedy = "Write seconds, for example 30 or 0.5."
        problems.add(node.place, f"{shown(node)} is no number of seconds.", remedy)
        return BAD
    return float(node.value) if "." in node.value else int(node.value)


def wall_time(node: Node, problems: Problems) -> Any:
    """Read a day and a time as the clock on a wall shows them."""
    return _from_iso(
        node, problems, datetime, "a day and a time as in 2026-11-22 02:00"
    )


def day(node: Node, problems: Problems) -> Any:
    if node.shape is Shape.NOTHING:
        return None
    return _from_iso(node, problems, date, "a day as in 2026-12-24")


def _from_iso(node: Node, problems: Problems, kind: type[date], wanted: str) -> Any:
    if not is_shape(node, Shape.TEXT, problems):
        return BAD
    try:
        read = kind.fromisoformat(node.value)
    except ValueError:
        problems.add(
            node.place, f"{shown(node)} cannot stand here.", f"Write {wanted}."
        )
        return BAD
    return read.replace(tzinfo=None) if isinstance(read, datetime) else read


def anything(node: Node, problems: Problems) -> Any:
    """Read a free value: true, false and whole numbers typed, all else as text."""
    if node.shape is Shape.BROKEN:
        return BAD
    if node.shape is Shape.NOTHING:
        return None
    if node.shape is Shape.LIST:
        return list_of(anything)(node, problems)
    if node.shape is Shape.TABLE:
        return free_table(node, problems)
    if node.is_plain and node.value in ("true", "false"):
        return node.value == "true"
    return (
        int(node.value)
        if node.is_plain and _WHOLE.fullmatch(node.value)
        else node.value
    )


def free_table(node: Node, problems: Problems) -> Any:
    """Read a table whose keys are not known here."""
    if node.shape is Shape.NOTHING:
        return {}
    if not is_shape(node, Shape.TABLE, problems):
        return BAD
    values = {name: anything(entry, problems) for name, entry in node.entries.items()}
    return {name: value for name, value in values.items() if value is not BAD}


def shown(node: Node) -> str:
    """Return a value for a message: as written, never what a variable held."""
    return f"“{node.written}”"
