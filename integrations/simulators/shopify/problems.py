"""Faults of a query or its variables, in the words and shapes of Shopify's API."""

import re
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    is_required_input_field,
    print_ast,
)
from graphql.utilities import type_from_ast

Payload = dict[str, Any]
NOT_NULL = "Expected value to not be null"

UNDEFINED_FIELD = re.compile(r"Cannot query field '(\w+)' on type '(\w+)'")
UNKNOWN_ARGUMENT = re.compile(r"Unknown argument '(\w+)' on field '(\w+)\.(\w+)'")


def shaped(error: GraphQLError, document: DocumentNode) -> Payload:
    """Return a validation error as Shopify words it."""
    node = error.nodes[0] if error.nodes else None
    answer: Payload = {"message": error.message}
    if error.locations:
        answer["locations"] = [x.formatted for x in error.locations]
    answer["path"] = path_to(document, node)
    undefined = UNDEFINED_FIELD.match(error.message)
    unknown = UNKNOWN_ARGUMENT.match(error.message)
    if undefined:
        field, owner = undefined.groups()
        answer["message"] = f"Field '{field}' doesn't exist on type '{owner}'"
        answer["extensions"] = {
            "code": "undefinedField",
            "typeName": owner,
            "fieldName": field,
        }
    elif unknown:
        argument, _, field = unknown.groups()
        answer["message"] = f"Field '{field}' doesn't accept argument '{argument}'"
        answer["extensions"] = {
            "code": "argumentNotAccepted",
            "name": field,
            "typeName": "Field",
            "argumentName": argument,
        }
    return answer


def path_to(document: DocumentNode, wanted: Node | None) -> list[str]:
    """Return the names from the operation down to a node."""
    for definition in document.definitions:
        found = _walk(definition, wanted)
        if found is not None:
            return found
    return []


def _walk(node: Node, wanted: Node | None) -> list[str] | None:
    name = _name_of(node)
    here = [name] if name else []
    if node is wanted:
        return here
    for child in _children(node):
        below = _walk(child, wanted)
        if below is not None:
            return here + below
    return None


def _children(node: Node) -> list[Node]:
    found: list[Node] = []
    for key in node.keys:
        value = getattr(node, key, None)
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += [child for child in value if isinstance(child, Node)]
    return found


def _name_of(node: Node) -> str:
    if isinstance(node, OperationDefinitionNode):
        return " ".join(filter(None, (node.operation.value, _text(node.name))))
    if isinstance(node, FragmentDefinitionNode):
        return f"fragment {_text(node.name)}"
    if isinstance(node, InlineFragmentNode):
        condition = node.type_condition
        return f"... on {condition.name.value}" if condition else "..."
    return node.name.value if isinstance(node, FieldNode) else ""


def _text(name: Any) -> str:
    return name.value if name else ""


def variable_errors(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> list[Payload]:
    """Return one INVALID_VARIABLE error per variable that does not fit its type."""
    errors = []
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        kind = type_from_ast(schema, definition.type)
        if kind is None or (name not in variables and definition.default_value):
            continue
        value = variables.get(name)
        problems = value_problems(kind, value, [])  # type: ignore[arg-type]
        if problems:
            location = definition.loc.start_token if definition.loc else None
            errors.append(
                {
                    "message": _sentence(name, print_ast(definition.type), problems),
                    "locations": [
                        {"line": location.line, "column": location.column}
                        if location
                        else {}
                    ],
                    "extensions": {
                        "code": "INVALID_VARIABLE",
                        "value": value,
                        "problems": problems,
                    },
                }
            )
    return errors


def _sentence(name: str, kind: str, problems: list[Payload]) -> str:
    text = f"Variable ${name} of type {kind} was provided invalid value"
    details = [
        f"{'.'.join(str(step) for step in problem['path'])} ({problem['explanation']})"
        for problem in problems
        if problem["path"]
    ]
    return f"{text} for {', '.join(details)}" if details else text


def value_problems(
    kind: GraphQLInputType, value: Any, path: list[str | int]
) -> list[Payload]:
    """Return what does not fit, each with its path."""
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            return [_problem(path, NOT_NULL)]
        return value_problems(kind.of_type, value, path)
    if value is None:
        return []
    if isinstance(kind, GraphQLList):
        rows = value if isinstance(value, list) else [value]
        return [
            problem
            for index, row in enumerate(rows)
            for problem in value_problems(kind.of_type, row, [*path, index])
        ]
    if isinstance(kind, GraphQLInputObjectType):
        return _object_problems(kind, value, path)
    return _leaf_problems(kind, value, path)


def _object_problems(
    kind: GraphQLInputObjectType, value: Any, path: list[str | int]
) -> list[Payload]:
    if not isinstance(value, dict):
        return [_problem(path, f'Expected "{value}" to be a key-value object.')]
    problems = [
        _problem([*path, name], f"Field is not defined on {kind.name}")
        for name in value
        if name not in kind.fields
    ]
    for name, found in kind.fields.items():
        if name in value:
            problems += value_problems(found.type, value[name], [*path, name])
        elif is_required_input_field(found):
            problems.append(_problem([*path, name], NOT_NULL))
    return problems


def _leaf_problems(
    kind: GraphQLScalarType | GraphQLEnumType, value: Any, path: list[str | int]
) -> list[Payload]:
    if isinstance(kind, GraphQLEnumType):
        if value in kind.values:
            return []
        known = ", ".join(kind.values)
        return [_problem(path, f'Expected "{value}" to be one of: {known}')]
    try:
        kind.parse_value(value)
    except GraphQLError:
        text = f"Could not coerce value {value!r} to {kind.name}"
        return [_problem(path, text)]
    return []


def _problem(path: list[str | int], explanation: str) -> Payload:
    return {"path": path, "explanation": explanation}
