"""Reads what a source gave notice of, and enters it into the ledger.

A notice lives until that is done. A source that cannot be asked is asked again by the
sweep; the poll and the nightly pass find what no notice told.
"""

import logging
import time
from datetime import timedelta

from django.conf import settings

from errorqueue.alerts import AT_ONCE, CALM, About, close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    TemporaryError,
)
from integrations.models import (
    Bell,
    ChangeNotice,
    Connection,
    Flow,
    InboxEvent,
    Remembered,
    ring_alerts,
    ring_connection,
    ring_notices,
)
from integrations.models.notice import is_due
from integrations.models.vault import SealBroken
from integrations.sync.access import note_answer, note_failure, suspect, unusable
from integrations.sync.allowance import rest
from integrations.sync.outbound import connector_for
from integrations.sync.polling import TELL_AFTER, enter
from integrations.sync.rhythm import counting
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

# As many are read together; a source that failed is asked again after so long.
BATCH = 500
ASK_AGAIN = timedelta(seconds=15)


def ring_change_notices() -> None:
    """Ring for notices that wait, also those whose wake-up was lost."""
    waiting = ChangeNotice.objects.filter(is_due()).order_by().values("connection")
    usable = Connection.objects.filter(pk__in=waiting).exclude(unusable())
    for pk in usable.order_by("pk").values_list("pk", flat=True):
        ring_notices(pk)


def read_waiting(connection_id: int) -> int:
    """Read what notices of a connection name; return how many were settled."""
    Bell.objects.answer(f"notices:{connection_id}")
    connection = Connection.objects.get(pk=connection_id)
    if not connection.is_usable:
        return 0
    ends_at, count = time.monotonic() + settings.DRAIN_SECONDS, 0
    while time.monotonic() < ends_at and not is_stopping():
        batch = _due(connection)
        if not batch or not _try(connection, batch):
            return count
        count += len(batch)
    ring_notices(connection_id)
    return count


def _due(connection: Connection) -> list[ChangeNotice]:
    due = ChangeNotice.objects.filter(is_due(), connection=connection)
    return list(due.select_related("event").order_by("pk")[:BATCH])


def _try(connection: Connection, batch: list[ChangeNotice]) -> bool:
    """Settle a batch; False where the source could not be asked."""
    try:
        _settle(connection, batch)
    except (AccessRefused, SealBroken):
        suspect(connection)
    except LimitReached as error:
        rest(connection, error)
    except ConnectorError as error:
        _note(connection, error)
    else:
        note_answer(connection)
        close_alert(_alert(connection))
        return True
    later = database_time() + ASK_AGAIN
    ChangeNotice.objects.filter(pk__in=[one.pk for one in batch]).update(due_at=later)
    return False


def _settle(connection: Connection, batch: list[ChangeNotice]) -> None:
    connector = connector_for(connection)
    for entity in dict.fromkeys(one.entity for one in batch):
        mine = [one for one in batch if one.entity == entity]
        _read(connector, connection, entity, mine)
        ChangeNotice.objects.filter(pk__in=[one.pk for one in mine]).delete()


def _read(
    connector: Connector,
    connection: Connection,
    entity: str,
    notices: list[ChangeNotice],
) -> None:
    """Enter what the notices lead to, each with the delivery that told last of it."""
    flows = list(
        Flow.objects.filter(source=connection, source_entity=entity)
        .select_related("source", "target")
        .order_by("pk")
    )
    events: dict[str, InboxEvent] = {one.key: one.event for one in notices}
    arrived = dict.fromkeys((flow.pk for flow in flows), 0)
    for key, found in connector.noticed(entity, list(events)) if flows else ():
        for flow in flows:
            outcome = enter(flow, found, events.get(key))
            arrived[flow.pk] += outcome in (Remembered.NEW, Remembered.NEWER)
    for flow in flows:
        counting.note_arrivals(flow, arrived[flow.pk])
    for target in sorted({flow.target_id for flow in flows if arrived[flow.pk]}):
        ring_connection(target)


def _note(connection: Connection, error: ConnectorError) -> None:
    """Tell people, unless the connection itself is why and tells of that."""
    if note_failure(connection, error):
        return
    text = f"{connection} gave notice of changes that could not be read: {error}"
    log.warning(text)
    quiet = TELL_AFTER if isinstance(error, TemporaryError) else AT_ONCE
    link = f"/admin/integrations/connection/{connection.pk}/change/"
    title = f"{connection}: changes are told and cannot be read"
    about = About(source=str(connection))
    if raise_alert(_alert(connection), title, text, link, quiet, CALM, about):
        ring_alerts()


def _alert(connection: Connection) -> str:
    return f"notices:{connection.pk}"
