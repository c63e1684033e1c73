"""Whether what a dry run found still holds: a mark of all that its answers rest on."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from errorqueue.clock import database_time
from integrations.models import Backfill, BackfillLeg
from mappings.engine.digest import content_digest
from mappings.models import MappingRow, MappingVersion, ValueTable

# Orders change, and so does what the target holds: older answers tell little.
GOOD_FOR = timedelta(hours=24)


def digest_of(backfill: Backfill) -> str:
    """Return the mark of selection, accounts, rules and mappings as they are now.

    What came in meanwhile does not count: each record is laid beside the ledger
    again when it goes.
    """
    legs = backfill.legs.select_related("flow__source", "flow__target", "flow__mapping")
    said = {
        "back-fill": backfill.pk,
        "days": [str(backfill.first), str(backfill.last)],
        "numbers": backfill.numbers,
        "legs": [_leg(leg) for leg in legs],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def why_stale(backfill: Backfill) -> str:
    """Say why a dry run no longer holds, or nothing."""
    if backfill.looked_at is None:
        return "It was never looked at to the end."
    if database_time() - backfill.looked_at > GOOD_FOR:
        return "The dry run is more than a day old."
    if digest_of(backfill) != backfill.digest:
        return (
            "Since the dry run a flow, an account, a mapping or one of its value tables "
            "was changed."
        )
    return ""


def _leg(leg: BackfillLeg) -> list[Any]:
    flow = leg.flow
    return [
        *(flow.pk, flow.is_enabled, flow.mode, flow.source_entity, flow.target_record),
        *(flow.source.account_id, flow.target.account_id),
        *(leg.is_chosen, leg.recognised_by, leg.zone),
        _mapping(flow.mapping.published()),
    ]


def _mapping(version: MappingVersion | None) -> list[Any]:
    if version is None:
        return []
    rows = MappingRow.objects.filter(version=version).exclude(table=None)
    tables = ValueTable.objects.filter(pk__in=rows.values("table")).order_by("pk")
    changed = [
        [pk, at and at.isoformat()] for pk, at in tables.values_list("pk", "changed_at")
    ]
    return [version.pk, content_digest(version.as_document()), changed]
