"""How lines of the error queue came to their end, day by day."""

from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from errorqueue.models import BulkItem, BulkRun, FailedRecord, Watermark
from integrations.models import HandledDay
from integrations.sync.completeness.days import ONE_DAY, bounds, today, zone
from integrations.sync.rhythm.counting import LOOKED_BACK

MARK = "home: handled"
# A line is touched a moment before its transaction commits.
LATE = timedelta(seconds=20)
Ending = FailedRecord.Ending
BY_PERSON = (Ending.BY_HAND, Ending.EXCLUDED, Ending.RETRIED)
# What ends lines; the others assign, tag or look.
VERBS = (
    BulkRun.Verb.RETRY,
    BulkRun.Verb.EXCLUDE,
    BulkRun.Verb.RESOLVE,
    BulkRun.Verb.MEND,
)


def count(now: datetime) -> None:
    """Count the days anew on which lines ended that were touched since the last time.

    Nothing is added to what was counted, so a line that opens again leaves its day.
    """
    mark = Watermark.objects.filter(name=MARK).first()
    since = mark.at - LATE if mark else now - LOOKED_BACK
    if mark and not _touched(since).exists():
        return
    for day in sorted(_days(since, now)):
        HandledDay.objects.update_or_create(day=day, defaults=_sums(day))
    Watermark.objects.update_or_create(name=MARK, defaults={"at": now})


def _touched(since: datetime) -> QuerySet[FailedRecord]:
    return FailedRecord.objects.filter(touched_at__gte=since)


def _days(since: datetime, now: datetime) -> set[date]:
    """Return the days to count; undoing reaches back to yesterday at most."""
    ended = _touched(since).filter(settled_at__gte=since - LOOKED_BACK)
    days = ended.order_by().values_list(TruncDate("settled_at", tzinfo=zone()))
    return {day for (day,) in days.distinct()} | {today(now), today(now) - ONE_DAY}


def _sums(day: date) -> dict[str, int]:
    start, end = bounds(day)
    ended = _touched(start).filter(settled_at__gte=start, settled_at__lt=end)
    by_person = Q(ending__in=BY_PERSON)
    in_bulk = Exists(
        BulkItem.objects.filter(
            line=OuterRef("pk"), state=BulkItem.State.DONE, run__verb__in=VERBS
        )
    )
    found = ended.aggregate(
        by_person=Count("pk", filter=by_person), alone=Count("pk", filter=~by_person)
    )
    runs = BulkRun.objects.filter(verb__in=VERBS, by__isnull=False)
    started = runs.filter(started_at__gte=start, started_at__lt=end).count()
    singles = ended.filter(by_person).exclude(in_bulk).count()
    return {**found, "decisions": singles + started}
