"""Holding records and letting them go, a batch at a time and oldest first.

A million records are never one statement: each batch is its own short transaction, a
row that somebody else has locked is left for the next pass, and what is held keeps
the moment it was due at, so that it goes in its old order afterwards.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from errorqueue.clock import database_time
from integrations.models import (
    NO_HOLD,
    Connection,
    Flow,
    SyncRecord,
    SyncRecordQuerySet,
    ring_connection,
)
from integrations.sync.audit import note, note_many

# Small enough that PostgreSQL walks the index instead of sorting a whole flow.
BATCH = 1000
# What one pass of the sweeper does at most for one connection.
BATCHES_IN_A_PASS = 10
# How far back a pass looks for records that landed while others waited for them.
LANDED_WITHIN = timedelta(minutes=1)

State = SyncRecord.State
Hold = SyncRecord.Hold


def hold_all(connection: Connection, reason: str) -> int:
    """Hold what waits for a connection, up to ten batches; return how many.

    The rest follows at the next passes: nothing is claimed meanwhile, because the
    claim asks the connection itself.
    """
    held, batches = 0, BATCHES_IN_A_PASS
    for flow in connection.flows_in.order_by("pk"):
        waiting = flow.records.filter(state=State.WAITING)
        while batches and _has_any(waiting):
            batch = _hold(waiting, connection, reason)
            held += batch
            batches -= bool(batch)
            if batch < BATCH:
                break
    return held


def _has_any(records: SyncRecordQuerySet) -> bool:
    """Look at the first in order: without an order the whole flow may be read."""
    ordered = records.order_by("due_at", "pk")
    return bool(ordered.values_list("pk", flat=True)[:1])


@transaction.atomic
def _hold(waiting: SyncRecordQuerySet, connection: Connection, reason: str) -> int:
    picked = _oldest(waiting)
    held = waiting.filter(pk__in=picked).update(
        state=State.HELD, hold=Hold.CONNECTION, hold_reason=reason[:300]
    )
    if held:
        note_many("connection", connection.pk, "held", held, reason)
    return held


@transaction.atomic
def release(records: SyncRecordQuerySet) -> int:
    """Let up to 1,000 held records go, oldest first; return how many.

    They stay due since when they were; what would have waited for a later try goes
    behind them, now.
    """
    held = records.filter(state=State.HELD)
    picked = _oldest(held)
    return SyncRecord.objects.filter(pk__in=picked, state=State.HELD).update(
        state=State.WAITING,
        due_at=Least(F("due_at"), Value(database_time())),
        **NO_HOLD,
    )


def release_all(connection: Connection) -> int:
    """Let go what a connection held, up to ten batches; return how many."""
    released = 0
    for _ in range(BATCHES_IN_A_PASS):
        batch = _release_batch(connection)
        released += batch
        if batch < BATCH:
            break
    return released


@transaction.atomic
def _release_batch(connection: Connection) -> int:
    released = release(held_for(connection))
    if released:
        note_many("connection", connection.pk, "let go", released, "It is ready.")
    return released


def held_for(connection: Connection) -> SyncRecordQuerySet:
    """Return the records that wait until a connection may be used."""
    return SyncRecord.objects.filter(
        target_connection=connection, state=State.HELD, hold=Hold.CONNECTION
    )


def hold_flow(flow: Flow) -> int:
    """Hold what waits on a flow that is on hold, up to ten batches; return how many."""
    held = 0
    for _ in range(BATCHES_IN_A_PASS):
        batch = _hold_of_flow(flow)
        held += batch
        if batch < BATCH:
            break
    return held


@transaction.atomic
def _hold_of_flow(flow: Flow) -> int:
    waiting = flow.records.filter(state=State.WAITING)
    if flow.hold_kind == Flow.Hold.BREAKER:
        waiting = waiting.exclude(hold=Hold.PROBE)
    picked = _oldest(waiting) if _has_any(waiting) else []
    held = waiting.filter(pk__in=picked).update(
        state=State.HELD, hold=Hold.FLOW, hold_reason=flow.hold_reason
    )
    if held:
        note_many("flow", flow.pk, "held", held, flow.hold_reason)
    return held


def flows_holding() -> list[Flow]:
    """Return the flows that still hold records though they go again."""
    held = SyncRecord.objects.filter(state=State.HELD, hold=Hold.FLOW)
    flows = held.order_by().values("flow").distinct()
    return list(Flow.objects.filter(held_at=None, pk__in=flows))


def release_flow(flow: Flow) -> int:
    """Let go what a flow held, up to ten batches; return how many."""
    released = 0
    for _ in range(BATCHES_IN_A_PASS):
        batch = _release_of_flow(flow)
        released += batch
        if batch < BATCH:
            break
    return released


@transaction.atomic
def _release_of_flow(flow: Flow) -> int:
    released = release(SyncRecord.objects.filter(flow=flow, hold=Hold.FLOW))
    if released:
        note_many("flow", flow.pk, "let go", released, "The flow goes again.")
        ring_connection(flow.target_id)
    return released


@transaction.atomic
def mark_probes(flow: Flow, most: int) -> list[int]:
    """Let the oldest few of a flow on hold go as its probes; return which."""
    held = flow.records.filter(state=State.HELD, hold=Hold.FLOW)
    picked = _oldest(held, most)
    held.filter(pk__in=picked).update(
        state=State.WAITING,
        due_at=Least(F("due_at"), Value(database_time())),
        **{**NO_HOLD, "hold": Hold.PROBE},
    )
    if picked:
        told = "They try whether the flow works again."
        note_many("flow", flow.pk, "let try", len(picked), told)
        ring_connection(flow.target_id)
    return picked


def unmark_probes(probes: list[int]) -> None:
    """Make probes that were not sent records like all others; oldest stay oldest."""
    SyncRecord.objects.filter(pk__in=probes, hold=Hold.PROBE).update(hold="")


def release_landed(now: datetime) -> int:
    """Let go who still waits for a record that was delivered a moment ago.

    Whoever delivers a record lets the first batch go in the same transaction, so
    this finds only the rest of a very long queue behind one record.
    """
    if not SyncRecord.objects.filter(state=State.HELD, hold=Hold.RECORD).exists():
        return 0
    landed = SyncRecord.objects.filter(
        state=State.DELIVERED, delivered_at__gte=now - LANDED_WITHIN
    ).order_by("-delivered_at")
    needed = list(landed.values_list("pk", flat=True)[:BATCH])
    waiting = SyncRecord.objects.filter(
        state=State.HELD, hold=Hold.RECORD, held_on__in=needed
    ).order_by()
    awaited = set(waiting.values_list("held_on", flat=True)[:BATCH])
    return sum(_release_behind(pk) for pk in sorted(pk for pk in awaited if pk))


@transaction.atomic
def _release_behind(pk: int) -> int:
    released = release(SyncRecord.objects.filter(held_on=pk, hold=Hold.RECORD))
    if released:
        note_many("record", pk, "let go", released, "They waited for it.")
    return released


@transaction.atomic
def release_one(record: SyncRecord) -> None:
    """Let one held record go."""
    if release(SyncRecord.objects.filter(pk=record.pk)):
        note(record, "let go", State.HELD, State.WAITING)


def postpone(record: SyncRecord, now: datetime) -> bool:
    """Begin the wait for another record anew if a standstill used it up.

    While the other one's connection is away or its flow on hold nothing can land
    there, and once that is over what piled up needs its time. False when the wait is
    over all the same, also because the other one needs a person itself.
    """
    other = record.held_on
    if other is None or other.state not in (State.WAITING, State.RUNNING, State.HELD):
        return False
    until = _goes_since(other, now) + timedelta(hours=record.flow.hold_hours)
    mine = SyncRecord.objects.filter(
        pk=record.pk, state=State.HELD, hold_until=record.hold_until
    )
    return until > now and bool(mine.update(hold_until=until))


def _goes_since(record: SyncRecord, now: datetime) -> datetime:
    """Return since when nothing keeps a record's account and flow from sending."""
    target, flow = record.target_connection, record.flow
    if flow.held_at or not target.is_usable:
        return now
    return max(target.state_since, flow.breaker_since or target.state_since)


def _oldest(records: SyncRecordQuerySet, most: int = 0) -> list[int]:
    """Lock the oldest batch, passing over rows that somebody else has locked."""
    locked = records.select_for_update(skip_locked=True, of=("self",))
    ordered = locked.order_by("due_at", "pk")
    return list(ordered.values_list("pk", flat=True)[: most or BATCH])
