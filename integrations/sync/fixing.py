"""What a person may mend in one record, with the rules of today, and the mending."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from errorqueue.failures import Broken, FieldProblem, Refused
from errorqueue.finance import refuse_edit
from errorqueue.services import NotOpen
from integrations.connectors.errors import ConnectorError
from integrations.failures import as_field_problem, describe
from integrations.models import SyncRecord
from integrations.models.account import options_of
from integrations.models.vault import SealBroken
from integrations.sync.editing import (
    BrokenField,
    NotEditable,
    broken_values,
    open_line,
    revise,
)
from integrations.sync.metadata import Rules, age_of, rules_of, values_of
from integrations.sync.places import with_value
from mappings.engine import Document, Row, row_for
from mappings.engine.building import without_places
from mappings.engine.values import number_of

User = Any
Problems = Sequence[dict[str, Any]]
Pairs = tuple[tuple[str, str], ...]
ANYTHING_ELSE = "*"


@dataclass(frozen=True)
class _Choice:
    """The values that a field takes, and in words where they come from."""

    pairs: Pairs = ()
    told: str = ""


def broken(record: SyncRecord, problems: Problems) -> list[Broken]:
    """Return the values behind these problems, each with the rule of its field now."""
    fields = broken_values(record, problems)
    if not fields:
        return []
    flow = record.flow
    version = flow.mapping.published()
    document = version.as_document() if version else None
    rules = rules_of(flow.target, flow.target_record)
    return [_broken(record, field, document, rules) for field in fields]


def _broken(
    record: SyncRecord, field: BrokenField, document: Document | None, rules: Rules
) -> Broken:
    row = row_for(document, field.target) if document else None
    choice = _choice(record, field, document, row, rules)
    return Broken(
        place=field.place,
        label=_label(field.place),
        value=field.value,
        rule=" · ".join(part for part in (field.rule, choice.told) if part),
        remedy=field.remedy,
        target=field.target,
        allowed=choice.pairs,
        longest=_longest(record, field, row, rules),
    )


def _label(place: str) -> str:
    """Say a place as a person would: `line_items[2].sku` as "Line items 3, sku"."""
    steps = place.replace("[", ".#").replace("]", "").split(".")
    words: list[str] = []
    for step in steps:
        if step.startswith("#") and words:
            words[-1] += f" {int(step[1:]) + 1}"
        else:
            words.append(step.replace("_", " ").strip())
    said = ", ".join(words)
    return said[:1].upper() + said[1:]


def _choice(
    record: SyncRecord,
    field: BrokenField,
    document: Document | None,
    row: Row | None,
    rules: Rules,
) -> _Choice:
    """Return what the field takes: of its value table, its look-up or its metadata."""
    target = record.flow.target
    if row and row.table and document:
        table = document.tables.get(row.table, {})
        pairs = tuple((one, f"{one} → {table[one]}") for one in sorted(table))
        known = tuple(pair for pair in pairs if pair[0] != ANYTHING_ELSE)
        return _Choice(known, f"one of the value table {row.table}")
    if row and row.record:
        found = values_of(target, row.record, row.by)
        if found.pairs:
            told = f"one of {len(found.pairs)} in {target}, {age_of(found.read_at)}"
            return _Choice(found.pairs, told)
    choices = rules.of(without_places(field.target)).choices
    if choices:
        told = f"one of {len(choices)} in {target}, {age_of(rules.read_at)}"
        return _Choice(tuple((one, one) for one in choices), told)
    return _Choice(tuple((one, one) for one in field.allowed))


def _longest(
    record: SyncRecord, field: BrokenField, row: Row | None, rules: Rules
) -> int | None:
    """Return the tightest limit of the mapping row and of the target's metadata."""
    if row and row.on_too_long == "cut":
        return None
    limits = [rules.of(without_places(field.target)).longest]
    if row:
        limits.append(row.max_length)
    if row and row.length_option:
        option = number_of(options_of(record.flow.target).get(row.length_option))
        limits[-1] = int(option) if option and option >= 1 else row.max_length
    return min((one for one in limits if one), default=None)


def mend(
    record: SyncRecord, values: dict[str, str], by: User, reason: str
) -> list[FieldProblem]:
    """Lay new values over the source and queue the record.

    Returns what is still wrong; nothing is saved then. Raises Refused.
    """
    payload, unfit = _with_values(record, values)
    if unfit:
        return unfit
    if payload == record.payload:
        raise Refused("Nothing was changed. To try it as it is, press Retry now.")
    try:
        line = open_line(record)
        if line:
            refuse_edit(line)
        problems = revise(record, payload, by, reason)
    except (NotEditable, NotOpen) as error:
        raise Refused(str(error)) from error
    except (ConnectorError, ValueError, SealBroken) as error:
        failure = describe(error, target=record.flow.target.name)
        raise Refused(f"Nothing was saved. {failure.why} {failure.remedy}") from error
    return [as_field_problem(problem) for problem in problems]


def _with_values(
    record: SyncRecord, values: dict[str, str]
) -> tuple[Any, list[FieldProblem]]:
    payload, unfit = record.payload, []
    for place, text in values.items():
        try:
            payload = with_value(payload, place, text)
        except LookupError as error:
            raise Refused(
                f"{place} is no single value of this record. Edit the whole payload."
            ) from error
        except ValueError:
            unfit.append(_unfit(place, text))
    return payload, unfit


def _unfit(place: str, text: str) -> FieldProblem:
    return FieldProblem(
        source=place,
        value=text[:200],
        rule="another kind of value stands here: a number, or true or false",
        remedy=f"Write {_label(place)} in the kind that the source has.",
    )
