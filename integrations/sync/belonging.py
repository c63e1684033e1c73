"""To which account a connection belongs: asked every night, and kept once it is used.

A connection that points to another account without anybody's decision would write
one company's records into the books of another, with ids that mean other things there.
"""

import logging

from django.db import transaction

from errorqueue.alerts import About, close_alert, raise_alert
from integrations.connectors.errors import ConnectorError
from integrations.models import (
    AuditEntry,
    CachedLookup,
    Connection,
    Link,
    SyncRecord,
    Token,
    ring_alerts,
)
from integrations.models.vault import SealBroken
from integrations.sync import accounts
from integrations.sync.outbound import connector_for

log = logging.getLogger(__name__)


def change_problem(connection: Connection, account_id: str) -> str:
    """Say why a connection may not become one of another account, or nothing.

    Its links, ids and external ids are those of the account it was used with.
    """
    if is_same(connection.account_id, account_id) or not _is_bound(connection):
        return ""
    return (
        f"Records refer to the account {connection.account_id}, so it stays. Add a "
        "connection for the other account. If a sandbox was made anew, press “Sandbox "
        "was refreshed” on the page of the connection."
    )


def is_same(one: str, other: str) -> bool:
    """Say whether two ids name one account, however they were written."""
    return _plain(one) == _plain(other)


def _plain(account_id: str) -> str:
    return account_id.strip().casefold().replace("-", "_")


def _is_bound(connection: Connection) -> bool:
    came = SyncRecord.objects.filter(flow__source=connection)
    went = Link.objects.filter(target_connection=connection)
    return came.exists() or went.exists()


@transaction.atomic
def forget_answers(connection: Connection) -> None:
    """Drop the token and the ids that another address or account gave."""
    Token.objects.filter(connection=connection).delete()
    CachedLookup.objects.filter(connection=connection).delete()


# The nightly question


def look() -> int:
    """Ask every account that answers who it is; return how many are another one."""
    ready = Connection.objects.filter(state=Connection.State.READY)
    return sum(_is_another(one) for one in ready if one.is_usable)


def _is_another(connection: Connection) -> bool:
    try:
        told = connector_for(connection).told_account()
    except (ConnectorError, SealBroken) as error:
        log.info("%s did not say who it is: %s", connection, error)
        return False
    if not told or is_same(told, connection.account_id):
        close_alert(f"account:{connection.pk}")
        return False
    _stop(connection, told)
    return True


@transaction.atomic
def _stop(connection: Connection, told: str) -> None:
    """Send nothing there any more, and tell people why."""
    words = f"It answers as {told}, not as {connection.account_id}"
    if not accounts.pause(connection, "Waybill", words):
        return
    AuditEntry.objects.note_change("connection", connection.pk, "paused", words)
    if raise_alert(
        f"account:{connection.pk}",
        f"{connection} is another account",
        f"{words}. Nothing is sent there now; records wait and lose nothing.\n\nSet the "
        f"credentials and the base URL of {connection.account_id}, check the "
        "connection, then resume it.",
        link=f"/admin/integrations/connection/{connection.pk}/change/",
        about=About(connection=str(connection)),
    ):
        ring_alerts()
