"""Addresses for django-q2; each takes one integer at most and returns nothing.

A wake-up carries no state: losing or doubling one costs nothing.
"""

import time

from django.conf import settings

from errorqueue import alerts, chores
from integrations.inbox import services as inbox
from integrations.models import Bell
from integrations.studio.acceptance import runs as acceptance
from integrations.sync import (
    background,
    clusters,
    log_loss,
    noticing,
    polling,
    probing,
    schedules,
)
from integrations.sync.drain import drain
from integrations.sync.stopping import is_stopping

# A reader that was busy for longer leaves the delivery to others: both together must
# end before the queue's time limit.
IN_ONE_BREATH = 1.0


def drain_inbox() -> None:
    """Read deliveries until none is left or the time is up."""
    Bell.objects.answer("inbox")
    began = time.monotonic()
    ends_at = began + settings.DRAIN_SECONDS
    while time.monotonic() < ends_at and not is_stopping():
        if not inbox.read_waiting():
            break
    if time.monotonic() - began < IN_ONE_BREATH:
        _deliver_at_once()


def _deliver_at_once() -> None:
    """Deliver what was just read here and now, instead of after the next poll.

    Its own wake-up then finds nothing to do; should we die, it is the net.
    """
    for connection_id in Bell.objects.pending_deliveries()[:1]:
        drain(connection_id)


def drain_connection(connection_id: int) -> None:
    drain(connection_id)
    log_loss.note()


def probe_connection(connection_id: int) -> None:
    Bell.objects.answer(f"probe:{connection_id}")
    probing.probe(connection_id)


def send_alerts() -> None:
    Bell.objects.answer("alerts")
    alerts.send_waiting()


def do_chores() -> None:
    Bell.objects.answer("chores")
    chores.run()


def do_background() -> None:
    Bell.objects.answer("background")
    background.run()


def run_scenarios() -> None:
    acceptance.step()


def poll_flow(flow_id: int) -> None:
    polling.poll(flow_id)


def read_notices(connection_id: int) -> None:
    noticing.read_waiting(connection_id)


def run_schedule(schedule_id: int) -> None:
    schedules.run(schedule_id)


def sing() -> None:
    """Show the supervisor that a task comes through the whole cluster."""
    clusters.note_song()
