"""A django-q2 cluster that ends whole when a part of it dies at a bad moment.

Of 1.11.1 it was measured (docs/dependencies.md): an idle worker killed while it
holds the queue's lock hangs the cluster for ever, and a killed monitor makes every
task repeat without end. So such a death ends the group; the supervisor starts a new
one, and our tables, not the queue, know what is due. Depends on private names of
that version, which is pinned exactly.
"""

import logging
import os
import signal
import sys
import threading
import time
from typing import Any

import django_q.cluster
from django.db import Error
from django_q.conf import Conf

from integrations.management.lane import Lane
from integrations.management.processes import die_with_parent
from integrations.sync.clusters import note_all_busy
from integrations.sync.stopping import ask_to_stop

log = logging.getLogger(__name__)

START_AGAIN = 75
# Workers hold the lock of their timer for moments; one that died with it, for ever.
LOCK_SECONDS = 5
BUSY_NOTE_SECONDS = 2
POLITE_SECONDS = 25


class CrashOnlySentinel(django_q.cluster.Sentinel):
    """The guard of the cluster; prefers a fresh start to a doubtful repair."""

    def start(self) -> None:
        # TERM to the whole group must not kill the guard before its workers.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.register_at_fork(after_in_child=_take_term)
        self.busy_noted = 0.0
        super().start()

    def guard(self) -> None:
        """Look after the members until asked to stop."""
        self.start_event.set()
        while not self.stop_event.wait(Conf.GUARD_CYCLE):
            for process in list(self.pool):
                self._look_at(process)
            helpers: list[Any] = [self.monitor, self.pusher]
            for helper in helpers:
                if not helper.is_alive():
                    self.reincarnate(helper)
            self._note_busy()
        self.stop()

    def _look_at(self, process: Any) -> None:
        lock = process.timer.get_lock()
        if not lock.acquire(timeout=LOCK_SECONDS):
            self.end(START_AGAIN)
        try:
            if not process.is_alive() or process.timer.value == 0:
                self.reincarnate(process)
            elif process.timer.value > 0:
                process.timer.value -= Conf.GUARD_CYCLE
        finally:
            lock.release()

    def _note_busy(self) -> None:
        busy = all(process.timer.value > 0 for process in self.pool)
        if not busy or time.monotonic() < self.busy_noted + BUSY_NOTE_SECONDS:
            return
        self.busy_noted = time.monotonic()
        try:
            note_all_busy()
        except Error as error:
            log.warning("The guard could not note that all workers are busy: %s", error)

    def reincarnate(self, process: Any) -> None:
        helper = process in (self.monitor, self.pusher)
        idle = not helper and process.timer.value == -1
        killed = (process.exitcode or 0) < 0
        if killed and (helper or idle) and not self.stop_event.is_set():
            self.end(START_AGAIN)
        super().reincarnate(process)

    def stop(self) -> None:
        ask_to_stop()
        hurt = any((member.exitcode or 0) < 0 for member in self._members())
        timer = threading.Timer(2 if hurt else POLITE_SECONDS, self.end, (0,))
        timer.daemon = True
        timer.start()
        super().stop()

    def end(self, code: int) -> None:
        """Kill every member at once and leave."""
        for member in self._members():
            try:
                os.kill(member.pid, signal.SIGKILL)
            except OSError:
                continue
        os._exit(code)

    def _members(self) -> list[Any]:
        return [*self.pool, self.monitor, self.pusher]


def _take_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run_cluster() -> None:
    """Run one cluster until asked to stop; exits with 75 when its guard has fallen."""
    django_q.cluster.Sentinel = CrashOnlySentinel  # type: ignore[misc]
    os.register_at_fork(after_in_child=die_with_parent)
    cluster: Any = django_q.cluster.Cluster(Lane())
    cluster.start()
    cluster.sentinel.join()
    if cluster.start_event is not None:
        sys.exit(START_AGAIN)
