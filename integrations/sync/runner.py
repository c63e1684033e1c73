"""Delivers one claimed record: claim, intent, call, outcome."""

import hashlib
import logging

from integrations.connectors import exact
from integrations.connectors.base import Connector, Gate, Payload, Written
from integrations.failures import NotPublished, Unmappable, WorkerDied
from integrations.models import Attempt, Flow, SyncRecord, ring_connection
from integrations.models.account import keyless_of
from integrations.sync import outcome
from integrations.sync.delivery import Delivery, Excluded, LostClaim, OnHold
from integrations.sync.mapping import external_id_of, map_with
from integrations.sync.outbound import connector_for
from mappings.models import MappingVersion

MOST_CRASHES = 3


log = logging.getLogger(__name__)


def run(record: SyncRecord, gate: Gate | None = None) -> None:
    """Deliver one claimed record and settle the outcome, unless it was lost."""
    try:
        _run(record, gate)
    except LostClaim:
        log.warning("%s was taken over by another worker", record)


def _run(record: SyncRecord, gate: Gate | None) -> None:
    """The one place that settles a record, hence the broad except."""
    delivery = Delivery(record)
    try:
        written = deliver(delivery, gate)
    except Excluded as rule:
        outcome.exclude(delivery, str(rule))
    except OnHold as wait:
        outcome.hold(delivery, wait.on)
    except LostClaim:
        raise
    except Exception as error:
        outcome.fail(delivery, error)
    else:
        outcome.succeed(delivery, written)


def deliver(delivery: Delivery, gate: Gate | None = None) -> Written:
    """Map the record and write it to its target; raises why it could not."""
    record = delivery.record
    if record.crashes > MOST_CRASHES:
        raise WorkerDied
    wait_for_needed(record)
    connector = connector_for(record.flow.target, delivery.record_exchange, gate)
    payload = map_payload(delivery, connector)
    delivery.attempt = intend(delivery, payload)
    return settle_unknown(delivery, connector) or write(delivery, connector, payload)


def wait_for_needed(record: SyncRecord) -> None:
    """Raise OnHold while a record that this one needs is not delivered."""
    dependencies = list(record.flow.dependencies.select_related("needs__target"))
    connector = keyless_of(record.flow.source) if dependencies else None
    for dependency in dependencies:
        assert connector is not None  # noqa: S101 (for the type checker)
        found = dependency.object_in(connector, record.payload)
        if found:
            needed = SyncRecord.objects.first_sight(
                dependency.needs, found, record.event
            )
            if not needed.target_id:
                ring_connection(needed.target_connection_id)
                raise OnHold(needed)


def map_payload(delivery: Delivery, connector: Connector) -> Payload:
    """Return the target's payload; raises Excluded, Unmappable, NotPublished."""
    delivery.version = published(delivery.record.flow)
    delivery.document = delivery.version.as_document()
    delivery.mapped = map_with(delivery.record, delivery.document, connector)
    if delivery.mapped.excluded:
        raise Excluded(delivery.mapped.excluded)
    if delivery.mapped.problems:
        raise Unmappable(delivery.mapped.problems)
    return delivery.mapped.payload


def published(flow: Flow) -> MappingVersion:
    """Return the version in force; raises NotPublished."""
    version = flow.mapping.published()
    if version is None:
        raise NotPublished(f"The mapping document {flow.mapping} was never published.")
    return version


def intend(delivery: Delivery, payload: Payload) -> Attempt:
    """Commit what is about to be sent, before it leaves."""
    record = delivery.record
    text = exact.dumps(payload, sort_keys=True)
    return outcome.new_attempt(
        delivery,
        external_id=external_id_of(record.flow, record.source_key),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        payload=payload,
    )


def settle_unknown(delivery: Delivery, connector: Connector) -> Written | None:
    """Look first when an earlier try of a create-only record has no outcome.

    An upsert needs no look: repeating it is safe. What is found counts as the version
    that was sent then. A person's edit since would be lost that way, so then the
    create itself is repeated: it reads back and compares.
    """
    record, attempt = delivery.record, delivery.attempt
    if record.flow.mode != Flow.Mode.CREATE or attempt is None:
        return None
    earlier = outcome.unsettled(record).exclude(pk=attempt.pk).order_by("number").last()
    if earlier is None or (
        earlier.version == attempt.version and earlier.digest != attempt.digest
    ):
        return None
    found = connector.find_written(record.flow.target_record, attempt.external_id)
    if not found:
        return None
    delivery.delivered_version = earlier.version
    return Written(found, adopted=True)


def write(delivery: Delivery, connector: Connector, payload: Payload) -> Written:
    """Send the payload by the verb of the flow."""
    flow, attempt = delivery.record.flow, delivery.attempt
    assert attempt is not None  # noqa: S101 (for the type checker)
    verb = connector.create if flow.mode == Flow.Mode.CREATE else connector.upsert
    return verb(flow.target_record, payload, attempt.external_id)
