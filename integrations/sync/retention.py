"""Removes the content of what was delivered long ago, as the payload rules say.

Nothing in the error queue expires: what is open keeps everything. Without a rule
nothing is removed at all.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from errorqueue.clock import database_time
from integrations.models import (
    AuditEntry,
    Connection,
    InboxEvent,
    PayloadRule,
    SyncRecord,
)
from integrations.sync.emptying import READ, empty_events, empty_records
from integrations.sync.stopping import is_stopping

State = SyncRecord.State
BATCH = 500


def empty_old() -> bool:
    """Empty what the rules name, batch by batch; False when time was up before.

    Each batch is one transaction with its line of the audit trail, so a worker killed
    between two leaves nothing half done.
    """
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    for rule in PayloadRule.objects.select_related("connection"):
        for _ in _steps(rule):
            if is_stopping() or time.monotonic() > ends_at:
                return False
    return True


def _steps(rule: PayloadRule) -> Iterator[int]:
    cutoff = database_time() - timedelta(days=rule.days)
    sources = list(governed(rule).values_list("pk", flat=True))
    while found := _empty_records(rule, sources, cutoff):
        yield found
    while found := _empty_events(rule, sources, cutoff):
        yield found


def governed(rule: PayloadRule) -> QuerySet[Connection]:
    """Return the connections that a rule speaks of."""
    if rule.connection_id:
        return Connection.objects.filter(pk=rule.connection_id)
    return Connection.objects.filter(payload_rule=None)


def why(rule: PayloadRule) -> str:
    """Say by which rule; completes “Payload removed …”."""
    return f"{rule.days} days after delivery, by rule"


@transaction.atomic
def _empty_records(rule: PayloadRule, sources: list[int], cutoff: datetime) -> int:
    """Empty the next batch, oldest first; returns how many were looked at."""
    old = SyncRecord.objects.filter(
        state=State.DELIVERED,
        delivered_at__lt=cutoff,
        flow__source__in=sources,
        removal=None,
    )
    if rule.records_until:
        old = old.filter(delivered_at__gte=rule.records_until)
    batch = list(
        old.order_by("delivered_at", "pk").values_list("pk", "delivered_at")[:BATCH]
    )
    if not batch:
        return 0
    emptied = empty_records([pk for pk, _ in batch], why(rule), cutoff)
    if not emptied and batch[-1][1] == rule.records_until:
        return 0  # all of these have an open line, and there are no others
    rule.records_until = batch[-1][1]
    rule.save(update_fields=["records_until"])
    _note(rule, emptied, "records")
    return len(batch)


@transaction.atomic
def _empty_events(rule: PayloadRule, sources: list[int], cutoff: datetime) -> int:
    """Empty deliveries that led to no record; others go with their record."""
    old = InboxEvent.objects.filter(
        Q(removal=None),
        pk__gt=rule.events_until,
        state__in=READ,
        connection__in=sources,
        received_at__lt=cutoff,
    )
    batch = list(old.order_by("pk").values_list("pk", flat=True)[:BATCH])
    if not batch:
        return 0
    emptied = empty_events(batch, why(rule))
    rule.events_until = batch[-1]
    rule.save(update_fields=["events_until"])
    _note(rule, emptied, "deliveries")
    return len(batch)


def _note(rule: PayloadRule, count: int, what: str) -> None:
    if count:
        said = f"Content of {count} {what} removed {why(rule)}."
        AuditEntry.objects.note_change("payload rule", rule.pk, "content removed", said)


def start_over(rule: PayloadRule) -> None:
    """Look at everything again: a changed rule may name what was passed before."""
    PayloadRule.objects.update(records_until=None, events_until=0)
    rule.records_until, rule.events_until = None, 0
