"""Trees to pick paths from: what a record holds, and what a target takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.connectors.base import FieldRule
from integrations.studio.samples import Subject
from integrations.studio.why import shown
from integrations.sync.metadata import Rules
from mappings.engine import DocumentError
from mappings.engine.paths import FACTS, elements, join_at, parse_path, whole

DEEPEST = 8
MOST = 3000
LONGEST = 80


@dataclass
class Node:
    """One place of a tree; `path` is what a row would say."""

    name: str
    path: str
    type: str = ""
    example: str = ""
    label: str = ""
    rule: str = ""
    children: list["Node"] = field(default_factory=list)


def source_tree(subject: Subject, list_path: str = "") -> list[Node]:
    """Return what a row may read; inside a list the element comes first."""
    found = []
    element = _first_of(list_path, subject) if list_path else None
    if element is not None:
        line = Node("This line", "@", _type(element))
        line.children = list(_inside(element, "", 0))
        found.append(line)
    root = Node("The source record", "$" if list_path else "@", "group")
    root.children = list(_inside(subject.source, "$" if list_path else "", 0))
    found.append(root)
    for name in FACTS:
        fact = subject.facts.get(name)
        if fact:
            node = Node(name, name, "group")
            node.children = list(_inside(fact, name, 0))
            found.append(node)
    return found


def _first_of(list_path: str, subject: Subject) -> Any:
    scope = whole(subject.source, subject.facts)
    try:
        return next(elements(parse_path(list_path), scope)).element
    except (DocumentError, StopIteration):
        return None


def _inside(value: Any, path: str, depth: int) -> Iterator[Node]:
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = join_at(path, _quoted(str(name)))
            yield _node(str(name), inner, here, depth)
    elif isinstance(value, list) and value:
        yield from _inside(value[0], f"{path}[]", depth + 1)


def _node(name: str, value: Any, path: str, depth: int) -> Node:
    node = Node(name, path, _type(value))
    if isinstance(value, Mapping | list):
        node.children = list(_inside(value, path, depth + 1))
    else:
        node.example = "" if value is None else shown(value)[:LONGEST]
    return node


def _quoted(name: str) -> str:
    plain = name.isascii() and name.isidentifier()
    return name if plain else f'"{name}"'


def _type(value: Any) -> str:
    if isinstance(value, Mapping):
        return "group"
    if isinstance(value, list):
        return f"list of {len(value)}"
    if isinstance(value, bool):
        return "yes or no"
    if value is None:
        return "empty"
    return "text" if isinstance(value, str) else "number"


def target_tree(rules: Rules, inside: str = "") -> list[Node]:
    """Return what the target takes; `inside` gives the fields of one of its lists."""
    roots: list[Node] = []
    known: dict[str, Node] = {}
    start = f"{inside}." if inside else ""
    for path, rule in sorted(rules.fields.items())[:MOST]:
        if not path.startswith(start) or path == inside:
            continue
        node = _target(path, path[len(start) :], rule)
        known[path] = node
        above = known.get(path.rpartition(".")[0])
        (above.children if above else roots).append(node)
    return roots


def _target(path: str, own: str, rule: FieldRule) -> Node:
    parts = ["required" if rule.required else "", "read only" if rule.read_only else ""]
    if rule.longest:
        parts.append(f"{rule.longest} characters at most")
    name = path.rpartition(".")[2]
    choices = ", ".join(rule.choices[:6])
    said = ", ".join(part for part in parts if part)
    return Node(name, own, rule.type, choices, rule.label, said)


def flat(nodes: list[Node]) -> Iterator[Node]:
    """Give every node of a tree."""
    for node in nodes:
        yield node
        yield from flat(node.children)
