"""The web server as it is run for people: nothing of it outlives its master."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="The kernel's note of a parent's death is Linux's."
)


@pytest.fixture
def master():
    command = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"]
    process = subprocess.Popen(
        [*command, "--bind", "127.0.0.1:0", "wsgiref.simple_server:demo_app"]
    )
    yield process
    process.kill()
    process.wait()


def children(pid: int) -> list[int]:
    return [int(one) for one in _read(f"/proc/{pid}/task/{pid}/children").split()]


def state(pid: int) -> str:
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].strip()[:1]


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def test_a_frozen_worker_does_not_outlive_its_master(master):
    assert until(lambda: len(children(master.pid)) == 2)
    frozen, _ = workers = children(master.pid)
    time.sleep(0.5)  # the note is made right after the fork
    os.kill(frozen, signal.SIGSTOP)
    assert until(lambda: state(frozen) == "T")
    master.kill()
    master.wait()
    assert until(lambda: all(state(one) in ("", "Z") for one in workers))


def test_its_own_lines_look_like_all_others_and_requests_are_not_logged():
    """A worker that cannot start says so as JSON, one object a line."""
    command = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"]
    run = subprocess.run(
        [*command, "--bind", "127.0.0.1:0", "nowhere:application"],
        env={**os.environ, "LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    written = run.stderr.splitlines()
    lines = [json.loads(line) for line in written if line.startswith("{")]
    assert lines and {one["logger"] for one in lines} == {"gunicorn.error"}
    assert any("nowhere" in one.get("exception", "") for one in lines)
