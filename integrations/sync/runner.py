"""Delivers one claimed record: intent, call, outcome."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from errorqueue.failures import Start
from integrations.connectors.base import Connector, Gate, Payload, Written
from integrations.connectors.errors import RecordConflict, StillUnknown
from integrations.connectors.registry import UnknownSystem
from integrations.failures import PayloadGone, Unmappable, WorkerDied
from integrations.models import Flow, SyncRecord, ring_connection, statements
from integrations.models.account import keyless_of
from integrations.models.removal import removed_from
from integrations.sync import outcome
from integrations.sync.amending import amend, stands_after_all
from integrations.sync.attempts import digest_of, intend
from integrations.sync.choosing import (
    found_there,
    kept_payload,
    refuse_unsigned,
    version_for,
)
from integrations.sync.confirming import ends_at
from integrations.sync.delivery import (
    Delivery,
    Echo,
    Excluded,
    LostClaim,
    NotKnownHere,
    NotYet,
    OnHold,
)
from integrations.sync.desk import Desk
from integrations.sync.echo import refuse_own, sift
from integrations.sync.finishing import finish
from integrations.sync.guarding import guard
from integrations.sync.mapping import external_id_of, lookups_for, map_with
from integrations.sync.needed import needed_record
from integrations.sync.vanished import refuse_vanished

MOST_CRASHES = 3
# How often a step of the database is repeated after a deadlock or a lost line, and
# after how many seconds. The call to the vendor is never part of it.
PAUSES = (0.05, 0.2, 1.0)

log = logging.getLogger(__name__)


def run(record: SyncRecord, gate: Gate | None = None, desk: Desk | None = None) -> None:
    """Deliver one claimed record and settle the outcome, unless it was lost."""
    delivery = Delivery(record, desk or Desk())
    try:
        _run(delivery, gate)
    except LostClaim:
        log.warning("%s was taken over by another worker", record)


def _run(delivery: Delivery, gate: Gate | None) -> None:
    """The one place that settles a record, hence the broad except."""
    try:
        delivery.desk.begin(delivery, gate)
        written = deliver(delivery)
    except Echo as echo:
        patiently(outcome.exclude, delivery, str(echo), echo.target_id)
    except Excluded as rule:
        patiently(outcome.exclude, delivery, str(rule))
    except NotYet as wait:
        patiently(outcome.leave, delivery, str(wait), wait.after)
    except OnHold as wait:
        patiently(outcome.hold, delivery, wait.on)
    except LostClaim:
        raise
    except (NotKnownHere, UnknownSystem) as newer:
        patiently(outcome.leave, delivery, str(newer))
    except Exception as error:
        patiently(outcome.fail, delivery, error)
    else:
        patiently(outcome.succeed, delivery, written)


def patiently(step: Callable[..., None], delivery: Delivery, *given: Any) -> None:
    """Settle, and repeat the step while the database refuses it for the moment."""
    attempt, earlier = delivery.attempt, delivery.earlier
    for pause in PAUSES:
        try:
            step(delivery, *given)
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block:
                raise
            log.warning("%s is settled again: %s", delivery.record, error)
            connection.close_if_unusable_or_obsolete()
            # What the step made was rolled back with it.
            delivery.attempt, delivery.earlier = attempt, earlier
            time.sleep(pause)
        else:
            return
    step(delivery, *given)


def deliver(delivery: Delivery) -> Written:
    """Map the record and write it to its target; raises why it could not."""
    record = delivery.record
    if record.crashes > MOST_CRASHES:
        raise WorkerDied
    if record.flow.mode not in Flow.Mode.values:
        raise NotKnownHere(f"This version of Waybill cannot {record.flow.mode!r}.")
    if removed := removed_from(record):
        raise PayloadGone(f"{removed}.")
    refuse_unsigned(record.flow)
    refuse_own(delivery)
    wait_for_needed(delivery)
    finish(delivery)
    connector = delivery.desk.connector(record.flow.target)
    delivery.credentials = connector.account.credentials_version
    payload = kept_payload(delivery) or mapped_payload(delivery, connector)
    if record.flow.mode == Flow.Mode.UPSERT:
        payload = sift(delivery, connector, payload)
        delivery.partner = delivery.partner or paired_with(record)
        # Behind the pairing: what was born there does not have our external id.
        refuse_vanished(delivery, connector)
        payload = guard(delivery, connector, payload)
    delivery.attempt = intend(
        delivery,
        payload,
        external_id_of(record.flow, record.source_key),
        digest_of(payload),
    )
    return (
        settle_unknown(delivery, connector)
        or found_there(delivery, connector, payload)
        or write(delivery, connector, payload)
    )


def wait_for_needed(delivery: Delivery) -> None:
    """Raise OnHold while a record that this one needs is not delivered.

    What is named by its id alone and was never heard of is read from its source
    first: raises NeededMissing, NeededUnread and NotYet when it cannot be.
    """
    record = delivery.record
    for dependency in record.flow.dependencies.all():
        found = dependency.object_in(keyless_of(record.flow.source), record.payload)
        if not found:
            continue
        key = {"flow": dependency.needs.pk, "source_key": found.key}
        landed = statements.read(statements.LANDED, key)
        if not landed:
            needed = needed_record(dependency.needs, found, record.event)
            ring_connection(needed.target_connection_id)
            raise OnHold(needed)
        (connection_id, target_id, external_id), *_ = landed
        if connection_id == record.target_connection_id:
            delivery.needed[dependency.needs.target_record, external_id] = target_id


def paired_with(record: SyncRecord) -> str:
    """Return the record of the target that a person had this one linked with."""
    made_anew = record.retry_start == Start.AGAIN
    return record.target_id if record.is_paired and not made_anew else ""


def mapped_payload(delivery: Delivery, connector: Connector) -> Payload:
    """Map the record; a rule keeps nothing out that stands at the target after all."""
    try:
        return map_payload(delivery, connector)
    except Excluded:
        if not stands_after_all(delivery, connector):
            raise
        return map_payload(delivery, connector)


def map_payload(delivery: Delivery, connector: Connector) -> Payload:
    """Return the target's payload; raises Excluded, Unmappable, NotPublished."""
    record, desk = delivery.record, delivery.desk
    delivery.version = version_for(delivery)
    delivery.document = desk.document(delivery.version)
    lookups = lookups_for(record, connector, desk.keep, delivery.needed)
    delivery.mapped = map_with(record, delivery.document, lookups)
    if delivery.mapped.excluded:
        raise Excluded(delivery.mapped.excluded)
    if delivery.mapped.problems:
        raise Unmappable(delivery.mapped.problems)
    return delivery.mapped.payload


