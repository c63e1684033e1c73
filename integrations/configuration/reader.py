"""YAML as a tree in which every value knows its file, line and path.

Scalars keep their text as written: what the text means is decided by the key it
stands under, so `NO` as a country stays `NO`, and an account id keeps its zeros.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import yaml

from integrations.configuration.problems import Place, Problems

_PLACEHOLDER = re.compile(r"\$\$(?=\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_PLAIN_TAGS = "tag:yaml.org,2002:"
_CORE = (
    "str",
    "int",
    "float",
    "bool",
    "null",
    "timestamp",
    "seq",
    "map",
    "merge",
    "value",
)
_LABELS = ("slug", "name", "target", "flow")


class Placeholder(str):
    """A text that stands for an environment variable, as in ${NAME}."""

    __slots__ = ()


class Shape(Enum):
    TEXT = "text"
    NOTHING = "nothing"
    LIST = "a list"
    TABLE = "a table"
    BROKEN = "broken"


@dataclass(frozen=True)
class Node:
    """One value: its text, its elements or its entries.

    `written` is the text in the file, `value` the same with environment variables
    filled in. Only `written` may be shown to people. A broken node has its
    problem noted already.
    """

    place: Place
    shape: Shape
    written: str = ""
    value: str = ""
    is_plain: bool = False
    items: tuple["Node", ...] = ()
    entries: Mapping[str, "Node"] = field(default_factory=dict)
    keys: Mapping[str, Place] = field(default_factory=dict)

    @property
    def is_filled(self) -> bool:
        """Say whether an environment variable is part of the value."""
        own = any(match[1] for match in _PLACEHOLDER.finditer(self.written))
        parts = (*self.items, *self.entries.values())
        return own or any(part.is_filled for part in parts)


def read(file: str, environ: Mapping[str, str], problems: Problems) -> Node | None:
    """Read one file; return None when it is no YAML, with the problem noted."""
    text = _text(file, problems)
    if text is None:
        return None
    try:
        root = _root(text)
        if root is not None:
            return _Builder(file, environ, problems).build(root, "")
    except (yaml.YAMLError, RecursionError) as error:
        problems.add(Place(file, _line(error, text)), *_syntax(error))
        return None
    problems.add(Place(file, 1), "The file is empty.")
    return None


def unseen(node: Node, words: str) -> str:
    """Put the names of environment variables where `words` hold their values."""
    if node.is_filled and node.shape is Shape.TEXT:
        return words.replace(node.value, node.written)
    for part in (*node.items, *node.entries.values()):
        words = unseen(part, words)
    return words


def _text(file: str, problems: Problems) -> str | None:
    try:
        raw = Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        problems.add(Place(file, 1), f"Cannot be read: {error.strerror}.")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(Place(file, line), "Not UTF-8.", "Save the file as UTF-8.")
    return None


def _root(text: str) -> yaml.Node | None:
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not used here",
                problem_mark=token.start_mark,
                note="Write the value out.",
            )
    root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return root


def _line(error: Exception, text: str) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    return text.count("\n", 0, getattr(error, "position", 0)) + 1


def _syntax(error: Exception) -> tuple[str, str]:
    if isinstance(error, yaml.MarkedYAMLError):
        words = [part for part in (error.context, error.problem) if part]
        return f"Not YAML: {', '.join(words)}.", error.note or _YAML_REMEDY
    if isinstance(error, RecursionError):
        return "Not YAML: nested too deeply.", ""
    return "Not YAML: a character that YAML does not allow.", ""


_YAML_REMEDY = "Check the indentation, the quotes and the brackets near this line."


@dataclass(frozen=True)
class _Builder:
    file: str
    environ: Mapping[str, str]
    problems: Problems

    def build(self, node: yaml.Node, path: str) -> Node:
        place = Place(self.file, node.start_mark.line + 1, path)
        if node.tag not in {_PLAIN_TAGS + name for name in _CORE}:
            self.problems.add(
                place, f"The tag {node.tag} is not used here.", "Leave it out."
            )
            return Node(place, Shape.BROKEN)
        if isinstance(node, yaml.MappingNode):
            return self._table(node, place)
        if isinstance(node, yaml.ScalarNode):
            return self._text(node, place)
        return self._list(node, place)

    def _list(self, node: yaml.Node, place: Place) -> Node:
        items = [
            self.build(child, f"{place.path}[{_label(child) or number}]")
            for number, child in enumerate(node.value, start=1)
        ]
        return Node(place, Shape.LIST, items=tuple(items))

    def _table(self, node: yaml.MappingNode, place: Place) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        for key, child in node.value:
            at = self._key_place(key, place)
            if self._is_good_key(key, at, keys):
                keys[key.value] = at
                entries[key.value] = self.build(child, at.path)
        return Node(place, Shape.TABLE, entries=entries, keys=keys)

    def _key_place(self, key: yaml.Node, place: Place) -> Place:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        path = f"{place.path}.{name}" if place.path else name
        return Place(self.file, key.start_mark.line + 1, path)

    def _is_good_key(
        self, key: yaml.Node, at: Place, keys: Mapping[str, Place]
    ) -> bool:
        if not isinstance(key, yaml.ScalarNode):
            self.problems.add(
                at, "A key must be text.", "Quote values that hold { or [."
            )
            return False
        if key.value in keys:
            before = keys[key.value].line
            self.problems.add(
                at, f"This key stands on line {before} already.", "Keep one of them."
            )
            return False
        return True

    def _text(self, node: yaml.ScalarNode, place: Place) -> Node:
        written, is_plain = str(node.value), node.style is None
        if is_plain and node.tag == _PLAIN_TAGS + "null":
            return Node(place, Shape.NOTHING)
        before = len(self.problems)
        value = _PLACEHOLDER.sub(lambda match: self._fill(match, place), written)
        shape = Shape.TEXT if len(self.problems) == before else Shape.BROKEN
        return Node(place, shape, written, value, is_plain)

    def _fill(self, match: re.Match[str], place: Place) -> str:
        name = match[1]
        if match[0] == "$$":
            return "$"
        if name is None:
            self.problems.add(
                place,
                "${ begins the name of an environment variable, as in ${NAME}.",
                "Write $${ for the characters themselves.",
            )
        elif not self.environ.get(name):
            self.problems.add(
                place,
                f"The environment variable {name} is empty or not set.",
                "Set it.",
            )
        return self.environ.get(name or "", "")


def _label(node: yaml.Node) -> str:
    """Return what a person calls this element of a list."""
    if not isinstance(node, yaml.MappingNode):
        return ""
    texts = {
        key.value: child.value
        for key, child in node.value
        if isinstance(key, yaml.ScalarNode) and isinstance(child, yaml.ScalarNode)
    }
    return next((str(texts[name]) for name in _LABELS if texts.get(name)), "")
