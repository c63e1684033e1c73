"""Parts of a record under their own address: sublists, lines, subrecords."""

from collections.abc import Mapping
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.rendering import Renderer, link
from integrations.simulators.netsuite.schema import Field, Kind
from integrations.simulators.netsuite.store import Values


def part_of(
    renderer: Renderer,
    fields: Mapping[str, Field],
    values: Values,
    parts: list[str],
    url: str,
) -> tuple[Values, str]:
    """Return the part that `parts` lead to and its shape; raise Refusal."""
    name, *rest = parts
    spec, url = fields.get(name), f"{url}/{name}"
    if spec is None or spec.kind not in (Kind.SUBLIST, Kind.SUBRECORD):
        raise refusals.no_record()
    value: Values = values.get(name, {})
    if spec.kind is Kind.SUBRECORD:
        if rest:
            raise refusals.no_record()
        return renderer.subrecord(spec, value, url), "singular"
    if not rest:
        return renderer.lines(spec, value.get("items", []), url), "collection"
    line, url = _line(spec.key, value.get("items", []), rest[0]), f"{url}/{rest[0]}"
    if rest[1:]:
        return part_of(renderer, spec.fields, line, rest[1:], url)
    return {"links": [link(url)], **renderer.fields(spec.fields, line, url)}, "singular"


def _line(name: str, lines: list[Values], key: str) -> dict[str, Any]:
    for index, line in enumerate(lines):
        if str(line.get(name, index + 1)) == key:
            return line
    raise refusals.no_record()
