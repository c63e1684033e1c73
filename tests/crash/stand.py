"""The stand: everything a run needs, as separate processes on free ports.

    shop ──▶ web, web ──▶ PostgreSQL ◀── work, work ──▶ proxy ──▶ NetSuite (played)
                                                   └────────────▶ Shopify (played)

It starts again what ends, as an init system would: web, workers, database. The
vendors, the proxy and the shop are never struck.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integrations.management.demo.keys import new_keys
from tests.crash.database import Database
from tests.crash.processes import MARK, Child, Sight, send

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "integrations" / "configuration"
STAGE = Path(__file__).with_name("stage.yaml")
READY_SECONDS = 90
# How long the played vendor takes for each answer, so that deaths find calls under way.
VENDOR_SECONDS = 0.2
# The ratios of the real settings, about five times as fast (docs/crash-harness.md).
FAST = {
    "WAYBILL_LEASE_SECONDS": "5",
    "WAYBILL_CALL_TIMEOUT_SECONDS": "6",
    "WAYBILL_DRAIN_SECONDS": "11",
    "WAYBILL_SWEEP_SECONDS": "1",
    "WAYBILL_CANARY_SECONDS": "8",
    "WAYBILL_LATE_SECONDS": "20",
    "WAYBILL_PROBE_SECONDS": "1,1,2",
    "WAYBILL_BREAKER_SECONDS": "2,4",
    "WAYBILL_BELL_SECONDS": "4",
    "WAYBILL_WORKERS": "3",
}


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    doors = [socket.socket() for _ in range(count)]
    for door in doors:
        door.bind(("127.0.0.1", 0))
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return ports


@dataclass
class Stand:
    """All processes of one run; use it as a context."""

    seed: int
    settings: str = "config.settings"
    groups: int = 2
    webs: int = 2
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.run = uuid.uuid4().hex
        self.folder = Path(tempfile.mkdtemp(prefix=f"waybill-crash-{self.seed}-"))
        self.folder.chmod(0o711)
        self.failpoints = self.folder / "failpoints"
        self.journals = self.folder / "journals"
        self.ledger = self.folder / "sent.jsonl"
        for place in (self.failpoints, self.journals, self.folder / "logs"):
            place.mkdir()
        names = ("database", "netsuite", "shopify", "proxy", "control")
        ports = free_ports(len(names) + self.webs)
        self.ports = dict(zip(names, ports[: len(names)], strict=True))
        self.web_ports = ports[len(names) :]
        self.database = Database(self.folder / "postgres", self.ports["database"])
        self.sight = Sight(self.run)
        self.environment = self._environment()
        self.children: dict[str, Child] = {}
        self.kept: list[str] = []

    def __enter__(self) -> "Stand":
        try:
            self._prepare()
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def vendor_control(self, what: str) -> str:
        return f"{self.url('netsuite')}/_simulator/{what}"

    @property
    def hooks(self) -> list[str]:
        return [f"http://127.0.0.1:{port}/hooks/shopify/" for port in self.web_ports]

    def _environment(self) -> dict[str, str]:
        keys = new_keys().environment()
        inherited = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "TZ")
            if name in os.environ
        }
        return {
            **inherited,
            **FAST,
            **keys,
            MARK: self.run,
            "DJANGO_SETTINGS_MODULE": self.settings,
            "DATABASE_URL": self.database.url,
            "DEMO_NETSUITE_URL": self.url("proxy"),
            "DEMO_SHOPIFY_URL": self.url("shopify"),
            "WAYBILL_SITE_URL": f"http://127.0.0.1:{self.web_ports[0]}",
            "WAYBILL_VAR_DIR": str(self.folder / "var"),
            "WAYBILL_FAILPOINTS": str(self.failpoints),
            "EMAIL_URL": f"filemail:///{self.folder / 'mails'}",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
            **self.extra,
        }

    def _prepare(self) -> None:
        (self.folder / "mails").mkdir()
        self.database.create()
        self._manage("migrate", "--verbosity=0")
        self._manage("collectstatic", "--no-input", "--verbosity=0")
        names = (CONFIGURATION / "roles.yaml", CONFIGURATION / "mappings.yaml", STAGE)
        self._manage("configure", *(str(name) for name in names))

    def _manage(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments[0]}: {done.stdout}\n{done.stderr}")

    def _start(self) -> None:
        python = sys.executable
        manage = [python, str(ROOT / "manage.py")]
        self.child(
            "vendors",
            *(*manage, "simulators", f"--netsuite-port={self.ports['netsuite']}"),
            *(f"--shopify-port={self.ports['shopify']}", f"--hook={self.hooks[0]}"),
            f"--journal={self.journals}",
        )
        self.child(
            "proxy",
            *(python, "-m", "tests.crash.proxy", "--listen", str(self.ports["proxy"])),
            *("--target", f"127.0.0.1:{self.ports['netsuite']}", f"--seed={self.seed}"),
            *("--control", str(self.ports["control"])),
        )
        for number, port in enumerate(self.web_ports):
            self.child(f"web{number}", *self._gunicorn(port), keep=True)
        for number in range(self.groups):
            self.child(f"group{number}", *manage, "work", keep=True)
        for port in self.web_ports:
            wait_for(f"http://127.0.0.1:{port}/health/", self)
        wait_for(self.url("netsuite"), self)
        wait_for(self.url("shopify"), self)
        post(self.vendor_control("settings"), {"latency": VENDOR_SECONDS})

    def _gunicorn(self, port: int) -> list[str]:
        return [
            *(sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"),
            *("--bind", f"127.0.0.1:{port}", "--workers", "1", "config.wsgi"),
        ]

    def child(self, name: str, *command: str, keep: bool = False) -> Child:
        """Start a process of the run; `keep` starts it again whenever it ends."""
        log = self.folder / "logs" / f"{name}.log"
        child = Child(name, command, self.environment, log, ROOT)
        child.start()
        self.children[name] = child
        if keep:
            self.kept.append(name)
        return child

    def keep_alive(self) -> list[str]:
        """Start again what ended; return the names of those that had."""
        ended = [
            name
            for name in self.kept
            if not self.children[name].is_alive and self.children[name].may_start
        ]
        for name in ended:
            self.children[name].start()
        return ended

    def close(self) -> None:
        """End every process of the run, whatever it thinks of that."""
        for child in self.children.values():
            child.kill()
        for _ in range(20):
            left = self.sight.look()
            for pid in left:
                send(pid, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.1)
        self.database.stop()

    def clear(self) -> None:
        """Throw the run's folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def wait_for(address: str, stand: Stand) -> None:
    """Return when `address` answers; raises TimeoutError."""
    give_up = time.monotonic() + READY_SECONDS
    while time.monotonic() < give_up:
        stand.keep_alive()
        if answers(address):
            return
        time.sleep(0.2)
    raise TimeoutError(f"{address} did not answer; see {stand.folder / 'logs'}")


def post(address: str, body: dict[str, Any] | None, method: str = "POST") -> bool:
    """Send JSON to a control of the stand; say whether it was taken."""
    request = urllib.request.Request(
        address,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=3) as answer:
            return bool(answer.status < 300)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{address} refused {body}: {error.read()!r}") from error
    except OSError:
        return False
