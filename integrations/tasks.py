"""Addresses for django-q2; each takes one integer at most and returns nothing.

A wake-up carries no state: losing or doubling one costs nothing.
"""

import time

from django.conf import settings

from errorqueue import alerts
from integrations.inbox import services as inbox
from integrations.models import Bell
from integrations.sync import access, polling
from integrations.sync.drain import drain
from integrations.sync.stopping import is_stopping


def drain_inbox() -> None:
    """Read deliveries until none is left or the time is up."""
    Bell.objects.answer("inbox")
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    while time.monotonic() < ends_at and not is_stopping():
        if not inbox.read_waiting():
            break


def drain_connection(connection_id: int) -> None:
    drain(connection_id)


def probe_connection(connection_id: int) -> None:
    Bell.objects.answer(f"probe:{connection_id}")
    access.probe(connection_id)


def send_alerts() -> None:
    Bell.objects.answer("alerts")
    alerts.send_waiting()


def poll_flow(flow_id: int) -> None:
    polling.poll(flow_id)
