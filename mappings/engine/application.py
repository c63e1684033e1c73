"""Applying a document to a record."""

from collections.abc import Mapping, Sequence
from typing import Any

from mappings.engine.building import Fields, finished, lines_at, put, without_places
from mappings.engine.conditions import holds
from mappings.engine.document import (
    Document,
    Lookups,
    Mapped,
    Problem,
    Row,
    Section,
    Trace,
)
from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.evaluation import Remembered, chosen, evaluate, line_of
from mappings.engine.paths import Scope, elements, parse_path, whole
from mappings.engine.validation import check_sum
from mappings.engine.values import inspect

MAX_LINES = 20_000

Group = tuple[Row, ...]


def apply(
    document: Document,
    source: dict[str, Any],
    *,
    facts: Mapping[str, Any],
    lookups: Lookups,
) -> Mapped:
    """Map a record: a payload, where each value came from, and all that is wrong.

    No problem stops the search for others. Raises TypeError for a float in the
    source or the facts, and whatever the look-ups raise.
    """
    try:
        inspect(source)
        inspect(dict(facts))
    except Unfit as unfit:
        return Mapped({}, problems=(Problem("data", "", unfit.rule, unfit.remedy),))
    scope = whole(source, facts)
    for rule in document.exclusions:
        if holds(rule.when, scope):
            return Mapped({}, excluded=rule.name)
    work = _Work(document, lookups)
    work.fill_record(scope)
    return work.mapped(scope)


class _Work:
    """One record on its way: what was built, found and refused so far."""

    def __init__(self, document: Document, lookups: Lookups) -> None:
        self.document = document
        self.lookups = Remembered(lookups)
        self.payload = Fields()
        self.trace: list[Trace] = []
        self.problems: list[Problem] = []
        self.lines = 0

    def fill_record(self, scope: Scope) -> None:
        self._fill(self.payload, groups(self.document, ""), scope, "")
        for section in self.document.sections:
            try:
                self._fill_section(section, scope)
            except DocumentError as error:
                self.problems.append(_broken(section, str(error)))

    def mapped(self, scope: Scope) -> Mapped:
        payload = finished(self.payload)
        self._check_sums(payload, scope)
        return Mapped(payload, tuple(self.trace), tuple(self.problems))

    def _fill_section(self, section: Section, scope: Scope) -> None:
        rows = groups(self.document, section.name)
        for line in _lines(section, scope):
            if not holds(section.when, line):
                continue
            self.lines += 1
            if self.lines > MAX_LINES:
                raise DocumentError(f"the record has more than {MAX_LINES} lines")
            self._fill_line(section, rows, line)

    def _fill_line(self, section: Section, rows: Sequence[Group], line: Scope) -> None:
        number = len(lines_at(self.payload, section.target))
        filled = Fields()
        problems = len(self.problems)
        self._fill(filled, rows, line, f"{section.target}[{number}].")
        if filled or len(self.problems) > problems:
            lines_at(self.payload, section.target)[number] = filled

    def _fill(
        self, payload: Fields, rows: Sequence[Group], scope: Scope, prefix: str
    ) -> None:
        for group in rows:
            try:
                self._fill_target(payload, group, scope, prefix)
            except DocumentError as error:
                self.problems.append(_unusable(group[0], prefix, str(error)))

    def _fill_target(
        self, payload: Fields, group: Group, scope: Scope, prefix: str
    ) -> None:
        row = chosen(group, scope)
        if row is None:
            return
        target = prefix + row.target
        outcome = evaluate(self.document, row, scope, self.lookups, target)
        if outcome.problem:
            self.problems.append(outcome.problem)
        elif outcome.value is not None:
            put(payload, row.target, outcome.value)
            line = line_of(scope)
            self.trace.append(
                Trace(target, outcome.source, outcome.value, row.key, line)
            )

    def _check_sums(self, payload: dict[str, Any], scope: Scope) -> None:
        """Compare sums, except where a part is missing for a reason already told."""
        refused = {without_places(problem.target) for problem in self.problems}
        for check in self.document.checks:
            if refused.isdisjoint(without_places(part) for part in check.parts):
                problem = _checked(self.document, check, payload, scope)
                self.problems.extend([problem] if problem else [])


def groups(document: Document, section: str) -> Sequence[Group]:
    """Return the rows of a section, those with one target together, in order."""
    return document.groups.get(section, ())


def _lines(section: Section, scope: Scope) -> Any:
    if not section.source:
        return [scope]
    return elements(parse_path(section.source), scope)


def _checked(document: Document, check: Any, payload: Any, scope: Scope) -> Any:
    try:
        return check_sum(document, check, payload, scope)
    except (DocumentError, Unfit) as error:
        rule = f"{check.name}: {error}"
        remedy = "Correct this check of the mapping, then retry."
        return Problem("mapping", ", ".join(check.parts), rule, remedy, row=check.name)


def _unusable(row: Row, prefix: str, reason: str) -> Problem:
    return Problem(
        kind="mapping",
        target=prefix + row.target,
        rule=f"The row {row.target} cannot be used: {reason}",
        remedy="Correct this row of the mapping, then retry.",
        source=row.source,
        row=row.key,
    )


def _broken(section: Section, reason: str) -> Problem:
    return Problem(
        kind="mapping",
        target=section.target,
        rule=f"The section {section.name} cannot be used: {reason}",
        remedy="Correct this section of the mapping, then retry.",
        source=section.source,
        row=section.name,
    )
