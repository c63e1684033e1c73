"""Links the pairs that a person has chosen: the ledger knows their ids from then on.

Each record enters the ledger with the id of its pair, in one transaction with its
link, and waits there until its flow is on; so its first delivery changes what stands
at the target and makes nothing. Nothing is sent here.
"""

from dataclasses import replace
from typing import Any

from django.db import transaction

from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.models import (
    AuditEntry,
    Match,
    MatchItem,
    SyncRecord,
    ring_connection,
    statements,
)
from integrations.sync import landing
from integrations.sync.mapping import external_id_of
from integrations.sync.matching.lease import keep

Side = MatchItem.Side
AT_ONCE = 100


def link_more(match: Match, source: Connector) -> bool:
    """Link the next handful; say whether any was left."""
    chosen = match.items.filter(is_chosen=True, linked_at=None)
    keys = list(chosen.order_by("pk").values_list("key", flat=True)[:AT_ONCE])
    if not keys:
        return False
    for key in dict.fromkeys(keys):
        with transaction.atomic():
            keep(match)
            _link(match, source, key)
    ring_connection(match.flow.target_id)
    return True


def _link(match: Match, source: Connector, key: str) -> None:
    items = match.items.filter(side=Side.SOURCE, key=key)
    parts = list(items.filter(is_chosen=True).select_related("partner"))
    homes = {one.partner.key for one in parts if one.partner}
    first = items.exclude(content=None).first()
    note = "It could not be linked; look at both sides again."
    if len(homes) == 1 and first is not None:
        note = _enter(match, source, first, homes.pop())
    done = {"note": note[:300], "linked_at": None if note else database_time()}
    items.filter(pk__in=[one.pk for one in parts]).update(is_chosen=not note, **done)


def _enter(match: Match, source: Connector, first: MatchItem, target_id: str) -> str:
    """Enter a record with the id of its pair; return why not, or nothing."""
    flow = match.flow
    content: Any = first.content
    found = source.source_object(flow.source_entity, content)
    found = replace(found, changed_at=first.changed_at)
    record, _ = SyncRecord.objects.remember(flow, found)
    external_id = external_id_of(flow, first.key)
    mine = SyncRecord.objects.filter(pk=record.pk, target_id="").exclude(
        state=SyncRecord.State.RUNNING
    )
    pair = {"target_id": target_id, "external_id": external_id, "is_paired": True}
    if not mine.update(**pair):
        record.refresh_from_db(fields=["target_id"])
        if record.target_id == target_id:
            return ""
        return (
            f"It was sent before, and stands there as {record.target_id or 'another'}."
        )
    statements.run(landing.link(record, external_id, target_id))
    AuditEntry.objects.note(
        record, "linked", record.state, record.state, f"id {target_id}", match.linked_by
    )
    return ""
