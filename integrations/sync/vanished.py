"""A record that was delivered and is gone from its target is never made again in silence.

Somebody deleted it there, or merged it into another one: only people know which, and
what is right. So its line says that it was deleted, names who else might be meant,
and offers to create it again or to leave it.
"""

from datetime import timedelta

from errorqueue.clock import database_time
from errorqueue.failures import Start
from integrations.connectors.base import Connector
from integrations.connectors.errors import ConnectorError, TargetGone
from integrations.models import Flow, Refresh, SyncRecord
from integrations.sync.confirming import late_limit
from integrations.sync.delivery import Delivery
from integrations.sync.mapping import external_id_of
from integrations.sync.routes import GONE

MOST_NAMED = 5
# Where a second look is not worth a request: it was delivered a moment ago.
JUST_NOW = timedelta(minutes=1)


def refuse_vanished(delivery: Delivery, connector: Connector) -> None:
    """Look whether a record that was delivered before still stands; raises TargetGone.

    Only what may be made anew by a repeat is looked for, and nothing that a person
    decided to create again. After a refresh of the account everything may be missing
    there, so then nothing is asked.
    """
    record, flow = delivery.record, delivery.record.flow
    if flow.mode != Flow.Mode.UPSERT or not record.delivered_version:
        return
    if not connector.finds_written(flow.target_record):
        return
    if record.retry_start == Start.AGAIN:
        return
    if flow.target_record in connector.amends:
        return  # it is read all the same, see `amending.py`
    if _is_fresh(record) or was_refreshed(record):
        return
    key = delivery.partner or external_id_of(flow, record.source_key)
    if not _stands(delivery, connector, key):
        raise gone(record, connector, key)


def gone(record: SyncRecord, connector: Connector, key: str) -> TargetGone:
    """Return what tells a person that a record was deleted there."""
    return TargetGone(_told(record, connector, key), code=GONE)


def _stands(delivery: Delivery, connector: Connector, key: str) -> bool:
    """Say whether it is there; what was born there does not have our external id."""
    record_type = delivery.record.flow.target_record
    if not delivery.partner:
        return connector.find_written(record_type, key) is not None
    is_told = connector.reads_standing(record_type)
    return not is_told or connector.standing(record_type, key) is not None


def _is_fresh(record: SyncRecord) -> bool:
    """Say whether it landed so lately that a look may not see it yet."""
    if record.delivered_at is None:
        return True
    limit = JUST_NOW
    if record.target_id:  # the target itself has not said that it is gone
        limit = max(late_limit(record.flow.target), JUST_NOW)
    return database_time() - record.delivered_at < limit


def was_refreshed(record: SyncRecord) -> bool:
    """Say whether the account was refreshed since, so that anything may be missing."""
    later = Refresh.objects.filter(
        connection=record.flow.target_id, at__gt=record.delivered_at
    )
    return later.exists()


def _told(record: SyncRecord, connector: Connector, key: str) -> str:
    target, at = record.flow.target, record.delivered_at
    since = f"{at:%d %b %Y}" if at else "once"
    known = f" as {record.target_id}" if record.target_id else ""
    said = f"It was delivered on {since}{known}; {target} has nothing under {key} now."
    if record.flow.target_record in connector.amends:
        return said  # many orders have one e-mail address
    others = _candidates(record, connector)
    if not others:
        return f"{said} Nobody else there has its e-mail address."
    return f"{said} With the same e-mail address it has: {', '.join(others)}."


def _candidates(record: SyncRecord, connector: Connector) -> list[str]:
    """Name the records it may have been merged into."""
    if not record.email:
        return []
    try:
        found = connector.find(record.flow.target_record, "email", record.email)
    except (ConnectorError, ValueError, NotImplementedError):
        return []
    return [f"{one.label or 'no name'} (id {one.id})" for one in found[:MOST_NAMED]]
