"""The solitary probe: one request that settles what a connection is."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Least

from errorqueue.clock import database_time
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    PermissionMissing,
    RequestRefused,
)
from integrations.models import Connection, Slot
from integrations.models.vault import SealBroken
from integrations.sync import incidents
from integrations.sync.access import (
    BY_PEOPLE,
    STRIKES_ALLOWED,
    longest_wait,
    maintained,
    probe_wait,
    refuse,
    resume,
    why_held,
)
from integrations.sync.allowance import rest
from integrations.sync.outbound import connector_for

log = logging.getLogger(__name__)

State = Connection.State

# A log-in under suspicion is tried at half the longest wait for an outage.
SUSPECTED_WAITS = 0.5
QUIET_PAUSE = timedelta(seconds=1)
QUIET_AT_LATEST = timedelta(minutes=1)


def probe(connection_id: int) -> None:
    """Try the log-in once, alone, and settle what the connection is.

    A log-in under suspicion is tried when all other requests have ended: over the
    vendor's limit even a good one would be refused. None is made in a maintenance window.
    """
    now = database_time()
    due = Connection.objects.filter(pk=connection_id, probe_at__lte=now)
    due = due.exclude(maintained())
    connection = due.exclude(state=State.PAUSED).first()
    if connection is None:
        return
    if _must_wait_for_quiet(connection):
        due.update(probe_at=now + QUIET_PAUSE)
    elif due.update(probe_at=now + _while_probing()):
        _settle(connection)


def _must_wait_for_quiet(connection: Connection) -> bool:
    now = database_time()
    if not connection.is_ready or now - connection.state_since > QUIET_AT_LATEST:
        return False
    return Slot.objects.filter(connection=connection, lease_until__gt=now).exists()


def _while_probing() -> timedelta:
    """How long a worker that dies during its probe keeps others from trying."""
    return timedelta(seconds=2 * settings.CALL_TIMEOUT_SECONDS)


def _settle(connection: Connection) -> None:
    try:
        connector_for(connection).probe()
    except (AccessRefused, RequestRefused, SealBroken) as error:
        refuse(connection, str(error) or "The credentials cannot be read.")
    except PermissionMissing:
        resume(connection, unless=BY_PEOPLE)  # the log-in works
    except ConnectorError as error:
        rest(connection, error)
        busy = isinstance(error, LimitReached) and error.sent
        if busy and connection.state == State.UNREACHABLE:
            resume(connection, unless=BY_PEOPLE)  # whoever is busy can be reached
        else:
            _probe_again(connection, error)
    except Exception as error:
        # Whatever it was, the next probe must come, and people hear of it in time.
        log.exception("The probe of %s was cut short", connection)
        _probe_again(connection, error)
    else:
        resume(connection, unless=BY_PEOPLE)


def _probe_again(connection: Connection, error: Exception) -> None:
    """Nothing is decided; after five minutes of that, people hear of it."""
    failed = connection.strikes + 1 - STRIKES_ALLOWED
    wait = (
        probe_wait(failed)
        if connection.state == State.UNREACHABLE
        else longest_wait() * SUSPECTED_WAITS
    )
    now, most = database_time(), STRIKES_ALLOWED + len(settings.PROBE_SECONDS)
    Connection.objects.filter(pk=connection.pk, probe_at__isnull=False).update(
        probe_at=now + wait, strikes=Least(F("strikes") + 1, most)
    )
    if now - connection.state_since <= incidents.TELL_AFTER:
        return
    if connection.state == State.UNREACHABLE:
        incidents.tell_outage(connection, why_held(connection), str(error))
    elif connection.is_ready:
        text = f"The log-in could not be checked for a while: {error}"
        incidents.tell_refused(connection, text)
