"""Keeps what a drain holds: its slots and the records in its hands."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections, connections, transaction
from django.db.models import Q

from errorqueue.clock import database_time
from integrations.models import SyncRecord
from integrations.sync import slots
from integrations.sync.allowance import count_minute, grow
from integrations.sync.crew import Crew
from integrations.sync.slot_pool import SlotPool

log = logging.getLogger(__name__)


class Heartbeat:
    """Renews leases while calls run, never past the end of the task.

    What the calls used is counted in memory and written with the beat.
    """

    def __init__(
        self, connection_id: int, pool: SlotPool, crew: Crew, last: float
    ) -> None:
        self.connection_id, self.pool, self.crew = connection_id, pool, crew
        self.last = last
        self._alone: list[SyncRecord] = []
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._calls, self._busy = 0, 0.0
        self._thread = threading.Thread(target=self._live, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        if self._thread.ident:  # or none could be started
            self._thread.join()

    @contextmanager
    def keeps(self, record: SyncRecord) -> Iterator[None]:
        """Keep a record that is not in the hands of the crew."""
        self._alone.append(record)
        try:
            yield
        finally:
            self._alone.remove(record)

    @contextmanager
    def counts_call(self) -> Iterator[None]:
        """Count one call and how long it took."""
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._calls += 1
                self._busy += time.monotonic() - started

    def _live(self) -> None:
        try:
            while not self._done.wait(settings.LEASE_SECONDS / 4):
                if time.monotonic() < self.last:
                    self._try(self._renew)
                self._try(self._write_down)
            self._try(self._write_down)
        finally:
            connections.close_all()

    def _try(self, part: Callable[[], None]) -> None:
        try:
            close_old_connections()
            part()
        except Exception:
            log.exception("The heartbeat of a drain missed a beat")

    def _renew(self) -> None:
        for slot in self.pool.held:
            slots.renew(slot, settings.LEASE_SECONDS)
        records = [*self.crew.records(), *self._alone]
        if records:
            renew_records(records, float(settings.LEASE_SECONDS))

    def _write_down(self) -> None:
        with self._lock:
            calls, busy = self._calls, self._busy
            self._calls, self._busy = 0, 0.0
        if calls:
            count_minute(self.connection_id, calls, busy)
            grow(self.connection_id)


def renew_records(records: list[SyncRecord], lease: float) -> None:
    """Keep claimed records for longer; those that were lost may send no more."""
    good_until, now = time.monotonic() + lease, database_time()
    ours = Q()
    for record in records:
        ours |= Q(pk=record.pk, token=record.token)
    claims = SyncRecord.objects.filter(ours, state=SyncRecord.State.RUNNING)
    live = claims.filter(lease_until__gte=now).order_by("pk")
    with transaction.atomic():
        # A row that somebody has locked misses this beat; the others must not wait.
        locked = live.select_for_update(skip_locked=True)
        kept = set(locked.values_list("pk", flat=True))
        SyncRecord.objects.filter(pk__in=kept).update(
            lease_until=now + timedelta(seconds=lease)
        )
    alive = set(live.values_list("pk", flat=True))
    for record in records:
        if record.pk in kept:
            record.good_until = good_until
        elif record.pk not in alive:
            record.good_until = 0.0
