"""Telling people: raise once per incident, close when the cause is gone.

An incident is a row, written with what it tells of. Workers decide afterwards whom
to tell (`alerting.planning`) and send the messages (`alerting.sending`).
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, models, transaction

from errorqueue import failpoints
from errorqueue.alerting import channels, planning, sending
from errorqueue.clock import database_time
from errorqueue.models import Alert, Message
from errorqueue.text import clean, one_line

log = logging.getLogger(__name__)

AT_ONCE = timedelta(0)
# An incident that flaps is one: what was told and is back within so long after it
# seemed over is told again only if it stays for as long.
CALM = timedelta(minutes=15)
Kind = Alert.Kind
# What an incident is about, by the beginning of its key, where nobody says.
KINDS = {
    "flow": Kind.INVENTORY,
    **dict.fromkeys(("access", "permission"), Kind.ACCESS),
    **dict.fromkeys(
        ("outage", "limited", "waiting", "poll", "account", "expiry"), Kind.CONNECTION
    ),
    **dict.fromkeys(
        ("silence", "still", "toogood", "missing", "compare", "subscriptions"),
        Kind.SILENCE,
    ),
    **dict.fromkeys(("overdue", "soon"), Kind.DEADLINE),
}
# No quiet time holds these back: stock that is wrong sells what is not there, and a
# refused log-in stops everything.
URGENT = frozenset({Kind.INVENTORY, Kind.ACCESS})


@dataclass(frozen=True)
class About:
    """The facts of an incident, by which rules choose whom to tell."""

    kind: str = ""
    flow: str = ""
    source: str = ""
    connection: str = ""
    cause_id: int | None = None
    line_id: int | None = None
    began_at: datetime | None = None
    count: int = 0
    money: dict[str, str] = field(default_factory=dict)


NOTHING_KNOWN = About()


def raise_alert(
    key: str,
    title: str,
    text: str,
    link: str = "",
    quiet: timedelta = AT_ONCE,
    calm: timedelta = AT_ONCE,
    about: About = NOTHING_KNOWN,
) -> bool:
    """Write an alert unless this incident has one already; say if it is new.

    It is told after `quiet`; an incident that ends sooner disturbs nobody. One that
    comes back within `calm` after its end is told only if it lasts as long.
    """
    if Alert.objects.filter(key=one_line(key), closed_at=None).exists():
        return False
    now = database_time()
    if calm and _told(key, now - calm).exists():
        quiet = max(quiet, calm)
    try:
        with transaction.atomic():
            Alert.objects.create(
                key=one_line(key),
                title=one_line(title),
                text=clean(text),
                link=link,
                raised_at=now,
                try_at=now + quiet,
                **_facts(key, about),
            )
            failpoints.hit("alert.row")
    except IntegrityError:
        return False
    return True


def _facts(key: str, about: About) -> dict[str, Any]:
    kind = Kind(about.kind or KINDS.get(key.partition(":")[0], Kind.OTHER))
    return {
        "kind": kind,
        "is_urgent": kind in URGENT,
        "flow": about.flow[:120],
        "source": about.source[:120],
        "connection": about.connection[:120],
        "cause_id": about.cause_id,
        "line_id": about.line_id,
        "began_at": about.began_at,
        "count": about.count,
        "money": about.money,
    }


@transaction.atomic
def close_alert(key: str) -> None:
    """End an incident; the next failure of the same kind alerts again.

    One that flapped ends with its latest return, which nobody was told of.
    """
    mine = Alert.objects.filter(key=one_line(key), closed_at=None)
    now = database_time()
    untold = mine.filter(planned_at=None, try_at__gt=now).select_for_update()
    for alert in untold:
        _told(key, alert.raised_at - CALM).update(closed_at=now)
        alert.delete()
    mine.update(closed_at=now)


@transaction.atomic
def mute(keys: Collection[str], until: datetime, note: str) -> list[Alert]:
    """Tell nobody of these incidents, nor call anybody else, before a moment.

    The note is added to the text of each. Returns the open ones.
    """
    found = list(Alert.objects.filter(key__in=keys, closed_at=None))
    mine = Alert.objects.filter(pk__in=[one.pk for one in found])
    mine.filter(planned_at=None).exclude(try_at=until).update(try_at=until)
    told = mine.exclude(planned_at=None).filter(acknowledged_at=None)
    told.filter(step_at__isnull=False).exclude(step_at=until).update(step_at=until)
    for one in found:
        if note not in one.text:
            text = clean(f"{one.text}\n\n{note}")
            Alert.objects.filter(pk=one.pk).update(text=text)
    return found


def unmute(pks: Collection[int], at: datetime) -> None:
    """Tell from this moment on what `mute` held back, as far as it still stands."""
    mine = Alert.objects.filter(pk__in=pks, closed_at=None)
    mine.filter(planned_at=None).update(try_at=at)
    mine.filter(step_at__gt=at, acknowledged_at=None).update(step_at=at)


def hasten(key: str) -> bool:
    """Tell at once of what was to wait whether it lasts; say whether it did."""
    now = database_time()
    mine = Alert.objects.filter(key=one_line(key), closed_at=None, planned_at=None)
    return bool(mine.filter(try_at__gt=now).update(try_at=now))


def _told(key: str, since: datetime) -> models.QuerySet[Alert]:
    """Return what people were told of an incident that ended after `since`."""
    ended = Alert.objects.filter(key=one_line(key), closed_at__gt=since)
    return ended.exclude(planned_at=None)


def send_waiting() -> int:
    """Plan what is to be told and send what is due; return how many were sent.

    A channel that is down costs a try and a longer wait, never the message.
    """
    planning.plan()
    return sending.send_due()


def has_waiting() -> bool:
    """Say whether something is to be planned or sent now."""
    now = database_time()
    return Message.objects.due(now).exists() or planning.is_due(now)


def send_unwritten(title: str, text: str) -> bool:
    """Mail what no row can be written of, and say whether that went."""
    try:
        channels.mail_operators(one_line(f"[Waybill] {title}"), clean(text))
    except (OSError, ValueError) as error:
        log.error("Nobody could be told: %s (%s)", title, error)
        return False
    return True


def acknowledge(alert: Alert, by: Any) -> bool:
    """Note who looks after an incident; from then on nobody else is called.

    Says whether it was open and nobody had done so before.
    """
    see(alert, by)
    mine = Alert.objects.filter(pk=alert.pk, acknowledged_at=None, closed_at=None)
    now = database_time()
    noted = mine.update(acknowledged_at=now, acknowledged_by=by)
    if noted:
        alert.messages.filter(why=Message.Why.STEP).drop(now)
    return bool(noted)


def take(alert: Alert, by: Any) -> bool:
    """Acknowledge an open incident and note who works on it; say whether it was."""
    acknowledge(alert, by)
    mine = Alert.objects.filter(pk=alert.pk, closed_at=None)
    return bool(mine.update(taken_by=by))


def see(alert: Alert, by: Any) -> None:
    """Note who of the people looked first, and when."""
    mine = Alert.objects.filter(pk=alert.pk, seen_at=None)
    mine.update(seen_at=database_time(), seen_by=by)
