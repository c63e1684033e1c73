"""Connections that may not be used now: suspicion, probe, refusal, release.

NetSuite answers "invalid login" also when it is merely overloaded, so one refusal
is only a suspicion: nothing more is sent, and one solitary probe decides.
"""

from datetime import timedelta

from django.db.models import Q

from errorqueue.alerts import close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    PermissionMissing,
    RequestRefused,
)
from integrations.models import (
    NO_HOLD,
    Bell,
    Connection,
    SyncRecord,
    SyncRecordQuerySet,
    ring_alerts,
    ring_connection,
)
from integrations.models.vault import SealBroken
from integrations.sync.outbound import connector_for

PROBE_EVERY = timedelta(minutes=2)
PROBE_AGAIN = timedelta(seconds=15)
UNDECIDED = timedelta(minutes=5)


def suspect(connection: Connection) -> None:
    """Stop sending and let a probe decide; further refusals change nothing."""
    now = database_time()
    Connection.objects.filter(
        pk=connection.pk, state=Connection.State.READY, probe_at=None
    ).update(probe_at=now, state_since=now)
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
    except (AccessRefused, RequestRefused, SealBroken) as error:
        refuse(connection, str(error) or "The credentials cannot be read.")
    except PermissionMissing:
        resume(connection, unless=Connection.State.PAUSED)  # the log-in works
    except ConnectorError as error:
        _probe_again(connection, error)
    else:
        resume(connection, unless=Connection.State.PAUSED)


def _probe_again(connection: Connection, error: ConnectorError) -> None:
    """Nothing is decided; after five minutes of that, people hear of it."""
    now = database_time()
    Connection.objects.filter(pk=connection.pk, probe_at__isnull=False).update(
        probe_at=now + PROBE_AGAIN
    )
    if connection.is_ready and now - connection.state_since > UNDECIDED:
        _tell(connection, f"The log-in could not be checked for a while: {error}")


def refuse(connection: Connection, reason: str) -> None:
    """Pause the whole connection, hold its records, tell people once."""
    moved = connection.move(
        Connection.State.REFUSED, reason, unless=Connection.State.PAUSED
    )
    if moved or connection.state == Connection.State.REFUSED:
        hold_all(connection, f"{connection}: access refused")
        _tell(connection, f"{connection} refused the credentials of Waybill: {reason}")


def _tell(connection: Connection, what: str) -> None:
    raise_alert(
        f"access:{connection.pk}",
        f"{connection} refuses our log-in",
        f"{what}\n\nNothing is sent there now; records wait and lose nothing. Open "
        "the connection, press Check connection and follow its advice. Waybill tries "
        "the log-in every two minutes and goes on by itself once it works.",
        link=f"/admin/integrations/connection/{connection.pk}/change/",
    )
    ring_alerts()


def resume(connection: Connection, *, unless: str | None = None) -> bool:
    """Take the connection into use again and let its records go.

    `unless` names a state that is left alone: a person's pause outlasts a probe that
    was under way. Says whether the connection is in use now.
    """
    connection.move(Connection.State.READY, unless=unless)
    usable = Connection.objects.filter(pk=connection.pk, state=Connection.State.READY)
    if not usable.update(probe_at=None):
        return False
    connection.probe_at = None
    close_alert(f"access:{connection.pk}")
    release(SyncRecord.objects.filter(target_connection=connection, hold="connection"))
    ring_connection(connection.pk)
    return True


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
