"""The record that another one needs: known, told of inside it, or read from its source.

A refund or a shipment names its order by id. When the ledger has never heard of that
order, because its delivery was lost or it is older than Waybill, it is read from the
source once and entered like any other; the one that needs it is then held on it.
"""

from integrations.connectors.base import SourceObject
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    RecordMissing,
    TemporaryError,
)
from integrations.failures import NeededMissing, NeededUnread
from integrations.models import Flow, InboxEvent, SyncRecord
from integrations.models.account import keyless_of
from integrations.models.vault import SealBroken
from integrations.sync.access import note_answer, note_failure, suspect
from integrations.sync.allowance import rest
from integrations.sync.delivery import NotYet
from integrations.sync.outbound import connector_for


def needed_record(
    flow: Flow, found: SourceObject, event: InboxEvent | None
) -> SyncRecord:
    """Return the ledger line of a needed object of `flow`, entered if it is new.

    Raises NeededMissing when the source has none, NeededUnread when it cannot be
    asked, NotYet when it asks for fewer requests.
    """
    known = SyncRecord.objects.first_sight(flow, found, event)
    if known is None:
        known = SyncRecord.objects.first_sight(flow, read(flow, found.key))
    if known is None:
        raise NeededMissing(f"{flow.source} gave nothing of {_named(flow, found.key)}.")
    return known


def _named(flow: Flow, key: str) -> str:
    return f"{flow.source_entity} {key} of {flow}"


def read(flow: Flow, key: str) -> SourceObject:
    """Read one object of a flow from its source, for a delivery that waits for it.

    What the source could not do counts against the source, and never against the
    target that this delivery is for.
    """
    source, named = flow.source, _named(flow, key)
    if flow.source_entity not in keyless_of(source).fetches:
        raise NeededMissing(
            f"It waits for {named}, and {source} is not read one by one."
        )
    if not source.is_usable:
        raise NeededUnread(f"It waits for {named}; {source} is not in use right now.")
    try:
        found = connector_for(source).fetch(flow.source_entity, key)
    except RecordMissing as error:
        raise NeededMissing(f"It waits for {named}. {error}") from error
    except LimitReached as error:
        rest(source, error)
        raise NotYet(f"waits for {named}; {source} asks for fewer requests") from error
    except (ConnectorError, SealBroken) as error:
        _note(flow, error)
        raise NeededUnread(
            f"It waits for {named}, which {source} did not give: {error}"
        ) from error
    note_answer(source)
    return found


def _note(flow: Flow, error: Exception) -> None:
    if isinstance(error, AccessRefused | SealBroken):
        suspect(flow.source)
    elif isinstance(error, TemporaryError):
        note_failure(flow.source, error)
