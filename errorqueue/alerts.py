"""Telling people: raise once per incident, close when the cause is gone."""

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction

from errorqueue.clock import database_time
from errorqueue.models import Alert

log = logging.getLogger(__name__)

MOST_TRIES = 10


def raise_alert(key: str, title: str, text: str, link: str = "") -> bool:
    """Write an alert unless this incident has one already; say if it is new."""
    try:
        with transaction.atomic():
            Alert.objects.create(
                key=key, title=one_line(title), text=text, link=link,
                raised_at=database_time(),
            )
    except IntegrityError:
        return False
    return True


def close_alert(key: str) -> None:
    """End an incident; the next failure of the same kind alerts again."""
    Alert.objects.filter(key=key, closed_at=None).update(closed_at=database_time())


def send_waiting() -> int:
    """Send what is not sent yet; a channel that is down costs only a try."""
    sent = 0
    for alert in Alert.objects.filter(sent_at=None, tries__lt=MOST_TRIES).order_by("pk"):
        sent += _send(alert)
    return sent


def _send(alert: Alert) -> bool:
    taken = Alert.objects.filter(pk=alert.pk, sent_at=None, tries=alert.tries).update(
        tries=alert.tries + 1
    )
    if not taken:
        return False
    try:
        send_mail(
            f"[Waybill] {alert.title}", _body(alert), None, settings.ALERT_EMAILS
        )
    except OSError as error:
        log.warning("Alert %s was not sent: %s", alert.pk, error)
        Alert.objects.filter(pk=alert.pk).update(error=str(error)[:300])
        return False
    Alert.objects.filter(pk=alert.pk).update(sent_at=database_time(), error="")
    return True


def _body(alert: Alert) -> str:
    link = f"\n\n{settings.SITE_URL}{alert.link}" if alert.link else ""
    return f"{alert.text}{link}\n"


def one_line(text: str) -> str:
    return " ".join(text.split())[:200]
