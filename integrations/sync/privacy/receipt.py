"""What stays of a privacy request: counts by kind and keys, nothing personal."""

from collections.abc import Iterable
from typing import Any

from errorqueue.clock import database_time
from integrations.models import PrivacyRequest, SyncRecord
from integrations.sync import erasing

MOST_KEYS = 100


def count(request: PrivacyRequest, found: Iterable[tuple[str, int]]) -> None:
    """Add up what was found, by its kind."""
    counts = dict(request.receipt.get("counts", {}))
    for label, number in found:
        counts[label] = counts.get(label, 0) + number
    request.receipt = {**request.receipt, "counts": counts}


def name(request: PrivacyRequest, records: list[SyncRecord]) -> None:
    """Keep the keys of the first records, and count the others."""
    keys = list(request.receipt.get("keys", []))
    room = max(0, MOST_KEYS - len(keys))
    keys += [_keys_of(one) for one in records[:room]]
    more = request.receipt.get("more", 0) + len(records[room:])
    request.receipt = {**request.receipt, "keys": keys, "more": more}


def _keys_of(record: SyncRecord) -> dict[str, Any]:
    """Name a record by its keys on both sides."""
    flow = record.flow
    return {
        "record": record.pk,
        "source": f"{flow.source_entity} {record.source_key}",
        "target": f"{flow.target_record} {record.target_id}"
        if record.target_id
        else "",
        "at": str(flow.target),
    }


def finish(request: PrivacyRequest, by: Any, how: str) -> None:
    """Close a request: what named the person goes, the receipt stays.

    The caller saves it, in the same transaction.
    """
    request.state, request.said = PrivacyRequest.State.DONE, how[:300]
    request.done_at, request.done_by = database_time(), by
    request.email, request.words, request.look_at = "", [], None
    empty_deliveries(request)
    request.note("done", how, by)


def empty_deliveries(request: PrivacyRequest) -> None:
    """Take the person out of the deliveries that brought the request."""
    erasing.erase_deliveries(request.deliveries, request.number, request.asked_by)
