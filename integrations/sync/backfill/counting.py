"""What a dry run found and how far a run is: figures, words, and minutes."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Count, Sum

from errorqueue import wording
from integrations.models import (
    Backfill,
    BackfillItem,
    BackfillLeg,
    SyncRecord,
    limits_of,
)
from integrations.sync import pace

State = Backfill.State
ItemState = BackfillItem.State
Verdict = BackfillItem.Verdict
TONES = {
    State.LOOKING: "wait",
    State.READY: "good",
    State.RUNNING: "wait",
    State.PAUSED: "warn",
    State.CANCELLED: "mute",
    State.DONE: "good",
    State.FAILED: "bad",
}
VERDICTS = [one for one in Verdict if one != Verdict.OPEN]
OPEN = (ItemState.WAITING, ItemState.ENTERED)


@dataclass
class LegCount:
    """The objects of one flow by what was found and by what became of them."""

    leg: BackfillLeg
    verdicts: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    money: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def goes(self) -> int:
        return sum(self.verdicts.get(one, 0) for one in BackfillItem.SENT)

    @property
    def fails(self) -> int:
        return self.verdicts.get(Verdict.FAILS, 0)


def counts_of(backfill: Backfill) -> list[LegCount]:
    """Count the items of each leg; two questions, however many."""
    legs = backfill.legs.select_related("flow__source", "flow__target", "version")
    found = {leg.pk: LegCount(leg) for leg in legs}
    rows = backfill.items.order_by().values_list("leg", "verdict", "state")
    for leg, verdict, state, count in rows.annotate(count=Count("pk")):
        one = found[leg]
        one.verdicts[verdict] = one.verdicts.get(verdict, 0) + count
        one.states[state] = one.states.get(state, 0) + count
    return list(found.values())


def add_money(backfill: Backfill, counts: Iterable[LegCount]) -> None:
    """Add what the records that go are worth, by currency; one question."""
    priced = backfill.items.filter(verdict__in=BackfillItem.SENT).exclude(amount=None)
    rows = priced.order_by().values_list("leg", "currency").annotate(sum=Sum("amount"))
    sums: dict[int, dict[str, Any]] = {}
    for leg, currency, amount in rows:
        sums.setdefault(leg, {})[currency] = amount
    for one in counts:
        one.money = wording.moneys(sums.get(one.leg.pk, {}))


def minutes(counts: Iterable[LegCount]) -> int | None:
    """Return how long what goes takes at today's slots; None when nothing tells.

    The source is read one by one; deliveries use the common slots of the target.
    """
    found = [_seconds(one) for one in counts if one.goes]
    known = [one for one in found if one is not None]
    return max(1, round(sum(known) / 60)) if known else None


def _seconds(one: LegCount) -> float | None:
    flow = one.leg.flow
    reading, writing = pace.seconds_each(flow.source), pace.seconds_each(flow.target)
    told = [each for each in (reading, _shared(one, writing)) if each is not None]
    return one.goes * max(told) if told else None


def _shared(one: LegCount, writing: float | None) -> float | None:
    common = limits_of(one.leg.flow.target).common
    return None if writing is None else writing / max(common, 1)


@dataclass(frozen=True)
class Progress:
    """How far a dry run or a run is, for the page that follows it."""

    percent: int
    label: str
    tone: str
    sentence: str
    note: str
    is_moving: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def progress_of(backfill: Backfill, counts: list[LegCount]) -> Progress:
    is_looking = backfill.state in (State.LOOKING, State.READY, State.FAILED)
    total = sum(one.total for one in counts)
    done = total - sum(_left(one, is_looking) for one in counts)
    is_listing = any(
        one.leg.phase == BackfillLeg.Phase.LISTING for one in counts if is_looking
    )
    percent = done * 100 // total if total and not is_listing else 0
    if backfill.ended_at or backfill.state == State.READY:
        percent = 100
    return Progress(
        percent=percent,
        label=backfill.get_state_display(),
        tone=TONES[State(backfill.state)],
        sentence=(
            _looked(total, done, is_listing) if is_looking else _brought(counts, total)
        ),
        note=backfill.note,
        is_moving=_is_moving(backfill, counts),
    )


def _is_moving(backfill: Backfill, counts: list[LegCount]) -> bool:
    if backfill.state in (State.LOOKING, State.RUNNING):
        return True
    under_way = any(one.states.get(ItemState.ENTERED) for one in counts)
    return under_way and backfill.state in (State.PAUSED, State.CANCELLED)


def _left(one: LegCount, is_looking: bool) -> int:
    if is_looking:
        return one.verdicts.get(Verdict.OPEN, 0)
    return sum(one.states.get(state, 0) for state in OPEN)


def _looked(total: int, done: int, is_listing: bool) -> str:
    if is_listing:
        return f"{total:,} records listed so far."
    return f"{done:,} of {total:,} records looked at."


def _brought(counts: list[LegCount], total: int) -> str:
    """Say it: "412 records: 300 delivered, 80 linked, 2 failed, 30 to go."."""
    parts = []
    for state in sorted(ItemState, key=lambda one: one in OPEN):
        count = sum(one.states.get(state, 0) for one in counts)
        if count:
            parts.append(f"{count:,} {str(state.label).lower()}")
    return f"{total:,} records: {', '.join(parts)}." if parts else "No records."


def delivered_since(backfill: Backfill) -> int:
    """Count what failed at first and stands at the target now."""
    failed = backfill.items.filter(state=ItemState.FAILED)
    return failed.filter(record__state=SyncRecord.State.DELIVERED).count()
