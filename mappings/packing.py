"""The rows of a page as one field: those somebody touched, and the keys of the rest.

A form sends each cell as a field of its own, and the server takes only so many; a
version may hold as many rows as a spreadsheet. So the page sends one text. A row that
nobody touched stays what it is, whoever changed it meanwhile.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import BadRequest
from django.http import QueryDict

from mappings.models import MappingRow
from mappings.rows import MOST_ROWS, Values, values_of

PREFIX = "rows"
PACKED = f"{PREFIX}-packed"
# As many again that somebody adds or removes.
MOST_LINES = 2 * MOST_ROWS
UNREADABLE = "The rows of this page cannot be read. Load the page again, then save."


@dataclass(frozen=True)
class Packed:
    """The rows of a page by their number there: touched ones, and keys of the rest."""

    touched: dict[int, Values] = field(default_factory=dict)
    kept: dict[int, str] = field(default_factory=dict)

    def rest(self, standing: Iterable[MappingRow]) -> list[MappingRow]:
        """Return the rows that stand and that nobody touched on this page."""
        keys = set(self.kept.values())
        return [row for row in standing if str(row.pk) in keys]

    def flat(self, standing: Iterable[MappingRow]) -> QueryDict:
        """Return the touched rows as a form sends them, those that are stored first."""
        now = {str(row.pk): row for row in standing}
        lines = [_filled(line, now) for line in self.touched.values()]
        lines.sort(key=lambda line: not line.get("id"))
        made = _as_posted(dict(enumerate(lines)))
        stored = sum(1 for line in lines if line.get("id"))
        made[f"{PREFIX}-INITIAL_FORMS"] = str(stored)
        return made

    def whole(self, standing: Iterable[MappingRow]) -> QueryDict:
        """Return all rows as a form sends them, each by its number on the page."""
        now = {str(row.pk): row for row in standing}
        lines = {number: _filled(line, now) for number, line in self.touched.items()}
        for number, key in self.kept.items():
            if key in now:
                lines[number] = _stored(now[key])
        return _as_posted(lines)


def packed_in(data: Mapping[str, Any]) -> Packed | None:
    """Read the rows of a page; None where they came field by field.

    Raises BadRequest for what no page of ours sends.
    """
    text = data.get(PACKED)
    if text is None:
        return None
    try:
        told = json.loads(text)
        touched = {_number(place): _texts(line) for place, line in told["touched"]}
        kept = {_number(place): str(int(key)) for place, key in told["kept"]}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadRequest(UNREADABLE) from error
    if len(touched) + len(kept) > MOST_LINES:
        raise BadRequest(f"A version takes {MOST_ROWS:,} rows at most.")
    return Packed(touched, kept)


def laid_out(data: QueryDict, rows: QueryDict) -> QueryDict:
    """Return what a page sent besides, with these rows in place of the packed ones."""
    made = data.copy()
    for name in [name for name in made if name.startswith(f"{PREFIX}-")]:
        del made[name]
    for name in rows:
        made[name] = str(rows[name])
    return made


def _number(place: Any) -> int:
    number = int(place)
    if not 0 <= number < MOST_LINES:
        raise ValueError(place)
    return number


def _texts(line: Mapping[str, Any]) -> Values:
    """Return a line as texts; raises ValueError for what no database stores."""
    found = {str(name): str(value) for name, value in line.items()}
    "".join(found.values()).encode()  # half a character can be written in JSON
    return found


def _filled(line: Values, now: Mapping[str, MappingRow]) -> Values:
    """Fill up a row of which only the place was changed."""
    row = now.get(line.get("id", ""))
    return line if row is None or "target" in line else _stored(row) | line


def _stored(row: MappingRow) -> Values:
    keys = {"id": str(row.pk), "version": str(row.version_id)}
    return values_of(row) | keys | {"position": str(row.position)}


def _as_posted(lines: Mapping[int, Values]) -> QueryDict:
    made = QueryDict(mutable=True)
    for number, line in lines.items():
        for name, value in line.items():
            made[f"{PREFIX}-{number}-{name}"] = value
    made[f"{PREFIX}-TOTAL_FORMS"] = str(max(lines, default=-1) + 1)
    made[f"{PREFIX}-INITIAL_FORMS"] = "0"
    return made
