"""Settles what nobody knows the outcome of: looks at the target, takes it as ours."""

from typing import Any

from django.db import transaction

from errorqueue import keys
from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import Light, Preflight, Refused
from errorqueue.models import FailedRecord, LineKey
from errorqueue.services import note, resolve
from errorqueue.text import clean
from integrations.connectors.base import Compared, Connector
from integrations.connectors.errors import ConnectorError
from integrations.failures import describe
from integrations.models import (
    NO_CHOICE,
    NO_HOLD,
    Attempt,
    SyncRecord,
    statements,
)
from integrations.models.vault import SealBroken
from integrations.sync import audit
from integrations.sync.access import note_failure
from integrations.sync.alarms import calm_down
from integrations.sync.choosing import last_sent
from integrations.sync.confirming import ends_at
from integrations.sync.editing import open_line
from integrations.sync.landing import awaited, let_go, link
from integrations.sync.mapping import external_id_of
from integrations.sync.outbound import connector_for
from integrations.sync.preflight import as_problems, proof_of

User = Any
State = SyncRecord.State
ADOPTABLE = (State.WAITING, State.HELD, State.FAILED)


def look(record: SyncRecord) -> Preflight:
    """Look for the record under our id, and compare it with what was sent.

    Raises Refused when the target cannot be asked.
    """
    connector, key = _asked(record)
    sent = last_sent(record, record.version)
    try:
        found = _there(record, connector, key, sent and sent.payload)
    except (ConnectorError, SealBroken) as error:
        raise _could_not(record, error) from error
    return _seen(record, found, key) if found else _nothing(record, key)


def _asked(record: SyncRecord) -> tuple[Connector, str]:
    target = record.flow.target
    try:
        connector = connector_for(target)
        key = external_id_of(record.flow, record.source_key)
    except (ConnectorError, SealBroken, ValueError) as error:
        raise _could_not(record, error) from error
    if not connector.finds_written(record.flow.target_record):
        raise Refused(
            f"{target} keeps no ids of ours to look for. A retry is safe all the "
            "same: it sets the value again."
        )
    return connector, key


def _could_not(record: SyncRecord, error: Exception) -> Refused:
    target = record.flow.target
    note_failure(target, error)
    failure = describe(error, target=target.name)
    return Refused(f"{target} could not be asked. {failure.why}")


def _there(
    record: SyncRecord, connector: Connector, key: str, payload: Any
) -> Compared | None:
    """Return what stands there; without a payload its content is left open."""
    record_type = record.flow.target_record
    if payload:
        return connector.compare(record_type, payload, key)
    found = connector.find_written(record_type, key)
    return Compared(found) if found else None


def _seen(record: SyncRecord, found: Compared, key: str) -> Preflight:
    target, target_id = record.flow.target, found.target_id
    if found.agrees:
        return Preflight(
            Light.GREEN,
            f"{target} has it as {target_id}, just as it was sent. Adopt it.",
            target_id=target_id,
            is_same=True,
            proof=proof_of(record, target_id, key),
        )
    if found.differences is None:
        note_text = f"{target} has a record under our id, {target_id}. Compare both."
        return Preflight(Light.AMBER, note_text, target_id=target_id)
    said = f"{target} has a record under our id, {target_id}, but it differs."
    return Preflight(Light.AMBER, said, as_problems(found), target_id=target_id)


def _nothing(record: SyncRecord, key: str) -> Preflight:
    """Nothing found is no proof while a request may still be at work."""
    target = record.flow.target
    tries = record.attempts.filter(outcome__in=Attempt.UNSETTLED).defer("payload")
    ends = max((ends_at(one, target) for one in tries), default=None)
    said = f"{target} has nothing under {key}."
    if ends and ends > database_time():
        until = f"{ends:%H:%M} UTC"
        return Preflight(
            Light.AMBER,
            f"{said} An earlier request may still arrive until {until}. A retry looks "
            "again before it sends.",
        )
    return Preflight(Light.GREEN, f"{said} It can be sent.")


def adopt(record: SyncRecord, target_id: str, by: User, reason: str) -> None:
    """Take the target's record under our id as ours, and close the line.

    Raises Refused when the target has none, or another one.
    """
    if not reason.strip():
        raise Refused("Say in a few words why this record is the one that was meant.")
    connector, key = _asked(record)
    tried = last_sent(record, record.version)
    sent: Any = tried.payload if tried else None
    try:
        found = connector.find_written(record.flow.target_record, key, sent)
    except (ConnectorError, SealBroken) as error:
        raise _could_not(record, error) from error
    if found is None or found != target_id.strip():
        there = f"it has {found}" if found else "it has none"
        raise Refused(
            f"{record.flow.target} has no record {target_id} under the external id "
            f"{key}: {there}. Nothing was changed; look again."
        )
    with transaction.atomic():
        take_over(record, found, key, by, clean(reason))


def take_over(
    record: SyncRecord, target_id: str, key: str, by: User, reason: str
) -> None:
    """Note that a record of the target is this one, without sending anything.

    In the caller's transaction. Raises Refused when the record moved on meanwhile.
    """
    mine = SyncRecord.objects.filter(
        pk=record.pk, version=record.version, state__in=ADOPTABLE
    )
    ours = {"target_id": target_id, "external_id": key, "tries": 0, "crashes": 0}
    moved = mine.update(
        state=State.DELIVERED,
        delivered_version=record.version,
        delivered_at=DatabaseTime(),
        asks_afresh=False,
        **ours,
        **NO_CHOICE,
        **NO_HOLD,
    )
    if not moved:
        raise Refused(f"{record} is being sent or moved on meanwhile. Open it again.")
    statements.run(
        audit.entry(
            record, "adopted", record.state, State.DELIVERED, f"id {target_id}", by
        ),
        link(record, key, target_id),
    )
    unsettled = record.attempts.filter(outcome__in=Attempt.UNSETTLED)
    unsettled.update(outcome=Attempt.Outcome.FAILED, message="settled by a look")
    _close(record, target_id, by, reason)
    let_go(record, awaited(record))
    calm_down(record.flow)


def _close(record: SyncRecord, target_id: str, by: User, reason: str) -> None:
    line = open_line(record)
    if line is None:
        return
    note(line, "adopt", by, reason, undo={"status": line.status})
    keys.add(line, LineKey.Name.TARGET_ID, target_id)
    resolve(record, _how(record, target_id, by, reason), FailedRecord.Ending.THERE)
    FailedRecord.objects.filter(pk=line.pk).update(settled_by=by)


def _how(record: SyncRecord, target_id: str, by: User, reason: str) -> str:
    """Say how it was settled; an automatic one brings its whole proof as reason."""
    if by is None:
        return reason
    return f"Adopted by {by}: {record.flow.target} has it as {target_id}. {reason}"
