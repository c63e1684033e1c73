"""The threads of a drain: each takes the next record in hand and delivers it."""

import heapq
import logging
import threading
from collections.abc import Callable
from itertools import count

from django.db import connections

from integrations.models import SyncRecord
from integrations.sync.in_hand import working_on

log = logging.getLogger(__name__)


class Crew:
    """Records in hand, lowest rank first, and the threads that work on them.

    A record whose work ends in a fault of ours is dropped: its lease ends, and it
    comes back as a suspect.
    """

    def __init__(self, work: Callable[[SyncRecord], None]) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int, SyncRecord]] = []
        self._running: list[SyncRecord] = []
        self._threads: list[threading.Thread] = []
        self._sequence = count()
        self._is_over = False
        self._level = 0

    def records(self) -> list[SyncRecord]:
        """Return what is in hand, begun or not."""
        with self._changed:
            return [*self._running, *(record for _, _, record in self._waiting)]

    def hand(
        self, records: list[SyncRecord], rank: Callable[[SyncRecord], int]
    ) -> None:
        """Put claimed records in hand."""
        with self._changed:
            for record in records:
                entry = rank(record), next(self._sequence), record
                heapq.heappush(self._waiting, entry)
            self._changed.notify_all()

    def enlarge(self, size: int) -> None:
        """Have `size` threads, or as many as can be had; raises when there is none."""
        for _ in range(size - len(self._threads)):
            thread = threading.Thread(target=self._live, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                if not self._threads:
                    raise
                log.warning("Only %s threads could be started", len(self._threads))
                return
            self._threads.append(thread)

    def take_back(self) -> list[SyncRecord]:
        """Take out of hand what was not begun, and return it."""
        with self._changed:
            taken = [record for _, _, record in self._waiting]
            self._waiting = []
            return taken

    def wait(self, level: int, seconds: float) -> None:
        """Wait until no more than `level` records are in hand."""
        with self._changed:
            self._level = level
            self._changed.wait_for(lambda: self._in_hand() <= level, seconds)

    def end(self) -> None:
        """Let the records in hand finish and the threads go."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _in_hand(self) -> int:
        return len(self._waiting) + len(self._running)

    def _live(self) -> None:
        try:
            while record := self._next():
                self._deliver(record)
        finally:
            connections.close_all()

    def _next(self) -> SyncRecord | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            if not self._waiting:
                return None
            _, _, record = heapq.heappop(self._waiting)
            self._running.append(record)
            return record

    def _deliver(self, record: SyncRecord) -> None:
        try:
            with working_on(record):
                self._try(record)
        finally:
            with self._changed:
                self._running.remove(record)
                if self._in_hand() <= self._level:  # nobody waits for less
                    self._changed.notify_all()

    def _try(self, record: SyncRecord) -> None:
        try:
            self._work(record)
        except Exception:
            log.exception("%s could not be settled", record)
            connections.close_all()
