"""What a run was measured on."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Machine:
    commit: str
    cores: int
    memory_gb: float
    load: float
    python: str
    database: str

    def __str__(self) -> str:
        return (
            f"{self.cores} cores, {self.memory_gb:.0f} GB, Python {self.python}, "
            f"{self.database}; load at the start {self.load:.1f}"
        )


def this_machine(database: str) -> Machine:
    """Describe where and on what the benches run; `database` names its version."""
    return Machine(
        commit=commit(),
        cores=os.cpu_count() or 1,
        memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        load=os.getloadavg()[0],
        python=platform.python_version(),
        database=database,
    )


def commit() -> str:
    """Return the short commit, marked when the tree differs from it."""
    head = _git("rev-parse", "--short", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--", ":!benchmarks/results")
    return f"{head}-changed" if changed else head


def _git(*arguments: str) -> str:
    found = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
