"""Why a field has its value: source, each transform, table row, look-up, and the row.

The result itself is the engine's; here its way is walked again step by step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrations.studio.samples import Subject
from mappings.engine import (
    Document,
    DocumentError,
    Kind,
    Mapped,
    Row,
    Section,
    print_chain,
)
from mappings.engine.conditions import holds
from mappings.engine.errors import Unfit
from mappings.engine.evaluation import (
    chosen,
    evaluate,
    origin,
    reading_of,
    sources_of,
)
from mappings.engine.paths import (
    Reading,
    Scope,
    elements,
    parse_path,
    whole,
)
from mappings.engine.transforms import run_chain
from mappings.engine.values import is_empty, text_of

MOST_LINES = 200


@dataclass(frozen=True)
class Step:
    """One step of a value: what was done, and what came of it.

    `about` is the path of what a look-up answers, `quotes` says that the words hold the
    value itself: both for people who may not read everything.
    """

    words: str
    value: str
    detail: str = ""
    about: str = ""
    quotes: bool = False


@dataclass(frozen=True)
class Walk:
    """The way of one value through one row."""

    row: Row
    source: str
    value: Any
    steps: tuple[Step, ...]
    out: Any
    rule: str = ""
    clears: bool = False
    places: tuple[str, ...] = ()


def shown(value: Any) -> str:
    """Write a value for a line of text."""
    if is_empty(value) and not isinstance(value, bool):
        return "nothing"
    if isinstance(value, list):
        there = [shown(one) for one in value if not is_empty(one)]
        return ", ".join(there) or "nothing"
    return "a group of fields" if isinstance(value, dict) else text_of(value)


def first_walks(document: Document, subject: Subject) -> dict[str, Walk]:
    """Walk each row where it is used first; rows that are not used are missing."""
    found: dict[str, Walk] = {}
    scope = whole(subject.source, subject.facts)
    for section in (None, *document.sections):
        for line in _scopes(section, scope):
            for row in _used(document, section, line):
                if row.key not in found:
                    found[row.key] = walk(document, row, line, subject)
    return found


def walk_of(
    document: Document, mapped: Mapped, subject: Subject, target: str
) -> Walk | None:
    """Walk to the very value at a target path; None when no row fills it."""
    key, place, wrong = _place_of(mapped, target)
    row = next((one for one in document.rows if one.key == key), None)
    if row is None:
        return None
    sections = [one for one in document.sections if one.name == row.section]
    section = sections[0] if sections else None
    for line in _scopes(section, whole(subject.source, subject.facts)):
        if row not in _used(document, section, line):
            continue
        outcome = evaluate(document, row, line, subject.lookups, target)
        is_there = outcome.value is not None or outcome.clears
        if bool(outcome.problem) != wrong or not (wrong or is_there):
            continue
        if place == 0:
            return walk(document, row, line, subject)
        place -= 1
    return None


def _place_of(mapped: Mapped, target: str) -> tuple[str, int, bool]:
    """Return the row behind a target path and which of its values that is."""
    for wrong, lines in ((True, mapped.problems), (False, mapped.trace)):
        counts: dict[str, int] = {}
        for one in lines:
            if one.target == target and one.row:
                return one.row, counts.get(one.row, 0), wrong
            counts[one.row] = counts.get(one.row, 0) + 1
    return "", 0, False


def _scopes(section: Section | None, scope: Scope) -> Iterator[Scope]:
    """Give the lines of a section, or the record itself; none where it is broken."""
    if section is None or not section.source:
        if section is None or _holds(section.when, scope):
            yield scope
        return
    try:
        for number, line in enumerate(elements(parse_path(section.source), scope)):
            if number >= MOST_LINES:
                return
            if _holds(section.when, line):
                yield line
    except DocumentError:
        return


def _holds(when: str, scope: Scope) -> bool:
    try:
        return not when or holds(when, scope)
    except DocumentError:
        return False


def _used(document: Document, section: Section | None, line: Scope) -> list[Row]:
    found = []
    for group in document.groups.get(section.name if section else "", ()):
        try:
            row = chosen(group, line)
        except DocumentError:
            continue
        if row:
            found.append(row)
    return found


def walk(document: Document, row: Row, scope: Scope, subject: Subject) -> Walk:
    """Follow one value through one row, as far as it comes."""
    outcome = evaluate(document, row, scope, subject.lookups, row.target)
    reading = Reading(None, "")
    steps: list[Step] = []
    try:
        reading = reading_of(row, scope)
        value = _transformed(row, reading.value, steps)
        _finished(document, row, value, outcome.value, subject, steps)
    except (DocumentError, Unfit) as error:
        steps.append(Step("refused", "", str(error)))
    rule = outcome.problem.rule if outcome.problem else ""
    source = origin(reading.at, scope)
    return Walk(
        row,
        source,
        reading.value,
        tuple(steps),
        outcome.value,
        rule,
        outcome.clears,
        (source, *sources_of(row, scope)),
    )


def _transformed(row: Row, value: Any, steps: list[Step]) -> Any:
    for name, given in row.transforms:
        value = run_chain(((name, given),), value)
        steps.append(Step(print_chain(((name, given),)), shown(value)))
    return value


def _finished(
    document: Document,
    row: Row,
    value: Any,
    final: Any,
    subject: Subject,
    steps: list[Step],
) -> None:
    if is_empty(value):
        steps.append(Step(*_instead(row)))
        return
    if row.table:
        value = _from_table(document, row, value, steps)
    if row.kind == Kind.LOOKUP and value is not None:
        _looked_up(row, text_of(value).strip(), subject, steps)
    elif final is not None and value is not None and final != value:
        steps.append(Step("made to fit", shown(final)))


def _instead(row: Row) -> tuple[str, str]:
    if not is_empty(row.default):
        return "empty, so the default", shown(row.default)
    if row.clears:
        return "empty, so the field is cleared", ""
    return "empty, so nothing is sent", ""


def _from_table(document: Document, row: Row, value: Any, steps: list[Step]) -> Any:
    table, wanted = document.tables.get(row.table, {}), shown(value)
    line = wanted if wanted in table else "*"
    found = table.get(line)
    found = wanted if line == "*" and found == "*" else found
    words = f"value table {row.table}" + (f", row “{line}”" if found else "")
    missed = "" if found else "has no such value"
    steps.append(Step(words, shown(found), missed, quotes=True))
    return found


def _looked_up(row: Row, value: str, subject: Subject, steps: list[Step]) -> None:
    found = subject.lookups.find(row.record, row.by, value)
    names = ", ".join(
        f"{one.id} ({one.label})" if one.label else one.id for one in found
    )
    unanswered = subject.lookups.unanswered.get((row.record, row.by, value), "")
    detail = unanswered or ("" if found else "nothing found")
    words, about = f"look-up {row.record} by {row.by} “{value}”", f"{row.record}.name"
    steps.append(Step(words, names, detail, about, quotes=True))
