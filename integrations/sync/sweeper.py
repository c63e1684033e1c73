"""Rings for whatever is due: a lost wake-up costs a few seconds, never a record."""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db.models import Q

from errorqueue.alerts import has_waiting
from errorqueue.clock import database_time
from integrations.models import (
    Connection,
    Flow,
    InboxEvent,
    SyncRecord,
    SyncRecordQuerySet,
    ring_alerts,
    ring_connection,
    ring_inbox,
)
from integrations.sync.access import hold_all, release, ring_probe, unusable
from integrations.sync.outcome import calm_down, fail_hold
from integrations.sync.polling import ring_poll

log = logging.getLogger(__name__)

State = SyncRecord.State
BATCH = 200


def sweep() -> None:
    """Look once at everything that may be due; one broken part stops no other."""
    for part in PARTS:
        try:
            part()
        except Exception:
            log.exception("The sweep could not %s", part.__name__)


def wake_inbox() -> None:
    free = Q(lease_until=None) | Q(lease_until__lt=database_time())
    if InboxEvent.objects.filter(free, state=InboxEvent.State.RECEIVED).exists():
        ring_inbox()


def wake_connections() -> None:
    due = SyncRecord.objects.due(database_time()).filter(
        flow__is_enabled=True,
        target_connection__state=Connection.State.READY,
        target_connection__probe_at=None,
    )
    for connection_id in (
        due.order_by().values_list("target_connection", flat=True).distinct()
    ):
        ring_connection(connection_id)


def hold_for_connections() -> None:
    """Show records of an unusable connection as what they are: on hold."""
    for connection in Connection.objects.filter(unusable()):
        why = (
            "log-in is being checked"
            if connection.is_ready
            else connection.get_state_display().lower()
        )
        hold_all(connection, f"{connection}: {why}")


def free_left_behind() -> None:
    """What a dead worker left on a flow or connection in no use waits again."""
    idle = Q(flow__is_enabled=False) | Q(
        target_connection__in=Connection.objects.filter(unusable())
    )
    left = SyncRecord.objects.filter(
        idle, state=State.RUNNING, lease_until__lt=database_time()
    )
    SyncRecord.objects.filter(
        pk__in=list(left.values_list("pk", flat=True)[:BATCH])
    ).filter(state=State.RUNNING).update(
        state=State.WAITING, worker="", lease_until=None
    )


def calm_flows() -> None:
    for flow in Flow.objects.filter(alert_at_once=True):
        calm_down(flow)


def release_holds() -> None:
    usable = SyncRecord.objects.filter(
        hold=SyncRecord.Hold.CONNECTION,
        target_connection__state=Connection.State.READY,
        target_connection__probe_at=None,
    )
    landed = SyncRecord.objects.filter(hold=SyncRecord.Hold.RECORD).exclude(
        held_on__target_id=""
    )
    for freed in (usable, landed):
        release(SyncRecord.objects.filter(pk__in=_ids(freed)))


def _ids(records: SyncRecordQuerySet) -> list[int]:
    held = records.filter(state=State.HELD)
    return list(held.values_list("pk", flat=True)[:BATCH])


def end_holds() -> None:
    expired = SyncRecord.objects.filter(
        state=State.HELD, hold_until__lt=database_time()
    )
    for record in expired.select_related("flow", "held_on__flow")[:BATCH]:
        fail_hold(record)


def probe_connections() -> None:
    due = Connection.objects.filter(probe_at__lte=database_time())
    for connection in due.exclude(state=Connection.State.PAUSED):
        ring_probe(connection.pk)


def send_alerts() -> None:
    if has_waiting():
        ring_alerts()


def poll_flows() -> None:
    now = database_time()
    for flow in Flow.objects.filter(is_enabled=True, poll_minutes__gt=0):
        every = timedelta(minutes=flow.poll_minutes)
        if flow.polled_at is None or flow.polled_at + every <= now:
            ring_poll(flow)


PARTS: tuple[Callable[[], None], ...] = (
    wake_inbox,
    free_left_behind,
    hold_for_connections,
    release_holds,
    end_holds,
    wake_connections,
    probe_connections,
    poll_flows,
    calm_flows,
    send_alerts,
)
