"""A fingerprint of what a document says, which signatures name."""

import hashlib
import json
from dataclasses import MISSING, fields
from typing import Any

from mappings.engine.chains import chain_items
from mappings.engine.document import Document
from mappings.engine.literals import print_literal

_LITERALS = ("constant", "default")
# A row's key is where it is stored; a copy of the document has other ones.
_NOT_CONTENT = ("key",)


def content_digest(document: Document) -> str:
    """Return the SHA-256 of a document's content, in hex.

    The same rows, lists, rules and sums in the same order give the same digest,
    wherever they are stored. Value tables belong to no version and do not count, nor
    does the document's name. What stands at its default is left out, so that a new
    column of a later release changes no digest.
    """
    content = canonical(document)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical(document: Document) -> dict[str, Any]:
    """Return the content of a document as plain data, written in one way only."""
    return {
        "source_system": document.source_system,
        "target_system": document.target_system,
        "rows": [part_content(row) for row in document.rows],
        "sections": [part_content(part) for part in document.sections],
        "exclusions": [part_content(part) for part in document.exclusions],
        "checks": [part_content(part) for part in document.checks],
    }


def part_content(part: Any) -> dict[str, Any]:
    """Return the fields of a row, section, rule or sum that are not at their default."""
    content: dict[str, Any] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        default = field.default if field.default is not MISSING else None
        if field.name not in _NOT_CONTENT and value != default:
            content[field.name] = _plain(field.name, value)
    return content


def _plain(name: str, value: Any) -> Any:
    if name in _LITERALS:
        return print_literal(value)
    if name == "transforms":
        return chain_items(value)
    return list(value) if isinstance(value, tuple) else value
