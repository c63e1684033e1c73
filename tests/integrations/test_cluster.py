"""Real worker groups, hurt for real: each test ends with a cluster that works."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2

pytestmark = pytest.mark.processes


class Machine:
    """One `manage.py work` on an embedded database of its own."""

    def __init__(self, folder):
        self.database = folder / "waybill.sqlite3"
        self.environment = {
            **os.environ,
            "WAYBILL_VAR_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{self.database}",
            "WAYBILL_WORKERS": str(WORKERS),
            "WAYBILL_SWEEP_SECONDS": "1",
            "WAYBILL_CANARY_SECONDS": "3",
            "LOG_LEVEL": "ERROR",
        }
        assert self.run("migrate", "-v0").wait(60) == 0
        self.supervisor = self.run("work")

    def run(self, *arguments):
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment)

    def ask(self, statement, *values):
        with sqlite3.connect(self.database, timeout=10) as link:
            return link.execute(statement, values).fetchall()

    def singing(self):
        """Wait for a cluster whose canary has sung since now; return who it is."""
        since = self.ask("select strftime('%Y-%m-%d %H:%M:%f', 'now')")[0][0]
        return self.wait_for(
            "select generation from integrations_workergroup"
            " where ended_at is null and canary_at > ?",
            since,
        )[0][0]

    def wait_for(self, statement, *values, seconds=25):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := self.ask(statement, *values):
                return found
            time.sleep(0.1)
        raise AssertionError(f"Nothing came of: {statement}")

    def processes(self):
        """Return the pids of the cluster by role."""
        [guard] = children(self.supervisor.pid)
        members = children(guard)
        roles = {"guard": guard, "worker": members[0]}
        roles |= {"monitor": members[WORKERS], "pusher": members[WORKERS + 1]}
        return roles, [guard, *members]


def children(parent):
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append((int(fields[19]), int(folder.name)))
    return [pid for _, pid in sorted(found)]


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def all_gone(pids, seconds=10):
    until = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(is_alive, pids))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("machine")


@pytest.fixture(scope="module")
def machine(folder):
    machine = Machine(folder)
    yield machine
    machine.supervisor.terminate()
    machine.supervisor.wait(35)


@pytest.mark.parametrize("role", ["worker", "monitor", "pusher", "guard"])
def test_f06_f07_a_killed_part_ends_the_whole_cluster_and_a_new_one_works(
    machine, role
):
    old = machine.singing()
    roles, everybody = machine.processes()
    os.kill(roles[role], signal.SIGKILL)
    assert all_gone(everybody)
    assert machine.singing() != old
    ended = "select end_reason from integrations_workergroup where generation = ?"
    assert machine.ask(ended, old)[0][0].startswith("A part of it died")


def test_f06_a_cluster_that_hangs_is_ended_and_told_about_once(machine):
    old = machine.singing()
    roles, everybody = machine.processes()
    os.kill(roles["pusher"], signal.SIGSTOP)
    assert all_gone(everybody, seconds=25)
    assert machine.singing() != old
    told = "select count(*) from errorqueue_alert where key like 'workers:%'"
    assert machine.ask(told) == [(1,)]
    machine.wait_for(f"{told} and closed_at is not null having count(*) = 1")


def test_a_cluster_declared_dead_by_others_is_replaced(machine):
    old = machine.singing()
    _, everybody = machine.processes()
    machine.ask(
        "update integrations_workergroup set ended_at = seen_at where generation = ?",
        old,
    )
    assert all_gone(everybody)
    assert machine.singing() != old


def test_f13_two_worker_groups_share_one_database(machine):
    second = machine.run("work")
    try:
        machine.wait_for(
            "select n from (select count(*) n from integrations_workergroup"
            " where ended_at is null and canary_at is not null) where n = 2"
        )
    finally:
        second.terminate()
        assert second.wait(35) == 0
    assert machine.ask(
        "select max(n) from (select count(*) n from"
        " integrations_scheduleslot group by schedule_id, key)"
    ) in ([(1,)], [(None,)])


def test_f07_nothing_outlives_a_killed_supervisor(machine):
    machine.singing()
    _, everybody = machine.processes()
    machine.supervisor.kill()
    machine.supervisor.wait(5)
    assert all_gone(everybody)
    machine.supervisor = machine.run("work")


def test_f11_a_polite_stop_leaves_nothing_behind_within_30_s(machine):
    last = machine.singing()
    _, everybody = machine.processes()
    begun = time.monotonic()
    machine.supervisor.send_signal(signal.SIGTERM)
    assert machine.supervisor.wait(30) == 0
    assert time.monotonic() - begun < 30 and not any(map(is_alive, everybody))
    ended = "select end_reason from integrations_workergroup where generation = ?"
    assert machine.ask(ended, last) == [("Stopped on purpose",)]
