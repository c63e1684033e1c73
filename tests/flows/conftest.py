"""Nouns for tests: simulated vendors, the demo's configuration, a queue in hand."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
import requests
from django.core.management import call_command
from django.db.models import F
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from errorqueue.models import FailedRecord
from integrations.connectors import http
from integrations.management.demo.keys import DemoKeys, new_keys
from integrations.management.demo.stage import set_stage
from integrations.models import Bell, Connection, Flow, InboxEvent, Slot, SyncRecord
from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.shopify import ShopifySimulator
from integrations.simulators.transport import SimulatorAdapter
from integrations.sync.sweeper import sweep
from tests.flows.kept import configured_or

CONFIGURATION = Path(__file__).parent.parent.parent / "integrations" / "configuration"
SAMPLES = Path(__file__).parent.parent / "samples"
NETSUITE_URL = "http://netsuite.test"
SHOPIFY_URL = "http://shopify.test"
HOOK = "http://waybill.test/hooks/shopify/"


@pytest.fixture(scope="session")
def keys() -> DemoKeys:
    return keys_of_this_run()


@cache
def keys_of_this_run() -> DemoKeys:
    """Make keys once: a fixture that is imported elsewhere is another one there."""
    return new_keys()


@pytest.fixture
def netsuite() -> NetSuiteSimulator:
    return NetSuiteSimulator(account_id="123456_SB1")


@pytest.fixture
def shopify(client) -> ShopifySimulator:
    """A store whose webhooks go through our own door, without sockets."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        path = url.removeprefix("http://waybill.test")
        response = client.post(
            path, data=body, content_type="application/json", headers=dict(headers)
        )
        return response.status_code

    return ShopifySimulator(shop="northwind-outdoor.myshopify.com", post=post)


@pytest.fixture
def vendors(monkeypatch, netsuite, shopify, keys) -> None:
    """Both simulated accounts, staged as in the demo and reachable by `requests`."""
    set_stage(netsuite, shopify, keys.environment(), HOOK)
    new_session = http.new_session

    def simulated() -> requests.Session:
        session = new_session()
        session.mount(NETSUITE_URL, SimulatorAdapter(netsuite))
        session.mount(SHOPIFY_URL, SimulatorAdapter(shopify))
        return session

    monkeypatch.setattr(http, "new_session", simulated)


@pytest.fixture
def demo(transactional_db, monkeypatch, vendors, keys) -> None:
    """The demo's configuration, entered by its own command."""
    for name, value in keys.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEMO_NETSUITE_URL", NETSUITE_URL)
    monkeypatch.setenv("DEMO_SHOPIFY_URL", SHOPIFY_URL)
    configured_or(lambda: configure("roles.yaml", "mappings.yaml", "demo.yaml"))
    # Walks of orders stay quiet; the walks of stock turn it on.
    Flow.objects.filter(slug="netsuite-inventory").update(is_enabled=False)


def configure(*names: str) -> None:
    call_command(
        "configure", *(str(CONFIGURATION / name) for name in names), verbosity=0
    )


@pytest.fixture
def drain(demo) -> Callable[[], int]:
    """Run what is queued, in this process, until nothing is due."""
    return run_queue


def run_queue(rounds: int = 50) -> int:
    """Call queued tasks by their dotted paths; sweep when the queue is empty."""
    done = 0
    for _ in range(rounds):
        rows = list(OrmQ.objects.order_by("pk"))
        if not rows:
            sweep()
            if not OrmQ.objects.exists():
                return done
        for row in rows:
            task = SignedPackage.loads(row.payload)
            row.delete()
            import_string(task["func"])(*task["args"])
            done += 1
    raise AssertionError("the queue never came to rest")


@pytest.fixture
def let_pass(demo) -> Callable[[float], None]:
    """Move everything that waits for a time closer by so many seconds."""

    def let(seconds: float) -> None:
        by = timedelta(seconds=seconds)
        SyncRecord.objects.update(due_at=F("due_at") - by)
        SyncRecord.objects.exclude(lease_until=None).update(
            lease_until=F("lease_until") - by
        )
        SyncRecord.objects.exclude(hold_until=None).update(
            hold_until=F("hold_until") - by
        )
        SyncRecord.objects.exclude(delivered_at=None).update(
            delivered_at=F("delivered_at") - by
        )
        Slot.objects.exclude(lease_until=None).update(lease_until=F("lease_until") - by)
        Bell.objects.exclude(rung_at=None).update(rung_at=F("rung_at") - by)
        InboxEvent.objects.exclude(lease_until=None).update(
            lease_until=F("lease_until") - by
        )
        Connection.objects.exclude(probe_at=None).update(probe_at=F("probe_at") - by)
        Connection.objects.update(
            state_since=F("state_since") - by,
            limited_until=F("limited_until") - by,
            limited_since=F("limited_since") - by,
        )

    return let


@pytest.fixture
def order_line() -> Callable[[str], FailedRecord]:
    """The open line of the error queue about one order."""
    return lambda reference: FailedRecord.objects.open().get(reference=reference)
