"""Empties the lane of one connection: slots, a crew of threads, one heartbeat.

The coordinator claims small batches just ahead of its crew. A slot is held only
around a request, so that the mapping, the intent and the outcome of one record overlap
with the calls of others. Records whose worker died are run alone in their process.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.conf import settings

from errorqueue import failpoints
from errorqueue.clock import database_time
from integrations.models import (
    Bell,
    Connection,
    Flow,
    SyncRecord,
    limits_of,
    ring_connection,
)
from integrations.sync import slots
from integrations.sync.crew import Crew
from integrations.sync.desk import Desk
from integrations.sync.heartbeat import Heartbeat
from integrations.sync.in_hand import working_on
from integrations.sync.returns import AWAY, Returns
from integrations.sync.runner import run
from integrations.sync.slot_pool import SlotPool
from integrations.sync.stopping import is_stopping

PAUSE_SECONDS = 0.05
LOOK_SECONDS = 1.0
GROW_SECONDS = 0.3
BATCH = 20
# A bell that nobody answered for this long waits for a worker, until it counts as lost.
BELL_WAITS = timedelta(seconds=2)
MAKE_WAY_AFTER = 3.0


def drain(connection_id: int) -> int:
    """Deliver what is due until nothing is, or the time is up; return how many.

    Takes as many slots as it can work. Ends at once when all are taken: then another
    drain is at work.
    """
    Bell.objects.answer(lane_of(connection_id))
    connection = Connection.objects.get(pk=connection_id)
    if not SyncRecord.objects.has_due(connection):
        return 0
    return Drain(connection).empty()


def lane_of(connection_id: int) -> str:
    return f"deliver:{connection_id}"


@dataclass
class Passage:
    """Whether a record in hand has sent a request already."""

    record: SyncRecord
    is_begun: bool = False


class Drain:
    """The coordinator: decides what is claimed, by how many threads and slots."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.worker = slots.worker_name()
        self.started = time.monotonic()
        self.ends_at = self.started + settings.DRAIN_SECONDS
        self.last_call_at = self.ends_at + settings.CALL_TIMEOUT_SECONDS
        self.pool = SlotPool(limits_of(connection))
        self.crew = Crew(self._deliver)
        self.returns = Returns()
        self.heart = Heartbeat(connection.pk, self.pool, self.crew, self.last_call_at)
        self.flows: dict[int, Flow] = {}
        self.desk = Desk()
        self.count = 0
        self.is_ending = False
        self.is_full = True
        self.level = 0
        self.look_at = self.grow_at = 0.0

    def empty(self) -> int:
        """Work until nothing is due, the time is up or somebody asks to stop."""
        self._look_around()
        if not self.pool.size and not self._take_slots():
            return 0
        try:
            self.heart.start()
            while self._may_go_on() and self._advance():
                pass
        finally:
            self._end()
        return self.count

    def _may_go_on(self) -> bool:
        in_time = time.monotonic() < self.ends_at
        return in_time and not is_stopping() and not self.is_ending

    def _advance(self) -> bool:
        """Do one round; False when nothing is due and nothing in hand."""
        self.returns.give()
        if time.monotonic() >= self.look_at:
            self._look_around()
            while self._may_go_on() and self._run_suspect():
                pass
        claimed = self._claim_ahead()
        if not claimed and not self.crew.records():
            return self._claim_ahead() or self._run_suspect()
        if self.is_full:
            self._grow()
            self.crew.wait(self.level, LOOK_SECONDS)
        else:
            time.sleep(PAUSE_SECONDS)
        return True

    @property
    def _threads(self) -> int:
        """More threads than slots, since each uses a slot only for its call."""
        size = self.pool.size
        return size + max(2, size // 4)

    def _claim_ahead(self) -> bool:
        """Claim what the crew will need next; say whether anything came."""
        in_hand = self.crew.records()
        room = min(self._threads + self.pool.size - len(in_hand), BATCH)
        if len(in_hand) > self._threads or not self.pool.size:
            return False
        if not self.is_full and not any(
            SyncRecord.objects.count_due(self.connection, 1)
        ):
            return False
        bulk_room = self._room_for_bulk(in_hand)
        lease = timedelta(seconds=settings.LEASE_SECONDS)
        claimed = SyncRecord.objects.claim(
            self.connection, self.worker, room, lease, bulk=bulk_room
        )
        for record in claimed:
            self._lend(record)
        # In hand first: what cannot be worked on for want of threads is given back.
        self.crew.hand(claimed, _rank)
        self._note_how_full(claimed, len(in_hand), room, bulk_room)
        return bool(claimed)

    def _note_how_full(
        self, claimed: list[SyncRecord], before: int, room: int, bulk_room: int
    ) -> None:
        """Remember whether more is due, and how few in hand call for the next batch."""
        bulk = sum(_is_bulk(record) for record in claimed)
        self.is_full = len(claimed) == room or (0 < bulk == bulk_room)
        after = before + len(claimed)
        self.level = min(self._threads, after - max(1, after // 4))
        self.crew.enlarge(min(self._threads, after))

    def _room_for_bulk(self, in_hand: list[SyncRecord]) -> int:
        """Bulk work never fills the threads that orders could use."""
        common = sum(slot.number <= self.pool.limits.common for slot in self.pool.held)
        among = sum(_is_bulk(record) for record in in_hand)
        return max(common + max(2, common // 4) - among, 0) if common else 0

    def _lend(self, record: SyncRecord) -> SyncRecord:
        """Let the records of one flow share what was read of it a moment ago."""
        if record.flow_id in self.flows:
            record.flow = self.flows[record.flow_id]
        return record

    # Once a second: limits, flows, those who wait for a slot or for a worker

    def _look_around(self) -> None:
        self.look_at = time.monotonic() + LOOK_SECONDS
        self.connection.refresh_from_db()
        self.pool.keep(limits_of(self.connection))
        self.flows = Flow.objects.filter(target=self.connection).in_bulk()
        if not self.connection.is_usable or self._has_stopped_in_hand():
            self._give_back_unbegun()  # what was not begun waits, too
        self._yield_slots()
        if self.is_full and self.pool.size >= settings.DRAIN_SLOTS:
            self._call_for_help()
        if self._must_make_way():
            self.is_ending = True

    def _has_stopped_in_hand(self) -> bool:
        """Say whether a flow of what is in hand was put on hold or turned off."""
        return any(
            _has_stopped(self.flows[record.flow_id], record)
            for record in self.crew.records()
            if record.flow_id in self.flows
        )

    def _yield_slots(self) -> None:
        """Give up what lies idle, and a slot for each page or poll that waits."""
        waiting = slots.count_waiting(self.connection)
        if waiting:
            waiting -= self._free_slots()
        self.pool.give_up(max(self.pool.idle(), waiting))
        for slot in self.pool.aside():
            slots.give_back(slot)

    def _free_slots(self) -> int:
        return slots.free_slots(self.connection, self.pool.limits.limit).count()

    def _call_for_help(self) -> None:
        """More is due than this drain can work, and slots are free: ring again."""
        if self._free_slots() and any(SyncRecord.objects.count_due(self.connection, 1)):
            ring_connection(self.connection.pk)

    def _must_make_way(self) -> bool:
        """Say whether other work waits for a worker; drains then end one by one."""
        if time.monotonic() < self.started + MAKE_WAY_AFTER:
            return False
        now = database_time()
        lost = timedelta(seconds=settings.BELL_SECONDS)
        unanswered = Bell.objects.filter(
            rung_at__lt=now - BELL_WAITS, rung_at__gt=now - lost
        )
        others = unanswered.exclude(lane=lane_of(self.connection.pk))
        return random.random() < 0.5 and others.exists()  # noqa: S311 (a coin)

    def _grow(self) -> None:
        if (
            self.pool.size < settings.DRAIN_SLOTS
            and time.monotonic() >= self.grow_at
            and not slots.count_waiting(self.connection)
        ):
            self._take_slots()

    def _take_slots(self) -> int:
        """Take slots for what is due: reserved ones for orders only."""
        self.grow_at = time.monotonic() + GROW_SECONDS
        room = settings.DRAIN_SLOTS - self.pool.size
        orders, bulk = SyncRecord.objects.count_due(self.connection, room)
        if not orders + bulk and not self.pool.size:
            bulk = 1  # for a suspect
        taken = self._take(orders, Flow.Lane.INTERACTIVE)
        taken += self._take(min(bulk, room - taken), Flow.Lane.BULK)
        return taken

    def _take(self, most: int, lane: str) -> int:
        if most <= 0:
            return 0
        lease = float(settings.LEASE_SECONDS)
        taken = slots.take(self.connection, self.worker, most, lease, lane)
        self.pool.add(taken)
        return len(taken)

    # Records whose worker died

    def _run_suspect(self) -> bool:
        """Run one record alone whose worker died; False when there is none."""
        lease = timedelta(seconds=settings.LEASE_SECONDS)
        suspect = SyncRecord.objects.claim_suspect(self.connection, self.worker, lease)
        if suspect is None:
            return False
        with self.heart.keeps(suspect), working_on(suspect):
            self._come_to_rest()
            if not self._may_go_on():
                suspect.give_back(charge=0)
            elif suspect.charge():
                self._deliver(self._lend(suspect))
        return True

    def _come_to_rest(self) -> None:
        """Let the calls in flight end, and others use what this drain holds."""
        self._give_back_unbegun()
        self.crew.wait(0, self.last_call_at - time.monotonic())
        self.pool.give_up(self.pool.size - 1)
        for slot in self.pool.aside():
            slots.give_back(slot)
        self.is_full, self.grow_at = True, 0.0
        if any(SyncRecord.objects.count_due(self.connection, 1)):
            ring_connection(self.connection.pk)

    def _give_back_unbegun(self) -> None:
        self.returns.add(self.crew.take_back())
        self.returns.give()

    # One record

    def _deliver(self, record: SyncRecord) -> None:
        """Deliver a record; one that the database let us begin no request of goes back."""
        passage = Passage(record)
        try:
            run(record, partial(self._gate, passage), self.desk)
        except AWAY:
            if passage.is_begun or not self.returns.excuse(record):
                raise
        else:
            self.count += 1

    @contextmanager
    def _gate(self, passage: Passage) -> Iterator[None]:
        """Let a request pass only with a slot, and while the record is ours.

        Once the drain ends, a record that has sent nothing yet is left to the next.
        """
        record = passage.record
        with self.pool.lend(_is_bulk(record), self.last_call_at):
            if time.monotonic() >= record.good_until:
                raise slots.SlotLost(
                    "Another worker has taken this record.", sent=False
                )
            if not passage.is_begun and (why := _kept_back(record)):
                raise slots.SlotLost(why, sent=False)
            passage.is_begun = True
            failpoints.hit("call.start")
            with self.heart.counts_call():
                yield
            failpoints.hit("call.end")

    def _end(self) -> None:
        """Give back what was not begun, let calls end, then give back the slots."""
        self.is_ending = True
        self._give_back_unbegun()
        self.crew.end()
        self.heart.stop()
        self.returns.give_all(self.last_call_at)
        for slot in self.pool.close():
            slots.give_back(slot)
        if not is_stopping() and SyncRecord.objects.has_due(self.connection):
            ring_connection(self.connection.pk)


def _kept_back(record: SyncRecord) -> str:
    """Say why a record in hand that has sent nothing yet is left to a later claim."""
    if is_stopping():
        return "This worker was asked to stop."
    if not record.flow.target.is_usable:
        # It asked for a wait, its log-in is in doubt, or it is maintained.
        return "The account is not to be called."
    return "The flow has stopped." if _has_stopped(record.flow, record) else ""


def _has_stopped(flow: Flow, record: SyncRecord) -> bool:
    """Say whether a flow is off or on hold; its breaker lets its probes go."""
    is_probe = record.hold == SyncRecord.Hold.PROBE
    may_probe = is_probe and flow.hold_kind == Flow.Hold.BREAKER
    return not flow.is_enabled or (flow.held_at is not None and not may_probe)


def _is_bulk(record: SyncRecord) -> bool:
    return record.flow.lane == Flow.Lane.BULK


def _rank(record: SyncRecord) -> int:
    return record.flow.priority + (1_000_000 if _is_bulk(record) else 0)
