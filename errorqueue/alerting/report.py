"""The answer to "who was told, when, and when was it fixed", per incident and month."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from errorqueue import wording
from errorqueue.models import Alert, Message

MOST = 20_000
# A spreadsheet takes a cell that begins so for a formula, some after blanks as well.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
COLUMNS = (
    *("Incident", "Title", "Kind", "Flow", "Connection", "Records", "Money"),
    *("First failure", "Told", "Told whom, when", "First seen", "Seen by"),
    *("Acknowledged", "Acknowledged by", "Fixed"),
    *("Minutes to alert", "Minutes to acknowledge", "Minutes to resolve"),
)


@dataclass(frozen=True)
class Spread:
    """The middle and the ninth tenth of some times; nothing where none was measured."""

    median: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True)
class Month:
    """How fast people heard of, took up and ended the incidents of a month."""

    begin: datetime
    count: int
    to_alert: Spread
    to_acknowledge: Spread
    to_resolve: Spread


def incidents(since: datetime) -> QuerySet[Alert]:
    """Return the incidents raised since then, newest first, with their messages."""
    found = Alert.objects.filter(raised_at__gte=since, planned_at__isnull=False)
    people = found.select_related("seen_by", "acknowledged_by")
    return people.prefetch_related(with_messages()).order_by("-raised_at")


def with_messages() -> Prefetch:
    """Have incidents come with their messages, in one query."""
    told = Message.objects.select_related("carried_by").order_by("pk")
    return Prefetch("messages", told)


def months(since: datetime) -> list[Month]:
    """Return the figures of each month, newest first."""
    groups: dict[datetime, list[Alert]] = defaultdict(list)
    raised = Alert.objects.filter(raised_at__gte=since, planned_at__isnull=False)
    for alert in raised.order_by("-raised_at")[:MOST]:
        groups[_month_of(alert.raised_at)].append(alert)
    return [_figures(begin, groups[begin]) for begin in sorted(groups, reverse=True)]


def _month_of(moment: datetime) -> datetime:
    local = timezone.localtime(moment)
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _figures(begin: datetime, alerts: Sequence[Alert]) -> Month:
    return Month(
        begin=begin,
        count=len(alerts),
        to_alert=spread(map(to_alert, alerts)),
        to_acknowledge=spread(map(to_acknowledge, alerts)),
        to_resolve=spread(map(to_resolve, alerts)),
    )


def to_alert(alert: Alert) -> timedelta | None:
    """Return how long after the first failure the first message left."""
    return alert.sent_at - alert.began if alert.sent_at else None


def to_acknowledge(alert: Alert) -> timedelta | None:
    return alert.acknowledged_at - alert.began if alert.acknowledged_at else None


def to_resolve(alert: Alert) -> timedelta | None:
    return alert.closed_at - alert.began if alert.closed_at else None


def spread(times: Iterable[timedelta | None]) -> Spread:
    """Return median and ninth tenth, by nearest rank."""
    known = sorted(one for one in times if one is not None)
    if not known:
        return Spread(None, None)
    return Spread(_rank(known, 50), _rank(known, 90))


def _rank(known: Sequence[timedelta], percent: int) -> timedelta:
    return known[max(0, -(-len(known) * percent // 100) - 1)]


def told_of(alert: Alert) -> list[tuple[str, datetime]]:
    """Return whom the messages of an incident reached, and when, in that order."""
    found = [(one.to, one.told_at) for one in alert.messages.all() if one.told_at]
    return sorted(found, key=lambda one: one[1])


def in_words(span: timedelta | None) -> str:
    """Write a span as people say it: seconds, minutes, hours or days."""
    if span is None:
        return "–"
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def as_csv(since: datetime) -> str:
    """Return the incidents as a table for spreadsheets, no cell of it a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for alert in incidents(since)[:MOST]:
        writer.writerow([_safe(cell) for cell in _cells(alert)])
    return text.getvalue()


def _cells(alert: Alert) -> Iterator[Any]:
    told = "; ".join(f"{who} {_time(at)}" for who, at in told_of(alert))
    yield from (alert.pk, alert.title, alert.get_kind_display(), alert.flow)
    yield from (alert.connection, alert.count, ", ".join(wording.moneys(alert.money)))
    yield from (_time(alert.began), _time(alert.sent_at), told)
    yield from (_time(alert.seen_at), alert.seen_by or "")
    yield from (_time(alert.acknowledged_at), alert.acknowledged_by or "")
    yield _time(alert.closed_at)
    measures: tuple[Callable[[Alert], timedelta | None], ...]
    measures = (to_alert, to_acknowledge, to_resolve)
    for measure in measures:
        span = measure(alert)
        yield "" if span is None else f"{span.total_seconds() / 60:.1f}"


def _time(moment: datetime | None) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""


def _safe(cell: Any) -> str:
    text = str(cell)
    is_formula = text.lstrip().startswith(_FORMULA) or text[:1] in ("\t", "\r", "\n")
    return f"'{text}" if is_formula else text
