"""Turns an OpenAPI document into what a page shows of it."""

import json
import re
from dataclasses import dataclass
from typing import Any

Tree = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
# What stands for a value of each kind where a document gives no example.
EXAMPLE_ID = "4821"
IN_PATH = "Its id, as the list gives it."


@dataclass(frozen=True)
class Entry:
    """One parameter or field: its name, what it takes, what it means."""

    name: str
    kind: str
    text: str
    is_needed: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Operation:
    """One way to call: what it takes and what it answers."""

    key: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[Entry]
    body: list[Entry]
    answer: list[Entry]
    refusals: list[tuple[str, str]]
    curl: str


def sections_of(document: Tree, site: str) -> list[tuple[str, list[Operation]]]:
    """Return the operations by their tag, in the order of the document."""
    found: dict[str, list[Operation]] = {}
    for path, ways in document["paths"].items():
        for method in METHODS:
            if method in ways:
                one = _operation(document, path, method, ways[method], site)
                found.setdefault(ways[method]["tags"][0], []).append(one)
    return list(found.items())


def _operation(
    document: Tree, path: str, method: str, told: Tree, site: str
) -> Operation:
    body = _json(told.get("requestBody", {}))
    good = next(code for code in told["responses"] if code.startswith("2"))
    answers = told["responses"].items()
    return Operation(
        key=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told.get("summary", ""),
        text=told.get("description", ""),
        parameters=[_parameter(document, one) for one in told.get("parameters", [])],
        body=_fields(document, body.get("schema", {})),
        answer=_fields(document, _json(told["responses"][good]).get("schema", {})),
        refusals=[(code, one["description"]) for code, one in answers if code != good],
        curl=_curl(path, method, body, site),
    )


def _json(holder: Tree) -> Tree:
    found: Tree = holder.get("content", {}).get("application/json", {})
    return found


def _parameter(document: Tree, told: Tree) -> Entry:
    return _entry(
        document,
        told["name"],
        told.get("schema", {}),
        told.get("description", "") or (IN_PATH if told["in"] == "path" else ""),
        bool(told.get("required")),
    )


def _fields(document: Tree, schema: Tree) -> list[Entry]:
    whole = _resolved(document, schema)
    needed = whole.get("required", [])
    return [
        _entry(document, name, told, "", name in needed)
        for name, told in whole.get("properties", {}).items()
    ]


def _entry(
    document: Tree, name: str, schema: Tree, text: str, is_needed: bool
) -> Entry:
    whole = _resolved(document, schema)
    said = _without_choices(text or schema.get("description", ""))
    return Entry(
        name=name,
        kind=_kind(document, schema),
        text=said or _without_choices(whole.get("description", "")),
        is_needed=is_needed,
        choices=_choices(whole, text or whole.get("description", "")),
    )


def _resolved(document: Tree, schema: Tree) -> Tree:
    """Follow a reference, also one that is wrapped to carry a description."""
    for wrap in ("allOf", "oneOf"):
        if wrap in schema:
            return _resolved(document, schema[wrap][0])
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: Tree = document["components"]["schemas"][name]
    return found


def _kind(document: Tree, schema: Tree) -> str:
    """Say in a word or two what a value is: "text", "list of numbers"."""
    whole = _resolved(document, schema)
    if whole.get("type") == "array":
        inner = _resolved(document, whole["items"])
        names = ", ".join(inner.get("properties", {}))
        return f"list of {{{names}}}" if names else f"list of {_word(inner)}"
    if "properties" in whole:
        return "{" + ", ".join(whole["properties"]) + "}"
    word = _word(whole)
    is_null = schema.get("nullable") or whole.get("nullable")
    return f"{word} or null" if is_null else word


WORDS = {"string": "text", "integer": "number", "boolean": "true or false"}


def _word(schema: Tree) -> str:
    if "enum" in schema:
        return "one of"
    if schema.get("format") == "date-time":
        return "time"
    return WORDS.get(str(schema.get("type", "")), "JSON")


CHOICE = re.compile(r"^\* `([^`]*)` - (.*)$", re.M)


def _choices(schema: Tree, text: str) -> tuple[tuple[str, str], ...]:
    """Return the allowed values with their meaning, as the document lists them."""
    said = dict(CHOICE.findall(text))
    values = [value for value in schema.get("enum", []) if value not in (None, "")]
    return tuple((str(value), said.get(str(value), "")) for value in values)


def _without_choices(text: str) -> str:
    return CHOICE.sub("", text).strip()


def _curl(path: str, method: str, body: Tree, site: str) -> str:
    """Return a call that can be pasted into a shell."""
    address = f"{site}{path.replace('{id}', EXAMPLE_ID)}"
    parts = [f"curl {address}", '-H "Authorization: Bearer $WAYBILL_TOKEN"']
    if method == "post":
        parts[0] = f"curl -X POST {address}"
    example = next(iter(body.get("examples", {}).values()), None)
    if example:
        sent = json.dumps(example["value"], ensure_ascii=False)
        parts += ['-H "Content-Type: application/json"', f"-d '{sent}'"]
    return " \\\n    ".join(parts)
