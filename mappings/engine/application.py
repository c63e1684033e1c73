"""Applying a document to a record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mappings.engine.building import (
    Fields,
    cleared_target,
    finished,
    lines_at,
    put,
    quick_putter,
    without_places,
)
from mappings.engine.compiling import CLEAR, Missing, Plan, Refused, plan_of
from mappings.engine.conditions import holds, never_holds, parse_condition
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
from mappings.engine.evaluation import (
    Remembered,
    chosen,
    evaluate,
    line_of,
    origin,
    reading_of,
    sources_of,
)
from mappings.engine.paths import Scope, elements, parse_path, whole
from mappings.engine.validation import check_sum
from mappings.engine.values import inspect

MAX_LINES = 20_000

Group = tuple[Plan, ...]
# A value that was put: by which row, from where, under which prefix.
_Step = tuple[Row, Scope, str, Any]


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
        self.fields: type[dict[str, Any]] = dict if document.is_plain else Fields
        self.payload = self.fields()
        self.lists: dict[str, list[Any]] = {}
        self.steps: list[_Step] = []
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
        payload = self.payload
        if self.document.is_plain:
            for target, lines in self.lists.items():
                if lines:
                    quick_putter(target)(payload, lines)
        else:
            payload = finished(payload)
        self._check_sums(payload, scope)
        return Mapped(payload, _LazyTrace(self.steps), tuple(self.problems))

    def _fill_section(self, section: Section, scope: Scope) -> None:
        rows = groups(self.document, section.name)
        condition = parse_condition(section.when)
        if never_holds(condition, scope):
            return
        test = condition.holds if section.when else None
        rows = [group for group in (_settled(one, scope) for one in rows) if group]
        lines: Any = None
        for line in _lines(section, scope):
            if test and not test(line):
                continue
            self.lines += 1
            if self.lines > MAX_LINES:
                raise DocumentError(f"the record has more than {MAX_LINES} lines")
            if lines is None:
                lines = self._lines_of(section.target)
            self._fill_line(section, rows, line, lines)

    def _lines_of(self, target: str) -> Any:
        """Return the lines that stand at a target already."""
        if self.document.is_plain:
            return self.lists.setdefault(target, [])
        payload: Any = self.payload
        return lines_at(payload, target)

    def _fill_line(
        self, section: Section, rows: Sequence[Group], line: Scope, lines: Any
    ) -> None:
        number = len(lines)
        filled = self.fields()
        problems = len(self.problems)
        self._fill(filled, rows, line, f"{section.target}[{number}].")
        if filled or len(self.problems) > problems:
            if isinstance(lines, dict):
                lines[number] = filled
            else:
                lines.append(filled)

    def _fill(
        self, payload: dict[str, Any], rows: Sequence[Group], scope: Scope, prefix: str
    ) -> None:
        document, lookups, steps = self.document, self.lookups, self.steps
        for group in rows:
            try:
                # The hottest lines of all: a plan is taken apart once, not asked.
                for plan in group:
                    test = plan[1]
                    if test is None or test(scope):
                        break
                else:
                    continue
                row, _, value_of, fill, clear, _ = plan
                value = value_of(document, scope, lookups)
                if value is None:
                    continue
                if value is CLEAR:
                    value = None
                    clear(payload, None)
                else:
                    fill(payload, value)
                steps.append((row, scope, prefix, value))
            except (DocumentError, Unfit, Refused, Missing):
                self._explain(payload, group, scope, prefix)

    def _explain(self, payload: Any, group: Group, scope: Scope, prefix: str) -> None:
        """Go the same way again, and say what keeps the value from its target."""
        try:
            row = chosen([plan.row for plan in group], scope)
            if row is None:
                return
            target = prefix + row.target
            outcome = evaluate(self.document, row, scope, self.lookups, target)
            if outcome.problem:
                self.problems.append(outcome.problem)
            elif outcome.clears:
                put(payload, cleared_target(row.target), None)
            elif outcome.value is not None:
                put(payload, row.target, outcome.value)
        except DocumentError as error:
            self.problems.append(_unusable(group[0].row, prefix, str(error)))

    def _check_sums(self, payload: dict[str, Any], scope: Scope) -> None:
        """Compare sums, except where a part is missing for a reason already told."""
        refused = {without_places(problem.target) for problem in self.problems}
        for check in self.document.checks:
            if refused.isdisjoint(without_places(part) for part in check.parts):
                problem = _checked(self.document, check, payload, scope)
                self.problems.extend([problem] if problem else [])


class _LazyTrace(Sequence[Trace]):
    """Where each value came from, worked out when somebody asks."""

    def __init__(self, steps: list[_Step]) -> None:
        self.steps = steps
        self.made: tuple[Trace, ...] | None = None

    def _all(self) -> tuple[Trace, ...]:
        if self.made is None:
            self.made = tuple(_trace(*step) for step in self.steps)
        return self.made

    def __getitem__(self, place: Any) -> Any:
        return self._all()[place]

    def __iter__(self) -> Iterator[Trace]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self.steps)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all())


def _trace(row: Row, scope: Scope, prefix: str, value: Any) -> Trace:
    return Trace(
        target=prefix + row.target,
        source=origin(reading_of(row, scope).at, scope),
        value=value,
        row=row.key,
        line=line_of(scope),
        sources=sources_of(row, scope),
        sensitivity=row.sensitivity,
    )


def groups(document: Document, section: str) -> Sequence[Group]:
    """Return the rows of a section made ready, those with one target together."""
    kept: dict[str, list[Group]] = document.__dict__.setdefault("_ready", {})
    if not kept:
        kept.update(
            {
                name: [tuple(_ready(document, row) for row in rows) for rows in found]
                for name, found in document.groups.items()
            }
        )
    return kept.get(section, ())


def _ready(document: Document, row: Row) -> Plan:
    plan = plan_of(row)
    return plan.quick() if document.is_plain else plan


def _settled(group: Group, scope: Scope) -> Group:
    """Answer once what conditions ask of the record and not of the line."""
    if not any(plan.is_settled for plan in group):
        return group
    kept = []
    for plan in group:
        if not plan.is_settled:
            kept.append(plan)
        elif plan.holds is None or plan.holds(scope):
            kept.append(plan._replace(holds=None))
            break
    return tuple(kept)


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
