"""Rings for whatever is due: a lost wake-up costs a few seconds, never a record.

A pass over a million records that do not change reads a handful of rows: each part
asks the indexes of one flow or one connection at a time, and stops at its first
answer or after a few batches.
"""

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q

from errorqueue import chores, failpoints
from errorqueue.alerts import has_waiting
from errorqueue.clock import database_time
from integrations.models import (
    AuditEntry,
    Connection,
    Flow,
    InboxEvent,
    SyncRecord,
    ring_alerts,
    ring_chores,
    ring_connection,
    ring_inbox,
)
from integrations.models.claim_sql import ALONE_FROM
from integrations.sync import alarms, background
from integrations.sync.access import (
    away,
    maintained,
    ring_probe,
    standing_still,
    unusable,
    why_held,
)
from integrations.sync.allowance import end_rests
from integrations.sync.blocking import keep_waiting
from integrations.sync.breaker import begin_probes, open_failing, settle_probes
from integrations.sync.confirming import confirm_due
from integrations.sync.holds import (
    flows_holding,
    held_for,
    hold_all,
    hold_flow,
    postpone,
    release_all,
    release_flow,
    release_landed,
    release_one,
)
from integrations.sync.incidents import tell_waiting
from integrations.sync.isolation import isolated
from integrations.sync.maintenance.windows import keep_windows
from integrations.sync.noticing import ring_change_notices
from integrations.sync.outcome import fail_hold
from integrations.sync.polling import ring_poll
from integrations.sync.rechecking import (
    recheck_after_making,
    recheck_after_publishing,
)
from integrations.sync.unblocking import keep_blocked

State = SyncRecord.State
BATCH = 200
# The deadline of a connection's holds: people are told, the records stay held.
WAITED_LONG = timedelta(hours=24)


def sweep(after_each: Callable[[], None] = lambda: None) -> None:
    """Look once at everything that may be due; one broken part stops no other.

    `after_each` is called between the parts: a long pass must not look like a death.
    """
    failpoints.hit("sweep.pass")
    for part in PARTS:
        with isolated(part.__name__):
            part()
            after_each()


def wake_inbox() -> None:
    free = Q(lease_until=None) | Q(lease_until__lt=database_time())
    if InboxEvent.objects.filter(free, state=InboxEvent.State.RECEIVED).exists():
        ring_inbox()


def wake_connections() -> None:
    for connection in Connection.objects.exclude(unusable()):
        with isolated(f"ring for {connection}"):
            if SyncRecord.objects.has_due(connection):
                ring_connection(connection.pk)


def hold_for_connections() -> None:
    """Show records of an unusable connection as what they are: on hold."""
    for connection in Connection.objects.filter(standing_still()):
        with isolated(f"hold for {connection}"):
            hold_all(connection, why_held(connection))


def free_left_behind() -> None:
    """What a dead worker left behind waits again, but for those to be run alone.

    Those wait again too while their flow or connection is in no use; a breaker lets
    its probes go.
    """
    may_probe = Q(flow__hold_kind=Flow.Hold.BREAKER, hold=SyncRecord.Hold.PROBE)
    idle = (
        Q(flow__is_enabled=False)
        | (Q(flow__held_at__isnull=False) & ~may_probe)
        | Q(target_connection__in=Connection.objects.filter(unusable()))
    )
    now = database_time()
    left = SyncRecord.objects.left_behind(now).filter(idle | Q(crashes__lt=ALONE_FROM))
    chosen = list(left.values_list("pk", flat=True)[:BATCH])
    if not chosen:
        return
    with transaction.atomic():
        freed = (
            SyncRecord.objects.left_behind(now)
            .filter(pk__in=chosen)
            .update(state=State.WAITING, worker="", lease_until=None)
        )
        AuditEntry.objects.note_many("ledger", 0, "left behind", freed)


def hold_for_flows() -> None:
    """Show records of a flow on hold as what they are, and let others go again."""
    for flow in Flow.objects.filter(held_at__isnull=False):
        with isolated(f"hold for {flow}"):
            hold_flow(flow)
    for flow in flows_holding():
        with isolated(f"release what waits for {flow}"):
            release_flow(flow)


def calm_flows() -> None:
    alarms.calm_all()


def release_holds() -> None:
    for connection in Connection.objects.exclude(unusable()):
        with isolated(f"release what waits for {connection}"):
            release_all(connection)
    release_landed(database_time())


def end_holds() -> None:
    """A record whose wait for another one is over needs a person."""
    now = database_time()
    expired = SyncRecord.objects.filter(state=State.HELD, hold_until__lt=now).order_by(
        "hold_until"
    )
    joined = expired.select_related(
        "flow__target", "held_on__flow", "held_on__target_connection"
    )
    for record in joined[:BATCH]:
        with isolated(f"end the hold of record {record.pk}"):
            if record.held_on and record.held_on.target_id:
                release_one(record)
            elif not (postpone(record, now) or keep_waiting(record)):
                fail_hold(record)


def remind_of_waiting() -> None:
    """Nothing fails because its connection is away; after a day people are told."""
    now = database_time()
    for connection in Connection.objects.filter(
        away(), state_since__lt=now - WAITED_LONG
    ).exclude(maintained()):
        if held_for(connection).exists():
            since = now - connection.state_since
            tell_waiting(connection, why_held(connection), since)


def probe_connections() -> None:
    due = Connection.objects.filter(probe_at__lte=database_time())
    due = due.exclude(maintained())
    for connection in due.exclude(state=Connection.State.PAUSED):
        with isolated(f"ring for the probe of {connection}"):
            ring_probe(connection.pk)


def send_alerts() -> None:
    if has_waiting():
        ring_alerts()


def do_chores() -> None:
    if chores.has_due():
        ring_chores()


def ring_background() -> None:
    background.ring_due()


def poll_flows() -> None:
    now = database_time()
    polled = Flow.objects.filter(is_enabled=True, poll_minutes__gt=0).filter(
        source__in=Connection.objects.exclude(unusable())
    )
    for flow in polled.order_by(F("polled_at").asc(nulls_first=True), "pk"):
        every = timedelta(minutes=flow.poll_minutes)
        if flow.polled_at is None or flow.polled_at + every <= now:
            with isolated(f"ring for the poll of {flow}"):
                ring_poll(flow)


PARTS: tuple[Callable[[], object], ...] = (
    wake_inbox,
    confirm_due,
    free_left_behind,
    keep_windows,
    end_rests,
    open_failing,
    settle_probes,
    hold_for_connections,
    hold_for_flows,
    begin_probes,
    release_holds,
    end_holds,
    keep_blocked,
    wake_connections,
    probe_connections,
    poll_flows,
    ring_change_notices,
    remind_of_waiting,
    calm_flows,
    send_alerts,
    recheck_after_making,
    recheck_after_publishing,
    do_chores,
    ring_background,
)
