"""A process for each run: it cannot touch what is real, and cannot outlive us."""

import ctypes
import json
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from django.db import connections

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1

Tell = Callable[..., None]


class Child:
    """A fork of this process that runs `work` and tells us what it does."""

    def __init__(self, work: Callable[[Tell], None]) -> None:
        connections.close_all()  # a line to the database must not be shared
        self._reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._reader)
            _be_alone(writer, work)
        os.close(writer)
        self._rest = b""

    def messages(self, seconds: float) -> Iterator[dict[str, Any] | None]:
        """Yield what the child tells, and None about twice a second, until it ends.

        Raises TimeoutError after so many seconds.
        """
        ends_at = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self._reader], [], [], LOOK_SECONDS)
            if ready:
                piece = os.read(self._reader, 65536)
                if not piece:
                    return
                yield from self._lines(piece)
            else:
                yield None
            if time.monotonic() > ends_at:
                raise TimeoutError

    def _lines(self, piece: bytes) -> Iterator[dict[str, Any]]:
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            yield json.loads(line)

    def end(self) -> int:
        """Kill it if it still lives; return how it ended, as `waitpid` says."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._reader)
        return status


def _be_alone(writer: int, work: Callable[[Tell], None]) -> None:
    """Live as the child; never returns."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()

        def tell(kind: str, **told: Any) -> None:
            _write(writer, json.dumps({"kind": kind, **told}, default=str).encode())

        work(tell)
        code = 0
    except BaseException:
        log.exception("A scenario broke")
    finally:
        os._exit(code)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _write(writer: int, line: bytes) -> None:
    rest = line + b"\n"
    while rest:
        rest = rest[os.write(writer, rest) :]
