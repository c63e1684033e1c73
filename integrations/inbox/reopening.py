"""Deliveries that an older version of Waybill did not know how to read."""

import logging
from datetime import timedelta

from errorqueue.clock import database_time
from integrations.connectors.registry import UnknownSystem
from integrations.models import Connection, InboxEvent, ring_inbox
from integrations.models.account import keyless_of

log = logging.getLogger(__name__)

State = InboxEvent.State
# Versions run side by side for hours at most; older deliveries are history.
LATELY = timedelta(days=1)


def reopen_known() -> int:
    """Read again what a version before this one set aside as unknown to it.

    While a new version is rolled out, a worker of the old one may have met a topic
    that only the new one reads. Called once when workers start; returns how many.
    """
    known = {connection: _topics(connection) for connection in Connection.objects.all()}
    count = sum(_reopen(connection, topics) for connection, topics in known.items())
    if count:
        log.info("%s deliveries that were unknown before are read now", count)
        ring_inbox()
    return count


def _topics(connection: Connection) -> tuple[str, ...]:
    try:
        return keyless_of(connection).topics
    except UnknownSystem:
        return ()


def _reopen(connection: Connection, topics: tuple[str, ...]) -> int:
    set_aside = InboxEvent.objects.filter(
        connection=connection,
        state=State.NOT_WANTED,
        topic__in=topics,
        received_at__gt=database_time() - LATELY,
        reason__in=[unread(topic) for topic in topics],
    )
    return set_aside.update(state=State.RECEIVED, reason="", lease_until=None, tries=0)


def unread(topic: str) -> str:
    """Return why a delivery of a topic that nobody reads is not wanted."""
    return f"Deliveries of {topic} are not read."
