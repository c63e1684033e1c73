"""The metadata catalogue: what this account's own fields take, custom ones included."""

from collections.abc import Iterator, Mapping
from typing import Any

from integrations.connectors.base import FieldRule
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import shipments

PATH = "/services/rest/record/v1/metadata-catalog"
SCHEMA = "application/schema+json"
# An address in a line of a list lies five deep; a schema may point at itself.
DEEPEST = 8
TYPES = {
    "string": "text",
    "date-time": "moment",
    "email": "text",
    "double": "number",
    "float": "number",
    "int64": "whole number",
    "int32": "whole number",
    "integer": "whole number",
    "boolean": "yes or no",
    "array": "list",
    "object": "group",
}


def field_rules(client: ApiClient, record_type: str) -> Mapping[str, FieldRule]:
    """Return the rules of every field by its path, as `billingAddress.zip`.

    With them those that a mapping may fill for us and NetSuite does not have.
    """
    answer = client.request("GET", f"{PATH}/{record_type}", headers={"Accept": SCHEMA})
    own = shipments.OWN_FIELDS if record_type == shipments.RECORD else {}
    return {**dict(_fields(answer.mapping(), "", 0)), **own}


def _fields(
    schema: Any, path: str, depth: int, required: bool = False
) -> Iterator[tuple[str, FieldRule]]:
    if not isinstance(schema, dict) or depth > DEEPEST:
        return
    if path:
        yield path, _rule(schema, required)
    if isinstance(schema.get("items"), dict):
        yield from _fields_inside(schema["items"], path, depth)
    yield from _fields_inside(schema, path, depth)


def _fields_inside(
    schema: dict[str, Any], path: str, depth: int
) -> Iterator[tuple[str, FieldRule]]:
    properties, needed = schema.get("properties"), schema.get("required")
    needed = needed if isinstance(needed, list) else []
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        here = f"{path}.{name}".lstrip(".")
        yield from _fields(inner, here, depth + 1, name in needed)


def _rule(schema: dict[str, Any], required: bool) -> FieldRule:
    longest, choices = schema.get("maxLength"), schema.get("enum")
    return FieldRule(
        longest=int(longest) if isinstance(longest, int) and longest > 0 else None,
        choices=tuple(map(str, choices)) if isinstance(choices, list) else (),
        label=str(schema.get("title") or ""),
        type=_type(schema),
        required=required,
        read_only=schema.get("readOnly") is True,
    )


def _type(schema: dict[str, Any]) -> str:
    """Name the type in one word: a reference is an object with a `refName`."""
    if schema.get("enum"):
        return "choice"
    inside = schema.get("properties")
    if isinstance(inside, dict):
        return _object_type(inside)
    written = str(schema.get("format") or schema.get("type") or "")
    return TYPES.get(written, written)


def _object_type(properties: dict[str, Any]) -> str:
    key = properties.get("id")
    if isinstance(key, dict) and key.get("enum"):
        return "choice"
    if "refName" in properties:
        return "reference"
    return "list" if "items" in properties else "group"
