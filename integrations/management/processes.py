"""Child processes that cannot outlive their parent."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux only)."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Child:
    """One process in a session of its own, started again when it ends.

    A signal to our group does not reach it: it is told to stop by `stop` alone,
    because a cluster whose members all get TERM at once hangs.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0

    def start(self) -> None:
        self.starts += 1
        self.process = subprocess.Popen(  # noqa: S603 (our own commands)
            self.command,
            env={**os.environ, **self.environment},
            cwd=settings.BASE_DIR,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def keep_alive(self) -> bool:
        """Start it again if it ended; say whether it had."""
        if self.process is None or self.process.poll() is None:
            return False
        log.error(
            "%s ended with %s; starting again", self.name, self.process.returncode
        )
        self.kill()
        time.sleep(min(self.starts, 10) * 0.2)
        self.start()
        return True

    def stop(self, within: float) -> None:
        """Ask politely, then end the whole group."""
        self.ask(within)
        self.kill()

    def ask(self, within: float) -> None:
        """Ask politely to end and wait for it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop within %s s", self.name, within)

    def kill(self) -> None:
        """End every process of the group, the orphans too."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


def manage(*arguments: str) -> list[str]:
    """Return the command line of one of our own commands."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


class Stop:
    """Becomes true when TERM or INT arrives."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def wait(self, seconds: float) -> bool:
        """Wait; return early, and true, when asked to stop."""
        end = time.monotonic() + seconds
        while not self.asked and time.monotonic() < end:
            time.sleep(0.1)
        return self.asked
