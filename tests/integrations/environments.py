"""Two accounts of one company: the same names, other internal ids."""

import pytest

from integrations.connectors import http
from integrations.models import Connection, Flow
from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.transport import SimulatorAdapter
from integrations.sync import accounts
from mappings.models import MappingDocument
from tests.flows.conftest import (
    demo,
    drain,
    keys,
    let_pass,
    netsuite,
    shopify,
    vendors,
)
from tests.flows.test_orders import post_order

__all__ = [
    "books",
    "demo",
    "drain",
    "keys",
    "let_pass",
    "live",
    "netsuite",
    "order_document",
    "post_order",
    "production",
    "renumber",
    "shopify",
    "vendors",
]

PRODUCTION_URL = "http://production.test"


def renumber(simulator: NetSuiteSimulator, record_type: str) -> dict[str, str]:
    """Give every record of a list another id; return the new ids by name."""
    found = simulator.stored(record_type)
    for one in found:
        record = simulator.store.get(record_type, one["id"])
        simulator.store.remove(record, simulator.now())
    names = [one["name"] for one in reversed(found)]
    return {name: simulator.add_value(record_type, name) for name in names}


@pytest.fixture
def production(vendors, keys, monkeypatch) -> NetSuiteSimulator:
    """The production account: its shipping items have other ids, some are not there."""
    made = NetSuiteSimulator(account_id="123456")
    made.add_certificate(
        keys.DEMO_NETSUITE_CLIENT_ID,
        keys.DEMO_NETSUITE_CERTIFICATE_ID,
        keys.DEMO_NETSUITE_CERTIFICATE,
    )
    renumber(made, "shipItem")
    simulated = http.new_session

    def session():
        found = simulated()
        found.mount(PRODUCTION_URL, SimulatorAdapter(made))
        return found

    monkeypatch.setattr(http, "new_session", session)
    return made


@pytest.fixture
def live(demo, production, keys) -> Connection:
    """The production connection beside the demo's sandbox."""
    connection = Connection.objects.create(
        name="NetSuite live",
        slug="netsuite-live",
        system="netsuite",
        environment="production",
        account_id="123456",
        base_url=PRODUCTION_URL,
        api_version="v1",
        namespace="netsuite-123456",
        auth_method="oauth2_certificate",
        allowance=5,
    )
    for name, value in (
        ("client_id", keys.DEMO_NETSUITE_CLIENT_ID),
        ("certificate_id", keys.DEMO_NETSUITE_CERTIFICATE_ID),
        ("private_key", keys.DEMO_NETSUITE_PRIVATE_KEY),
    ):
        accounts.set_credential(connection, name, value, None)
    return connection


@pytest.fixture
def books(demo) -> Connection:
    """The sandbox connection."""
    return Connection.objects.get(slug="netsuite")


@pytest.fixture
def order_document(demo) -> MappingDocument:
    return Flow.objects.get(slug="shopify-orders").mapping
