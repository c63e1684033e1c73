"""What came in, what was sent and what was answered, of one record."""

from typing import TYPE_CHECKING

from errorqueue.failures import Evidence
from integrations.connectors import exact
from integrations.models.removal import removed_from

if TYPE_CHECKING:
    from integrations.models.record import SyncRecord


def evidence_of(record: "SyncRecord") -> Evidence:
    """Return both payloads and every try; words in place of what was removed."""
    tries = record.attempts.select_related("mapping__document").order_by("number")
    attempts = list(tries)
    latest = attempts[-1].payload if attempts else None
    removed = removed_from(record)
    return Evidence(
        source=str(removed) if removed else exact.pretty(record.payload),
        mapped=exact.pretty(latest) if latest else "",
        tries=[attempt.as_try() for attempt in attempts],
        headers=exact.pretty(record.event.headers) if record.event else "",
        private=record.private_places(one.mapping for one in attempts),
    )
