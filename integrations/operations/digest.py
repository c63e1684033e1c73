"""The daily and weekly digest: everything that is not in step, by mail to a team.

Each day and week of a team is a row of its own, written together with the messages:
however often and wherever this runs, a digest goes out at most once.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from errorqueue import wording
from errorqueue.alerting.hours import DAY, zone_of
from errorqueue.alerting.sending import OPERATORS
from errorqueue.alerting.words import defused
from errorqueue.clock import database_time
from errorqueue.models import Cause, Digest, FailedRecord, Message, Team
from integrations.models import SyncRecord, ring_alerts
from integrations.operations import ledger

# One that could not be sent for so long is not sent any more: the next one comes.
LATEST = timedelta(hours=6)
# What waits for less than this is simply on its way.
LAGS = timedelta(minutes=10)
MOST_CAUSES = 15
MOST_COUNTED = 10_000
QUEUE = "/admin/errorqueue/failedrecord/"


def send_due() -> None:
    """Write the digests whose local time has come."""
    now = database_time()
    for team in Team.objects.all():
        for slot in _due_slots(team, now):
            _make(team, slot, now)


def _due_slots(team: Team, now: datetime) -> Iterator[str]:
    here = now.astimezone(zone_of(team)).replace(tzinfo=None)
    for day in (here.date() - DAY, here.date()):
        if _is_due(here, day, team.daily_at):
            yield f"Daily digest {day:%Y-%m-%d}"
        if day.weekday() == team.weekly_on and _is_due(here, day, team.weekly_at):
            yield f"Weekly digest {day:%G-W%V}"


def _is_due(here: datetime, day: date, at: time | None) -> bool:
    """Say whether the clock on the wall shows this time of a day, or a little later."""
    if at is None:
        return False
    due = datetime.combine(day, at)
    return due <= here <= due + LATEST


def _make(team: Team, slot: str, now: datetime) -> None:
    if Digest.objects.filter(team=team, slot=slot).exists():
        return
    text = "\n".join(_lines(slot, now)) + "\n"
    try:
        with transaction.atomic():
            Digest.objects.create(team=team, slot=slot, made_at=now)
            Message.objects.bulk_create(_messages(team, slot, text, now))
            ring_alerts()
    except IntegrityError:
        return


def _messages(team: Team, slot: str, text: str, now: datetime) -> list[Message]:
    """One to each member; a team whose members have no address has ALERT_EMAILS."""
    readers: list[Any] = [
        one for one in team.members.all() if one.is_active and one.email
    ]
    return [
        Message(
            team=team,
            person=person,
            to=str(person or OPERATORS),
            why=Message.Why.DIGEST,
            subject=f"{slot}: {team}",
            text=text,
            made_at=now,
            try_at=now,
        )
        for person in readers or [None]
    ]


def _lines(slot: str, now: datetime) -> Iterator[str]:
    parts = [list(part(now)) for part in (_causes, _overdue, _records, _untold)]
    yield f"{slot}. What is not in step:"
    found = [line for part in parts for line in part]
    yield from found or ["", "Nothing: everything is in step."]
    yield from ("", f"The queue: {settings.SITE_URL}{QUEUE}")


def _causes(now: datetime) -> Iterator[str]:
    """Name what is open by cause, the most frequent first."""
    open_causes = Cause.objects.filter(open_count__gt=0)
    many = open_causes.count()
    if many:
        yield from ("", f"Open failures, {many:,} causes:")
    for cause in open_causes.order_by("-open_count", "pk")[:MOST_CAUSES]:
        yield f"- {_cause_in_words(cause, now)}"
    if many > MOST_CAUSES:
        yield f"- and {many - MOST_CAUSES:,} more causes"


def _cause_in_words(cause: Cause, now: datetime) -> str:
    parts = [f"{cause.open_count:,} × {defused(cause.sentence, 200)}"]
    parts += wording.moneys(cause.money)
    if cause.oldest_open_at:
        parts.append(f"oldest {wording.ago(cause.oldest_open_at, now)}")
    page = f"{settings.SITE_URL}/admin/errorqueue/cause/{cause.pk}/change/"
    return f"{' · '.join(parts)}\n  {page}"


def _overdue(now: datetime) -> Iterator[str]:
    late = FailedRecord.objects.open().filter(due_at__lte=now).order_by()
    if count := late[:MOST_COUNTED].count():
        page = f"{settings.SITE_URL}{QUEUE}?q=is%3Alate"
        yield from ("", f"Overdue: {_counted(count)}", f"  {page}")


def _records(now: datetime) -> Iterator[str]:
    """Name what is held or waits to be sent, by flow."""
    figures = ledger.flow_figures()
    yield from _states("On hold", SyncRecord.State.HELD, figures)
    late = [one for one in figures if one.overdue(now) > LAGS]
    yield from _states("Waiting to be sent", SyncRecord.State.WAITING, late)


def _states(label: str, state: str, figures: list[ledger.FlowFigures]) -> Iterator[str]:
    found = [(one.flow, one.counts[state]) for one in figures if one.counts[state]]
    if found:
        yield from ("", f"{label}:")
    for flow, count in found:
        yield f"- {count:,} of {defused(str(flow), 120)}"


def _untold(now: datetime) -> Iterator[str]:
    unsent = Message.objects.unsent().filter(tries__gt=0, made_at__lt=now - LAGS)
    if count := unsent.count():
        page = f"{settings.SITE_URL}/admin/errorqueue/alert/"
        yield from ("", f"Messages that reached nobody yet: {_counted(count)}", page)


def _counted(count: int) -> str:
    return f"{count:,} or more" if count >= MOST_COUNTED else f"{count:,}"
