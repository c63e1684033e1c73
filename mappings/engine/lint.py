"""What is wrong with a document, before any record meets it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from mappings.engine.building import without_places
from mappings.engine.conditions import parse_condition
from mappings.engine.document import (
    Document,
    Exclusion,
    Kind,
    Row,
    Section,
    SumCheck,
)
from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.explanation import full_target
from mappings.engine.meaning import meaning_faults
from mappings.engine.parsing import parse_expression
from mappings.engine.paths import Path, parse_path, parse_sources, parse_target
from mappings.engine.templates import parse_template
from mappings.engine.transforms import fill_in, known, run_chain
from mappings.engine.wording import meant_system, system_key

CHOICES = {
    "on_too_long": ("refuse", "cut"),
    "on_miss": ("refuse", "default", "leave_out"),
    "direction": ("to_target", "both"),
    "conflict": ("owner_wins", "hold", "newest"),
    "sensitivity": ("", "personal", "payment", "secret"),
    "status": ("agreed", "proposed", "open"),
}
LOOKED_UP = {"record": "a look-up record", "by": "a key to be looked up by"}
INPUTS = ("source", "template", "expression")


@dataclass(frozen=True)
class Finding:
    """One fault of a document: the part it belongs to, its field, and the words."""

    part: Row | Section | Exclusion | SumCheck | None
    field: str
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.part)}: {self.text}" if self.part else self.text


def check_document(document: Document) -> list[str]:
    """Return every fault of a document in words; none when it may go live."""
    return [str(finding) for finding in find_faults(document)]


def find_faults(document: Document) -> list[Finding]:
    """Return every fault with the part and the field it belongs to."""
    found = [] if document.rows else [Finding(None, "", "The document has no rows.")]
    for row in document.rows:
        found.extend(check_row(document, row))
    for section in document.sections:
        found.extend(check_section(document, section))
    for rule in document.exclusions:
        found.extend(check_exclusion(rule))
    for check in document.checks:
        found.extend(check_check(document, check))
    return [*found, *_twice(document), *_clashes(document)]


def check_row(document: Document, row: Row) -> Iterator[Finding]:
    """Find the faults of one row, without a look at its neighbours."""
    faults = _Faults(row)
    yield from faults.of("target", lambda: parse_target(row.target))
    yield from faults.of("when", lambda: _condition(row.when, bool(row.section)))
    yield from faults.of("source", lambda: _source(row))
    yield from faults.of("template", lambda: _template(row))
    yield from faults.of("expression", lambda: _expression(row))
    yield from faults.of("transforms", lambda: _transforms(row))
    yield from _of_kind(document, row)
    yield from _of_length(row)
    yield from _of_choices(row)
    yield from _of_systems(row)
    yield from _of_miss(row)
    yield from _of_clearing(row)
    for field, text in meaning_faults(document, row):
        yield Finding(row, field, text)
    if row.section and row.section not in {one.name for one in document.sections}:
        yield Finding(row, "section", f"there is no section '{row.section}'")


def check_section(document: Document, section: Section) -> Iterator[Finding]:
    faults = _Faults(section)
    yield from faults.of("target", lambda: _section_target(section))
    yield from faults.of("when", lambda: _condition(section.when, bool(section.source)))
    if section.source:
        yield from faults.of("source", lambda: _no_parent(parse_path(section.source)))
    if not any(row.section == section.name for row in document.rows):
        yield Finding(section, "name", "no row belongs to this section")


def check_exclusion(rule: Exclusion) -> Iterator[Finding]:
    faults = _Faults(rule)
    if not rule.when.strip():
        yield Finding(rule, "when", "a rule without a condition keeps every record out")
    yield from faults.of("when", lambda: _condition(rule.when, False))


def check_check(document: Document, check: SumCheck) -> Iterator[Finding]:
    faults = _Faults(check)
    yield from faults.of("source", lambda: _no_parent(parse_path(check.source)))
    if not check.parts:
        yield Finding(check, "parts", "name the parts that are added")
    targets = {full_target(document, row) for row in document.rows if row.target}
    for part in check.parts:
        yield from faults.of("parts", partial(parse_path, part))
        if without_places(part) not in targets:
            yield Finding(check, "parts", f"no row fills {part}")


def name_of(part: Any) -> str:
    """Name a part of a document for a sentence."""
    if isinstance(part, Row):
        return f"Row {part.section + ': ' if part.section else ''}{part.target}"
    words = {Section: "Section", Exclusion: "Exclusion", SumCheck: "Check"}
    return f"{words[type(part)]} {part.name}"


@dataclass(frozen=True)
class _Faults:
    part: Any

    def of(self, field: str, read: Callable[[], Any]) -> Iterator[Finding]:
        """Turn what reading a field raises into a finding."""
        try:
            read()
        except DocumentError as error:
            yield Finding(self.part, field, str(error))


def _source(row: Row) -> None:
    if not row.source:
        return
    paths = parse_sources(row.source)
    _within(paths, bool(row.section))
    lists = len(paths) > 1 or paths[0].is_projection
    if lists and not row.transforms:
        raise DocumentError(
            "several values need a transform that makes one of them: "
            "first_non_empty, join or sum"
        )


def _template(row: Row) -> None:
    parts = parse_template(row.template)
    _within([part for part in parts if isinstance(part, Path)], bool(row.section))


def _expression(row: Row) -> None:
    if row.expression:
        _within(parse_expression(row.expression).paths(), bool(row.section))


def _condition(text: str, in_list: bool) -> None:
    _within(parse_condition(text).paths(), in_list)


def _within(paths: Any, in_list: bool) -> None:
    for path in paths:
        if not in_list:
            _no_parent(path)


def _no_parent(path: Path) -> None:
    if path.root.startswith("^"):
        raise DocumentError(f"{path.text} asks for a parent, but there is no list here")


def _section_target(section: Section) -> None:
    if not isinstance(parse_target(section.target)[-1], str):
        raise DocumentError("the target of a section must end with a name")


def _transforms(row: Row) -> None:
    for name, given in row.transforms:
        fill_in(known(name), given)
    try:
        run_chain(row.transforms, None)
    except Unfit:
        return


def _of_kind(document: Document, row: Row) -> Iterator[Finding]:
    inputs = [name for name in INPUTS if getattr(row, name)]
    inputs += ["constant"] if row.constant is not None else []
    if not inputs and row.kind is not Kind.CONSTANT:
        yield Finding(row, "source", "say where the value comes from")
    if len(inputs) > 1:
        yield Finding(row, inputs[1], f"fill in {' or '.join(inputs)}, not both")
    yield from _of_input(row, inputs)
    yield from _of_reference(document, row)


def _of_input(row: Row, inputs: list[str]) -> Iterator[Finding]:
    wanted = {
        Kind.COPY: "source",
        Kind.CONSTANT: "constant",
        Kind.TEMPLATE: "template",
        Kind.EXPRESSION: "expression",
    }
    field = wanted.get(row.kind)
    if (
        field
        and inputs
        and field not in inputs
        or row.kind == Kind.CONSTANT
        and not inputs
    ):
        yield Finding(row, field or "", f"a row of kind {row.kind} needs its {field}")


def _of_reference(document: Document, row: Row) -> Iterator[Finding]:
    if row.kind == Kind.TABLE and not row.table:
        yield Finding(row, "table", "choose a value table")
    if row.table and row.kind not in (Kind.TABLE, Kind.LOOKUP):
        yield Finding(row, "table", f"a row of kind {row.kind} uses no value table")
    if row.table and row.table not in document.tables:
        yield Finding(row, "table", f"there is no value table '{row.table}'")
    for field in ("record", "by"):
        if row.kind == Kind.LOOKUP and not getattr(row, field):
            yield Finding(row, field, f"a look-up needs {LOOKED_UP[field]}")
        if row.kind != Kind.LOOKUP and getattr(row, field):
            yield Finding(row, field, f"only a look-up uses {LOOKED_UP[field]}")
    if row.needs and row.kind != Kind.LOOKUP:
        yield Finding(row, "needs", "only a look-up can wait for another record")


def _of_choices(row: Row) -> Iterator[Finding]:
    for field, values in CHOICES.items():
        if getattr(row, field) not in values:
            named = ", ".join(value for value in values if value)
            yield Finding(row, field, f"choose one of {named}")


def _of_systems(row: Row) -> Iterator[Finding]:
    """Find misspelt systems: what belongs to nobody that exists is never written."""
    for field in ("owner", "updaters"):
        for name in map(system_key, getattr(row, field).split(",")):
            meant = meant_system(name)
            if meant:
                text = f"there is no system '{name}'; write {meant}"
                yield Finding(row, field, text)


def _of_miss(row: Row) -> Iterator[Finding]:
    """A row that does not refuse a miss must have one, and say what then."""
    if row.on_miss == "refuse" or row.kind not in (Kind.TABLE, Kind.LOOKUP):
        return
    if row.on_miss == "default" and row.default is None:
        yield Finding(row, "default", "say which default stands for a value not known")
    if row.on_miss == "leave_out" and row.required:
        text = "a required field cannot be left out; refuse the record, or a default"
        yield Finding(row, "on_miss", text)
    if row.needs:
        text = "a row that waits for another record refuses until that is there"
        yield Finding(row, "on_miss", text)


def _of_clearing(row: Row) -> Iterator[Finding]:
    """An empty value is sent for a field of the record alone, and only for want of one."""
    if not row.clears:
        return
    if row.required:
        yield Finding(row, "clears", "a required field is never empty; choose one")
    if row.default is not None:
        text = "the default stands where there is no value, so nothing clears the field"
        yield Finding(row, "clears", text)
    if row.kind == Kind.CONSTANT:
        yield Finding(row, "clears", "a constant is never empty")
    if row.section or "[" in row.target:
        text = "a line is sent as a whole: leave its field out, and it is empty"
        yield Finding(row, "clears", text)
    if row.target == "externalId":
        yield Finding(
            row, "clears", "the external id must stay, or repeats make doubles"
        )


def _of_length(row: Row) -> Iterator[Finding]:
    if row.max_length is not None and row.max_length < 1:
        yield Finding(row, "max_length", "a length must be above 0")
    if row.length_option and row.max_length is None:
        yield Finding(
            row, "max_length", "give the length that counts where the option is not set"
        )
    if row.on_too_long == "cut" and row.max_length is None:
        yield Finding(row, "max_length", "say at which length to cut")


def _twice(document: Document) -> Iterator[Finding]:
    """A row without condition hides every later row for the same target."""
    certain: set[tuple[str, str]] = set()
    for row in document.rows:
        if (row.section, row.target) in certain:
            text = "an earlier row fills this target always; give that one a condition"
            yield Finding(row, "target", text)
        if not row.when.strip():
            certain.add((row.section, row.target))
    names = [section.name for section in document.sections]
    for section in document.sections:
        if names.count(section.name) > 1:
            yield Finding(section, "name", "two sections have this name")


def _clashes(document: Document) -> Iterator[Finding]:
    """Find `entity` beside `entity.id`: a value cannot have fields."""
    sections = {without_places(one.target) for one in document.sections}
    targets = [(full_target(document, row), row) for row in document.rows]
    values = {target for target, _ in targets}
    for target, row in targets:
        around = {target.rsplit(".", cut)[0] for cut in range(1, target.count(".") + 1)}
        for other in sorted(around & values):
            yield Finding(row, "target", f"{other} is filled as a value by another row")
        if target in sections or not row.section and around & sections:
            yield Finding(row, "target", "a section fills this list")
