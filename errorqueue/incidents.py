"""Failed records as incidents: one alert for each cause that needs a person.

The alert is raised together with the failure; what came another way, or while an
alert was just being closed, is found by `refresh`, which also keeps count and money.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, Min, OuterRef, QuerySet

from errorqueue import alerts, notices, people, tally
from errorqueue.alerting import planning
from errorqueue.alerts import CALM, About, close_alert, raise_alert
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import Alert, Cause, FailedRecord
from errorqueue.services import NotOpen
from errorqueue.text import one_line

KEY = "cause:"
# What was counted within this belongs to the pass that is under way.
LATE = timedelta(minutes=1)
MOST_COUNTED = 100_000
BATCH = 500
LONGEST = 500
# So many records at most are assigned to who takes an incident.
MOST_ASSIGNED = 200


def opened(line: FailedRecord) -> bool:
    """Raise the alert of a line's cause unless it is known; say if it is new.

    Refused access has an alert of its own, by connection.
    """
    if line.cause_id is None or line.kind == FailureKind.ACCESS:
        return False
    said = words_of(line)
    return raise_alert(
        key_of(line.cause_id),
        f"{line.flow or 'Failure'}: {said[0]}",
        "\n".join(said),
        link=f"/admin/errorqueue/failedrecord/{line.pk}/change/",
        calm=CALM,
        about=about_of(line),
    )


def words_of(line: FailedRecord) -> list[str]:
    """Return sentence and remedy, each as one line, with nothing personal in them."""
    said = (notices.sentence_of(line), line.remedy)
    return [one_line(part, LONGEST) for part in said if part.strip()]


def about_of(line: FailedRecord, kind: str = "") -> About:
    """Return the facts by which an incident that began with this line is routed."""
    money = {line.currency: str(line.amount)} if line.amount and line.currency else {}
    return About(
        kind=kind or line.kind,
        flow=line.flow,
        source=line.source,
        connection=line.target,
        cause_id=line.cause_id,
        line_id=line.pk,
        began_at=line.first_failed_at,
        count=1,
        money=money,
    )


def key_of(cause_id: int) -> str:
    return f"{KEY}{cause_id}"


def take(alert: Alert, by: Any, reason: str = "Took the alert.") -> int:
    """Give an open incident, and those of its records that nobody has, to a person.

    Returns how many records were assigned. Raises NotOpen when it is over.
    """
    if not alerts.take(alert, by):
        raise NotOpen("It is over already.")
    if not by.has_perm("errorqueue.assign_failedrecord"):
        return 0
    free = FailedRecord.objects.open().filter(assignee=None)
    if alert.cause_id:
        mine = free.filter(cause=alert.cause_id)
    else:
        mine = free.filter(pk=alert.line_id or 0)
    first = mine.order_by("pk")[:MOST_ASSIGNED]
    return sum(_assign(line, by, reason) for line in first)


def _assign(line: FailedRecord, to: Any, reason: str) -> bool:
    try:
        return people.assign(line, to, to, reason) is not None
    except NotOpen:
        return False


def recount() -> None:
    """Count causes anew, and with them the incidents that they are."""
    tally.refresh()
    refresh()


def refresh() -> None:
    """Bring incidents up to what is open: raise, count, and close what is over."""
    for line in _untold():
        opened(line)
    since = database_time() - LATE
    for alert in _of_causes():
        _follow_cause(alert, since)
    for alert in _of_stock():
        _follow_flow(alert)


def _of_causes() -> QuerySet[Any]:
    """Return the open incidents of causes, each with the word whether a record is."""
    lines = FailedRecord.objects.open().filter(cause=OuterRef("cause"))
    found = Alert.objects.filter(closed_at=None, key__startswith=KEY)
    known = found.exclude(cause=None).select_related("cause", "rule", "team")
    return known.annotate(lasts=Exists(lines))


def _of_stock() -> QuerySet[Alert]:
    """Return incidents of flows of which every failure is told at once."""
    found = Alert.objects.filter(closed_at=None, key__startswith="flow:")
    return found.exclude(flow="").select_related("rule", "team")


def _untold() -> Iterator[FailedRecord]:
    """Yield the first line of each cause that needs a person and has no alert.

    However long ago it failed: workers may have been away, or busy counting.
    """
    told = Alert.objects.filter(closed_at=None, key__startswith=KEY)
    untold = Cause.objects.filter(open_count__gt=0).exclude(
        pk__in=told.exclude(cause=None).values("cause")
    )
    lines = FailedRecord.objects.filter(
        status=FailedRecord.Status.FAILED, cause__in=untold.values("pk")
    ).exclude(kind=FailureKind.ACCESS)
    lines = lines.exclude(flow__in=_of_stock().values("flow"))
    firsts = lines.order_by().values("cause").annotate(line=Min("pk"))
    for row in firsts[:BATCH]:
        yield FailedRecord.objects.get(pk=row["line"])


def _follow_cause(alert: Any, since: datetime) -> None:
    """Close it, or keep up with it; what was not counted since has not changed."""
    cause: Cause = alert.cause
    counted_at = cause.counted_at or cause.first_seen_at
    if not (alert.lasts or FailedRecord.objects.open().filter(cause=cause).exists()):
        close_alert(alert.key)
    elif cause.open_count > alert.count or counted_at >= since:
        _note(alert, max(cause.open_count, alert.count), cause.money)


def _follow_flow(alert: Alert) -> None:
    lines = FailedRecord.objects.open().filter(flow=alert.flow).order_by()
    count = lines[:MOST_COUNTED].count()
    if count > alert.count:
        _note(alert, count, alert.money)


def _note(alert: Alert, count: int, money: dict[str, str]) -> None:
    """Keep count and money at their height, and see whose it is by now."""
    money = highest(alert.money, money)
    if (count, money) != (alert.count, alert.money):
        mine = Alert.objects.filter(pk=alert.pk, count__lte=count)
        mine.update(count=count, money=money)
        alert.count, alert.money = count, money
    planning.pass_on(alert)
    if count >= planning.GROWN:  # so many do not wait whether it lasts
        now = database_time()
        held = Alert.objects.filter(pk=alert.pk, planned_at=None, try_at__gt=now)
        held.update(try_at=now)


def highest(known: dict[str, str], money: dict[str, str]) -> dict[str, str]:
    """Return the larger sum of each currency, whenever that was."""
    new = {
        name: total
        for name, total in money.items()
        if name not in known or Decimal(total) > Decimal(known[name])
    }
    return known | new