def settle_unknown(delivery: Delivery, connector: Connector) -> Written | None:
    """Look first when an earlier try of a create-only record has no outcome.

    An upsert needs no look: repeating it is safe. What is found counts as the version
    that was sent then. A person's edit since would be lost that way, so then the
    create itself is repeated: it reads back and compares.

    Nothing found is no proof: the vendor may still be at work. A create that refuses
    a second record of one key may be repeated all the same; any other has to wait
    until the vendor's limit is past, and raises StillUnknown.
    """
    attempt = delivery.attempt
    if delivery.record.flow.mode != Flow.Mode.CREATE or attempt is None:
        return None
    if not delivery.unsettled:
        return None
    earlier = delivery.unsettled[-1]
    is_edited = earlier.version == attempt.version and earlier.digest != attempt.digest
    record_type = delivery.record.flow.target_record
    found = None if is_edited else _found_of(delivery, connector)
    if found is None and not connector.refuses_doubles(record_type):
        _wait_out(delivery)
    return found


def _found_of(delivery: Delivery, connector: Connector) -> Written | None:
    """Return what an earlier try has written after all."""
    attempt, earlier = delivery.attempt, delivery.unsettled[-1]
    assert attempt is not None  # noqa: S101 (for the type checker)
    record_type = delivery.record.flow.target_record
    sent: Any = earlier.payload
    found = connector.find_written(record_type, attempt.external_id, sent)
    if not found:
        return None
    delivery.delivered_version = earlier.version
    return Written(found, adopted=True)


def _wait_out(delivery: Delivery) -> None:
    attempt = delivery.attempt
    assert attempt is not None  # noqa: S101 (for the type checker)
    target = delivery.record.flow.target
    ends = max(ends_at(earlier, target) for earlier in delivery.unsettled)
    left = (ends - delivery.started_at).total_seconds()
    if left > 0:
        raise StillUnknown(retry_after=left, sent=False)


def write(delivery: Delivery, connector: Connector, payload: Payload) -> Written:
    """Send the payload by the verb of the flow.

    A create that meets another version of this record met an earlier try of ours that
    landed late: then that version is what stands there.
    """
    flow, attempt = delivery.record.flow, delivery.attempt
    assert attempt is not None  # noqa: S101 (for the type checker)
    if flow.mode != Flow.Mode.CREATE:
        if delivery.is_idle:
            return Written(delivery.target_id)
        if flow.target_record in connector.amends:
            return amend(delivery, connector, payload)
        if delivery.partner:
            return connector.update(flow.target_record, payload, delivery.partner)
        return connector.upsert(flow.target_record, payload, attempt.external_id)
    try:
        return connector.create(flow.target_record, payload, attempt.external_id)
    except RecordConflict:
        other = [one for one in delivery.unsettled if one.version != attempt.version]
        landed = _found_of(delivery, connector) if other else None
        if landed is None:
            raise
        return landed
