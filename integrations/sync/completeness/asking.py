"""Has sources compared: every quarter of an hour, nightly, or because a person asks."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from errorqueue.clock import database_time
from integrations.models import AuditEntry, Flow, Gap, GapCheck, GapSweep
from integrations.sync import background
from integrations.sync.completeness.comparing import lacks, records_of
from integrations.sync.completeness.days import (
    FIRST_LOOK,
    ONE_DAY,
    compared_flows,
    latest,
    stretch_of,
    today,
)
from integrations.sync.rhythm.counting import rhythm_of

User = Any
Kind = GapSweep.Kind
# Records move after their day is over, so the nights after look at it again.
LOOKED_AT_AGAIN = 3
MOST_DAYS = 31


class NotComparable(ValueError):
    """What was asked for cannot be compared; says why, in words."""


def ask_recent() -> GapSweep | None:
    """Have what changed since the last look compared, for flows that are not at it."""
    now = database_time()
    stretches = GapCheck.objects.exclude(since=F("until"))
    busy = stretches.filter(sweep__kind=Kind.RECENT, ended_at=None).values_list(
        "flow", flat=True
    )
    wanted = [
        (flow, None, found)
        for flow in compared_flows()
        if flow.pk not in set(busy)
        and flow.source.is_ready
        and (found := latest(rhythm_of(flow), now))
    ]
    return _start(Kind.RECENT, wanted, None) if wanted else None


def ask_nightly() -> GapSweep | None:
    """Have yesterday compared, and the days before it once more."""
    yesterday = today(database_time()) - ONE_DAY
    days = [yesterday - number * ONE_DAY for number in range(LOOKED_AT_AGAIN + 1)]
    wanted = list(_days_of(compared_flows(), days))
    return _start(Kind.NIGHTLY, wanted, None) if wanted else None


def ask_days(first: date, last: date, by: User) -> GapSweep:
    """Have days compared at once; raises NotComparable."""
    now = database_time()
    if first > last or last > today(now):
        raise NotComparable(
            "Choose a first day that is not behind the last, nor ahead."
        )
    if (last - first).days >= MOST_DAYS:
        raise NotComparable(f"Choose at most {MOST_DAYS} days at a time.")
    running = GapCheck.objects.filter(sweep__kind=Kind.ASKED, ended_at=None)
    if running.exists():
        raise NotComparable("A comparison is under way; wait until it has ended.")
    days = [first + number * ONE_DAY for number in range((last - first).days + 1)]
    flows = compared_flows()
    wanted = list(_days_of(flows, days))
    if not wanted:
        raise NotComparable(_why_nothing(flows))
    return _start(Kind.ASKED, wanted, by)


def _why_nothing(flows: list[Flow]) -> str:
    if not flows:
        return "No flow that is on has a source that lists what it holds."
    since = min(rhythm_of(flow).since for flow in flows)
    return (
        f"Waybill has listened only since {since:%-d %b %Y}. What the source holds from "
        "before is not missing: it never was to come by itself."
    )


Stretch = tuple[datetime, datetime]
Wanted = tuple[Flow, date | None, Stretch]


def _days_of(flows: Iterable[Flow], days: Iterable[date]) -> Iterable[Wanted]:
    now = database_time()
    dates = list(days)
    for flow in flows:
        rhythm = rhythm_of(flow)
        for day in dates:
            found = stretch_of(day, rhythm, now)
            if found:
                yield flow, day, found


@transaction.atomic
def _start(kind: str, wanted: Iterable[Wanted], by: User) -> GapSweep:
    now = database_time()
    sweep = GapSweep.objects.create(kind=kind, asked_at=now, asked_by=by)
    for flow, day, (since, until) in wanted:
        check = GapCheck.objects.create(
            sweep=sweep,
            flow=flow,
            day=day,
            since=since,
            until=until,
            try_at=now,
            phase_at=now,
        )
        if day is None:
            carry_over(check, now)
    if by is not None:
        AuditEntry.objects.note_change("gap sweep", sweep.pk, "asked", _days(sweep), by)
    background.ring()
    return sweep


def _days(sweep: GapSweep) -> str:
    days = sorted({check.day for check in sweep.checks.all() if check.day})
    return f"{days[0]} to {days[-1]}" if days else ""


def carry_over(check: GapCheck, now: datetime) -> None:
    """Take up what earlier looks found missing and could not bring."""
    Gap.objects.bulk_create(
        Gap(
            check_of=check,
            flow=check.flow,
            kind=gap.kind,
            source_key=gap.source_key,
            label=gap.label,
            changed_at=gap.changed_at,
            amount=gap.amount,
            currency=gap.currency,
            found_at=gap.found_at,
        )
        for gap in unsettled(check.flow, now)
    )


def unsettled(flow: Flow, now: datetime, back: timedelta = FIRST_LOOK) -> list[Gap]:
    """Return what was found missing or older lately, and is so still.

    What a comparison is fetching just now is left to it.
    """
    wanting = (Gap.Kind.MISSING, Gap.Kind.BEHIND)
    found = Gap.objects.filter(
        flow=flow,
        kind__in=wanting,
        is_gone=False,
        found_at__gte=now - back,
        check_of__ended_at__isnull=False,
    )
    latest_of = {gap.source_key: gap for gap in found.order_by("pk")}
    known = records_of(flow, latest_of)
    return [
        gap
        for key, gap in latest_of.items()
        if lacks(flow, known.get(key), gap.changed_at)
    ]
