"""Reads the source's own record again and, if a person wants that, takes it over."""

import hashlib
from typing import Any

from django.db import transaction

from errorqueue.failures import Refused, Reread
from errorqueue.services import note_edit
from errorqueue.text import clean
from integrations.connectors import exact
from integrations.connectors.base import SourceObject
from integrations.connectors.errors import ConnectorError, RecordMissing
from integrations.failures import describe
from integrations.models import Remembered, SyncRecord
from integrations.models.vault import SealBroken
from integrations.sync import audit
from integrations.sync.access import note_failure
from integrations.sync.editing import open_line
from integrations.sync.outbound import connector_for

User = Any

NOT_TAKEN = {
    Remembered.SAME: "The source holds exactly what is stored; nothing was changed.",
    Remembered.OLDER: "The source shows an older version than the one stored here. "
    "It may lag behind: look again in a minute.",
    Remembered.SENT: "It was delivered already, and this flow sends no later changes.",
}


def reread(record: SyncRecord) -> Reread:
    """Lay what the source holds now beside what is stored; raises Refused."""
    found = _fetched(record)
    return Reread(
        before=clean(exact.pretty(record.source)),
        after=clean(exact.pretty(_in_order_of(record.source, found.payload))),
        is_newer=record.compare(found) == Remembered.NEWER,
        mark=_mark(record, found),
        private=record.private_places(()).sources,
    )


def take_reread(record: SyncRecord, mark: str, by: User) -> None:
    """Store what `reread` showed as a newer version; raises Refused.

    A person's earlier edit of the payload goes with the version it was made on.
    """
    found = _fetched(record)
    record.refresh_from_db()
    if not mark or _mark(record, found) != mark:
        raise Refused(
            "The source or this record changed since you looked. Read it again and "
            "compare once more; nothing was stored."
        )
    before = clean(exact.pretty(record.payload))
    with transaction.atomic():
        _, outcome = SyncRecord.objects.remember(record.flow, found, record.event)
        if outcome in NOT_TAKEN:
            raise Refused(NOT_TAKEN[outcome])
        audit.note(record, "read again", record.state, record.state, by=by)
        line = open_line(record)
        if line:
            reason = f"Read from {record.flow.source} again."
            after = clean(exact.pretty(_in_order_of(record.source, found.payload)))
            note_edit(line, by, reason, before, after)


def _fetched(record: SyncRecord) -> SourceObject:
    flow = record.flow
    try:
        return connector_for(flow.source).fetch(flow.source_entity, record.source_key)
    except RecordMissing as error:
        raise Refused(
            f"{flow.source} has it no longer: {error} What is stored here can still "
            "be sent, or excluded with a reason."
        ) from error
    except (ConnectorError, ValueError, SealBroken) as error:
        note_failure(flow.source, error)
        failure = describe(error, target=flow.source.name)
        raise Refused(f"{flow.source} could not be read. {failure.why}") from error


def _mark(record: SyncRecord, found: SourceObject) -> str:
    """Return a mark of both sides as they were shown."""
    shown = exact.dumps([record.version, found.payload], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()


def _in_order_of(model: Any, value: Any) -> Any:
    """Return a value with its names in the order of another, so that both compare."""
    if isinstance(value, dict) and isinstance(model, dict):
        names = [name for name in model if name in value]
        names += [name for name in value if name not in model]
        return {name: _in_order_of(model.get(name), value[name]) for name in names}
    if isinstance(value, list) and isinstance(model, list):
        models = model + [None] * (len(value) - len(model))
        return [
            _in_order_of(one, inner) for one, inner in zip(models, value, strict=False)
        ]
    return value
