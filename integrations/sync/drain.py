"""Empties the lane of one connection: a slot for each thread, a heartbeat for all."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import close_old_connections, connections

from errorqueue.clock import database_time
from integrations.models import Bell, Connection, SyncRecord
from integrations.sync import slots
from integrations.sync.runner import run
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.05


def drain(connection_id: int) -> int:
    """Deliver what is due until nothing is, or the time is up; return how many.

    Takes as many slots as are free, one thread each. Ends at once when all are
    taken: then another drain is at work.
    """
    Bell.objects.answer(f"deliver:{connection_id}")
    connection = Connection.objects.get(pk=connection_id)
    due = SyncRecord.objects.due(database_time())
    if not due.filter(target_connection=connection).exists():
        return 0
    lease = float(settings.LEASE_SECONDS)
    held = slots.take(connection, slots.worker_name(), connection.allowance, lease)
    return Drain(connection, held).empty() if held else 0


class Drain:
    """The threads of one drain and the heartbeat that keeps their leases."""

    def __init__(self, connection: Connection, held: list[slots.Held]) -> None:
        self.connection = connection
        self.held = held
        self.ends_at = time.monotonic() + settings.DRAIN_SECONDS
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.running: dict[int, SyncRecord] = {}

    def empty(self) -> int:
        """Work in as many threads as there are slots until nothing is due."""
        heart = threading.Thread(target=self._beat, daemon=True)
        heart.start()
        try:
            with ThreadPoolExecutor(len(self.held)) as threads:
                return sum(threads.map(self._work, self.held))
        finally:
            self.done.set()
            heart.join()

    def _work(self, slot: slots.Held) -> int:
        try:
            return self._deliver_due(slot)
        except Exception:
            log.exception("A drain of %s ended early", self.connection)
            return 0
        finally:
            slots.give_back(slot)
            connections.close_all()

    def _deliver_due(self, slot: slots.Held) -> int:
        worker, count = slots.worker_name(), 0
        lease = timedelta(seconds=settings.LEASE_SECONDS)
        while self._may_go_on(slot):
            claimed = SyncRecord.objects.claim(self.connection, worker, 1, lease)
            for record in claimed:
                self._run(record, slot)
                count += 1
            if not claimed and not self._others_are_busy():
                break
            if not claimed:
                time.sleep(PAUSE_SECONDS)
        return count

    def _may_go_on(self, slot: slots.Held) -> bool:
        in_time = time.monotonic() < min(self.ends_at, slot.good_until)
        return in_time and not is_stopping()

    def _run(self, record: SyncRecord, slot: slots.Held) -> None:
        with self.lock:
            self.running[record.pk] = record
        try:
            run(record, partial(self._gate, record, slot))
        finally:
            with self.lock:
                self.running.pop(record.pk, None)

    @contextmanager
    def _gate(self, record: SyncRecord, slot: slots.Held) -> Iterator[None]:
        """Let a request pass only while both the record and the slot are ours."""
        if time.monotonic() >= record.good_until:
            raise slots.SlotLost("Another worker has taken this record.", sent=False)
        with slot.gate():
            yield

    def _others_are_busy(self) -> bool:
        """A delivery under way may let others go, so its neighbours stay awake."""
        with self.lock:
            return bool(self.running)

    def _beat(self) -> None:
        """Renew the leases while calls run, never past the end of the task."""
        last = self.ends_at + settings.CALL_TIMEOUT_SECONDS
        while not self.done.wait(settings.LEASE_SECONDS / 4):
            if time.monotonic() > last:
                break
            try:
                close_old_connections()
                self._renew()
            except Exception:
                log.exception("The heartbeat of %s missed a beat", self.connection)
        connections.close_all()

    def _renew(self) -> None:
        lease = settings.LEASE_SECONDS
        for slot in self.held:
            if slot.good_until:
                slots.renew(slot, lease)
        with self.lock:
            running = list(self.running.values())
        good_until, now = time.monotonic() + lease, database_time()
        for record in running:
            ours = SyncRecord.objects.filter(
                pk=record.pk,
                token=record.token,
                state=SyncRecord.State.RUNNING,
                lease_until__gte=now,
            )
            kept = ours.update(lease_until=now + timedelta(seconds=lease))
            record.good_until = good_until if kept else 0.0
