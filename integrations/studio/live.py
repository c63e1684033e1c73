"""A draft as it is being typed, tried on one record: nothing is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from integrations.connectors.base import FieldRule
from integrations.models import Flow
from integrations.studio import why
from integrations.studio.samples import NOT_ASKED, Subject
from integrations.sync.metadata import Rules, rules_of
from integrations.sync.preview import flows_of
from mappings.editing import DELETE, lines_of
from mappings.engine import (
    Document,
    DocumentError,
    Exclusion,
    Mapped,
    Row,
    Section,
    SumCheck,
    find_faults,
)
from mappings.engine.building import without_places
from mappings.engine.explanation import full_target
from mappings.models import MappingDocument, MappingVersion, ValueTable, value_tables
from mappings.rows import row_from

LAST = 1_000_000


@dataclass(frozen=True)
class Typed:
    """A document as somebody types it, and what of it cannot be read, by row."""

    document: Document
    faults: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """What one row of the grid shows besides what a person typed."""

    label: str = ""
    type: str = ""
    rule: str = ""
    source: str = ""
    value: str = ""
    out: str = ""
    used: bool = False
    note: str = ""
    steps: tuple[why.Step, ...] = ()
    problems: tuple[str, ...] = ()
    sensitivity: str = ""
    target: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Live:
    """One try: the cells by row, the whole result, and the age of the metadata."""

    cells: dict[str, Cell]
    document: Document
    mapped: Mapped | None = None
    rules: Rules = Rules({})
    error: str = ""


def stored(version: MappingVersion) -> Document:
    """Return a version's document with its rows keyed as the grid numbers them.

    Raises DocumentError for a row that cannot be read.
    """
    document = version.as_document()
    rows = tuple(
        replace(row, key=f"rows-{number}") for number, row in enumerate(document.rows)
    )
    return replace(document, rows=rows)


def typed(version: MappingVersion, data: Mapping[str, str]) -> Typed:
    """Read the forms of a page as a document."""
    tables = {
        str(pk): name for pk, name in ValueTable.objects.values_list("pk", "name")
    }
    faults: dict[str, dict[str, str]] = {}
    rows: list[tuple[int, Row]] = []
    for number, line in enumerate(lines_of("rows", data)):
        if line.get(DELETE) or not any(line.get(n) for n in ("target", "comes_from")):
            continue
        key = f"rows-{number}"
        row, wrong = row_from(line, key, tables)
        rows.append((_place(line), row))
        if wrong:
            faults[key] = wrong
    rows.sort(key=lambda pair: pair[0])
    document = Document(
        name=str(version.document),
        rows=tuple(row for _, row in rows),
        source_system=version.document.source_system,
        target_system=version.document.target_system,
        **_parts(data),
    )
    used = {row.table for row in document.rows} - {""}
    found = value_tables(used) if used else {}
    return Typed(replace(document, tables=found), faults)


def _parts(data: Mapping[str, str]) -> dict[str, Any]:
    def lines(prefix: str) -> list[dict[str, str]]:
        found = [one for one in lines_of(prefix, data) if not one.get(DELETE)]
        return sorted(found, key=_place)

    return {
        "sections": tuple(
            Section(
                *(one.get(name, "") for name in ("name", "target", "source", "when"))
            )
            for one in lines("sections")
            if one.get("name")
        ),
        "exclusions": tuple(
            Exclusion(one.get("name", ""), one["when"])
            for one in lines("exclusions")
            if one.get("when")
        ),
        "checks": tuple(
            SumCheck(
                one.get("name", ""), one["source"], _split(one.get("parts_text", ""))
            )
            for one in lines("checks")
            if one.get("source")
        ),
    }


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _place(line: Mapping[str, str]) -> int:
    text = line.get("position", "")
    return int(text) if text.isdecimal() and len(text) < 7 else LAST


def tried(typed_: Typed, subject: Subject | None, rules: Rules) -> Live:
    """Try a document on one record; without one, say what the target takes."""
    document = typed_.document
    wrong = _faults(typed_)
    mapped, error, walks = None, "", {}
    if subject:
        try:
            mapped = subject.run(document)
            walks = why.first_walks(document, subject)
        except (DocumentError, ValueError, TypeError) as fault:
            error = str(fault)
    for problem in mapped.problems if mapped else ():
        wrong.setdefault(problem.row, []).append(problem.rule)
    cells = {
        row.key: _cell(document, row, rules, walks.get(row.key), wrong.get(row.key, []))
        for row in document.rows
    }
    return Live(cells, document, mapped, rules, error)


def _faults(typed_: Typed) -> dict[str, list[str]]:
    found = {
        key: [f"{name}: {text}" for name, text in wrong.items()]
        for key, wrong in typed_.faults.items()
    }
    for finding in find_faults(typed_.document):
        if isinstance(finding.part, Row):
            found.setdefault(finding.part.key, []).append(finding.text)
    return found


def _cell(
    document: Document, row: Row, rules: Rules, walk: why.Walk | None, wrong: list[str]
) -> Cell:
    target = full_target(document, row) if row.target else ""
    rule = _rule_of(rules, target)
    problems = list(dict.fromkeys(wrong)) + _against(rule, rules, target, walk)
    cell = Cell(
        label="" if rule.label == row.target.rpartition(".")[2] else rule.label,
        type=rule.type,
        rule=_words(rule),
        problems=tuple(problems),
        sensitivity=row.sensitivity,
        target=target,
    )
    if walk is None:
        return cell
    return replace(
        cell,
        used=True,
        source=walk.source,
        value=why.shown(walk.value),
        out=_out(walk),
        steps=walk.steps,
        note="not asked" if walk.out == NOT_ASKED else "",
        places=walk.places,
    )


def _rule_of(rules: Rules, target: str) -> FieldRule:
    """Return the rule of a field; an id is told about as the reference around it."""
    own, around = rules.of(target), rules.fields.get(target.removesuffix(".id"))
    if not around or around is own or around.type not in ("reference", "choice"):
        return own
    return replace(own, label=around.label, type=around.type, required=around.required)


def _out(walk: why.Walk) -> str:
    if walk.clears:
        return "is cleared"
    return "" if walk.out is None else why.shown(walk.out)


def _against(
    rule: FieldRule, rules: Rules, target: str, walk: why.Walk | None
) -> list[str]:
    """Hold a value against what the target says of its field."""
    found = []
    head = target.partition(".")[0]
    if rules.fields and head and head not in rules.fields:
        found.append(f"the target has no field {head}")
    if rule.read_only:
        found.append("the target only shows this field; nobody can fill it")
    out = walk.out if walk else None
    if isinstance(out, str) and rule.longest and len(out) > rule.longest:
        found.append(f"{len(out)} characters; the target takes {rule.longest}")
    if out is not None and rule.choices and out != NOT_ASKED:
        known = {one.casefold() for one in rule.choices}
        if why.shown(out).casefold() not in known:
            listed = ", ".join(rule.choices[:8])
            found.append(f"“{why.shown(out)}” is none of: {listed}")
    return found


def _words(rule: FieldRule) -> str:
    """Say what a target's field takes, in words."""
    parts = [
        "required" if rule.required else "",
        f"{rule.longest} characters at most" if rule.longest else "",
        f"one of {', '.join(rule.choices[:8])}" if rule.choices else "",
        "read only" if rule.read_only else "",
    ]
    return "; ".join(part for part in parts if part)


def rules_for(document: MappingDocument) -> Rules:
    """Return what the target says of the fields of a document's record."""
    flow: Flow | None = flows_of(document).order_by("pk").first()
    return rules_of(flow.target, document.target_record) if flow else Rules({})


def missing(document: Document, rules: Rules) -> list[str]:
    """Name the required fields of the target that no row fills."""
    filled = {full_target(document, row) for row in document.rows if row.target}
    heads = {path.partition(".")[0] for path in filled}
    return sorted(
        path
        for path, rule in rules.fields.items()
        if rule.required and "." not in path and without_places(path) not in heads
    )
