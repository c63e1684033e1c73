"""Templates: text with `{path}` in it, and nothing else."""

import re
from collections.abc import Iterator
from functools import lru_cache

from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.paths import Path, Reading, Scope, parse_path, read
from mappings.engine.values import is_empty, single_text, text_of

MAX_TEMPLATE = 1_000
MAX_RESULT = 10_000
_PART = re.compile(r"(?P<plain>(?:[^{}]|\{\{|\}\})+)|\{(?P<path>[^{}]*)\}")


@lru_cache(maxsize=1024)
def parse_template(text: str) -> tuple[str | Path, ...]:
    """Read a template; raise DocumentError for a stray brace or a bad path."""
    if len(text) > MAX_TEMPLATE:
        raise DocumentError(f"a template may have {MAX_TEMPLATE} characters at most")
    return tuple(_parts(text))


def _parts(text: str) -> Iterator[str | Path]:
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if not match:
            raise DocumentError(
                f"the template {text!r} has a stray brace at character {position + 1}"
            )
        if match["plain"] is None:
            yield parse_path(match["path"])
        else:
            yield match["plain"].replace("{{", "{").replace("}}", "}")
        position = match.end()


def render(text: str, scope: Scope) -> Reading:
    """Fill a template; it is empty when every placeholder is.

    Raises Unfit when the text grows beyond MAX_RESULT characters.
    """
    parts = parse_template(text)
    readings = [read(part, scope) for part in parts if isinstance(part, Path)]
    full = any(not is_empty(reading.value) for reading in readings)
    at = ", ".join(reading.at for reading in readings)
    if readings and not full:
        return Reading(None, at, ", ".join(r.missing or r.at for r in readings))
    written = "".join(_write(part, scope) for part in parts)
    if len(written) > MAX_RESULT:
        raise Unfit(
            f"The text is longer than {MAX_RESULT} characters",
            "Shorten the text at the source, or cut it in the mapping.",
        )
    return Reading(written, at)


def _write(part: str | Path, scope: Scope) -> str:
    if isinstance(part, str):
        return part
    value = read(part, scope).value
    if isinstance(value, dict):
        raise Unfit(f"{part.text} is an object and cannot stand in a text")
    if isinstance(value, list):
        return ", ".join(single_text(one) for one in value)
    return text_of(value)
