"""What a source says of itself: its own list of a time, and where it sends events."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Listed:
    """One object as the source's own list names it, without its content."""

    key: str
    changed_at: datetime
    label: str = ""
    amount: Decimal | None = None
    currency: str = ""
    made_at: datetime | None = None


@dataclass(frozen=True)
class ListPage:
    """A page of the source's list, in the order it was asked for; no cursor at the end.

    An object may come again on a later page.
    """

    rows: tuple[Listed, ...]
    cursor: str = ""


@dataclass(frozen=True)
class Subscription:
    """Where the vendor sends the events of one topic, and in which shape.

    `faults` says in words what is wrong with its shape; nothing when it is right.
    """

    id: str
    topic: str
    address: str
    faults: tuple[str, ...] = ()
