"""What one try to deliver a record knows, and how it may end early."""

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from errorqueue.clock import database_time
from integrations.connectors.base import Exchange
from integrations.models import Attempt, SyncRecord
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
    """One try: filled step by step, read by whoever settles it."""

    record: SyncRecord
    started: float = field(default_factory=time.monotonic)
    started_at: datetime = field(default_factory=database_time)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    version: MappingVersion | None = None
    document: Document | None = None
    mapped: Mapped | None = None
    attempt: Attempt | None = None
    delivered_version: int | None = None

    def record_exchange(self, exchange: Exchange) -> None:
        self.exchanges.append(asdict(exchange))

    @property
    def milliseconds(self) -> int:
        return int((time.monotonic() - self.started) * 1000)
