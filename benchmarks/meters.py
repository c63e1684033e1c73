"""Processor time and memory of the processes that do the work, read from /proc."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


def tree(roots: Iterable[int]) -> list[int]:
    """Return processes with all their descendants, those alive."""
    parents: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = list(roots)
    for pid in found:
        found += parents.get(pid, [])
    return found


def processor(pids: Iterable[int]) -> float:
    """Return seconds of processor that processes and their ended children used."""
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        ticks += sum(map(int, fields[11:15])) if fields else 0
    return ticks / TICKS


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; none when it ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def proportional_set(pids: Iterable[int]) -> float:
    """Return MB in use, what several share counted by parts (PSS)."""
    return sum(map(_pss, pids)) / 1024


def _pss(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(one.split()[1]) for one in lines if one.startswith("Pss:")), 0)


def of_backend(pid: int) -> float:
    """Return seconds of processor of one single-threaded process, to the nanosecond."""
    try:
        return int((PROC / str(pid) / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


class Backends:
    """Sums the processor time of all connections to one PostgreSQL database.

    Connections come and go, so they are read every 20 ms; what one used after its
    last reading is missed. Without a name (SQLite) there are none.
    """

    def __init__(self, postmaster: int, name: str, without: Iterable[int]) -> None:
        self.children = PROC / str(postmaster) / "task" / str(postmaster) / "children"
        self.mark = f" {name} "
        self.without = set(without)
        self.others: set[int] = set()
        self.seconds: dict[int, float] = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        if name:
            self.thread.start()

    def total(self) -> float:
        return sum(list(self.seconds.values()))

    def stop(self) -> None:
        self.done.set()

    def _watch(self) -> None:
        while not self.done.wait(0.02):
            pids = set(map(int, self.children.read_text().split()))
            for pid in pids - self.others:
                self._read(pid)

    def _read(self, pid: int) -> None:
        if pid in self.without or not self._is_ours(pid):
            return
        seconds = of_backend(pid)
        if seconds:
            self.seconds[pid] = seconds

    def _is_ours(self, pid: int) -> bool:
        if pid in self.seconds:
            return True
        try:
            title = (PROC / str(pid) / "cmdline").read_text().replace("\x00", " ")
        except OSError:
            return False
        if self.mark in f"{title} ":
            return "autovacuum" not in title
        # A line that is still logging in has no name yet: look again.
        if title.count(" ") > 2 and "startup" not in title:
            self.others.add(pid)
        return False


class Meter:
    """Processor seconds of some process trees and of the database behind them."""

    def __init__(self, roots: list[int]) -> None:
        self.roots = roots
        self.backends = Backends(*_our_database())

    def read(self) -> tuple[float, float]:
        """Return seconds used so far: by the processes, by the database."""
        return processor(tree(self.roots)), self.backends.total()

    def stop(self) -> None:
        self.backends.stop()


def _our_database() -> tuple[int, str, list[int]]:
    from django.db import connection

    if connection.vendor != "postgresql":
        return os.getpid(), "", []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), current_database()")
        pid, name = cursor.fetchone()
    return int(_stat(pid)[1]), name, [pid]
