"""Never older over newer: a late upsert is written over once the vendor's limit is past.

A vendor may carry out a request long after its client gave up. A create that lands
late is refused by its external id; an upsert of older content would overwrite what
was delivered meanwhile. So the newest content is sent once more when no earlier
request can land any more.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from errorqueue.clock import database_time
from integrations.connectors.registry import connector_class
from integrations.models import (
    BY_RULE,
    Attempt,
    Connection,
    Flow,
    SyncRecord,
    SyncRecordQuerySet,
    ring_connection,
)
from integrations.sync import audit
from integrations.sync.delivery import ECHO, NO_NEWS, Delivery

State = SyncRecord.State
BATCH = 500
# Delivered, and nothing newer than that is to be sent.
STANDS = Q(state=State.DELIVERED) | Q(
    state=State.EXCLUDED,
    exclusion__in=[f"{BY_RULE}{ECHO}", f"{BY_RULE}{NO_NEWS}"],
)


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

    A record that is on its way anyhow needs no more than that. One that only heard
    its own echo since is not on its way, and is sent as a whole.
    """
    now = database_time()
    due = SyncRecord.objects.filter(confirm_at__lte=now).exclude(state=State.RUNNING)
    picked = list(due.order_by("confirm_at").values_list("pk", flat=True)[:BATCH])
    if not picked:
        return 0
    chosen = SyncRecord.objects.filter(pk__in=picked, confirm_at__lte=now)
    delivered = chosen.filter(STANDS)
    targets = set(delivered.values_list("target_connection_id", flat=True))
    confirmed = sum(_confirm(delivered, target, now) for target in targets)
    chosen.exclude(STANDS | Q(state=State.RUNNING)).update(confirm_at=None)
    return confirmed


def _confirm(delivered: SyncRecordQuerySet, target: int, now: datetime) -> int:
    again = {"state": State.WAITING, "due_at": now, "tries": 0, "confirm_at": None}
    mine = delivered.filter(target_connection=target)
    echoes = mine.exclude(state=State.DELIVERED).values_list("pk", flat=True)
    whole = {"asks_afresh": True, "exclusion": ""}
    count = SyncRecord.objects.filter(STANDS, pk__in=list(echoes)).update(
        **again, **whole
    )
    count += mine.update(**again)
    ring_connection(target)
    audit.note_many("connection", target, "confirmed", count, "Sent once more.")
    return count
