"""Connections that may not be used now: suspicion, probe, refusal, release.

NetSuite answers "invalid login" also when it is merely overloaded, so one refusal
is only a suspicion: nothing more is sent, and one solitary probe decides.
"""

from datetime import timedelta

from django.db.models import Q

from errorqueue.alerts import close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.connectors.errors import AccessRefused, ConnectorError
from integrations.models import (
    NO_HOLD,
    Bell,
    Connection,
    SyncRecord,
    SyncRecordQuerySet,
    ring_alerts,
    ring_connection,
)
from integrations.sync.outbound import connector_for

PROBE_EVERY = timedelta(minutes=2)
PROBE_AGAIN = timedelta(seconds=15)


def suspect(connection: Connection) -> None:
    """Stop sending and let a probe decide; further refusals change nothing."""
    now = database_time()
    Connection.objects.filter(
        pk=connection.pk, state=Connection.State.READY, probe_at=None
    ).update(probe_at=now)
    ring_probe(connection.pk)


def ring_probe(connection_id: int) -> None:
    """Wake whoever probes this connection."""
    Bell.objects.ring(
        f"probe:{connection_id}", "integrations.tasks.probe_connection", connection_id
    )


def probe(connection_id: int) -> None:
    """Try the log-in once, alone, and settle what the connection is."""
    now = database_time()
    mine = Connection.objects.filter(pk=connection_id, probe_at__lte=now)
    if not mine.update(probe_at=now + PROBE_EVERY):
        return
    connection = Connection.objects.get(pk=connection_id)
    try:
        connector_for(connection).probe()
    except AccessRefused as error:
        refuse(connection, str(error))
    except ConnectorError:
        again = database_time() + PROBE_AGAIN
        Connection.objects.filter(pk=connection_id).update(probe_at=again)
    else:
        connection.refresh_from_db()
        if connection.state != Connection.State.PAUSED:  # by a person, meanwhile
            resume(connection)


def refuse(connection: Connection, reason: str) -> None:
    """Pause the whole connection, hold its records, tell people once."""
    connection.move(Connection.State.REFUSED, reason, unless=Connection.State.PAUSED)
    held = hold_all(connection, f"{connection}: access refused")
    raise_alert(
        f"access:{connection.pk}",
        f"{connection} refuses our log-in",
        f"{connection} refused the credentials of Waybill: {reason}\n\n"
        f"Nothing is sent there now; {held} records wait and lose nothing. Waybill "
        "tries the log-in every two minutes and goes on by itself once it works.",
        link=f"/admin/integrations/connection/{connection.pk}/change/",
    )
    ring_alerts()


def resume(connection: Connection) -> None:
    """Take the connection into use again and let its records go."""
    Connection.objects.filter(pk=connection.pk).update(probe_at=None)
    connection.probe_at = None
    connection.move(Connection.State.READY)
    close_alert(f"access:{connection.pk}")
    release(SyncRecord.objects.filter(target_connection=connection, hold="connection"))
    ring_connection(connection.pk)


def hold_all(connection: Connection, reason: str) -> int:
    """Hold every waiting record of a connection; return how many."""
    return SyncRecord.objects.filter(
        target_connection=connection, state=SyncRecord.State.WAITING
    ).update(
        state=SyncRecord.State.HELD,
        hold=SyncRecord.Hold.CONNECTION,
        hold_reason=reason[:300],
    )


def release(records: SyncRecordQuerySet) -> int:
    """Let held records go; return how many."""
    return records.filter(state=SyncRecord.State.HELD).update(
        state=SyncRecord.State.WAITING, due_at=database_time(), **NO_HOLD
    )


def unusable() -> Q:
    """The connections that nothing is sent to now."""
    return ~Q(state=Connection.State.READY) | Q(probe_at__isnull=False)
