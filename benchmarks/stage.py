"""The processes of the product, as they run in production, and the stub vendor."""

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests

from integrations.management.processes import Child, manage

READY_SECONDS = 60.0
STOP_SECONDS = 30.0


class Stage:
    """Starts processes and ends them all when it is left."""

    def __init__(self) -> None:
        self.children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in reversed(self.children):
            child.stop(STOP_SECONDS)

    def start(self, name: str, command: list[str], **environment: str) -> Child:
        child = Child(name, command, environment)
        child.start()
        self.children.append(child)
        return child

    def vendor(self, latency: float = 0.0, allowance: int = 10_000) -> "Vendor":
        """Start the stub where the configuration expects NetSuite."""
        url = os.environ["DEMO_NETSUITE_URL"]
        port = str(urlsplit(url).port)
        self.start("vendor", [sys.executable, "-m", "benchmarks.vendor", port])
        wait_for(f"{url}/_stub/stats")
        vendor = Vendor(url)
        vendor.set(latency=latency, allowance=allowance)
        return vendor

    def web(self) -> str:
        """Start gunicorn as the demo does; return its hook address."""
        url = os.environ["WAYBILL_SITE_URL"]
        bind = f"127.0.0.1:{urlsplit(url).port}"
        command = [sys.executable, "-m", "gunicorn"]
        command += ["--config", "python:config.gunicorn", "--bind", bind]
        self.start("web", [*command, "config.wsgi"])
        wait_for(f"{url}/health/")
        return f"{url}/hooks/shopify/"

    def check(self) -> bool:
        """Raise when a process ended that should be at work."""
        for child in self.children:
            if child.process and child.process.poll() is not None:
                raise RuntimeError(f"{child.name} ended with {child.process.poll()}")
        return True

    def workers(self, groups: int = 1) -> list[int]:
        """Start worker groups; return the ids of their first processes."""
        names = [f"workers {number + 1}" for number in range(groups)]
        found = [self.start(name, manage("work")).process for name in names]
        return [process.pid for process in found if process]


class Vendor:
    """The stub, from outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, **settings: float) -> None:
        """Change settings; counting begins anew."""
        address = f"{self.url}/_stub/settings"
        requests.post(address, json=settings, timeout=10).raise_for_status()

    def told(self) -> dict[str, Any]:
        """Return the counts; `busy` is the integral of requests in flight."""
        found: dict[str, Any] = self._get("stats")
        return found

    def arrivals(self) -> list[float]:
        """Return when each request arrived, on this machine's monotonic clock."""
        found: list[float] = self._get("arrivals")
        return found

    def _get(self, what: str) -> Any:
        return requests.get(f"{self.url}/_stub/{what}", timeout=10).json()


def wait_for(address: str) -> None:
    """Return when an address answers at all."""
    until(lambda: _answers(address), f"{address} to answer", READY_SECONDS)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).status_code < 500
    except requests.RequestException:
        return False


def until(
    reached: Callable[[], bool], what: str, seconds: float = 120.0, pause: float = 0.1
) -> None:
    """Wait for a condition; raises TimeoutError."""
    give_up = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)
