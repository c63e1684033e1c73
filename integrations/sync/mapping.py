"""From a ledger line to the payload of its target."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from errorqueue.failures import Start
from integrations.connectors.base import Connector
from integrations.connectors.external_ids import external_id
from integrations.models import Connection, Flow, SyncRecord
from integrations.models.account import derived_of, keyless_of, options_of
from integrations.sync.lookups import Keep, TargetLookups, read_now
from integrations.sync.outbound import connector_for
from mappings import engine
from mappings.engine import Document, Mapped
from mappings.models import MappingVersion


def external_id_of(flow: Flow, source_key: str) -> str:
    """Return the id under which the target knows this source object.

    Raises ValueError when the source key has characters that no id may have.
    """
    return external_id(flow.source.namespace, flow.source_entity, source_key)


def map_record(record: SyncRecord, version: MappingVersion) -> Mapped:
    """Map a record for a page; look-ups may raise the connector's errors."""
    connector = connector_for(record.flow.target)
    return map_with(record, version.as_document(), lookups_for(record, connector))


def lookups_for(
    record: SyncRecord,
    connector: Connector,
    keep: Keep = read_now,
    needed: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> TargetLookups:
    """Return the look-ups of one delivery; `needed` are ids that are known already."""
    return TargetLookups(
        record.flow.target,
        connector,
        afresh=record.asks_afresh,
        keep=keep,
        needed=needed,
    )


def map_with(record: SyncRecord, document: Document, lookups: TargetLookups) -> Mapped:
    """Map a record over look-ups that are in hand."""
    return engine.apply(
        document, record.payload, facts=facts_of(record), lookups=lookups
    )


def facts_of(record: SyncRecord) -> dict[str, Any]:
    """Return what mappings may read besides the source itself."""
    flow = record.flow
    # What is created once is told as it was made, what is updated as it stands.
    now = flow.mode == Flow.Mode.UPSERT
    return {
        "derived": derived_of(flow.source, flow.source_entity, record.payload, now=now),
        "connection": _told_of(flow.target),
        "source_connection": _told_of(flow.source),
        "waybill": {
            "external_id": external_id_of(flow, record.source_key),
            "flow": flow.slug,
            # What a person has made anew is another record than the one that is gone.
            "target_id": "" if record.retry_start == Start.AGAIN else record.target_id,
        },
        "needs": _needs(record),
    }


def _told_of(connection: Connection) -> dict[str, Any]:
    named = {"namespace": connection.namespace, "account_id": connection.account_id}
    return options_of(connection) | named


def _needs(record: SyncRecord) -> dict[str, dict[str, str]]:
    connector = keyless_of(record.flow.source)
    found = {}
    for dependency in record.flow.dependencies.all():
        needed = dependency.object_in(connector, record.payload)
        if needed:
            key = external_id_of(dependency.needs, needed.key)
            found[dependency.needs.source_entity] = {"external_id": key}
    return found
