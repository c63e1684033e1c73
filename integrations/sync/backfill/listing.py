"""Reads what the source holds: a page of its list, or a handful of typed numbers."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from integrations.connectors.base import Connector
from integrations.connectors.listed import Listed
from integrations.models import Backfill, BackfillItem, BackfillLeg
from integrations.sync.backfill.lease import keep, minding
from integrations.sync.completeness.days import zone as own_zone

Phase = BackfillLeg.Phase
# Objects that were found, and what of the leg changed with that.
Step = tuple[Iterable[Listed], dict[str, object]]
NUMBERS_AT_ONCE = 20
NOT_FOUND = "not found"
# What one person can look through, and a dry run ask, within a day.
MOST = 100_000


class TooMany(Exception):
    """More than one back-fill can take."""


def list_more(leg: BackfillLeg, source: Connector) -> None:
    """Write down what comes next of a leg's list; the place is kept with it."""
    backfill = leg.backfill
    rows, columns = _next(leg, source)
    with transaction.atomic():
        keep(backfill)
        add(leg, rows)
        BackfillLeg.objects.filter(pk=leg.pk).update(**columns)
    for name, value in columns.items():
        setattr(leg, name, value)
    if backfill.items.count() > MOST:
        raise TooMany(f"These are more than {MOST:,} records. Choose fewer days.")


def _next(leg: BackfillLeg, source: Connector) -> Step:
    if not leg.is_chosen:
        return [], {"phase": Phase.JUDGING}
    return _numbers(leg, source) if leg.backfill.numbers else _days(leg, source)


def add(leg: BackfillLeg, rows: Iterable[Listed]) -> None:
    """Add objects to a leg, each once."""
    BackfillItem.objects.bulk_create(
        [
            BackfillItem(
                backfill_id=leg.backfill_id,
                leg=leg,
                source_key=row.key,
                label=row.label,
                changed_at=row.changed_at,
                amount=row.amount,
                currency=row.currency,
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )


def _days(leg: BackfillLeg, source: Connector) -> Step:
    with minding(leg.flow.source):
        if not leg.zone:
            leg.zone = str(source.zone() or own_zone())
        since, until = stretch(leg.backfill, ZoneInfo(leg.zone))
        page = source.listing(
            leg.flow.source_entity, since, until, leg.cursor, made=True
        )
    phase = Phase.LISTING if page.cursor else Phase.JUDGING
    return page.rows, {"cursor": page.cursor, "phase": phase, "zone": leg.zone}


def stretch(backfill: Backfill, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return where its first day begins in a zone, and where its last one ends."""
    assert backfill.first and backfill.last  # noqa: S101 (for the type checker)
    start = datetime.combine(backfill.first, time(0), zone)
    end = datetime.combine(backfill.last + timedelta(days=1), time(0), zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def _numbers(leg: BackfillLeg, source: Connector) -> Step:
    """Ask for the next numbers, one by one; what is not one object is noted."""
    place = int(leg.cursor or 0)
    asked = leg.backfill.numbers[place : place + NUMBERS_AT_ONCE]
    rows, missed = [], list(leg.missed)
    for number in asked:
        with minding(leg.flow.source):
            found = source.listed_as(leg.flow.source_entity, number)
        if len(found) == 1:
            rows += found
        else:
            missed.append([number, _why(len(found))])
    place += len(asked)
    is_over = place >= len(leg.backfill.numbers)
    phase = Phase.JUDGING if is_over else Phase.LISTING
    return rows, {"cursor": str(place), "phase": phase, "missed": missed}


def _why(count: int) -> str:
    return f"{count} are called so: paste the id" if count else NOT_FOUND


def unknown_numbers(backfill: Backfill) -> list[list[str]]:
    """Return the numbers that no leg knows, each with why."""
    missed = [dict(leg.missed) for leg in backfill.legs.all() if leg.is_chosen]
    nowhere = [
        number for number in backfill.numbers if all(number in one for one in missed)
    ]
    return [[number, _best([one[number] for one in missed])] for number in nowhere]


def _best(reasons: list[str]) -> str:
    """Return the reason that tells most."""
    return next((one for one in reasons if one != NOT_FOUND), NOT_FOUND)
