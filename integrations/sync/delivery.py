"""What one try to deliver a record knows, and how it may end early."""

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from errorqueue.clock import database_time
from integrations.connectors.base import Exchange
from integrations.models import Attempt, SyncRecord
from integrations.sync.desk import Desk
from mappings.engine import Document, Mapped
from mappings.models import MappingVersion


class Excluded(Exception):
    """A named rule keeps this record out."""


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
    their ids at the target; `earlier` are the tries before this one.
    """

    record: SyncRecord
    desk: Desk = field(default_factory=Desk)
    started: float = field(default_factory=time.monotonic)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    needed: dict[tuple[str, str], str] = field(default_factory=dict)
    version: MappingVersion | None = None
    document: Document | None = None
    mapped: Mapped | None = None
    attempt: Attempt | None = None
    earlier: list[Attempt] = field(default_factory=list)
    delivered_version: int | None = None

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
