"""Processes of a run: started so that they cannot outlive it, found again by /proc."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Every process of a run carries the run's name in its environment.
MARK = "WAYBILL_CRASH_RUN"
GENERATION = "WAYBILL_GENERATION"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def dies_with_parent(how: int = signal.SIGKILL) -> Callable[[], None]:
    """Return what a child calls before it begins, so that it ends with its parent.

    The parent is the thread that starts it: children are started from the main
    thread only.
    """
    return lambda: _libc.prctl(_PR_SET_PDEATHSIG, how)


@dataclass
class Child:
    """One process of the stand in a session of its own; its words go to a file."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0
    started_at: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def may_start(self) -> bool:
        """No more than one start a second: what cannot start shall not eat the run."""
        return time.monotonic() - self.started_at >= 1

    def start(self) -> None:
        self.starts += 1
        self.started_at = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=dies_with_parent(),
            )

    def stop(self, within: float) -> bool:
        """Ask with TERM, end it after `within` seconds; say whether it went alone."""
        if self.process is None:
            return True
        self.process.terminate()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        if self.process is not None and self.is_alive:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Proc:
    """One process as /proc shows it; `started` is in ticks since the machine began."""

    pid: int
    parent: int
    state: str
    started: int
    generation: str
    command: str


@dataclass
class Sight:
    """Finds the living processes of one run."""

    run: str
    _known: dict[tuple[int, int], tuple[bool, str, str]] = field(default_factory=dict)

    def look(self) -> dict[int, Proc]:
        """Return the run's processes by id; zombies are no longer alive."""
        found = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                proc = self._read(int(name))
                if proc is not None:
                    found[proc.pid] = proc
        return found

    def _read(self, pid: int) -> Proc | None:
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
            parts = text.rpartition(")")[2].split()
            state, parent, started = parts[0], int(parts[1]), int(parts[19])
            if state in "ZX":
                return None
            ours, generation, command = self._identity(pid, started)
        except (OSError, IndexError):
            return None
        if not ours:
            return None
        return Proc(pid, parent, state, started, generation, command)

    def _identity(self, pid: int, started: int) -> tuple[bool, str, str]:
        key = (pid, started)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        known = self._known.get(key)
        # A process is ours or not from its exec on, so the command is part of it.
        if known is None or known[2] != _words(command):
            words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            ours = f"{MARK}={self.run}".encode() in words
            self._known[key] = (ours, _value(words, GENERATION), _words(command))
        return self._known[key]


def _words(command: bytes) -> str:
    return command.replace(b"\0", b" ").decode(errors="replace").strip()


def _value(words: Sequence[bytes], name: str) -> str:
    start = f"{name}=".encode()
    return next((w[len(start) :].decode() for w in words if w.startswith(start)), "")


def children_of(procs: Mapping[int, Proc], parent: int) -> list[Proc]:
    """Return the children of a process, the oldest first."""
    found = [proc for proc in procs.values() if proc.parent == parent]
    return sorted(found, key=lambda proc: (proc.started, proc.pid))


def send(pid: int, number: int) -> bool:
    """Send a signal; say whether anybody was there to take it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
