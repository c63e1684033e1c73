"""How many calls twenty thousand SKUs cost; docs/stock.md tells these figures."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import requests

from integrations.connectors import http
from integrations.connectors.netsuite.connector import NetSuite
from integrations.connectors.shopify.connector import Shopify
from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.shopify import ShopifySimulator
from integrations.simulators.transport import SimulatorAdapter
from tests.connectors.line import Surroundings, account
from tests.connectors.netsuite.conftest import TBA
from tests.connectors.shopify.conftest import SHOP

SKUS = 20_000


@pytest.fixture
def reach(monkeypatch):
    """Let a simulated account be reached at an address."""
    new_session, reached = http.new_session, {}

    def simulated() -> requests.Session:
        session = new_session()
        for address, simulator in reached.items():
            session.mount(address, SimulatorAdapter(simulator))
        return session

    monkeypatch.setattr(http, "new_session", simulated)
    return reached.__setitem__


def test_reading_all_of_netsuite_and_a_quiet_minute(reach):
    vendor = NetSuiteSimulator(account_id="123456_SB1")
    vendor.add_token(*TBA.values())
    for number in range(SKUS):
        vendor.add_item(f"S-{number}")
        vendor.set_stock(f"S-{number}", "Main warehouse", 5)
    for level in vendor.store.stock.values():
        level.changed_at = level.changed_at.replace(year=2020)
    vendor.set_stock("S-7", "Main warehouse", 4)
    reach("http://netsuite.test", vendor)
    given = account(base_url="http://netsuite.test", credentials=TBA)
    netsuite = NetSuite(given, Surroundings().services())
    found = list(netsuite.changes("inventory", ""))
    assert (len(found), len(vendor.journal)) == (SKUS, 23)
    rest = netsuite.rest("inventory", found[-1][1])
    list(netsuite.changes("inventory", rest))
    assert len(vendor.journal) - 23 == 3


def test_comparing_with_what_the_shop_holds(reach):
    # A clock that runs fast gives points back as the pauses between batches do.
    began, seconds = datetime.now(UTC), count()
    now = lambda: began + timedelta(seconds=next(seconds))  # noqa: E731
    vendor = ShopifySimulator(shop=SHOP, now=now)
    vendor.add_app("cid", "secret", scopes=["read_inventory", "read_locations"])
    for number in range(SKUS):
        vendor.add_product(f"S-{number}", "S", "1.00", stock=3)
    reach("http://shopify.test", vendor)
    facts = {"account_id": SHOP, "base_url": "http://shopify.test"}
    login = {"client_id": "cid", "client_secret": "secret"}
    given = account(
        **facts,
        api_version="2026-10",
        auth_method="client_credentials",
        credentials=login,
    )
    shopify = Shopify(given, Surroundings().services())
    place = vendor.store.location("Main warehouse").gid
    sent = {f"{one.item_gid}@{place}": {"quantity": 3} for one in vendor.store.variants}
    assert shopify.strayed("inventoryLevel", sent) == []
    asked = [call for call in vendor.journal if "WaybillHeld" in call.request]
    assert len(asked) == 200
