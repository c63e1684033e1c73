"""Values as people write them: 12.50, true, null, 'text', or a bare word."""

import re
from decimal import Decimal
from typing import Any

from mappings.engine.errors import DocumentError
from mappings.engine.values import text_of

_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
_WHOLE = re.compile(r"-?\d{1,18}")
_FRACTION = re.compile(r"-?\d{1,18}\.\d{1,12}")


def parse_literal(text: str) -> Any:
    """Read a value; a number stays exact, whatever is none of these is text.

    A text with leading zeros ('007') stays text, so that no id loses them.
    """
    text = text.strip()
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] in ("'", '"'):
        return _unquote(text)
    if _WHOLE.fullmatch(text) and str(int(text)) == text:
        return int(text)
    if _FRACTION.fullmatch(text):
        return Decimal(text)
    return text or None


def print_literal(value: Any) -> str:
    """Write a value so that `parse_literal` reads the same one."""
    if value is None:
        return ""
    text = text_of(value)
    if not isinstance(value, str):
        return text
    bare = text == text.strip() and parse_plain(text) == text
    return text if bare else quoted(text)


def parse_plain(text: str) -> Any:
    """Read a value, leaving a badly quoted one as the text it is."""
    try:
        return parse_literal(text)
    except DocumentError:
        return None


def quoted(text: str) -> str:
    """Put a text in single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _unquote(text: str) -> str:
    mark = text[0]
    if len(text) < 2 or text[-1] != mark:
        raise DocumentError(f"{text} has no closing quote")
    return re.sub(r"\\(.)", r"\1", text[1:-1])
