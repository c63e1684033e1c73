"""The lines of a bulk query's result, and the checks before it may run."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    validate,
    visit,
)

Payload = dict[str, Any]
MOST_CONNECTIONS, DEEPEST = 5, 2
PARTS = {"edges", "nodes", "pageInfo", "__typename"}


class BulkRefused(Exception):
    """The query cannot be run in bulk; the text is Shopify's."""


def read_bulk_query(schema: GraphQLSchema, text: str) -> DocumentNode:
    """Read and check a query; raise BulkRefused."""
    try:
        document = parse(text)
    except GraphQLError as error:
        raise BulkRefused(f"Invalid bulk query: {syntax_text(error)}") from error
    errors = validate(schema, document)
    if errors:
        raise BulkRefused(f"Invalid bulk query: {errors[0].message}")
    counter = _Connections(TypeInfo(schema))
    visit(document, TypeInfoVisitor(counter.types, counter))
    if not counter.count:
        raise BulkRefused("Bulk queries must contain at least one connection.")
    if counter.count > MOST_CONNECTIONS:
        raise BulkRefused(
            f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections."
        )
    if counter.deepest > DEEPEST:
        raise BulkRefused(
            "Bulk queries cannot contain connections with a nesting depth greater "
            f"than {DEEPEST}."
        )
    return document


def syntax_text(error: GraphQLError) -> str:
    """Return a syntax error in the words of Shopify's parser, as far as known."""
    ended = "<EOF>" in error.message
    return "syntax error, unexpected end of file" if ended else error.message


class _Connections(Visitor):
    """Counts connections and how deep they stand in one another."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.count = self.depth = self.deepest = 0

    def enter_field(self, node: FieldNode, *args: Any) -> None:
        if self._is_connection():
            self.count += 1
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)

    def leave_field(self, node: FieldNode, *args: Any) -> None:
        if self._is_connection():
            self.depth -= 1

    def _is_connection(self) -> bool:
        found = self.types.get_type()
        return found is not None and get_named_type(found).name.endswith("Connection")


def result_lines(data: Payload | None, grouped: bool) -> Iterator[Payload]:
    """Yield objects, each with its parent's id.

    Ungrouped, all parents come before the first child, so that nobody relies on a
    child following its parent.
    """
    waiting: list[tuple[Payload, list[Payload]]] = []
    for root in _connections_in(data or {}):
        for node in root:
            line, below = _split(node)
            yield line
            if grouped:
                yield from _children(line, below)
            else:
                waiting.append((line, below))
    for line, below in waiting:
        yield from _children(line, below)


def _children(parent: Payload, nodes: list[Payload]) -> Iterator[Payload]:
    for node in nodes:
        line, below = _split(node)
        if "id" in parent:
            line["__parentId"] = parent["id"]
        yield line
        yield from _children(line, below)


def _split(node: Payload) -> tuple[Payload, list[Payload]]:
    """Return a node without its connections, and what stood in them."""
    line, below = {}, []
    for name, value in node.items():
        if _is_page(value):
            below += _nodes(value)
        else:
            line[name] = value
    return line, below


def _connections_in(data: Payload) -> Iterator[list[Payload]]:
    for value in data.values():
        if _is_page(value):
            yield _nodes(value)
        elif isinstance(value, dict):
            yield from _connections_in(value)


def _is_page(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool({"edges", "nodes"} & set(value))
        and set(value) <= PARTS
    )


def _nodes(page: Payload) -> list[Payload]:
    edges = [edge["node"] for edge in page.get("edges") or () if "node" in edge]
    return edges or list(page.get("nodes") or ())
