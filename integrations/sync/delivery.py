"""What one try to deliver a record knows, and how it may end early."""

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from errorqueue.clock import database_time
from integrations.connectors.base import Exchange
from integrations.models import Attempt, SyncRecord
from integrations.sync.desk import Desk
from integrations.sync.guarding import Guarded
from mappings.engine import Document, Mapped
from mappings.models import MappingVersion

# The rules that keep out what says nothing new to the other side.
ECHO = "echo of our own write"
NO_NEWS = "nothing in it is new"
OVERTAKEN = "the other side changed it first"


class Excluded(Exception):
    """A named rule keeps this record out."""


class NotKnownHere(Exception):
    """Only a newer version of Waybill knows how to deliver this record."""


class Echo(Excluded):
    """Our own write came back as a change; the pair of both ids is known."""

    def __init__(self, target_id: str, rule: str = ECHO) -> None:
        super().__init__(rule)
        self.target_id = target_id


class NotYet(Exception):
    """Something else on its way must end first; tried again in a minute, or `after`."""

    def __init__(self, why: str, after: timedelta = timedelta(minutes=1)) -> None:
        super().__init__(why)
        self.after = after


class LostClaim(Exception):
    """Another worker holds this record now; nothing more may be done here."""


class OnHold(Exception):
    """Another record must be delivered first."""

    def __init__(self, on: SyncRecord) -> None:
        super().__init__(f"waits for {on}")
        self.on = on


@dataclass
class Delivery:
    """One try: filled step by step, read by whoever settles it.

    `needed` are the records that had to come first, as (record type, external id) and
    their ids at the target; `earlier` are the tries before this one. `waited` counts
    the seconds in which its requests stood in line for a slot, `credentials` names
    those that it went with. `partner` is the id of the record at the target that was
    paired with this one by the flow in the other direction, `pair` that flow's own
    record; `news` are the fields of which something new is to be told, where that
    was looked at, and `stale` those that we wrote over since the source told them;
    `overtaken` are stale ones without an owner, which are not sent.
    `guarded` is what was left out because somebody else owns it.
    """

    record: SyncRecord
    desk: Desk = field(default_factory=Desk)
    started: float = field(default_factory=time.monotonic)
    waited: float = 0.0
    credentials: str = ""
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    needed: dict[tuple[str, str], str] = field(default_factory=dict)
    version: MappingVersion | None = None
    document: Document | None = None
    mapped: Mapped | None = None
    attempt: Attempt | None = None
    earlier: list[Attempt] = field(default_factory=list)
    delivered_version: int | None = None
    partner: str = ""
    pair: SyncRecord | None = None
    news: frozenset[str] | None = None
    stale: frozenset[str] = frozenset()
    overtaken: tuple[str, ...] = ()
    guarded: Guarded | None = None

    @property
    def is_idle(self) -> bool:
        """Say that nothing is left to write: all of it belongs to somebody else."""
        if self.guarded is None or not self.guarded.left:
            return False
        return self.guarded.leaves_nothing

    @property
    def target_id(self) -> str:
        """The id that the target knows it by already, or nothing."""
        return self.partner or self.record.target_id

    def record_exchange(self, exchange: Exchange) -> None:
        self.exchanges.append(asdict(exchange))

    @property
    def milliseconds(self) -> int:
        return int((time.monotonic() - self.started) * 1000)

    @property
    def started_at(self) -> datetime:
        """When it began, by the clock of the database."""
        return database_time() - timedelta(seconds=time.monotonic() - self.started)

    @property
    def unsettled(self) -> list[Attempt]:
        """The earlier tries that nobody knows the outcome of, oldest first."""
        return [one for one in self.earlier if one.outcome in Attempt.UNSETTLED]
