"""How a person wants a record retried, and what the runner makes of it.

A choice stands until the record is delivered or a newer version of it comes; without
one, each of these costs a comparison.
"""

from typing import Any

from errorqueue.failures import Start
from integrations.connectors.base import Connector, Payload, Written
from integrations.failures import ForeignMapping
from integrations.models import Attempt, Connection, Flow, SyncRecord
from integrations.sync.delivery import Delivery
from integrations.sync.flows import mismatch_words
from mappings.models import MappingVersion


def version_for(delivery: Delivery) -> MappingVersion:
    """Return the version a person chose, or the one in force; raises NotPublished."""
    record = delivery.record
    if record.retry_version_id is None:
        return delivery.desk.version(record.flow)
    versions = MappingVersion.objects.select_related("document")
    chosen = versions.get(pk=record.retry_version_id)
    refuse_other_document(record.flow, chosen)
    return chosen


def refuse_unsigned(flow: Flow) -> None:
    """Raise ForeignMapping where a sandbox document would write to production.

    The pages refuse such a flow; this holds however it came about, also when a
    connection became a production one afterwards.
    """
    production = Connection.Environment.PRODUCTION
    is_real = flow.target.environment == production
    if is_real and not flow.mapping.needs_signatures:
        raise ForeignMapping(mismatch_words(flow.target, flow.mapping))


def refuse_other_document(flow: Flow, version: MappingVersion) -> None:
    """Raise ForeignMapping for a version of a document that the flow left meanwhile."""
    if version.document_id != flow.mapping_id:
        raise ForeignMapping(
            f"{version} was chosen for this try, and {flow} goes by {flow.mapping} now. "
            "Retry it with a version of that document."
        )


def last_sent(record: SyncRecord, version: int) -> Attempt | None:
    """Return the last try in which a version of the source was mapped."""
    mapped = record.attempts.filter(version=version, payload__isnull=False)
    tries = mapped.exclude(external_id="").select_related("mapping__document")
    return tries.order_by("-number").first()


def kept_payload(delivery: Delivery) -> Payload | None:
    """Return what was sent last, if a person wants just that sent again.

    None also when nothing of this version was ever sent: then it is mapped.
    """
    record = delivery.record
    if record.retry_start != Start.SENT:
        return None
    sent = last_sent(record, record.claimed_version)
    if sent is None:
        return None
    delivery.version = sent.mapping
    if sent.mapping:
        refuse_other_document(record.flow, sent.mapping)
        delivery.document = delivery.desk.document(sent.mapping)
    payload: Any = sent.payload
    return dict(payload)


def found_there(
    delivery: Delivery, connector: Connector, payload: Payload
) -> Written | None:
    """Look first, if a person wants that; what is there and agrees is taken as ours."""
    record, attempt = delivery.record, delivery.attempt
    if record.retry_start != Start.LOOK or attempt is None:
        return None
    record_type = record.flow.target_record
    found = connector.compare(record_type, payload, attempt.external_id)
    if found is None or not found.agrees:
        return None
    return Written(found.target_id, adopted=True)
