"""What a mapping document is made of, and what applying one gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Protocol, Self

from mappings.engine.building import cleared_target, never_clash
from mappings.engine.transforms import Chain, Step, ready


class Kind(StrEnum):
    """How a row finds its value."""

    COPY = "copy"
    CONSTANT = "constant"
    TABLE = "table"
    LOOKUP = "lookup"
    TEMPLATE = "template"
    EXPRESSION = "expression"


@dataclass(frozen=True)
class Row:
    """One target field.

    `target` and `source` are paths (docs/mapping-language.md). `transforms` is a
    chain of (name, parameters), applied in order before table or look-up.
    `table` names a value table; `record` and `by` name a look-up; `needs` names the
    entity that must be delivered first when the look-up finds nothing.
    `when` is a condition; the row is left out unless it holds. Of several rows with
    one target, the first whose condition holds is used.
    `length_option` names an option of the target connection that, when set there,
    stands for `max_length`.
    `clears` sends an empty value where there is none; `on_miss` says what a value
    table or look-up does with a value it does not know. `owner`, `direction`,
    `updaters`, `conflict`, `sensitivity` and `status` are for people and for the
    guard of ownership: they do not change the value.
    """

    target: str
    kind: Kind = Kind.COPY
    source: str = ""
    constant: Any = None
    template: str = ""
    expression: str = ""
    transforms: Chain = ()
    table: str = ""
    record: str = ""
    by: str = ""
    needs: str = ""
    default: Any = None
    required: bool = False
    clears: bool = False
    on_miss: str = "refuse"
    max_length: int | None = None
    length_option: str = ""
    on_too_long: str = "refuse"
    when: str = ""
    section: str = ""
    owner: str = ""
    direction: str = "to_target"
    updaters: str = ""
    conflict: str = "owner_wins"
    sensitivity: str = ""
    status: str = "agreed"
    note: str = ""
    key: str = ""

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The transforms, ready to run; raises DocumentError when one cannot be."""
        return ready(self.transforms)


@dataclass(frozen=True)
class Section:
    """A list of lines: each element of `source` gives one line of `target`.

    Sections with the same target append to it in order. An empty `source` gives
    exactly one line (for example the tip of an order).
    """

    name: str
    target: str
    source: str = ""
    when: str = ""


@dataclass(frozen=True)
class Exclusion:
    """A named rule: records for which `when` holds are not sent."""

    name: str
    when: str


@dataclass(frozen=True)
class SumCheck:
    """The `parts` of the target must add up to `source`, to the cent."""

    name: str
    source: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """One version of a mapping document.

    `source_system` and `target_system` are named in the problems people read.
    """

    name: str
    rows: tuple[Row, ...]
    sections: tuple[Section, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    checks: tuple[SumCheck, ...] = ()
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    source_system: str = ""
    target_system: str = ""

    def renewed(self, name: str, tables: Mapping[str, Mapping[str, str]]) -> Self:
        """Return the same rows under a name, with value tables as they are now.

        What was made ready once stays ready.
        """
        made = replace(self, name=name, tables=tables)
        shared = self.__dict__.setdefault("_ready", {})
        made.__dict__.update(groups=self.groups, is_plain=self.is_plain, _ready=shared)
        return made

    @cached_property
    def is_plain(self) -> bool:
        """Whether no two targets can ever clash, so that nobody needs to look."""
        lists = [section.target for section in self.sections]
        inside: dict[str, set[str]] = {"": set()}
        for row in self.rows:
            targets = inside.setdefault(row.section, set())
            targets.add(row.target)
            if row.clears:
                targets.add(cleared_target(row.target))
        return all(
            never_clash(targets, () if name else lists)
            for name, targets in inside.items()
        )

    @cached_property
    def groups(self) -> Mapping[str, Sequence[tuple[Row, ...]]]:
        """The rows by section, those with one target together, in order."""
        found: dict[str, dict[str, list[Row]]] = {}
        for row in self.rows:
            found.setdefault(row.section, {}).setdefault(row.target, []).append(row)
        return {
            section: [tuple(rows) for rows in targets.values()]
            for section, targets in found.items()
        }


@dataclass(frozen=True)
class Found:
    """One candidate of a look-up."""

    id: str
    label: str = ""
    inactive: bool = False


class Lookups(Protocol):
    """Finds internal ids at the target; may ask over the line."""

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        """Return every candidate; an empty sequence when there is none."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one field, in words a business person can act on.

    `kind` is `data` (mend the record), `mapping` (mend the document or a table) or
    `dependency` (the record named by `needs` and `value` must come first).
    `sources` are all places its row may read, `sensitivity` is what the row is marked
    as: a value of several sources is as private as the most private of them.
    """

    kind: str
    target: str
    rule: str
    remedy: str
    source: str = ""
    line: int | None = None
    value: str = ""
    allowed: tuple[str, ...] = ()
    needs: str = ""
    row: str = ""
    sources: tuple[str, ...] = ()
    sensitivity: str = ""


class Trace(NamedTuple):
    """Where one target value came from; None for a field that is emptied.

    `sources` and `sensitivity` are those of its row, as in a `Problem`.
    """

    target: str
    source: str
    value: Any
    row: str
    line: int | None = None
    sources: tuple[str, ...] = ()
    sensitivity: str = ""


@dataclass(frozen=True)
class Mapped:
    """The result: a payload, why each value is there, and all that is wrong.

    `trace` is made when somebody looks at it. `excluded` holds the name of the rule that keeps the record out, or nothing.
    """

    payload: dict[str, Any]
    trace: Sequence[Trace] = ()
    problems: tuple[Problem, ...] = ()
    excluded: str = ""

    @property
    def is_good(self) -> bool:
        return not self.problems and not self.excluded
