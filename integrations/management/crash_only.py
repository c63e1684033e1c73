"""A django-q2 cluster that ends whole when a part of it dies at a bad moment.

Of 1.11.1 it was measured (docs/dependencies.md): an idle worker killed while it
holds the queue's lock hangs the cluster for ever, and a killed monitor makes every
task repeat without end. So such a death ends the group; the supervisor starts a new
one, and our tables, not the queue, know what is due. Depends on private names of
that version, which is pinned exactly.
"""

import os
import signal
import threading
import time
from typing import Any

import django_q.cluster

from integrations.management.processes import die_with_parent
from integrations.sync.stopping import ask_to_stop

START_AGAIN = 75


class CrashOnlySentinel(django_q.cluster.Sentinel):
    """The guard of the cluster; prefers a fresh start to a doubtful repair."""

    def start(self) -> None:
        # TERM to the whole group must not kill the guard before its workers.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.register_at_fork(after_in_child=_take_term)
        super().start()

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
        timer = threading.Timer(2 if hurt else 25, self.end, (0,))
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
    """Run clusters until asked to stop; a fallen guard is followed by a new one."""
    django_q.cluster.Sentinel = CrashOnlySentinel  # type: ignore[misc]
    os.register_at_fork(after_in_child=die_with_parent)
    while True:
        cluster: Any = django_q.cluster.Cluster()
        cluster.start()
        cluster.sentinel.join()
        if cluster.start_event is None:
            return
        time.sleep(1)
