"""Asks sources that send no events what has changed."""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q

from errorqueue import failpoints
from errorqueue.alerts import AT_ONCE, CALM, About, close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.connectors.base import SourceObject
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    TemporaryError,
)
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import (
    Bell,
    Connection,
    Flow,
    InboxEvent,
    Remembered,
    SyncRecord,
    ring_alerts,
    ring_connection,
)
from integrations.models.vault import SealBroken
from integrations.sync.access import note_answer, note_failure, suspect
from integrations.sync.allowance import rest
from integrations.sync.outbound import connector_for
from integrations.sync.rhythm import counting
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

# A source that cannot be reached is asked again after so long, and people hear of it
# when it stays so; an outage of the whole connection is told by the connection.
ASK_AGAIN = timedelta(seconds=15)
TELL_AFTER = timedelta(minutes=10)


def ring_poll(flow: Flow) -> None:
    """Wake whoever polls this flow."""
    Bell.objects.ring(f"poll:{flow.pk}", "integrations.tasks.poll_flow", flow.pk)


def poll(flow_id: int) -> int:
    """Enter what changed since the cursor into the ledger; return how many.

    The cursor moves only after the objects it covers are committed, so a poll that
    is cut short repeats some and loses none; one that runs out of time goes on at the
    next sweep. A poll that fails raises an alert, which the next good one closes; a
    source that cannot be reached counts against the connection first.
    """
    flow = Flow.objects.select_related("source", "target").get(pk=flow_id)
    Bell.objects.answer(f"poll:{flow.pk}")
    if not flow.source.is_usable or not _begin(flow):
        return 0
    try:
        return _enter_all(flow)
    except (AccessRefused, SealBroken):
        suspect(flow.source)
    except LimitReached as error:
        rest(flow.source, error)
        log.info("%s will be polled again at once: %s", flow, error)
        _go_on_soon(flow)
    except ConnectorError as error:
        _note(flow, error)
    return 0


def read_whole() -> int:
    """Have sources whose changes may miss some read from the beginning; return how many.

    What the ledger knows already is not sent again. A poll under way gives way.
    """
    polled = Flow.objects.filter(is_enabled=True, poll_minutes__gt=0)
    wanted = [
        flow.pk
        for flow in polled.select_related("source")
        if flow.source_entity in _read_nightly(flow.source)
    ]
    return Flow.objects.filter(pk__in=wanted).update(cursor="", polled_at=None)


def _read_nightly(source: Connection) -> frozenset[str]:
    try:
        return connector_class(source.system).whole_nightly
    except UnknownSystem:
        return frozenset()


def _note(flow: Flow, error: ConnectorError) -> None:
    passing = isinstance(error, TemporaryError)
    if passing:
        _go_on_soon(flow, ASK_AGAIN)
    if not note_failure(flow.source, error):
        text = f"{flow.source} could not be asked for changes: {error}"
        _alarm(flow, text, quiet=TELL_AFTER if passing else AT_ONCE)


def _enter_all(flow: Flow) -> int:
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    connector = connector_for(flow.source)
    count = problems = arrived = 0
    for found, cursor in connector.changes(flow.source_entity, flow.cursor):
        outcome = enter(flow, found)
        problems += outcome is None
        arrived += outcome in (Remembered.NEW, Remembered.NEWER)
        count += 1
        if cursor == flow.cursor:
            continue
        failpoints.hit("poll.page")
        if not _move_cursor(flow, cursor):
            log.info("%s: the cursor was moved by somebody else", flow)
            break
        if time.monotonic() > ends_at or is_stopping():
            _go_on_soon(flow)
            break
    else:
        failpoints.hit("poll.page")
        _move_cursor(flow, connector.rest(flow.source_entity, flow.cursor))
        note_answer(flow.source)
        if not problems:
            close_alert(f"poll:{flow.pk}")
    # Here its place moved, or its end was reached.
    counting.note_poll(flow, arrived)
    ring_connection(flow.target_id)
    return count


def enter(
    flow: Flow, found: SourceObject, event: InboxEvent | None = None
) -> Remembered | None:
    """Enter one object; one that cannot be entered stops no other."""
    try:
        _, outcome = SyncRecord.objects.remember(flow, found, event)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("%s: %s could not be entered", flow, found.key)
        _alarm(flow, f"{found.label or found.key} could not be entered: {error}")
        return None
    return outcome


def _move_cursor(flow: Flow, cursor: str) -> bool:
    """Move on, unless somebody else moved the cursor or set it back meanwhile."""
    mine = Flow.objects.filter(pk=flow.pk, cursor=flow.cursor)
    flow.cursor = cursor
    return bool(mine.update(cursor=cursor))


def _go_on_soon(flow: Flow, wait: timedelta = AT_ONCE) -> None:
    every = timedelta(minutes=flow.poll_minutes)
    soon = database_time() + wait - every
    Flow.objects.filter(pk=flow.pk).update(polled_at=soon)


def _alarm(flow: Flow, text: str, quiet: timedelta = AT_ONCE) -> None:
    log.warning("%s: %s", flow, text)
    link = f"/admin/integrations/flow/{flow.pk}/change/"
    title = f"{flow}: changes are not coming in"
    about = About(flow=str(flow), source=str(flow.source))
    if raise_alert(f"poll:{flow.pk}", title, text, link, quiet, CALM, about):
        ring_alerts()


def _begin(flow: Flow) -> bool:
    """Mark the poll as begun; False when somebody else began it meanwhile."""
    same = Q(polled_at=flow.polled_at)
    return bool(Flow.objects.filter(same, pk=flow.pk).update(polled_at=database_time()))
