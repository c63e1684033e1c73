"""Bulk operations: their life by the shop's clock, their files, their limits.

An operation runs after the answer; its result is a file of lines behind an address
that holds for seven days. Five may be under way at a time, of each kind and app.
"""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from integrations.simulators.shopify.ids import gid

Payload = dict[str, Any]
AT_ONCE = 5
URL_LIFE = timedelta(days=7)
START_TIME = timedelta(seconds=1)
UNDER_WAY = ("CREATED", "RUNNING", "CANCELING")
FILES = "bulk-operation-outputs"


@dataclass
class ResultFile:
    """Lines behind an address, until it expires."""

    token: str
    base_url: str
    body: bytes
    expires_at: datetime

    @property
    def url(self) -> str:
        query = urlencode({"Expires": int(self.expires_at.timestamp())})
        return f"{self.base_url}/{FILES}/{self.token}-final?{query}"


@dataclass(eq=False)
class BulkOperation:
    """One operation; counts are of lines, and of those without a parent."""

    id: int
    kind: str
    client_id: str
    text: str
    created_at: datetime
    status: str = "CREATED"
    completed_at: datetime | None = None
    error_code: str | None = None
    object_count: int = 0
    root_count: int = 0
    file: ResultFile | None = None

    @property
    def gid(self) -> str:
        return gid("BulkOperation", self.id)

    @property
    def is_under_way(self) -> bool:
        return self.status in UNDER_WAY


@dataclass
class BulkDesk:
    """All operations and files of a shop; `work_time` is what one takes."""

    work_time: timedelta = timedelta(seconds=2)
    operations: list[BulkOperation] = field(default_factory=list)
    files: dict[str, ResultFile] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)
    uploads: dict[str, bytes] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def under_way(self, kind: str, client_id: str) -> list[BulkOperation]:
        return [
            row
            for row in self.operations
            if row.is_under_way and (row.kind, row.client_id) == (kind, client_id)
        ]

    def find(self, wanted: str) -> BulkOperation | None:
        return next((row for row in self.operations if row.gid == wanted), None)

    def write(
        self, rows: Iterable[Payload], base_url: str, now: datetime
    ) -> ResultFile:
        """Keep lines under an address nobody can guess."""
        lines = [json.dumps(row, separators=(",", ":")) + "\n" for row in rows]
        token = secrets.token_hex(14)
        made = ResultFile(token, base_url, "".join(lines).encode(), now + URL_LIFE)
        self.files[token] = made
        return made
