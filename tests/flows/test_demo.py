"""The whole demo as a new user starts it: real processes, sockets and signals."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.database import migrated

ROOT = Path(__file__).resolve().parents[2]
DELIVERED = 7


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def start_demo(tmp_path):
    """Start `manage.py demo` on ports and a database of its own."""
    started = []

    def start():
        web, netsuite, shopify = free_ports(3)
        environment = {
            **os.environ,
            "WAYBILL_VAR_DIR": str(tmp_path),
            "WAYBILL_PROBE_SECONDS": "1,1,2",
        }
        environment.pop("DATABASE_URL", None)
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        log = tmp_path / f"demo-{len(started)}.log"
        process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "demo", f"--port={web}"),
                *(f"--netsuite-port={netsuite}", f"--shopify-port={shopify}"),
            ],
            cwd=ROOT,
            env=environment,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        started.append(process)
        wait_until(lambda: "Ctrl-C stops everything" in log.read_text(), 120)
        return process, log.read_text(), web, f"http://127.0.0.1:{netsuite}", shopify

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def wait_until(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.3)
    raise AssertionError("it did not happen in time")


def processes_of(folder: Path) -> list[str]:
    """Every process of this machine that works in the demo's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"WAYBILL_VAR_DIR={folder}".encode() in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


def stop(process, folder: Path) -> None:
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    wait_until(lambda: not processes_of(folder), 10)


def test_demo_starts_plays_orders_alerts_and_stops_whole(start_demo, tmp_path):
    process, said, web, netsuite, shopify = start_demo()
    assert "operator   Operators" in said
    assert requests.get(f"http://127.0.0.1:{web}/admin/login/", timeout=10).ok

    def orders() -> int:
        return requests.get(f"{netsuite}/_simulator/state", timeout=10).json()["orders"]

    wait_until(lambda: orders() >= DELIVERED, 120)
    assert orders() == DELIVERED

    mails = tmp_path / "demo" / "mails"
    assert str(mails) in said

    def mails_with(*words: str) -> int:
        texts = [one.read_text() for one in mails.iterdir()]
        return sum(all(word in text for word in words) for text in texts)

    # What fails on purpose is told to the team of the demo, with the way to answer.
    unknown = ("To: operations@example.com", "HAMMOCK-XL", "Acknowledge: http://")
    wait_until(lambda: mails_with(*unknown) == 1, 60)

    requests.post(f"{netsuite}/_simulator/access", json={"allowed": False}, timeout=10)
    requests.post(
        f"http://127.0.0.1:{shopify}/_simulator/orders",
        json={"number": 20001, "lines": [["TENT-2P", "Tent", "249.00", 1]]},
        timeout=10,
    )
    refused = ("To: operations@example.com", "refuses our log-in")
    wait_until(lambda: mails_with(*refused) == 1, 60)
    time.sleep(10)
    assert mails_with(*refused) == 1
    requests.post(f"{netsuite}/_simulator/access", json={"allowed": True}, timeout=10)
    wait_until(lambda: orders() == DELIVERED + 1, 60)
    wait_until(lambda: mails_with("Subject: [Waybill] Over: ") == 1, 60)
    with sqlite3.connect(tmp_path / "waybill.sqlite3") as database:
        dead = database.execute(
            "SELECT count(*) FROM errorqueue_failedrecord WHERE reference = '#20001'"
        )
        assert dead.fetchone() == (0,)
    stop(process, tmp_path)


def test_a_second_start_keeps_what_people_changed(start_demo, tmp_path):
    # The walk above runs every migration; here the first start finds them done.
    shutil.copyfile(migrated(), tmp_path / "waybill.sqlite3")
    process, *_ = start_demo()
    stop(process, tmp_path)
    with sqlite3.connect(tmp_path / "waybill.sqlite3") as database:
        database.execute(
            "UPDATE mappings_valuetablerow SET target = 'DHL Express' "
            "WHERE source = 'Economy'"
        )
    process, _, _, netsuite, _ = start_demo()
    with sqlite3.connect(tmp_path / "waybill.sqlite3") as database:
        [row] = database.execute(
            "SELECT target FROM mappings_valuetablerow WHERE source = 'Economy'"
        )
        addresses = database.execute("SELECT base_url FROM integrations_connection")
        assert netsuite in [address for (address,) in addresses]
    assert row == ("DHL Express",)
    stop(process, tmp_path)
