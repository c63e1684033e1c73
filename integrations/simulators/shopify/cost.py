"""Query cost: what is reserved, what is charged, and the bucket it comes from.

A scalar costs 0, an object 1, a mutation 10, a connection 2 plus one per item, all
multiplied through nesting; user errors are free.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
)
from graphql.pyutils import Undefined
from graphql.type import get_nullable_type
from graphql.utilities import value_from_ast_untyped

MOST_PER_QUERY = 1000
CONNECTION_COST, MUTATION_COST = 2, 10
Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass
class Bucket:
    """The points of one app on this shop; they come back with time."""

    maximum: float
    rate: float
    filled_at: datetime
    level: float

    def refill(self, now: datetime) -> None:
        gained = (now - self.filled_at).total_seconds() * self.rate
        self.level = min(self.maximum, self.level + max(gained, 0))
        self.filled_at = now

    def take(self, points: float) -> bool:
        """Take points out if there are enough."""
        if points > self.level:
            return False
        self.level -= points
        return True

    def status(self) -> dict[str, Any]:
        return {
            "maximumAvailable": float(self.maximum),
            "currentlyAvailable": int(self.level),
            "restoreRate": float(self.rate),
        }


class CostCounter:
    """Counts the cost of one operation before and after it ran."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.fragments = fragments
        self.variables = {**_defaults(operation), **variables}

    @property
    def root(self) -> GraphQLObjectType:
        root = self.schema.get_root_type(self.operation.operation)
        if root is None:
            raise LookupError(f"no root type for {self.operation.operation}")
        return root

    def requested(self) -> int:
        """Return what the operation may cost at most."""
        return self._requested(self.root, self.operation.selection_set)

    def actual(self, data: Mapping[str, Any] | None) -> int:
        """Return what the answer did cost."""
        return self._actual(self.root, self.operation.selection_set, data or {})

    def _requested(self, parent: Composite, selections: SelectionSetNode | None) -> int:
        return sum(
            self._field(owner, node, found)
            for owner, node, found in self._fields(parent, selections)
        )

    def _field(self, parent: Composite, node: FieldNode, found: Composite) -> int:
        if found.name.endswith("Connection"):
            items = self._items(found, node.selection_set)
            return CONNECTION_COST + self._size(node) * items
        own = self._own_cost(parent, found)
        inner = own + self._requested(found, node.selection_set)
        if self._is_list(parent, node):
            return inner * max(self._size(node), 1)
        return inner

    def _items(self, connection: Composite, selections: SelectionSetNode | None) -> int:
        """Return the cost of one item of a connection: itself and what is in it."""
        inner = 0
        for _, node, found in self._fields(connection, selections):
            if node.name.value == "edges":
                for _, edge_node, item in self._fields(found, node.selection_set):
                    inner += self._requested(item, edge_node.selection_set)
            elif node.name.value == "nodes":
                inner += self._requested(found, node.selection_set)
        return 1 + inner

    def _actual(
        self, parent: Composite, selections: SelectionSetNode | None, data: Any
    ) -> int:
        if not isinstance(data, Mapping):
            return 0
        points = 0
        for owner, node, found in self._fields(parent, selections):
            value = data.get(node.alias.value if node.alias else node.name.value)
            rows = value if isinstance(value, list) else [value]
            for row in rows:
                points += self._charged(owner, found, node, row)
        return points

    def _charged(
        self, parent: Composite, found: Composite, node: FieldNode, row: Any
    ) -> int:
        if row is None:
            return MUTATION_COST if self._is_mutation(parent) else 0
        if found.name.endswith("Connection"):
            return CONNECTION_COST + self._actual(found, node.selection_set, row)
        own = self._own_cost(parent, found)
        return own + self._actual(found, node.selection_set, row)

    def _own_cost(self, parent: Composite, found: Composite) -> int:
        if self._is_mutation(parent):
            return MUTATION_COST
        free = found.name == "PageInfo" or found.name.endswith(("UserError", "Edge"))
        return 0 if free else 1

    def _is_mutation(self, parent: Composite) -> bool:
        return (
            parent is self.root and self.operation.operation is OperationType.MUTATION
        )

    def _is_list(self, parent: Composite, node: FieldNode) -> bool:
        if isinstance(parent, GraphQLUnionType):
            return False
        return is_list_type(get_nullable_type(parent.fields[node.name.value].type))

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            value = value_from_ast_untyped(argument.value, self.variables)
            if value is Undefined or value is None:
                continue
            if argument.name.value in ("first", "last"):
                return int(value)
            if argument.name.value == "ids":
                return len(value)
        return 0

    def _fields(
        self, parent: Composite, selections: SelectionSetNode | None
    ) -> Iterator[tuple[Composite, FieldNode, Composite]]:
        """Yield the selected fields that are not leaves: whose, which, of what type."""
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                inner = self.schema.get_type(fragment.type_condition.name.value)
                yield from self._fields(_composite(inner), fragment.selection_set)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                named = (
                    self.schema.get_type(condition.name.value) if condition else None
                )
                yield from self._fields(
                    _composite(named) if named else parent, node.selection_set
                )
            elif isinstance(node, FieldNode) and node.name.value != "__typename":
                yield from self._typed(parent, node)

    def _typed(
        self, parent: Composite, node: FieldNode
    ) -> Iterator[tuple[Composite, FieldNode, Composite]]:
        if isinstance(parent, GraphQLUnionType) or node.name.value.startswith("__"):
            return
        found = get_named_type(parent.fields[node.name.value].type)
        if not is_leaf_type(found):
            yield parent, node, _composite(found)


def _composite(found: Any) -> Composite:
    if not isinstance(found, Composite):
        raise TypeError(f"{found} has no fields")
    return found


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value
    }
