"""Rows made ready once: from a row to a function that gives its value.

A function made here raises Missing, Refused, Unfit or DocumentError where there is no
value to send and a person must know; `evaluation` puts that into words.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from mappings.engine import wording
from mappings.engine.building import cleared_target, putter, quick_putter
from mappings.engine.conditions import parse_condition
from mappings.engine.document import Document, Kind, Lookups, Row
from mappings.engine.errors import DocumentError
from mappings.engine.parsing import parse_expression
from mappings.engine.paths import Scope, parse_sources
from mappings.engine.templates import render
from mappings.engine.transforms import Step
from mappings.engine.validation import fit
from mappings.engine.values import is_empty, text_of

ANYTHING_ELSE = "*"
REFUSE, DEFAULT, LEAVE_OUT = "refuse", "default", "leave_out"


class Clear:
    """The value of a field that is emptied at the target."""


CLEAR: Final = Clear()

Test = Callable[[Scope], bool]
Read = Callable[[Scope], Any]
Value = Callable[[Document, Scope, Lookups], Any]
Put = Callable[[Any, Any], None]


class Plan(NamedTuple):
    """One row, ready: whether it counts, what it gives and where that goes."""

    row: Row
    holds: Test | None
    value: Value
    put: Put
    clear: Put
    # Whether its condition holds for every line of a record or for none.
    is_settled: bool

    def quick(self) -> "Plan":
        """Return the same for a document in which no two targets can clash."""
        row = self.row
        put, clear = quick_putter(row.target), quick_putter(cleared_target(row.target))
        return self._replace(put=put, clear=clear)


class Refused(Exception):
    """The row ends with a problem."""

    def __init__(self, kind: str, rule: str, remedy: str, **facts: Any) -> None:
        super().__init__(rule)
        self.kind, self.rule, self.remedy, self.facts = kind, rule, remedy, facts


class Missing(Exception):
    """The row is required and there is no value."""


class _Miss(Exception):
    """A table or look-up does not know the value, and the row says what then."""


def plan_of(row: Row) -> Plan:
    """Return a row made ready; made once, and kept with the row."""
    kept: Plan | None = row.__dict__.get("_plan")
    if kept is None:
        put, clear = putter(row.target), putter(cleared_target(row.target))
        kept = Plan(row, test_of(row), value_of(row), put, clear, _is_settled(row))
        row.__dict__["_plan"] = kept
    return kept


def _is_settled(row: Row) -> bool:
    """Say whether the condition of a row asks nothing of the element it is in."""
    if not row.when.strip():
        return False
    try:
        paths = parse_condition(row.when).paths()
    except DocumentError:
        return False
    return all(path.root in ("facts", "$") for path in paths)


def test_of(row: Row) -> Test | None:
    """Return the condition of a row; None for one that always counts."""
    if not row.when.strip():
        return None
    try:
        return parse_condition(row.when).holds
    except DocumentError as error:
        return _broken(error)


def value_of(row: Row) -> Value:
    """Return what finds the value of a row: None for nothing to send, or CLEAR."""
    try:
        read, steps = _reader(row), row.steps
    except DocumentError as error:
        return _broken(error)
    if not row.table and row.kind != Kind.LOOKUP:
        return _plain(row, read, steps)
    return _translated(row, read, steps)


def _broken(error: DocumentError) -> Callable[..., Any]:
    words = str(error)

    def fail(*given: Any) -> Any:
        raise DocumentError(words)

    return fail


def _reader(row: Row) -> Read:
    if row.source:
        paths = parse_sources(row.source)
        gets = [path.get for path in paths]
        return gets[0] if len(gets) == 1 else lambda scope: [get(scope) for get in gets]
    if row.template:
        template = row.template
        return lambda scope: render(template, scope).value
    if row.expression:
        return parse_expression(row.expression).value
    constant = row.constant
    return lambda scope: constant


def _plain(row: Row, read: Read, steps: tuple[Step, ...]) -> Value:
    """Return what copies a value: no table, no look-up."""
    fit = _fitter(row)
    constant = row.constant
    is_constant = not (row.source or row.template or row.expression)
    if is_constant and not steps and not fit and not is_empty(constant):
        return lambda document, scope, lookups: constant

    def value(document: Document, scope: Scope, lookups: Lookups) -> Any:
        found = read(scope)
        for step in steps:
            found = step(found)
        if type(found) is not Decimal and is_empty(found):
            found = _instead(row)
            if found is None or found is CLEAR:
                return found
        return fit(document, scope, found) if fit else found

    return value


def _translated(row: Row, read: Read, steps: tuple[Step, ...]) -> Value:
    """Return what passes a value through a table, a look-up or both."""
    fit, is_lookup = _fitter(row), row.kind == Kind.LOOKUP

    def value(document: Document, scope: Scope, lookups: Lookups) -> Any:
        found = read(scope)
        for step in steps:
            found = step(found)
        if is_empty(found):
            found = _instead(row)
        else:
            try:
                if row.table:
                    found = _translate(document, row, found)
                if is_lookup:
                    found = _look_up(document, row, lookups, _single(found))
            except _Miss:
                found = row.default if row.on_miss == DEFAULT else None
        if found is CLEAR or is_empty(found):
            return CLEAR if found is CLEAR else None
        return fit(document, scope, found) if fit else found

    return value


def _instead(row: Row) -> Any:
    """Return what stands for no value: the default, CLEAR or nothing at all."""
    if not is_empty(row.default):
        return row.default
    if row.required:
        raise Missing
    return CLEAR if row.clears else None


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
    if row.on_miss != REFUSE:
        raise _Miss
    raise Refused(
        "mapping",
        *wording.not_in_table(row, wanted),
        value=wanted,
        allowed=tuple(table),
    )


def _look_up(document: Document, row: Row, lookups: Lookups, value: str) -> str:
    """Return the id of the one active record; of several, none is ever picked."""
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
    if row.on_miss != REFUSE:
        raise _Miss
    kind = "dependency" if row.needs else "data"
    if row.table:
        kind = "mapping"
    words = wording.not_found(document, row, value)
    raise Refused(kind, *words, value=value, needs=row.needs)


def _fitter(row: Row) -> Callable[[Document, Scope, Any], Any] | None:
    """Return what keeps a text within its length; None where any length fits."""
    limit = row.max_length
    if row.length_option:
        return lambda document, scope, value: fit(document, row, scope, value)
    if limit is None:
        return None
    surely = limit // 2

    def fitted(document: Document, scope: Scope, value: Any) -> Any:
        # No character counts more than twice.
        if type(value) is str and len(value) <= surely:
            return value
        return fit(document, row, scope, value)

    return fitted
