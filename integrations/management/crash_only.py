"""A django-q2 cluster that ends whole when a part of it dies at a bad moment.

Of 1.11.1 it was measured (docs/dependencies.md): an idle worker killed while it
holds the queue's lock hangs the cluster for ever, and a killed monitor makes every
task repeat without end. So such a death ends the group; the supervisor starts a new
one, and our tables, not the queue, know what is due. Depends on private names of
that version, which is pinned exactly.
"""

import logging
import multiprocessing
import os
import signal
import threading
import time
import uuid
from typing import Any

import django_q.cluster
from django.db import Error
from django_q.conf import Conf

from integrations.management.lane import Lane
from integrations.management.processes import Stop, die_with_parent
from integrations.sync.clusters import let_go, note_all_busy
from integrations.sync.slots import worker_name
from integrations.sync.stopping import ask_to_stop, begin_unasked

log = logging.getLogger(__name__)

START_AGAIN = 75
# Workers hold the lock of their timer for moments; one that died with it, for ever.
LOCK_SECONDS = 5
BUSY_NOTE_SECONDS = 2
POLITE_SECONDS = 25


class Asked(Stop):
    """Stands for the library's event, which a signal's receiver must not set."""

    def is_set(self) -> bool:
        return self.asked


class CrashOnlySentinel(django_q.cluster.Sentinel):
    """The guard of the cluster; prefers a fresh start to a doubtful repair."""

    def start(self) -> None:
        # TERM asks the guard alone; its workers end when they are told to.
        self.stop_event = Asked()
        os.register_at_fork(after_in_child=_take_signals)
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
        if killed:
            _let_go(process.pid)

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


def _let_go(pid: int) -> None:
    try:
        let_go(worker_name(pid))
    except Error as error:
        log.warning("What worker %s held waits for its lease: %s", pid, error)


def _take_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_cluster() -> None:
    """Be the guard of one cluster until asked to stop by TERM."""
    begin_unasked()
    os.register_at_fork(after_in_child=die_with_parent)
    started = multiprocessing.get_context("fork").Event()
    CrashOnlySentinel(None, started, uuid.uuid4(), Lane())
