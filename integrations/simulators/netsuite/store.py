"""The records of the account, in memory."""

import copy
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite.record_types import RECORD_TYPES
from integrations.simulators.netsuite.schema import RecordType

Values = dict[str, Any]


@dataclass
class Record:
    """One stored record.

    `values` has the shape of the API without links: a reference is
    {"id": "7"}, an enumeration {"id": "B"}, a sublist {"items": [...]}, an amount a
    Decimal, a date a date.
    """

    type: str
    id: str
    values: Values
    created_at: datetime
    modified_at: datetime

    @property
    def kind(self) -> RecordType:
        return RECORD_TYPES[self.type]

    @property
    def label(self) -> str:
        """What `refName` shows of this record."""
        for name in ("entityId", "tranId", "itemId", "symbol", "name"):
            if self.values.get(name):
                return str(self.values[name])
        return self.id

    def plain(self) -> Values:
        """Return a copy with its id, for tests and pages."""
        return {"id": self.id, **copy.deepcopy(self.values)}


Watcher = Callable[[Record, str, str], None]


@dataclass
class StockLevel:
    """What lies of one item at one location."""

    available: Decimal
    on_hand: Decimal
    changed_at: datetime


@dataclass
class Store:
    """Records by type and id; every user holds `lock` while reading or writing.

    `changed` tells the query service what moved since it last looked; `outbox` has
    an order's id and the address for each e-mail that went to a customer; `watchers`
    hear of each save (create, edit, delete) and of stock, with its location.
    """

    lock: threading.RLock
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    stock: dict[tuple[str, str], StockLevel] = field(default_factory=dict)
    locked: set[tuple[str, str]] = field(default_factory=set)
    changed: dict[tuple[str, str], datetime] = field(default_factory=dict)
    outbox: list[tuple[str, str]] = field(default_factory=list)
    watchers: list[Watcher] = field(default_factory=list)
    _index: dict[tuple[str, str, str], tuple[str, str]] = field(default_factory=dict)
    _mentions: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    _numbers: dict[str, Iterator[int]] = field(default_factory=dict)

    def number(self, series: str, start: int = 1) -> int:
        """Return the next number of a series."""
        return next(self._numbers.setdefault(series, itertools.count(start)))

    def of_type(self, name: str) -> dict[str, Record]:
        return self.records.setdefault(name, {})

    def of_family(self, family: str) -> Iterator[Record]:
        for name, kind in RECORD_TYPES.items():
            if kind.family == family:
                yield from self.of_type(name).values()

    def get(self, name: str, record_id: str) -> Record | None:
        return self.of_type(name).get(record_id)

    def transaction(self, record_id: str) -> Record | None:
        """Find a transaction of any type; they share one series of ids."""
        return self.target(_TRANSACTIONS, record_id)

    def grown_from(self, record_id: str) -> list[Record]:
        """Return the transactions that were made from one, oldest first."""
        return self._mentioning("source", record_id)

    def applied_to(self, record_id: str) -> list[Record]:
        """Return the payments and credits that apply to an invoice, oldest first."""
        return self._mentioning("applied", record_id)

    def _mentioning(self, purpose: str, record_id: str) -> list[Record]:
        known = self._mentions.get((purpose, record_id), {})
        return [self.of_type(known[key])[key] for key in sorted(known, key=int)]

    def by_external_id(self, family: str, external_id: str) -> Record | None:
        """Find by external id; types of one family share the space."""
        return self._find("external id", family, external_id)

    def target(self, names: tuple[str, ...], record_id: str) -> Record | None:
        """Find what a reference points at; "item" stands for every kind of item."""
        for name in names:
            members = (
                [known for known, kind in RECORD_TYPES.items() if kind.family == "item"]
                if name == "item"
                else [name]
            )
            for member in members:
                if record := self.get(member, record_id):
                    return record
        return None

    def holder(self, family: str, unique: str) -> Record | None:
        """Find who bears a name or document number already."""
        return self._find("name", family, unique)

    def put(self, record: Record) -> None:
        """Keep a record, in place of its older self, and make it findable."""
        before = self.get(record.type, record.id)
        self._unlist(before)
        self.of_type(record.type)[record.id] = record
        for key in _keys(record):
            self._index[key] = (record.type, record.id)
        for mention in _mentions(record):
            self._mentions.setdefault(mention, {})[record.id] = record.type
        self.changed[record.type, record.id] = record.modified_at
        self._tell(record, "edit" if before else "create")

    def set_level(self, item_id: str, location_id: str, level: StockLevel) -> None:
        """Keep what lies of an item at a location."""
        self.stock[item_id, location_id] = level
        self.changed["stock", f"{item_id}:{location_id}"] = level.changed_at
        if item := self.target(("item",), item_id):
            self._tell(item, "stock", location_id)

    def _tell(self, record: Record, change: str, location: str = "") -> None:
        for watch in self.watchers:
            watch(record, change, location)

    def remove(self, record: Record, now: datetime) -> None:
        self._unlist(record)
        self.of_type(record.type).pop(record.id, None)
        self.changed[record.type, record.id] = now
        self._tell(record, "delete")

    def _find(self, purpose: str, family: str, value: str) -> Record | None:
        found = self._index.get((purpose, family, value.lower()))
        return self.get(*found) if found else None

    def _unlist(self, record: Record | None) -> None:
        for key in _keys(record) if record else ():
            if record and self._index.get(key) == (record.type, record.id):
                del self._index[key]
        for mention in _mentions(record) if record else ():
            if record:
                self._mentions[mention].pop(record.id, None)


_TRANSACTIONS = tuple(
    name for name, kind in RECORD_TYPES.items() if kind.is_transaction
)


def _mentions(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the transactions that this one names, each with what for."""
    if "createdFrom" in record.values:
        yield "source", record.values["createdFrom"]["id"]
    for line in record.values.get("apply", {}).get("items", []):
        yield "applied", line["doc"]["id"]


def _keys(record: Record) -> Iterator[tuple[str, str, str]]:
    family = record.kind.family
    if external_id := record.values.get("externalId"):
        yield "external id", family, external_id.lower()
    if name := unique_name(record.type, record.values):
        yield "name", family, name.lower()


def unique_name(name: str, values: Values) -> str:
    """Return the name that no two records of a family may share."""
    if name == "customer":
        return str(values.get("entityId") or "")
    if name == "salesOrder":
        return str(values.get("tranId") or "")
    return str(values.get("itemId") or "") if name.endswith("Item") else ""
