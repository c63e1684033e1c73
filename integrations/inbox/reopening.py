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
# What is demanded about personal data is due after 30 days, read or not.
LONG = timedelta(days=60)


def reopen_known() -> int:
    """Read again what a version before this one set aside as unknown to it.

    While a new version is rolled out, a worker of the old one may have met a topic
    that only the new one reads. Called once when workers start; returns how many.
    """
    count = sum(
        _reopen(one, _topics(one), LATELY) + _reopen(one, _demands(one), LONG)
        for one in Connection.objects.all()
    )
    if count:
        log.info("%s deliveries that were unknown before are read now", count)
        ring_inbox()
    return count


def _topics(connection: Connection) -> tuple[str, ...]:
    try:
        return keyless_of(connection).topics
    except UnknownSystem:
        return ()


def _demands(connection: Connection) -> tuple[str, ...]:
    try:
        return keyless_of(connection).privacy_topics
    except UnknownSystem:
        return ()


def _reopen(connection: Connection, topics: tuple[str, ...], since: timedelta) -> int:
    set_aside = InboxEvent.objects.filter(
        connection=connection,
        state=State.NOT_WANTED,
        topic__in=topics,
        received_at__gt=database_time() - since,
        reason__in=[unread(topic) for topic in topics],
    )
    return set_aside.update(state=State.RECEIVED, reason="", lease_until=None, tries=0)


def unread(topic: str) -> str:
    """Return why a delivery of a topic that nobody reads is not wanted."""
    return f"Deliveries of {topic} are not read."
