"""What a person asks of a back-fill: a dry run, the start, a pause, the end."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from errorqueue.clock import database_time
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.failures import ForeignMapping
from integrations.models import AuditEntry, Backfill, BackfillItem, BackfillLeg, Flow
from integrations.sync import background
from integrations.sync.backfill.digest import why_stale
from integrations.sync.choosing import refuse_unsigned

User = Any
State = Backfill.State
ItemState = BackfillItem.State
Verdict = BackfillItem.Verdict
MOST_DAYS = 366
MOST_NUMBERS = 500
LONGEST_NUMBER = 60
UNDER_WAY = (State.LOOKING, State.RUNNING, State.PAUSED)
# What is settled by the dry run alone, and as what.
SETTLED_BY_LOOK = {
    Verdict.IN_STEP: ItemState.IN_STEP,
    Verdict.KNOWN: ItemState.LEFT,
    Verdict.UNSURE: ItemState.LEFT,
    Verdict.GONE: ItemState.LEFT,
    Verdict.FAILS: ItemState.LEFT,
}


class NotAsked(ValueError):
    """What was asked for cannot be done; says why, in words."""


@dataclass(frozen=True)
class Wish:
    """Flows, and days or numbers; per flow the field that recognises older records."""

    flows: Sequence[Flow]
    first: date | None = None
    last: date | None = None
    numbers: Sequence[str] = ()
    recognised_by: Mapping[int, str] = field(default_factory=dict)


def fillable_flows() -> list[Flow]:
    """Return the flows whose source lists what it holds and is read one by one."""
    flows = Flow.objects.filter(is_enabled=True).select_related("source", "target")
    return [flow for flow in flows if can_be_filled(flow)]


def can_be_filled(flow: Flow) -> bool:
    try:
        source = connector_class(flow.source.system)
    except UnknownSystem:
        return False
    return flow.source_entity in source.lists & source.fetches


def recognisable_by(flow: Flow) -> Mapping[str, str]:
    """Return the fields by which older records of the target are recognised."""
    try:
        target = connector_class(flow.target.system)
    except UnknownSystem:
        return {}
    return target.recognises.get(flow.target_record, {})


def numbers_in(text: str) -> list[str]:
    """Return the numbers of a pasted text, each once, as they were typed."""
    return list(dict.fromkeys(word for word in re.split(r"[\s,;]+", text) if word))


def in_order(chosen: Iterable[Flow]) -> list[Flow]:
    """Return flows and the flows that they need, each behind what it needs."""
    found: dict[int, Flow] = {}

    def visit(flow: Flow, way: frozenset[int]) -> None:
        if flow.pk in found or flow.pk in way:
            return
        needs = flow.dependencies.select_related("needs__source", "needs__target")
        for dependency in needs:
            needed = dependency.needs
            if needed.is_enabled and can_be_filled(needed):
                visit(needed, way | {flow.pk})
        found[flow.pk] = flow

    for flow in chosen:
        visit(flow, frozenset())
    return list(found.values())


@transaction.atomic
def prepare(wish: Wish, by: User) -> Backfill:
    """Enter a back-fill and have workers look at it; raises NotAsked."""
    legs = in_order(wish.flows)
    _refuse_odd(wish)
    _refuse_unready(legs)
    _refuse_beside_another(legs)
    now = database_time()
    backfill = Backfill.objects.create(
        first=wish.first,
        last=wish.last,
        numbers=list(wish.numbers),
        made_at=now,
        made_by=by,
        try_at=now,
    )
    chosen = {flow.pk for flow in wish.flows}
    BackfillLeg.objects.bulk_create(
        BackfillLeg(
            backfill=backfill,
            flow=flow,
            position=position,
            is_chosen=flow.pk in chosen,
            recognised_by=_rule(flow, wish.recognised_by.get(flow.pk, "")),
        )
        for position, flow in enumerate(legs)
    )
    names = ", ".join(str(flow) for flow in wish.flows)
    _tell(backfill, "asked", f"{names}: {backfill.meant}", by)
    background.ring()
    return backfill


def _rule(flow: Flow, by: str) -> str:
    if by and by not in recognisable_by(flow):
        raise NotAsked(f"{flow}: {flow.target} cannot be asked by {by}.")
    return by


def _refuse_odd(wish: Wish) -> None:
    if not wish.flows:
        raise NotAsked("Choose at least one flow.")
    if wish.numbers:
        _refuse_odd_numbers(wish.numbers)
        return
    if wish.first is None or wish.last is None:
        raise NotAsked("Choose the first and the last day, or paste numbers.")
    if wish.first > wish.last:
        raise NotAsked("Choose a first day that is not behind the last one.")
    if (wish.last - wish.first).days >= MOST_DAYS:
        raise NotAsked(f"Choose at most {MOST_DAYS} days at a time.")
    # A day ahead: somewhere it is tomorrow already.
    if wish.first > database_time().date() + timedelta(days=1):
        raise NotAsked("Choose a first day that is not ahead.")


def _refuse_odd_numbers(numbers: Sequence[str]) -> None:
    if len(numbers) > MOST_NUMBERS:
        raise NotAsked(
            f"These are {len(numbers):,} numbers. Paste at most {MOST_NUMBERS} at a "
            "time, or choose days."
        )
    long = next((one for one in numbers if len(one) > LONGEST_NUMBER), "")
    if long:
        raise NotAsked(f"“{long[:LONGEST_NUMBER]}…” is too long for a number.")


def _refuse_unready(legs: Iterable[Flow]) -> None:
    for flow in legs:
        if flow.mapping.published() is None:
            raise NotAsked(f"{flow}: publish {flow.mapping} first.")
        try:
            refuse_unsigned(flow)
        except ForeignMapping as error:
            raise NotAsked(f"{flow}: {error}") from error


def _refuse_beside_another(legs: Iterable[Flow], but_for: int = 0) -> None:
    """Two at a time would look for the same records beside each other."""
    busy = BackfillLeg.objects.filter(
        flow__in=[flow.pk for flow in legs], backfill__state__in=UNDER_WAY
    ).exclude(backfill=but_for)
    other = busy.select_related("backfill", "flow").first()
    if other:
        raise NotAsked(
            f"{other.backfill} of {other.flow} is not over. Wait until it has ended, "
            "or cancel it."
        )


def again(backfill: Backfill, by: User) -> Backfill:
    """Have the same looked at once more; raises NotAsked."""
    legs = list(backfill.legs.select_related("flow__source", "flow__target"))
    wish = Wish(
        [leg.flow for leg in legs if leg.is_chosen],
        backfill.first,
        backfill.last,
        backfill.numbers,
        {leg.flow_id: leg.recognised_by for leg in legs},
    )
    return prepare(wish, by)


@transaction.atomic
def start(backfill: Backfill, seen: str, with_failing: bool, by: User) -> None:
    """Begin what the dry run `seen` (its digest) showed; raises NotAsked.

    What need not or must not go is settled at once. `with_failing` brings what would
    fail now, too: it lands in the error queue.
    """
    if seen != backfill.digest or not seen:
        raise NotAsked(
            "Another dry run was shown than the one that stands. Look again."
        )
    if why := why_stale(backfill):
        raise NotAsked(f"{why} Look again, then start.")
    flows = [leg.flow for leg in backfill.legs.select_related("flow")]
    _refuse_beside_another(flows, backfill.pk)
    now = database_time()
    began = {"started_at": now, "started_by": by, "try_at": now, "note": ""}
    _move(backfill, (State.READY,), State.RUNNING, **began, with_failing=with_failing)
    for verdict, state in SETTLED_BY_LOOK.items():
        if verdict != Verdict.FAILS or not with_failing:
            mine = backfill.items.filter(verdict=verdict, state=ItemState.WAITING)
            mine.update(state=state, settled_at=now)
    detail = "with what would fail" if with_failing else "without what would fail"
    _tell(backfill, "started", detail, by)
    background.ring()


@transaction.atomic
def pause(backfill: Backfill, by: User) -> None:
    """Bring nothing more for now; what is under way goes on. Raises NotAsked."""
    _move(backfill, (State.RUNNING,), State.PAUSED, note=f"Paused by {by}.")
    _tell(backfill, "paused", "", by)


@transaction.atomic
def resume(backfill: Backfill, by: User) -> None:
    """Go on where it was paused; raises NotAsked."""
    now = database_time()
    _move(backfill, (State.PAUSED,), State.RUNNING, note="", try_at=now)
    _tell(backfill, "resumed", "", by)
    background.ring()


@transaction.atomic
def cancel(backfill: Backfill, by: User) -> None:
    """End it: nothing more is brought, what came stays. Raises NotAsked."""
    now = database_time()
    before = (State.LOOKING, State.READY, State.RUNNING, State.PAUSED)
    _move(backfill, before, State.CANCELLED, note=f"Cancelled by {by}.", try_at=now)
    waiting = backfill.items.filter(state=ItemState.WAITING)
    waiting.update(state=ItemState.CANCELLED, settled_at=now)
    _tell(backfill, "cancelled", "", by)
    background.ring()


def _move(
    backfill: Backfill, before: Iterable[str], state: str, **columns: Any
) -> None:
    columns = {"state": state, **columns}
    mine = Backfill.objects.filter(pk=backfill.pk, state__in=list(before))
    if not mine.update(**columns):
        shown = Backfill.objects.get(pk=backfill.pk).get_state_display()
        raise NotAsked(f"{backfill} is: {shown}.")
    for name, value in columns.items():
        setattr(backfill, name, value)


def _tell(backfill: Backfill, verb: str, detail: str, by: User) -> None:
    AuditEntry.objects.note_change("back-fill", backfill.pk, verb, detail, by)
