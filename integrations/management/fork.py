"""A child forked from this process, so that what is loaded here is shared with it."""

import ctypes
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess

from django.db import connections

from integrations.management.processes import die_with_parent
from integrations.management.warm import freeze

log = logging.getLogger(__name__)

_fork = multiprocessing.get_context("fork")
# Of the C library (glibc): how many heaps the threads of a process may have, since
# one for each thread is mostly empty.
_M_ARENA_MAX, HEAPS = -8, 2


@dataclass
class Fork:
    """One child in a process group of its own; it cannot outlive its parent.

    It is as fresh as a new program as long as this process keeps no threads: the
    lines to the database are closed before, and signals mean nothing special after.
    """

    name: str
    run: Callable[[], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: ForkProcess | None = None

    def start(self) -> None:
        connections.close_all()
        freeze()
        self.process = _fork.Process(target=self._begin)
        self.process.start()
        try:
            os.setpgid(self.process.pid or 0, 0)  # whoever comes first: it or we
        except OSError:
            log.debug("%s made a group of its own", self.name)

    def _begin(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()
        os.setpgid(0, 0)
        save_heaps()
        os.environ.update(self.environment)
        self.run()

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it lives, or before it was started."""
        return self.process.exitcode if self.process else None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.is_alive()

    def ask(self, within: float) -> None:
        """Ask politely to end and wait for it."""
        if self.process is None:
            return
        self.process.terminate()
        self.process.join(within)
        if self.process.is_alive():
            log.warning("%s did not stop within %s s", self.name, within)

    def kill(self) -> None:
        """End every process of the group, the orphans too."""
        if self.process is None or self.process.pid is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.join()


def save_heaps() -> None:
    """Let this process and its children have few heaps, where the C library can."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, HEAPS)
