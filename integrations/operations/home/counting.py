"""Counts what came of deliveries, a little at a time, into rows of hours and days.

Attempts are read once, behind a bookmark, in the order of their ids, as the rhythm
reads them; nothing is ever counted from the beginning.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F

from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from integrations.models import (
    Attempt,
    FlowHour,
    OutcomeDay,
    ScanPlace,
    SyncRecord,
)
from integrations.operations.home import backlog, fixes, handled, scale
from integrations.operations.home.fixes import Mended
from integrations.sync.completeness.days import today
from integrations.sync.rhythm.counting import (
    BATCH,
    LONGEST_ATTEMPT,
    SETTLED,
    bookmark,
    hour_of,
)
from integrations.sync.stopping import is_stopping

PLACE = "home: attempts"
ORDER = "order"
# How the outcome tells that a delivery created its record (sync/outcome.py).
WRITTEN = "written"
Outcome = Attempt.Outcome


def count() -> None:
    """Count what came since the last time; ends when a task's time is up."""
    now = database_time()
    backlog.note(now)
    handled.count(now)
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    mended = Mended(now)
    while _count_batch(mended) and time.monotonic() < ends_at and not is_stopping():
        pass


class Tried(NamedTuple):
    """What is read of an attempt and its record; in the order of COLUMNS."""

    pk: int
    number: int
    started_at: datetime
    milliseconds: int | None
    outcome: str
    message: str
    version: int
    record_id: int
    flow_id: int
    entity: str
    amount: Decimal | None
    currency: str
    created_at: datetime
    received_at: datetime | None

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(milliseconds=self.milliseconds or 0)

    @property
    def wait(self) -> float | None:
        """Return the seconds from receipt to delivery; none where nobody knows.

        A later version of a polled object has no moment of its own, and a delivery
        that came after this try belongs to the next one.
        """
        received_at = self.received_at
        if received_at is None and self.version == 1:
            received_at = self.created_at
        if received_at is None or received_at > self.ended_at:
            return None
        return (self.ended_at - received_at).total_seconds()


COLUMNS = (
    *("pk", "number", "started_at", "milliseconds", "outcome", "message", "version"),
    *("record_id", "record__flow_id", "record__flow__source_entity"),
    *("record__amount", "record__currency", "record__created_at"),
    "record__event__received_at",
)


@transaction.atomic
def _count_batch(mended: Mended) -> bool:
    """Count one batch; say whether the bookmark moved."""
    place = bookmark(PLACE, Attempt.objects.all(), "started_at")
    seen = _settled(place.row)
    if not seen:
        return False
    delivered = [one for one in seen if one.outcome == Outcome.DELIVERED]
    days = _days(delivered, mended)
    # Written last: whoever counts what comes in waits for these rows.
    _add_waits(delivered)
    _add_days(days)
    ScanPlace.objects.filter(pk=place.pk).update(row=seen[-1].pk)
    return True


def _settled(row: int) -> list[Tried]:
    """Return the next attempts; one in flight makes those behind it wait."""
    now = database_time()
    fresh = Attempt.objects.filter(pk__gt=row, started_at__lt=now - SETTLED)
    seen: list[Tried] = []
    for columns in fresh.order_by("pk").values_list(*COLUMNS)[:BATCH]:
        one = Tried(*columns)
        if one.outcome == Outcome.OPEN and one.started_at > now - LONGEST_ATTEMPT:
            break
        seen.append(one)
    return seen


# Hours


def _add_waits(delivered: Iterable[Tried]) -> None:
    """Add how long orders took; whoever holds the bookmark is alone in this."""
    found: dict[tuple[int, datetime], Counter[int]] = {}
    for one in delivered:
        wait = one.wait if one.entity == ORDER else None
        if wait is not None:
            steps = found.setdefault((one.flow_id, hour_of(one.ended_at)), Counter())
            steps[scale.step_of(wait)] += 1
    for flow_id, hour in sorted(found):
        row, _ = FlowHour.objects.get_or_create(flow_id=flow_id, hour=hour)
        waits = scale.added(row.waits, found[flow_id, hour])
        FlowHour.objects.filter(pk=row.pk).update(waits=waits)


# Days


@dataclass
class _Sums:
    created: int = 0
    straight: int = 0
    prevented: int = 0
    amount: Decimal = field(default_factory=Decimal)


Day = tuple[int, date, str]


def _days(delivered: list[Tried], mended: Mended) -> dict[Day, _Sums]:
    created = _created(delivered)
    straight = _straight(created)
    spared = fixes.prevented(straight, mended)
    sums: dict[Day, _Sums] = {}
    for one in created:
        key = (one.flow_id, today(one.ended_at), one.currency)
        day = sums.setdefault(key, _Sums())
        day.created += 1
        day.straight += one.record_id in straight
        day.prevented += one.record_id in spared
        day.amount += one.amount or Decimal(0)
    return sums


def _created(delivered: list[Tried]) -> list[Tried]:
    """Return the tries that wrote their record for the first time."""
    wrote = [one for one in delivered if one.message.startswith(WRITTEN)]
    again = [one.record_id for one in wrote if one.number > 1]
    earlier = Attempt.objects.filter(record__in=again, outcome=Outcome.DELIVERED)
    first: dict[int, int] = {}
    for record_id, pk in earlier.order_by().values_list("record_id", "pk"):
        first[record_id] = min(pk, first.get(record_id, pk))
    return [one for one in wrote if one.pk <= first.get(one.record_id, one.pk)]


def _straight(created: list[Tried]) -> dict[int, datetime]:
    """Return when those were sent that passed at once and never had a line."""
    passed = {one.record_id: one.started_at for one in created if one.number == 1}
    kind = ContentType.objects.get_for_model(SyncRecord)
    lines = FailedRecord.objects.filter(
        content_type=kind, object_id__in=[str(pk) for pk in passed]
    )
    for failed in lines.order_by().values_list("object_id", flat=True):
        passed.pop(int(failed), None)
    return passed


def _add_days(sums: dict[Day, _Sums]) -> None:
    for key in sorted(sums):
        flow_id, day, currency = key
        row, _ = OutcomeDay.objects.get_or_create(
            flow_id=flow_id, day=day, currency=currency
        )
        more = vars(sums[key])
        OutcomeDay.objects.filter(pk=row.pk).update(
            **{name: F(name) + value for name, value in more.items()}
        )
