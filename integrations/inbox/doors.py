"""Who may deliver: each connection's own check of signatures, kept for a moment.

Opening a connection's secrets costs more than the whole rest of a delivery. A process
remembers them for 1.5 s: a new secret is in force at once, because a signature that
does not match is checked against the database before it is refused; one that was
taken away still opens for that long.
"""

import time
from dataclasses import dataclass, field

from integrations.connectors.base import Connector
from integrations.models import Connection
from integrations.models.account import reader_of

KEPT_SECONDS = 1.5


class UnknownDoor(Exception):
    """No connection has this slug."""


@dataclass(frozen=True)
class Door:
    """What a delivery for one connection is checked with."""

    slug: str
    connection_id: int
    reader: Connector = field(repr=False)
    opened_at: float


_doors: dict[str, Door] = {}


def door_of(slug: str) -> Door:
    """Return the door of a connection; raises UnknownDoor, SealBroken."""
    door = _doors.get(slug)
    if door is None or time.monotonic() - door.opened_at > KEPT_SECONDS:
        door = door_as_it_is(slug)
    return door


def door_as_it_is(slug: str) -> Door:
    """Return the door from the database; raises UnknownDoor, SealBroken."""
    opened_at = time.monotonic()
    connection = Connection.objects.filter(slug=slug).first()
    if connection is None:
        _doors.pop(slug, None)
        raise UnknownDoor(slug)
    door = Door(slug, connection.pk, reader_of(connection), opened_at)
    _doors[slug] = door
    return door


def forget_all() -> None:
    """Remember nobody."""
    _doors.clear()
