"""Decides what is told to whom and when, and writes that down as messages.

Each step is taken by a guarded update of the incident's row together with the
messages, so two workers never write one twice and none is lost between them.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F, Q, QuerySet

from errorqueue import failpoints
from errorqueue.alerting.hours import hours_of
from errorqueue.alerting.rules import rule_for
from errorqueue.alerting.sending import OPERATORS
from errorqueue.alerting.steps import first_call, next_call
from errorqueue.clock import database_time
from errorqueue.models import Alert, AlertRule, Message, Team, TeamStep

log = logging.getLogger(__name__)

Why = Message.Why
# Of one incident a channel hears the beginning, so many of its growths, and the end.
MOST_GROWTHS = 3
GROWN = 10
GROWTH_GAP = timedelta(minutes=1)
BATCH = 500
# So many incidents are told one by one within BURST; of more, all that come within
# GATHER share a message.
MOST_ALONE = 5
BURST = timedelta(minutes=10)
GATHER = timedelta(seconds=40)


def is_due(now: datetime) -> bool:
    """Say whether an incident waits to be told, to be told again, or to be passed on."""
    return any(found(now).exists() for found in (_new, _unanswered, _grown, _ended))


def plan() -> None:
    """Write the messages that are to be sent by now."""
    now = database_time()
    for alert in _new(now).order_by("pk")[:BATCH]:
        if not _is_done(_tell_first, alert, now):
            _tell_operators(alert, now)
    for alert in _grown(now).order_by("pk")[:BATCH]:
        _is_done(_tell_growth, alert, now)
    for alert in _unanswered(now).order_by("pk")[:BATCH]:
        _is_done(_tell_next, alert, now)
    for alert in _ended(now).order_by("pk")[:BATCH]:
        _is_done(_tell_end, alert, now)


def _is_done(tell: Callable[[Alert, datetime], None], alert: Alert, now: Any) -> bool:
    """Take one step and say whether it went well: what breaks silences no other."""
    try:
        tell(alert, now)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        log.exception("What is told of incident %s could not be planned", alert.pk)
        return False
    return True


def _new(now: datetime) -> QuerySet[Alert]:
    return Alert.objects.filter(planned_at=None, try_at__lte=now)


def _open() -> QuerySet[Alert]:
    return Alert.objects.filter(closed_at=None).exclude(planned_at=None)


def _unanswered(now: datetime) -> QuerySet[Alert]:
    return _open().filter(acknowledged_at=None, step_at__lte=now)


def _grown(now: datetime) -> QuerySet[Alert]:
    """Return what is ten times as large as when it was told last, and may be told."""
    larger = Q()
    for power in range(8):
        larger |= Q(grown=power, count__gte=GROWN ** (power + 1))
    rested = Q(grown_at__lte=now - GROWTH_GAP)
    return _open().filter(larger, rested, growths__lt=MOST_GROWTHS)


def _ended(now: datetime) -> QuerySet[Alert]:
    """Return what is over and was told to a team that wants to hear of the end."""
    return Alert.objects.filter(closed_at__lte=now, owes_end=True)


@transaction.atomic
def _tell_first(alert: Alert, now: datetime) -> None:
    rule = rule_for(alert)
    team = rule.team if rule else None
    due = _loud(alert, team, now, is_immediate=bool(rule and rule.is_immediate))
    call = first_call(team, due)
    changes = {
        "planned_at": now,
        "rule": rule,
        "team": team,
        "grown": _power(alert.count),
        "grown_at": now,
        "owes_end": team is not None and team.tells_end,
        **call.columns,
    }
    if Alert.objects.filter(pk=alert.pk, planned_at=None).update(**changes):
        failpoints.hit("alert.plan")
        alert.team = team
        _bundle(_write(alert, Why.FIRST, call.places, due), now)


@transaction.atomic
def _tell_operators(alert: Alert, now: datetime) -> None:
    """Tell ALERT_EMAILS of what no rule or team could be found for."""
    changes = {"planned_at": now, "grown": _power(alert.count), "grown_at": now}
    if Alert.objects.filter(pk=alert.pk, planned_at=None).update(**changes):
        alert.team = None
        _bundle(_write(alert, Why.FIRST, [None], now), now)


@transaction.atomic
def _tell_next(alert: Alert, now: datetime) -> None:
    """Call who comes next, since nobody has acknowledged."""
    due = _loud(alert, alert.team, now)
    call = next_call(alert.team, alert.steps_done, due)
    mine = Alert.objects.filter(
        pk=alert.pk, steps_done=alert.steps_done, acknowledged_at=None, step_at__lte=now
    )
    if mine.update(**call.columns):
        _bundle(_write(alert, Why.STEP, call.places, due), now)


@transaction.atomic
def _tell_growth(alert: Alert, now: datetime) -> None:
    """Say how large it is by now, to who knows of it.

    A growth that nobody is told of, as in a quiet time, counts for none of the few.
    """
    mine = Alert.objects.filter(pk=alert.pk, grown=alert.grown, closed_at=None)
    if not mine.update(grown=_power(alert.count), grown_at=now):
        return
    made = _write_again(alert, Why.GROWTH, _loud(alert, alert.team, now))
    if made:
        Alert.objects.filter(pk=alert.pk).update(growths=F("growths") + 1)
    _bundle(made, now)


def pass_on(alert: Alert) -> None:
    """Call another team if a rule further up holds, now that the incident has grown.

    It never goes back down: who was called stays called.
    """
    _is_done(_pass_on, alert, database_time())


@transaction.atomic
def _pass_on(alert: Alert, now: datetime) -> None:
    rule = rule_for(alert)
    if alert.planned_at is None or rule is None or not _is_above(rule, alert.rule):
        return
    due = _loud(alert, rule.team, now, is_immediate=rule.is_immediate)
    call = first_call(rule.team, due)
    is_waited_for = due == now and not alert.acknowledged_at
    kept_back = _kept_back(alert, rule, now) if is_waited_for else []
    tells = rule.team_id != alert.team_id or bool(kept_back)
    changes: dict[str, Any] = {"rule": rule}
    if tells:
        changes |= {"team": rule.team, "owes_end": rule.team.tells_end, **call.columns}
    mine = Alert.objects.filter(pk=alert.pk, rule=alert.rule, closed_at=None)
    if mine.update(**changes) and tells:
        _call_off(kept_back, now)
        alert.team = rule.team
        _bundle(_write(alert, Why.FIRST, call.places, due), now)


def _kept_back(alert: Alert, rule: AlertRule, now: datetime) -> list[int]:
    """Return what the team of a rule is to be told of it after a quiet time only."""
    mine = alert.messages.filter(team=rule.team, why__in=(Why.FIRST, Why.STEP))
    later = Q(carried_by=None, try_at__gt=now + GATHER)
    later |= Q(carried_by__sent_at=None, carried_by__try_at__gt=now + GATHER)
    kept_back = mine.filter(later, sent_at=None, dropped_at=None, tries=0)
    return list(kept_back.values_list("pk", flat=True))


def _call_off(messages: list[int], now: datetime) -> None:
    """Have these not be sent, as they are told in another way."""
    chosen = Message.objects.filter(pk__in=messages)
    chosen.exclude(carried_by=None).update(carried_by=None, dropped_at=now)
    chosen.drop(now)


def _is_above(rule: AlertRule, other: AlertRule | None) -> bool:
    return other is None or (rule.order, rule.pk) < (other.order, other.pk)


@transaction.atomic
def _tell_end(alert: Alert, now: datetime) -> None:
    """Say once that it is over, to who heard that it began."""
    mine = Alert.objects.filter(pk=alert.pk, owes_end=True)
    if mine.update(owes_end=False):
        _bundle(_write_again(alert, Why.END, _loud(alert, alert.team, now)), now)


def _power(count: int) -> int:
    return len(str(count)) - 1 if count else 0


def _loud(
    alert: Alert, team: Team | None, now: datetime, *, is_immediate: bool = False
) -> datetime:
    """Return when to tell: now, or after the quiet time of the team."""
    is_immediate = is_immediate or bool(alert.rule and alert.rule.is_immediate)
    if team is None or alert.is_urgent or is_immediate:
        return now
    return hours_of(team).loud_from(now)


def _write(
    alert: Alert, why: str, steps: Sequence[TeamStep | None], due: datetime
) -> list[Message]:
    made = [_message(alert, why, step, due) for step in steps]
    return Message.objects.bulk_create(made)


def _message(alert: Alert, why: str, step: TeamStep | None, due: datetime) -> Message:
    place = {
        "channel": step.channel if step else None,
        "person": step.person if step else None,
        "second": step.second if step else None,
        "to": str(step.who) if step else OPERATORS,
    }
    return Message(
        alert=alert,
        team=alert.team,
        why=why,
        count=alert.count,
        made_at=database_time(),
        try_at=due,
        **place,
    )


def _write_again(alert: Alert, why: str, due: datetime) -> list[Message]:
    """Write to every place that heard of this before, once.

    What has not left yet is told as it stands when it leaves.
    """
    waiting = alert.messages.unsent().filter(why=why, tries=0)
    waited_for = set(waiting.values_list("channel", "person"))
    heard = alert.messages.filter(_has_left(), why__in=(Why.FIRST, Why.STEP))
    places = {
        (one.channel_id, one.person_id): one
        for one in heard.select_related("channel", "person", "second")
        if (one.channel_id, one.person_id) not in waited_for
    }
    return Message.objects.bulk_create(
        Message(
            alert=alert,
            team=alert.team,
            channel=one.channel,
            person=one.person,
            second=one.second,
            to=one.to,
            why=why,
            count=alert.count,
            made_at=database_time(),
            try_at=due,
        )
        for one in places.values()
    )


def _has_left() -> Q:
    """Tell what people have heard: by its own channel or by the one after it."""
    left = Q()
    for way in ("", "seconds__", "seconds__seconds__"):
        for text in ("", "carried_by__"):
            left |= Q(**{f"{text}{way}sent_at__isnull": False})
    return left


def _bundle(made: Iterable[Message], now: datetime) -> None:
    """Put what comes in a burst into one message: many causes are no storm either."""
    for message in made:
        if message.alert and not message.alert.is_urgent:
            _join(message, now)


def _join(message: Message, now: datetime) -> None:
    """Put a message into one that leaves soon; have those after a burst wait for it."""
    mine = Message.objects.filter(pk=message.pk)
    beside, latest = _beside(message), message.try_at + GATHER
    about_then = {
        "try_at__gt": max(now, message.try_at - GATHER),
        "try_at__lte": latest,
    }
    carriers = beside.filter(tries=0, sent_at=None, **about_then)
    if found := carriers.select_for_update().first():
        mine.update(carried_by=found)
    elif beside.filter(made_at__gt=now - BURST)[:MOST_ALONE].count() == MOST_ALONE:
        mine.update(try_at=latest)


def _beside(message: Message) -> QuerySet[Message]:
    """Return what is told by itself to the same place for the same reason."""
    found = Message.objects.filter(
        channel=message.channel_id,
        person=message.person_id,
        why=message.why,
        carried_by=None,
        dropped_at=None,
    )
    return found.exclude(pk=message.pk).order_by("-pk")
