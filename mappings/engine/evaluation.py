"""One row: from where it reads to the value it gives, or the problem it meets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mappings.engine import wording
from mappings.engine.conditions import holds
from mappings.engine.document import Document, Found, Kind, Lookups, Problem, Row
from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.paths import (
    Reading,
    Scope,
    parse_path,
    parse_sources,
    read,
    read_all,
)
from mappings.engine.templates import render
from mappings.engine.transforms import run_chain
from mappings.engine.validation import fit
from mappings.engine.values import is_empty, text_of

ANYTHING_ELSE = "*"


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row gave: a value (None when there is nothing to send), or a problem."""

    value: Any = None
    source: str = ""
    problem: Problem | None = None


class Refused(Exception):
    """The row ends with a problem."""

    def __init__(self, kind: str, rule: str, remedy: str, **facts: Any) -> None:
        super().__init__(rule)
        self.kind, self.rule, self.remedy, self.facts = kind, rule, remedy, facts


def chosen(rows: Sequence[Row], scope: Scope) -> Row | None:
    """Return the first of the rows for one target whose condition holds."""
    return next((row for row in rows if holds(row.when, scope)), None)


def evaluate(
    document: Document, row: Row, scope: Scope, lookups: Lookups, target: str
) -> Outcome:
    """Find the value of a row; every fault becomes a problem of this row alone.

    Errors of the look-ups themselves (no answer, no access) pass through.
    """
    reading, value = Reading(None, ""), None
    try:
        reading = _read(row, scope)
        value = run_chain(row.transforms, reading.value)
        final = _finish(document, row, scope, lookups, value, reading)
        return Outcome(final, origin(reading.at, scope))
    except Refused as refused:
        found = (refused.kind, refused.rule, refused.remedy, refused.facts)
    except Unfit as unfit:
        remedy = unfit.remedy or "Correct the value at the source, then retry."
        found = ("data", unfit.rule, remedy, {"allowed": unfit.allowed})
    except DocumentError as error:
        rule = f"The row {row.target} cannot be used: {error}"
        found = ("mapping", rule, "Correct this row of the mapping, then retry.", {})
    kind, rule, remedy, facts = found
    shown = value if not is_empty(value) else reading.value
    source = origin(reading.at, scope)
    problem = Problem(
        kind=kind,
        target=target,
        rule=rule,
        remedy=remedy,
        source=source,
        line=line_of(scope),
        row=row.key,
        **({"value": wording.shown(shown)} | facts),
    )
    return Outcome(None, source, problem)


def _read(row: Row, scope: Scope) -> Reading:
    if row.source:
        return read_all(parse_sources(row.source), scope)
    if row.template:
        return render(row.template, scope)
    return Reading(row.constant, "")


def _finish(
    document: Document,
    row: Row,
    scope: Scope,
    lookups: Lookups,
    value: Any,
    reading: Reading,
) -> Any:
    """Take the default for what is empty; translate, look up and measure the rest."""
    if is_empty(value):
        value = row.default
        if is_empty(value) and row.required:
            missing = origin(reading.missing or reading.at, scope)
            rule, remedy = wording.missing(document, row, missing)
            raise Refused("data", rule, remedy)
    else:
        if row.table:
            value = _translate(document, row, value)
        if row.kind == Kind.LOOKUP:
            value = _look_up(document, row, lookups, _single(value))
    return None if is_empty(value) else fit(document, row, scope, value)


def _single(value: Any) -> str:
    if isinstance(value, dict | list):
        raise DocumentError(
            "a table or a look-up needs one value, not a list or object"
        )
    return text_of(value).strip()


def _translate(document: Document, row: Row, value: Any) -> str:
    table, wanted = document.tables.get(row.table), _single(value)
    if table is None:
        raise DocumentError(f"there is no value table '{row.table}'")
    if wanted in table:
        return table[wanted]
    if ANYTHING_ELSE in table:
        instead = table[ANYTHING_ELSE]
        return wanted if instead == ANYTHING_ELSE else instead
    raise Refused(
        "mapping",
        *wording.not_in_table(row, wanted),
        value=wanted,
        allowed=tuple(table),
    )


def _look_up(document: Document, row: Row, lookups: Lookups, value: str) -> str:
    found = lookups.find(row.record, row.by, value)
    if len(found) == 1 and not found[0].inactive:
        return found[0].id
    if len(found) == 1:
        words = wording.inactive(document, row, value, found[0])
        raise Refused("data", *words, value=value)
    if found:
        words = wording.several(document, row, value, found)
        names = tuple(wording.candidate(one) for one in found)
        raise Refused("data", *words, value=value, allowed=names)
    kind = "dependency" if row.needs else "data"
    if row.table:
        kind = "mapping"
    words = wording.not_found(document, row, value)
    raise Refused(kind, *words, value=value, needs=row.needs)


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
