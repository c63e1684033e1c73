"""Deliveries that say only that something changed."""

from collections.abc import Callable, Sequence

from integrations.connectors.base import Connector
from integrations.connectors.notices import Noticed
from integrations.models import ChangeNotice, InboxEvent, ring_notices

MOST_SHOWN = 5


def enter(
    connector: Connector, event: InboxEvent, is_wanted: Callable[[str], bool]
) -> str:
    """Keep what is to be read, wake a worker, and say in words what it is.

    `is_wanted` says whether a flow takes an entity; nothing is said where none takes
    any of it. In the caller's transaction.
    """
    told = connector.read_notices(event.topic, event.raw)
    taken = [one for one in told if is_wanted(one.entity)]
    if not taken:
        return ""
    ChangeNotice.objects.enter(event, taken)
    ring_notices(event.connection_id)
    return f"To be read: {_named(taken)}."


def _named(taken: Sequence[Noticed]) -> str:
    shown = ", ".join(f"{one.entity} of {one.key}" for one in taken[:MOST_SHOWN])
    more = len(taken) - MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
