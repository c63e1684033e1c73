"""Never older over newer: a late upsert is written over once the vendor's limit is past.

A vendor may carry out a request long after its client gave up. A create that lands
late is refused by its external id; an upsert of older content would overwrite what
was delivered meanwhile. So the newest content is sent once more when no earlier
request can land any more.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from errorqueue.clock import database_time
from integrations.connectors.registry import connector_class
from integrations.models import (
    Attempt,
    Connection,
    Flow,
    SyncRecord,
    SyncRecordQuerySet,
    ring_connection,
)
from integrations.sync import audit
from integrations.sync.delivery import Delivery

State = SyncRecord.State
BATCH = 500


def late_limit(connection: Connection) -> timedelta:
    """Return how long after its start a request may still take effect."""
    limit = settings.LATE_SECONDS
    if limit is None:
        limit = connector_class(connection.system).late_seconds
    return timedelta(seconds=limit)


def ends_at(attempt: Attempt, connection: Connection) -> datetime:
    """Return when a try of unknown outcome has surely ended."""
    return attempt.started_at + late_limit(connection)


def confirm_at(delivery: Delivery) -> datetime | None:
    """Return when a delivered upsert must be sent once more, if it must."""
    record, attempt = delivery.record, delivery.attempt
    moments = [record.confirm_at] if record.confirm_at else []
    if record.flow.mode == Flow.Mode.UPSERT and attempt is not None:
        moments += [
            ends_at(earlier, record.flow.target)
            for earlier in delivery.unsettled
            if earlier.digest != attempt.digest
        ]
    return max(moments, default=None)


@transaction.atomic
def confirm_due() -> int:
    """Send again what a late request may have overwritten; return how many records.

    A record that is on its way anyhow needs no more than that.
    """
    now = database_time()
    due = SyncRecord.objects.filter(confirm_at__lte=now).exclude(state=State.RUNNING)
    picked = list(due.order_by("confirm_at").values_list("pk", flat=True)[:BATCH])
    if not picked:
        return 0
    chosen = SyncRecord.objects.filter(pk__in=picked, confirm_at__lte=now)
    delivered = chosen.filter(state=State.DELIVERED)
    targets = set(delivered.values_list("target_connection_id", flat=True))
    confirmed = sum(_confirm(delivered, target, now) for target in targets)
    chosen.exclude(state__in=[State.RUNNING, State.DELIVERED]).update(confirm_at=None)
    return confirmed


def _confirm(delivered: SyncRecordQuerySet, target: int, now: datetime) -> int:
    again = {"state": State.WAITING, "due_at": now, "tries": 0, "confirm_at": None}
    count = delivered.filter(target_connection=target).update(**again)
    ring_connection(target)
    audit.note_many("connection", target, "confirmed", count, "Sent once more.")
    return count
