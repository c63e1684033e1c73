"""Sends the messages that are due, each try taken by a guarded update.

Whoever dies between the claim and the word that it was sent leaves the message due
again: it arrives once, or once more, and is never lost.
"""

import logging
import time
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Case, Q, QuerySet, When

from errorqueue import failpoints
from errorqueue.alerting import channels, words
from errorqueue.alerting.channels import NotSent, Told
from errorqueue.clock import database_time
from errorqueue.models import Alert, Channel, Message
from errorqueue.text import one_line

log = logging.getLogger(__name__)

Why = Message.Why
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
# What else is due at a channel that failed waits so long: each try may take half a
# minute of a worker.
REST = timedelta(seconds=15)
# A channel that fails has so long to recover before the second one is used.
SECOND_AFTER = timedelta(seconds=75)
# A digest that could not be sent for so long is not: the next one comes.
DIGEST_LASTS = timedelta(hours=6)
# What one pass may take; the sweeper rings for the rest.
PASS_SECONDS = 40.0
BATCH = 200
# What pages call ALERT_EMAILS.
OPERATORS = "Operators by e-mail"


def send_due() -> int:
    """Send what is due; return how many left.

    A channel that failed is left alone for the rest of the pass, so that one which
    hangs holds up no other; what else is due there goes the second way in time.
    """
    ends_at = time.monotonic() + PASS_SECONDS
    sent, failed = 0, set[tuple[int | None, int | None]]()
    for message in _due():
        place = (message.channel_id, message.person_id)
        if time.monotonic() > ends_at:
            break
        if place in failed and place != (None, None):
            _put_off(message)
            continue
        if _send(message):
            sent += 1
        else:
            failed.add(place)
    return sent


def _put_off(message: Message) -> None:
    """Leave a message alone whose channel failed just now: it would fail as well."""
    mine = Message.objects.unsent().filter(pk=message.pk, tries=message.tries)
    if mine.update(try_at=database_time() + REST):
        _turn_to_second(message)


def _due() -> list[Message]:
    """Return what is to be sent: channels that failed the last time wait for others."""
    failed = When(channel__last_error__gt="", then=1)
    due = Message.objects.due(database_time()).order_by(
        Case(failed, default=0), "tries", "try_at", "pk"
    )
    parts = (
        "alert__line",
        "alert__acknowledged_by",
        "team",
        "channel",
        "person",
        "second",
        "second_of__second_of",
    )
    return list(due.select_related(*parts)[:BATCH])


def _send(message: Message) -> bool:
    if _is_needless(message) and _drop(message):
        return True
    if not _claim(message, database_time()):
        return True
    failpoints.hit("alert.send")
    if problem := _problem_of(message):
        _missed(message, problem)
        return False
    failpoints.hit("alert.sent")
    _taken(message)
    return True


def _problem_of(message: Message) -> str:
    """Tell it; say what went wrong, also when that is a fault of our own."""
    try:
        _tell(message)
    except (NotSent, OSError, ValueError) as error:
        return one_line(str(error), 300) or type(error).__name__
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:
        log.exception("Alert message %s broke", message.pk)
        return f"A fault of Waybill ({type(error).__name__}): see the log."
    return ""


def _is_needless(message: Message) -> bool:
    """Say whether nobody needs to hear this, nor what stands in it as well."""
    if message.origin.why == Why.DIGEST:
        return message.made_at < database_time() - DIGEST_LASTS
    return _is_answered(message) and all(map(_is_answered, _carried(message)))


@transaction.atomic
def _drop(message: Message) -> bool:
    """Take it off, unless another one was put into its text in this very moment."""
    mine = Message.objects.unsent().filter(pk=message.pk)
    if not mine.select_for_update() or not _is_needless(message):
        return False
    return bool(mine.update(dropped_at=database_time()))


def _is_answered(message: Message) -> bool:
    """Nobody is called any further for what is acknowledged or over."""
    alert, why = message.alert, message.origin.why
    if alert is None:
        return False
    if alert.closed_at:
        return why in (Why.STEP, Why.GROWTH)
    is_call = why == Why.STEP or (why == Why.FIRST and message.second_of_id)
    return bool(is_call and alert.acknowledged_at)


def _claim(message: Message, now: datetime) -> bool:
    """Take this try, so that two workers never send one message twice."""
    wait = min(FIRST_WAIT * 2 ** min(message.tries, 10), LONGEST_WAIT)
    mine = Message.objects.unsent().filter(pk=message.pk, tries=message.tries)
    return bool(mine.update(tries=message.tries + 1, try_at=now + wait))


def _tell(message: Message) -> None:
    first, *others = _unanswered(message)
    mark = channels.Mark(message.pk, first.alert_id)
    told = _in_words(first, others, mark)
    if message.channel and message.channel.is_active:
        channels.send(message.channel, told, mark)
    elif message.person:
        channels.mail_person(message.person, told.subject, told.body, mark)
    else:
        channels.mail_operators(told.subject, told.body, mark)


def _in_words(first: Message, others: list[Message], mark: channels.Mark) -> Told:
    """Word it. What tells of many incidents has a key of its own: none ends it alone."""
    about = mark.name if others else f"{first.alert_id}-{first.channel_id}"
    return Told(
        subject=words.subject_of(first, others),
        body=words.body_of(first, others) + words.signed(mark),
        brief=words.body_of(first, others, is_brief=True) + words.signed(mark),
        key=f"waybill-{about}",
        is_over=first.origin.why == Why.END,
    )


def _unanswered(message: Message) -> list[Message]:
    """Return what it tells of: itself and what it carries, each incident once."""
    told = {one.alert_id: one for one in (*_carried(message), message)}
    found = sorted(told.values(), key=lambda one: (one != message, one.pk))
    return [one for one in found if not _is_answered(one)] or [message]


def _carried(message: Message) -> QuerySet[Message]:
    """Return what stands in its text as well; a second one says what the first did."""
    carried = message.origin.carries.order_by("pk")
    return carried.select_related("alert__line", "alert__acknowledged_by", "team")


@transaction.atomic
def _taken(message: Message) -> None:
    now = database_time()
    Message.objects.filter(pk=message.pk).update(sent_at=now, error="")
    told = [message, *_carried(message)]
    mine = Alert.objects.filter(pk__in=[one.alert_id for one in told if one.alert_id])
    mine.filter(sent_at=None).update(sent_at=now)
    beside = Message.objects.filter(
        Q(second_of=message) | Q(second_of__second_of=message)
    )
    beside.unsent().filter(tries=0).update(dropped_at=now)
    if message.channel_id:
        Channel.objects.filter(pk=message.channel_id).update(last_at=now, last_error="")


@transaction.atomic
def _missed(message: Message, error: str) -> None:
    """Keep the reason, and have the second channel take over if this lasts."""
    log.warning("Alert message %s was not sent: %s", message.pk, error)
    Message.objects.filter(pk=message.pk).update(error=error)
    if message.channel_id:
        Channel.objects.filter(pk=message.channel_id).update(last_error=error)
    _turn_to_second(message)


def _turn_to_second(message: Message) -> None:
    """Write the message that goes another way; without one left, to ALERT_EMAILS."""
    if not (message.channel_id or message.person_id):
        return
    due = database_time() + SECOND_AFTER
    Message.objects.get_or_create(
        second_of=message,
        defaults={
            "alert": message.alert,
            "team": message.team,
            "channel": message.second,
            "to": str(message.second or OPERATORS),
            "why": Why.SECOND,
            "count": message.count,
            "subject": message.subject,
            "text": message.text,
            "made_at": database_time(),
            "try_at": due,
        },
    )
