"""What a run knows: how much to measure, where, and how to step inside a database."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import databases
from benchmarks.machine import ROOT

TEMPLATE = "template"


@dataclass(frozen=True)
class Inside:
    """One database that is ready for use, and a way to run our functions in it."""

    environment: dict[str, str]

    def call(self, module: str, function: str, **arguments: Any) -> Any:
        """Run a function of benchmarks.`module` in a process of its own with Django.

        Arguments and answer travel as JSON; raises RuntimeError when it fails.
        """
        answer = Path(self.environment["WAYBILL_VAR_DIR"]) / "answer.json"
        command = [sys.executable, "-m", "benchmarks.inside", module, function]
        done = subprocess.run(
            [*command, json.dumps(arguments), str(answer)],
            env={**os.environ, **self.environment},
            cwd=ROOT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{module}.{function} ended with {done.returncode}")
        return json.loads(answer.read_text())


@dataclass(frozen=True)
class Plan:
    """How much to measure, and on which server."""

    quick: bool
    rows: int
    server: databases.Server
    environment: dict[str, str]

    @property
    def is_sqlite(self) -> bool:
        return isinstance(self.server, databases.SQLite)

    def rounds(self, full: int = 5) -> int:
        return 2 if self.quick else full

    @contextmanager
    def inside(self, name: str) -> Iterator[Inside]:
        """Give out a fresh copy of the configured database."""
        with databases.database(self.server, name, TEMPLATE) as url:
            yield Inside({**self.environment, "DATABASE_URL": url})


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"  {text}", flush=True)
