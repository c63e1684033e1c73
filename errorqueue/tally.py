"""Counts causes anew whose lines moved; nothing is added or subtracted on the way.

A pass looks at the lines touched since the last one, and a little further back: a
line is touched a moment before its transaction commits.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from errorqueue.clock import database_time
from errorqueue.models import Cause, FailedRecord, Watermark

MARK, REST = "causes", "causes rest"
TREND_DAYS = 14
# A pass every so often; a transaction that touches lines is over well before LATE.
EVERY = timedelta(seconds=5)
LATE = timedelta(seconds=20)
BATCH = 200
# After a pass that took longer than this, the next waits ten times as long as it took:
# counting a cause of a million lines takes seconds.
LONG = 0.5


def is_due() -> bool:
    """Say whether lines moved since the last pass, if that was not just now."""
    mark = Watermark.objects.filter(name=MARK).first()
    if mark is None:
        return FailedRecord.objects.exists()
    now = database_time()
    if (
        mark.at > now - EVERY
        or Watermark.objects.filter(name=REST, at__gt=now).exists()
    ):
        return False
    return _touched(mark.at).exists()


def refresh() -> None:
    """Count the causes whose lines moved."""
    now, began = database_time(), time.monotonic()
    mark = Watermark.objects.filter(name=MARK).first()
    touched = _touched(mark.at) if mark else FailedRecord.objects.all()
    causes = touched.exclude(cause=None).order_by().values_list("cause", flat=True)
    count(sorted(set(causes.distinct())))
    Watermark.objects.update_or_create(name=MARK, defaults={"at": now})
    _rest(time.monotonic() - began)


def _rest(seconds: float) -> None:
    if seconds > LONG:
        until = database_time() + timedelta(seconds=10 * seconds)
        Watermark.objects.update_or_create(name=REST, defaults={"at": until})


def _touched(since: datetime) -> Any:
    return FailedRecord.objects.filter(touched_at__gte=since - LATE)


def count(causes: list[int]) -> None:
    """Count these causes from their lines; those merged away come to nothing."""
    for start in range(0, len(causes), BATCH):
        _count_batch(causes[start : start + BATCH])


def _count_batch(causes: list[int]) -> None:
    now = database_time()
    lines = FailedRecord.objects.filter(cause__in=causes).order_by()
    whole = {row.pop("cause"): row for row in _whole(lines)}
    still = {row.pop("cause"): row for row in _open(lines)}
    money, trend = _money(lines), _trend(lines, now)
    for cause in causes:
        found = {**NOTHING, **whole.get(cause, {}), **still.get(cause, {})}
        sums = money.get(cause, {})
        Cause.objects.filter(pk=cause).update(
            **found,
            money={currency: f"{total:.4f}" for currency, total in sums.items()},
            most_money=max(sums.values(), default=Decimal(0)),
            trend=trend.get(cause, [0] * TREND_DAYS),
            counted_at=now,
        )


NOTHING: dict[str, Any] = {"open_count": 0, "total_count": 0, "oldest_open_at": None}


def _whole(lines: Any) -> Any:
    return lines.values("cause").annotate(
        total_count=Count("pk"),
        first_seen_at=Min("first_failed_at"),
        last_seen_at=Max("last_failed_at"),
    )


def _open(lines: Any) -> Any:
    return (
        lines.open()
        .values("cause")
        .annotate(open_count=Count("pk"), oldest_open_at=Min("first_failed_at"))
    )


def _money(lines: Any) -> dict[int, dict[str, Decimal]]:
    priced = lines.open().filter(~Q(amount=None), ~Q(currency=""))
    found: dict[int, dict[str, Decimal]] = {}
    for row in priced.values("cause", "currency").annotate(total=Sum("amount")):
        found.setdefault(row["cause"], {})[row["currency"]] = row["total"]
    return found


def _trend(lines: Any, now: datetime) -> dict[int, list[int]]:
    """Return the new lines of each of the last days, oldest first, for each cause."""
    days = list(_days(now))
    recent = lines.filter(first_failed_at__gte=now - timedelta(days=TREND_DAYS))
    rows = recent.values("cause", day=TruncDate("first_failed_at")).annotate(
        count=Count("pk")
    )
    found: dict[int, list[int]] = {}
    for row in rows:
        if row["day"] in days:
            counts = found.setdefault(row["cause"], [0] * TREND_DAYS)
            counts[days.index(row["day"])] = row["count"]
    return found


def _days(now: datetime) -> Iterator[Any]:
    today = timezone.localtime(now).date()
    for back in reversed(range(TREND_DAYS)):
        yield today - timedelta(days=back)
