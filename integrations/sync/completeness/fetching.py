"""Fetches what the ledger lacks, and hands it in by the door that deliveries use.

What is fetched becomes a delivery of its own in the inbox, with the id of object and
version, so reading, order, dedupe and quarantine are those of any other; fetching it
twice changes nothing.
"""

import hashlib
from datetime import datetime

from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.errors import RecordMissing
from integrations.models import Gap, InboxEvent
from integrations.sync.rhythm.counting import OWN

WHY = "Fetched by Waybill: the source lists it, and the ledger lacked it or held it older."


def delivery_id(entity: str, key: str, changed_at: datetime) -> str:
    """Return the id under which a fetched object is kept."""
    return f"{OWN}{entity}:{key}:{changed_at:%Y-%m-%dT%H:%M:%SZ}"[:200]


def fetch(gap: Gap, connector: Connector) -> None:
    """Hand one object in; notes that it is gone when the source has it no longer."""
    flow = gap.flow
    try:
        found = connector.fetch(flow.source_entity, gap.source_key)
    except RecordMissing:
        _note(gap, is_gone=True)
        return
    topic, body = connector.delivery_of(found)
    InboxEvent.objects.keep(
        InboxEvent(
            connection_id=flow.source_id,
            delivery_id=id_of(gap),
            topic=topic,
            body=body,
            headers={"Waybill": WHY},
            digest=hashlib.sha256(body).hexdigest(),
        )
    )
    _note(gap)


def id_of(gap: Gap) -> str:
    return delivery_id(gap.flow.source_entity, gap.source_key, gap.changed_at)


def _note(gap: Gap, is_gone: bool = False) -> None:
    gap.fetched_at, gap.is_gone = database_time(), is_gone
    Gap.objects.filter(pk=gap.pk).update(fetched_at=gap.fetched_at, is_gone=is_gone)


def note_problem(gap: Gap, problem: str) -> None:
    """Note why one object could not be fetched; the others go on."""
    gap.problem = problem[:300]
    Gap.objects.filter(pk=gap.pk).update(problem=gap.problem)
