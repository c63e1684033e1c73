"""Telling people: raise once per incident, close when the cause is gone."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import IntegrityError, models, transaction

from errorqueue import failpoints
from errorqueue.clock import database_time
from errorqueue.models import Alert
from errorqueue.text import clean, one_line

log = logging.getLogger(__name__)

MAIL_SECONDS = 10
AT_ONCE = timedelta(0)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
# An incident that flaps is one: what was told and is back within so long after it
# seemed over is told again only if it stays for as long.
CALM = timedelta(minutes=15)


def raise_alert(
    key: str,
    title: str,
    text: str,
    link: str = "",
    quiet: timedelta = AT_ONCE,
    calm: timedelta = AT_ONCE,
) -> bool:
    """Write an alert unless this incident has one already; say if it is new.

    It is sent after `quiet`; an incident that ends sooner disturbs nobody. One that
    comes back within `calm` after its end is sent only if it lasts as long.
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
            )
            failpoints.hit("alert.row")
    except IntegrityError:
        return False
    return True


def close_alert(key: str) -> None:
    """End an incident; the next failure of the same kind alerts again.

    One that flapped ends with its latest return, which nobody was told of.
    """
    mine = Alert.objects.filter(key=one_line(key), closed_at=None)
    now = database_time()
    for untold in mine.filter(tries=0, try_at__gt=now):
        _told(key, untold.raised_at - CALM).update(closed_at=now)
        untold.delete()
    mine.update(closed_at=now)


def _told(key: str, since: datetime) -> models.QuerySet[Alert]:
    """Return what people were told of an incident that ended after `since`."""
    ended = Alert.objects.filter(key=one_line(key), closed_at__gt=since)
    return ended.exclude(tries=0)


def send_waiting() -> int:
    """Send what is due and not sent yet; return how many were sent.

    A channel that is down costs a try and a longer wait, never the alert.
    """
    return sum(_send(alert) for alert in _due().order_by("pk"))


def send_unwritten(title: str, text: str) -> bool:
    """Mail what no row can keep, since the database takes none; say if it was sent."""
    try:
        _mail(Alert(title=one_line(title), text=clean(text)))
    except (OSError, ValueError) as error:
        log.error("Nobody could be told: %s (%s)", title, error)
        return False
    return True


def _due() -> models.QuerySet[Alert]:
    return Alert.objects.filter(sent_at=None, try_at__lte=database_time())


def _send(alert: Alert) -> bool:
    if not _claim(alert, database_time()):
        return False
    failpoints.hit("alert.send")
    try:
        _mail(alert)
    except (OSError, ValueError) as error:
        log.warning("Alert %s was not sent: %s", alert.pk, error)
        Alert.objects.filter(pk=alert.pk).update(error=one_line(str(error), 300))
        return False
    Alert.objects.filter(pk=alert.pk).update(sent_at=database_time(), error="")
    return True


def _claim(alert: Alert, now: datetime) -> bool:
    """Take this try, so that two workers never send one alert twice."""
    wait = min(FIRST_WAIT * 2 ** min(alert.tries, 10), LONGEST_WAIT)
    mine = Alert.objects.filter(pk=alert.pk, sent_at=None, tries=alert.tries)
    return bool(mine.update(tries=alert.tries + 1, try_at=now + wait))


def _mail(alert: Alert) -> None:
    if not settings.ALERT_EMAILS:
        raise ValueError("Nobody to tell: ALERT_EMAILS is empty.")
    EmailMessage(
        subject=f"[Waybill] {alert.title}",
        body=_body(alert),
        to=settings.ALERT_EMAILS,
        connection=get_connection(timeout=MAIL_SECONDS),
    ).send()


def _body(alert: Alert) -> str:
    over = "\n\nThis is over meanwhile." if alert.closed_at else ""
    link = f"\n\n{settings.SITE_URL}{alert.link}" if alert.link else ""
    return f"{alert.text}{over}{link}\n"


def has_waiting() -> bool:
    """Say whether an alert is due to be sent."""
    return _due().exists()
