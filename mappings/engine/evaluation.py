"""One row: the value it gives or the problem it meets, and where that stands."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from mappings.engine import wording
from mappings.engine.compiling import ANYTHING_ELSE as ANYTHING_ELSE
from mappings.engine.compiling import CLEAR, Missing, Refused, plan_of
from mappings.engine.conditions import holds
from mappings.engine.document import Document, Found, Lookups, Problem, Row
from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.meaning import paths_of
from mappings.engine.parsing import parse_expression
from mappings.engine.paths import (
    Reading,
    Scope,
    parse_path,
    parse_sources,
    read,
    read_all,
)
from mappings.engine.templates import render
from mappings.engine.transforms import run_steps
from mappings.engine.values import is_empty


class Remembered:
    """Asks each look-up once per record."""

    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups
        self.known: dict[tuple[str, str, str], Sequence[Found]] = {}

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        key = (record, by, value)
        if key not in self.known:
            self.known[key] = self.lookups.find(record, by, value)
        return self.known[key]


class Outcome(NamedTuple):
    """What a row gave: a value (None when there is nothing to send), or a problem.

    With `clears` the field is emptied at the target.
    """

    value: Any = None
    source: str = ""
    problem: Problem | None = None
    clears: bool = False


def chosen(rows: Sequence[Row], scope: Scope) -> Row | None:
    """Return the first of the rows for one target whose condition holds."""
    for row in rows:
        if not row.when or holds(row.when, scope):
            return row
    return None


def evaluate(
    document: Document, row: Row, scope: Scope, lookups: Lookups, target: str
) -> Outcome:
    """Find the value of a row; every fault becomes a problem of this row alone.

    Errors of the look-ups themselves (no answer, no access) pass through.
    """
    try:
        final = plan_of(row).value(document, scope, lookups)
        source = origin(reading_of(row, scope).at, scope)
        return Outcome(None if final is CLEAR else final, source, clears=final is CLEAR)
    except Missing:
        found = _missing(document, row, scope)
    except Refused as refused:
        found = (refused.kind, refused.rule, refused.remedy, refused.facts)
    except Unfit as unfit:
        remedy = unfit.remedy or "Correct the value at the source, then retry."
        found = ("data", unfit.rule, remedy, {"allowed": unfit.allowed})
    except DocumentError as error:
        rule = f"The row {row.target} cannot be used: {error}"
        found = ("mapping", rule, "Correct this row of the mapping, then retry.", {})
    kind, rule, remedy, facts = found
    reading, shown = _shown(row, scope)
    source = origin(reading.at, scope)
    problem = Problem(
        kind=kind,
        target=target,
        rule=rule,
        remedy=remedy,
        source=source,
        line=line_of(scope),
        row=row.key,
        sources=sources_of(row, scope),
        sensitivity=row.sensitivity,
        **({"value": wording.shown(shown)} | facts),
    )
    return Outcome(None, source, problem)


def _missing(
    document: Document, row: Row, scope: Scope
) -> tuple[str, str, str, dict[str, Any]]:
    reading = reading_of(row, scope)
    part = origin(reading.missing or reading.at, scope)
    return ("data", *wording.missing(document, row, part), {})


def _shown(row: Row, scope: Scope) -> tuple[Reading, Any]:
    """Return what a row read, and what it made of that as far as it came."""
    reading = Reading(None, "")
    try:
        reading = reading_of(row, scope)
        value = run_steps(row.steps, reading.value)
    except (DocumentError, Unfit):
        return reading, reading.value
    return reading, reading.value if is_empty(value) else value


def reading_of(row: Row, scope: Scope) -> Reading:
    """Return what a row reads, with its place in the record."""
    if row.source:
        return read_all(parse_sources(row.source), scope)
    if row.template:
        return render(row.template, scope)
    if row.expression:
        return parse_expression(row.expression).reading(scope)
    return Reading(row.constant, "")


def sources_of(row: Row, scope: Scope) -> tuple[str, ...]:
    """Return every place that a row may take its value from, used or not."""
    try:
        found = [read(parse_path(path), scope).at for path in paths_of(row)]
    except DocumentError:
        return ()
    return tuple(origin(at, scope) for at in found)


def origin(at: str, scope: Scope) -> str:
    """Return where a value really stands.

    An element of `derived` may name the source element it was made from in its
    field `source_path`; a field of the same name there is what a person must mend.
    """
    made_from = _made_from(scope)
    if not made_from or not at.startswith(f"{scope.at}."):
        return at
    name = re.split(r"[.\[]", at[len(scope.at) + 1 :], maxsplit=1)[0]
    there = read(parse_path(f"$.{made_from}"), scope).value
    known = isinstance(there, dict) and name in there
    return made_from + at[len(scope.at) :] if known else at


def line_of(scope: Scope) -> int | None:
    """Return the number, from 1, that a person would give this line."""
    made_from = _made_from(scope)
    before, bracket, rest = made_from.partition("[")
    number = rest.partition("]")[0]
    return int(number) + 1 if bracket and number.isdecimal() else scope.line


def _made_from(scope: Scope) -> str:
    element = scope.element if scope.parent else None
    found = element.get("source_path") if isinstance(element, dict) else None
    return found if isinstance(found, str) else ""
