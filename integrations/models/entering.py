"""What a source object becomes in the ledger: the columns of its line."""

from typing import Any

from errorqueue.clock import database_time
from errorqueue.text import clean
from integrations.connectors.base import SourceObject
from integrations.models.flow import Flow
from integrations.models.inbox import InboxEvent


def source_columns(
    flow: Flow, found: SourceObject, event: InboxEvent | None
) -> dict[str, Any]:
    """Return what the ledger keeps of a source object as it was told."""
    return {
        "target_connection": flow.target,
        "priority": flow.priority,
        "source": found.payload,
        "changed_at": found.changed_at,
        "event": event,
        "label": clean(found.label)[:120],
        "party": clean(found.party)[:200],
        "email": clean(found.email)[:254],
        "skus": clean(" ".join(found.skus)),
        "amount": found.amount,
        "currency": found.currency[:3],
    }


def as_new(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a line that is new; the time is asked for only then."""
    return {**columns, "due_at": database_time}
