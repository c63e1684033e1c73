"""Connections that may not be used now: suspicion, outage, refusal, release.

NetSuite answers "invalid login" also when it is merely overloaded, so one refusal
is only a suspicion: nothing more is sent, and one solitary probe decides. A target
that fails several times in a row opens the circuit: its records are held, no try is
used up, and the same probe closes it (`probing.py`).
"""

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from errorqueue.clock import DatabaseTime, database_time
from integrations.connectors.errors import (
    ConnectionFailed,
    ConnectorError,
    RecordRejected,
    ServerFault,
    TimedOut,
)
from integrations.models import Bell, Connection, ring_connection
from integrations.sync import incidents
from integrations.sync.holds import hold_all, release_all
from integrations.sync.maintenance import windows

State = Connection.State

# What people set, only people end.
BY_PEOPLE = (State.PAUSED, State.REFRESHED)
# Failures of this kind in a row, counted over all workers, open the circuit.
OUTAGE = (ConnectionFailed, TimedOut, ServerFault)
STRIKES_ALLOWED = 5
# What waits no longer for its account stays as it is: most limits last seconds.
MOMENTS = timedelta(minutes=1)
# A refused log-in is tried at this multiple of the longest wait for an outage.
REFUSED_WAITS = 4


def away() -> Q:
    """The connections that are out of use until a person or a probe says otherwise."""
    return ~Q(state=State.READY) | Q(probe_at__isnull=False)


def maintained() -> Q:
    """The connections that a maintenance window keeps everybody from calling."""
    return Q(window_until__gt=DatabaseTime())


def unusable() -> Q:
    """The connections that nothing is sent to now, also because they asked us to wait."""
    return away() | maintained() | Q(limited_until__gt=DatabaseTime())


def standing_still() -> Q:
    """The unusable ones, without those that wait for mere moments."""
    limited = Q(limited_until__gt=database_time() + MOMENTS)
    return away() | maintained() | limited


def note_answer(connection: Connection) -> None:
    """The vendor answered: earlier failures in a row count no more."""
    if not connection.strikes:
        return
    struck = Connection.objects.filter(pk=connection.pk, state=State.READY)
    struck.exclude(strikes=0).update(strikes=0)
    connection.strikes = 0


def note_failure(connection: Connection, error: Exception) -> bool:
    """Count a failed call; True when nothing may be sent there now.

    Then the record waits for the connection (`why_held`) and uses up no try. An
    answer that refuses only this record shows that the vendor can be reached. In a
    maintenance window nothing is counted.
    """
    if not isinstance(error, OUTAGE):
        if _is_answer(error):
            note_answer(connection)
        return False
    ready = Connection.objects.filter(pk=connection.pk, state=State.READY)
    ready.exclude(maintained()).update(strikes=F("strikes") + 1)
    _open_circuit(connection, str(error))
    fields = ["state", "state_reason", "state_since", "probe_at", "strikes"]
    connection.refresh_from_db(fields=[*fields, "window_until"])
    return not connection.is_usable


@transaction.atomic
def _open_circuit(connection: Connection, reason: str) -> None:
    """Take a connection that failed too often in a row out of use."""
    now = database_time()
    ready = Connection.objects.filter(pk=connection.pk, state=State.READY)
    struck = ready.exclude(maintained()).filter(strikes__gte=STRIKES_ALLOWED)
    if struck.update(
        state=State.UNREACHABLE,
        state_reason=reason[:500],
        state_since=now,
        probe_at=now + probe_wait(0),
    ):
        connection.note_opening(State.UNREACHABLE, reason)


def _is_answer(error: Exception) -> bool:
    told = isinstance(error, ConnectorError) and error.status is not None
    return told or isinstance(error, RecordRejected)


def suspect(connection: Connection) -> None:
    """Stop sending and let a probe decide; further refusals change nothing.

    The copy in hand knows at once, so that whoever shares it sends nothing more. What
    is refused during a maintenance window says nothing of the log-in.
    """
    now = database_time()
    doubted = Connection.objects.filter(
        pk=connection.pk, state=State.READY, probe_at=None
    ).exclude(maintained())
    doubted.update(probe_at=now, state_since=now)
    connection.refresh_from_db(fields=["state", "probe_at", "window_until"])
    if not connection.is_maintained:
        ring_probe(connection.pk)


def why_held(connection: Connection) -> str:
    """Say in words why records wait for this connection."""
    if connection.is_maintained:
        return windows.in_words(connection)
    if connection.state == State.UNREACHABLE:
        since = f"{timezone.localtime(connection.state_since):%H:%M}"
        every = f"{settings.PROBE_SECONDS[-1]:g} s"
        return (
            f"{connection} cannot be reached since {since}; tried again every {every}"
        )
    if not connection.is_ready:
        return f"{connection}: {connection.get_state_display().lower()}"
    if connection.probe_at is None and connection.limited_until:
        return limit_in_words(connection)
    return f"{connection}: log-in is being checked"


def limit_in_words(connection: Connection) -> str:
    """Say until when a connection that asked for a wait is sent nothing."""
    until = connection.limited_until
    assert until is not None  # noqa: S101 (for the type checker)
    return f"{connection} asked us to wait until {timezone.localtime(until):%H:%M}"


def ring_probe(connection_id: int) -> None:
    """Wake whoever probes this connection."""
    Bell.objects.ring(
        f"probe:{connection_id}", "integrations.tasks.probe_connection", connection_id
    )


def refuse(connection: Connection, reason: str) -> None:
    """Pause the whole connection, hold its records, tell people once."""
    moved = connection.move(State.REFUSED, reason, unless=BY_PEOPLE)
    if moved or connection.state == State.REFUSED:
        Connection.objects.filter(pk=connection.pk, state=State.REFUSED).update(
            probe_at=database_time() + longest_wait() * REFUSED_WAITS
        )
        hold_all(connection, f"{connection}: access refused")
        incidents.tell_refused(connection, f"The vendor said: {reason}")


def resume(connection: Connection, *, unless: Collection[str] = ()) -> bool:
    """Take the connection into use again and let its records go, oldest first.

    `unless` names states that are left alone: what a person set outlasts a probe that
    was under way. Says whether the connection is in use now. The first records go
    at once, the others at the next passes of the sweeper.
    """
    connection.move(State.READY, unless=unless)
    usable = Connection.objects.filter(pk=connection.pk, state=State.READY)
    if not usable.update(probe_at=None, strikes=0):
        return False
    connection.probe_at, connection.strikes = None, 0
    incidents.close(connection)
    release_all(connection)
    ring_connection(connection.pk)
    return True


def probe_wait(failed: int) -> timedelta:
    """Return the wait after so many failed probes of an outage."""
    waits = settings.PROBE_SECONDS
    return timedelta(seconds=waits[min(max(failed, 0), len(waits) - 1)])


def longest_wait() -> timedelta:
    return timedelta(seconds=settings.PROBE_SECONDS[-1])
