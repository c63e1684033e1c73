"""What people change in a record, as a layer over what was received."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from errorqueue.models import FailedRecord
from errorqueue.services import note_edit, retry
from errorqueue.text import clean
from integrations.connectors import exact
from integrations.models import SyncRecord
from integrations.models.account import keyless_of
from integrations.sync import audit
from integrations.sync.mapping import map_record
from integrations.sync.metadata import rules_of, too_long
from integrations.sync.places import changed_places, is_money, scalar_at
from mappings.engine import Problem

User = Any
State = SyncRecord.State


class NotEditable(Exception):
    """This record cannot be edited now."""


class MoneyChanged(NotEditable):
    """Amounts are mended where they came from, never on the way."""

    def __init__(self, places: list[str]) -> None:
        self.places = places
        super().__init__(
            f"Amounts may not be edited here: {', '.join(places)}. Mend them in the "
            "source system, which sends the record again, or undo this change."
        )


@dataclass(frozen=True)
class BrokenField:
    """One value of the source that a failure names."""

    place: str
    value: Any
    rule: str
    remedy: str
    allowed: tuple[str, ...]
    target: str


def open_line(record: SyncRecord) -> FailedRecord | None:
    return FailedRecord.objects.about(record).open().first()


def broken_fields(record: SyncRecord, line: FailedRecord) -> list[BrokenField]:
    """Return the values that the failure names and that one box can mend."""
    return broken_values(record, line.problems)


def broken_values(
    record: SyncRecord, problems: Sequence[dict[str, Any]]
) -> list[BrokenField]:
    """Return the values of the source behind these problems that one box can mend."""
    found: dict[str, BrokenField] = {}
    for problem in problems:
        place = _mended_at(record, problem.get("source", ""))
        if place in found or is_money(place):
            continue
        try:
            value = scalar_at(record.payload, place)
        except LookupError:
            continue
        found[place] = BrokenField(
            place,
            value,
            rule=problem.get("rule", ""),
            remedy=problem.get("remedy", ""),
            allowed=tuple(problem.get("allowed", ())),
            target=problem.get("target", ""),
        )
    return list(found.values())


def _mended_at(record: SyncRecord, place: str) -> str:
    """Return the place itself, or where the fact that was derived is mended."""
    fact = place.removeprefix("derived.")
    if fact == place:
        return place
    flow = record.flow
    connector = keyless_of(flow.source)
    return connector.source_place(flow.source_entity, record.payload, fact) or place


def revise(record: SyncRecord, payload: Any, by: User, reason: str) -> list[Problem]:
    """Lay an edited payload over the source and retry; return what is still wrong.

    Nothing is saved while the mapping finds problems, but for records that must
    come first. What was received stays as it is. Raises MoneyChanged, NotEditable
    and, from look-ups, the connector's errors.
    """
    refuse_money(record, payload)
    problems = _problems(record, payload)
    if not problems:
        _save(record, payload, by, reason)
    return problems


def refuse_money(record: SyncRecord, payload: Any) -> None:
    places = [at for at in changed_places(record.source, payload) if is_money(at)]
    if places:
        raise MoneyChanged(places)


def _problems(record: SyncRecord, payload: Any) -> list[Problem]:
    version = record.flow.mapping.published()
    if version is None:
        raise NotEditable(
            f"{record.flow.mapping} has no published version. Have one published."
        )
    edited = copy(record)
    edited.edited = payload
    mapped, target = map_record(edited, version), record.flow.target
    rules = rules_of(target, record.flow.target_record)
    found = [one for one in mapped.problems if one.kind != "dependency"]
    return found or too_long(mapped, rules, target.name)


@transaction.atomic
def _save(record: SyncRecord, payload: Any, by: User, reason: str) -> None:
    line = open_line(record)
    if line is None:
        raise NotEditable("This record is settled already; there is nothing to mend.")
    untouched = SyncRecord.objects.filter(pk=record.pk, version=record.version)
    still = untouched.exclude(state__in=[State.RUNNING, State.DELIVERED])
    if not still.update(edited=payload):
        raise NotEditable(
            "This record is being delivered or a newer version of it came in. Open "
            "the page again."
        )
    before, after = (clean(exact.pretty(one)) for one in (record.payload, payload))
    note_edit(line, by, reason, before, after)
    audit.note(record, "edited", record.state, record.state, by=by)
    retry(line, by, reason)


@transaction.atomic
def try_now(record: SyncRecord, by: User) -> None:
    """Make a record due now; its open line in the error queue notes who asked.

    Raises NotEditable for a record that is delivered or on its way.
    """
    if record.state in (State.RUNNING, State.DELIVERED):
        raise NotEditable(f"{record} is {record.get_state_display().lower()} already.")
    line = open_line(record)
    if line:
        retry(line, by, "Asked for on the page of the record.")
    else:
        record.enqueue(by)
