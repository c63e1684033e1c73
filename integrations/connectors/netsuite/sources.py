"""What NetSuite is a source of, entity by entity: one line here for a new one."""

from collections.abc import Callable
from dataclasses import dataclass

from integrations.connectors.base import Changes, Payload, SourceObject
from integrations.connectors.errors import RequestRefused
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import stock


@dataclass(frozen=True)
class Source:
    """How one entity is read.

    `changes` yields what changed behind a cursor, each with the cursor that stands
    when it is taken over; `read` reads one by its key, where one is read alone.
    """

    changes: Callable[[ApiClient, str], Changes]
    described: Callable[[Payload], SourceObject]
    read: Callable[[ApiClient, str], Payload] | None = None


SOURCES: dict[str, Source] = {
    "inventory": Source(stock.changes, stock.level),
}


def source_of(entity: str) -> Source:
    """Return how an entity is read; raises RequestRefused for one that is not."""
    if entity not in SOURCES:
        raise RequestRefused(f"NetSuite is not a source of {entity}.", sent=False)
    return SOURCES[entity]


def fetched(client: ApiClient, entity: str, key: str) -> SourceObject:
    """Read one object as it stands now; raises RequestRefused and RecordMissing."""
    source = source_of(entity)
    if source.read is None:
        reason = f"A single {entity} is not read from NetSuite; ask for changes."
        raise RequestRefused(reason, sent=False)
    return source.described(source.read(client, key))
