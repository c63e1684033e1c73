"""What NetSuite is a source of, entity by entity: one line here for a new one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from integrations.connectors.base import Changes, Payload, SourceObject
from integrations.connectors.errors import RequestRefused
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import (
    checks,
    customers,
    feed,
    fulfillments,
    places,
    prices,
    products,
    stock,
)
from integrations.connectors.notices import Noticed

Named = Iterator[tuple[str, SourceObject]]


def _nothing(payload: Payload) -> Payload:
    return {}


def _anew(cursor: str) -> str:
    return ""


def _stays(cursor: str) -> str:
    return cursor


@dataclass(frozen=True)
class Source:
    """How one entity is read.

    `changes` yields what changed behind a cursor, each with the cursor that stands
    when it is taken over; `rest` says where the next pass goes on once this one is at
    its end. `read` reads one by its key, where one is read alone. `noticed` reads what
    hangs on items that the change feed named, for the changes in `told_by`. With
    `nightly` all of it is read once a night, because `changes` may miss some.
    `derived` are the facts that follow from a payload; `record` is the record type
    whose page shows it, by the first part of its key.
    """

    changes: Callable[[ApiClient, str], Changes]
    described: Callable[[Payload], SourceObject]
    read: Callable[[ApiClient, str], Payload] | None = None
    derived: Callable[[Payload], Payload] = _nothing
    record: str = ""
    rest: Callable[[str], str] = _anew
    noticed: Callable[[ApiClient, Sequence[str]], Named] | None = None
    told_by: frozenset[str] = frozenset()
    nightly: bool = False


def _products(options: Mapping[str, Any]) -> Source:
    how = products.Products(options)
    return Source(how.changes, products.described, how.read, rest=_stays)


SOURCES: dict[str, Source] = {
    "customer": Source(
        customers.changes, customers.customer, customers.read, rest=customers.rest
    ),
    "inventory": Source(
        stock.changes,
        stock.level,
        stock.read,
        rest=stock.rest,
        noticed=stock.noticed,
        told_by=frozenset({"create", "edit", "stock"}),
        nightly=True,
    ),
    "fulfillment": Source(
        fulfillments.changes,
        fulfillments.fulfillment,
        fulfillments.read,
        fulfillments.derived,
        rest=fulfillments.rest,
        record="itemFulfillment",
    ),
    "price": Source(prices.changes, prices.price, prices.read, rest=places.rest),
    "product": _products({}),
}
# What is read in the columns that a connection names.
BY_OPTIONS: dict[str, Callable[[Mapping[str, Any]], Source]] = {"product": _products}


def source_of(entity: str, options: Mapping[str, Any] | None = None) -> Source:
    """Return how an entity is read; raises RequestRefused for one that is not."""
    if entity not in SOURCES:
        raise RequestRefused(f"NetSuite is not a source of {entity}.", sent=False)
    made = BY_OPTIONS.get(entity)
    return made(options) if made and options else SOURCES[entity]


def shown_as(entity: str, key: str) -> tuple[str, str]:
    """Return the record type and the id whose page shows a source or target record."""
    known = SOURCES.get(entity)
    if known is None or not known.record:
        return entity, key
    return known.record, key.partition("-")[0]


def fetched(client: ApiClient, source: Source, key: str) -> SourceObject:
    """Read one object as it stands now; raises RequestRefused and RecordMissing.

    One that has no time of its own stands as of NetSuite's clock before the question.
    """
    if source.read is None:
        reason = "It is not read from NetSuite one by one; ask for changes."
        raise RequestRefused(reason, sent=False)
    asked_at = checks.server_time(client)
    found = source.described(source.read(client, key))
    return found if found.changed_at else replace(found, changed_at=asked_at)


def told(body: bytes) -> tuple[Noticed, ...]:
    """Return what a push of the change feed wants read; raises UnreadablePayload."""
    found = [
        Noticed(entity, key)
        for change, key in feed.items(body)
        for entity, source in SOURCES.items()
        if change in source.told_by
    ]
    return tuple(dict.fromkeys(found))


def noticed(client: ApiClient, entity: str, keys: Sequence[str]) -> Named:
    """Read what hangs on these items now; raises RequestRefused."""
    source = source_of(entity)
    if source.noticed is None:
        raise RequestRefused(f"No notice leads to {entity} in NetSuite.", sent=False)
    return source.noticed(client, keys)
