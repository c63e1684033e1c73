from datetime import UTC, datetime
from decimal import Decimal

import pytest
import requests

from integrations.connectors import exact, http
from integrations.connectors.errors import (
    AccessRefused,
    PermissionMissing,
    RecordMissing,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
    ServerFault,
)
from integrations.connectors.shopify import standing
from integrations.connectors.shopify.connector import Shopify
from integrations.connectors.shopify.orders import derived
from integrations.simulators.shopify import ShopifySimulator, make_order
from integrations.simulators.transport import SimulatorAdapter
from tests.connectors.line import Surroundings, account
from tests.connectors.shopify.conftest import SHOP
from tests.connectors.shopify.test_orders import parts

APP = {"client_id": "cid", "client_secret": "app-secret"}
SCOPES = ["read_orders", "read_customers", "write_inventory", "read_locations"]


@pytest.fixture
def vendor(monkeypatch) -> ShopifySimulator:
    simulator = ShopifySimulator(shop=SHOP)
    simulator.add_app(*APP.values(), scopes=[*SCOPES, "read_inventory"])
    new_session = http.new_session

    def simulated() -> requests.Session:
        session = new_session()
        session.mount("http://shopify.test", SimulatorAdapter(simulator))
        return session

    monkeypatch.setattr(http, "new_session", simulated)
    return simulator


def connector(**changes) -> Shopify:
    facts = {
        "account_id": SHOP,
        "base_url": "http://shopify.test",
        "api_version": "2026-10",
        "auth_method": "client_credentials",
        "credentials": APP,
        **changes,
    }
    return Shopify(account(**facts), Surroundings().services())


@pytest.fixture
def shopify(vendor) -> Shopify:
    return connector()


def test_app_logs_in_and_its_check_is_good(shopify):
    result = shopify.check()
    assert result.is_good, result


def test_wrong_client_secret_is_an_access_problem(vendor):
    wrong = {**APP, "client_secret": "guess"}
    with pytest.raises(AccessRefused):
        connector(credentials=wrong).probe()


def test_f39_revoked_access_is_an_access_problem(shopify, vendor):
    shopify.probe()
    vendor.revoke_access()
    with pytest.raises(AccessRefused):
        shopify.probe()


def test_f42_version_that_has_ended_is_noticed(vendor):
    with pytest.raises(RequestRefused) as caught:
        connector(api_version="2024-01").probe()
    assert caught.value.code == "API_VERSION"


def test_missing_scope_is_named(vendor):
    vendor.add_app("small", "s", scopes=["read_orders"])
    small = connector(credentials={"client_id": "small", "client_secret": "s"})
    with pytest.raises(PermissionMissing, match="locations|inventory"):
        small.find("location", "name", "Main warehouse")


def test_random_fault_inside_a_good_status_is_a_fault(shopify, vendor):
    vendor.fail_as("INTERNAL_SERVER_ERROR")
    with pytest.raises(ServerFault):
        shopify.probe()


@pytest.fixture
def level(shopify, vendor) -> dict:
    vendor.add_product("TENT-2P", "Tent", "199.00")
    item = shopify.find("inventoryItem", "sku", "TENT-2P")
    place = shopify.find("location", "name", "main warehouse")
    assert len(item) == len(place) == 1
    return {
        "inventoryItemId": item[0].id,
        "locationId": place[0].id,
        "quantity": Decimal("5"),
    }


def test_stock_goes_down_and_up_again(shopify, vendor, level):
    for quantity in (5, 4, 5):
        shopify.upsert("inventoryLevel", {**level, "quantity": quantity}, "k")
        assert vendor.available("TENT-2P") == quantity


def test_unknown_item_is_a_reference_problem(shopify, level):
    wrong = {**level, "inventoryItemId": "gid://shopify/InventoryItem/1"}
    with pytest.raises(ReferenceUnknown):
        shopify.upsert("inventoryLevel", wrong, "k")


def test_user_error_without_a_known_code_is_a_rejected_record(shopify, vendor, level):
    vendor.refuse_next("inventorySetQuantities", "No.", code="INVALID_REASON")
    with pytest.raises(RecordRejected):
        shopify.upsert("inventoryLevel", level, "k")


ORDERS = {
    "plain": {},
    "taxed": {"tax_rate": "0.0825"},
    "included": {"tax_rate": "0.20", "taxes_included": True},
    "two taxes": {"taxes": (("State Tax", "0.06"), ("City Tax", "0.0125"))},
    "marketplace": {"tax_rate": "0.07", "channel_liable": True},
    "discounts": {
        "order_discount": "10.00",
        "line_discounts": {"TENT-2P": "5.00"},
        "tax_rate": "0.07",
    },
    "free shipping": {"shipping_discount": "5.00"},
    "included discount": {
        "order_discount": "3.33",
        "shipping_discount": "2.00",
        "tax_rate": "0.19",
        "taxes_included": True,
    },
    "tip": {"tip": "4.00"},
    "tip line": {"tip": "4.00", "tip_line": True},
    "duties": {"duties": "12.00", "additional_fees": "1.50"},
    "gift card": {"gift_card_sold": "50.00", "gift_card_tender": "20.00"},
    "foreign": {"presentment": ("EUR", "0.9137"), "tax_rate": "0.07"},
    "yen": {"currency": "JPY", "shipping": (("Post", "500"),)},
    "rounded cash": {"cash_rounding": "0.02"},
    "edited": {"edited": {"TENT-2P": 0}},
    "custom": {"custom_line": ("Engraving", "7.00", 1)},
    "long id": {"long_id": True},
    "guest": {"private_data": False},
}


@pytest.mark.parametrize("name", ORDERS)
def test_f79_parts_of_each_kind_of_order_add_up(name):
    payload = exact.loads(exact.dumps(make_order(1001, **ORDERS[name])))
    assert parts(derived(payload)) == Decimal(payload["total_price"])


@pytest.mark.parametrize("name", ORDERS)
def test_each_kind_of_order_is_read_from_its_delivery(shopify, name):
    body = exact.dumps(make_order(1001, **ORDERS[name])).encode()
    found = shopify.read_webhook("orders/create", body)
    assert found.label == "#1001"
    assert found.payload["admin_graphql_api_id"].endswith(found.key)


@pytest.mark.parametrize("name", ORDERS)
def test_f65_order_read_again_says_what_its_delivery_said(shopify, vendor, name):
    placed = vendor.place_order(vendor.new_order(1001, **ORDERS[name]))
    sent = exact.loads(exact.dumps(placed))
    key = shopify.source_object("order", sent).key
    found = shopify.fetch("order", key)
    again, first = derived(found.payload), derived(sent)
    assert again == first
    told = shopify.source_object("order", sent)
    assert (found.key, found.label, found.party) == (told.key, told.label, told.party)
    assert (found.amount, found.changed_at) == (told.amount, told.changed_at)


def test_order_that_is_gone_is_missing(shopify):
    with pytest.raises(RecordMissing, match="read_all_orders"):
        shopify.fetch("order", "404")


def test_order_with_many_lines_is_read_page_by_page(shopify, vendor):
    lines = [(f"SKU-{number}", "Thing", "1.00", 1) for number in range(60)]
    placed = vendor.place_order(vendor.new_order(1001, lines=lines))
    found = shopify.fetch("order", shopify.source_object("order", placed).key)
    assert len(found.skus) == 60


def test_customer_read_again_says_what_its_delivery_said(shopify, vendor):
    sent = vendor.create_customer("jane@example.com")
    found = shopify.fetch("customer", shopify.source_object("customer", sent).key)
    assert found.email == "jane@example.com"
    wanted = sent["default_address"]
    for field in ("address1", "city", "zip", "country_code", "province_code"):
        assert found.payload["default_address"][field] == wanted[field]


def test_what_is_there_still_is_told_with_its_last_change(shopify, vendor):
    order = vendor.place_order(make_order(2001))
    other = vendor.place_order(make_order(2002))
    vendor.delete_order("#2002")
    keys = [str(order["id"]), str(other["id"]), "1"]
    found = shopify.present("order", keys)
    assert found == {keys[0]: datetime.fromisoformat(order["updated_at"])}
    person = str(order["customer"]["id"])
    assert set(shopify.present("customer", [person, "2"])) == {person}
    # An id is that of its kind only.
    assert shopify.present("customer", keys) == {}


def test_an_answer_that_leaves_objects_out_concludes_nothing(shopify, monkeypatch):
    monkeypatch.setattr(shopify.graphql, "run", lambda *asked: {"nodes": [None]})
    with pytest.raises(ServerFault, match="not every object"):
        shopify.present("order", ["1", "2"])


def test_what_was_made_in_a_time_is_listed_whatever_changed_since(shopify, vendor):
    for number, day in ((1, 3), (2, 5), (3, 9)):
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        vendor.place_order(vendor.new_order(number, created_at=at))
    vendor.update_order("#1", note="later")
    since, until = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)
    page = shopify.listing("order", since, until, made=True)
    assert [row.label for row in page.rows] == ["#1", "#2"]
    assert page.rows[0].made_at == datetime(2026, 11, 3, 12, tzinfo=UTC)
    people = shopify.listing("customer", since, until, made=True)
    assert all(since <= row.made_at < until for row in people.rows)


def test_a_number_is_found_as_people_write_it_and_as_an_id(shopify, vendor):
    at = vendor.now()
    first = vendor.place_order(vendor.new_order(1001, created_at=at))
    vendor.place_order(vendor.new_order(10012, created_at=at))
    for number in ("1001", "#1001", str(first["id"])):
        [row] = shopify.listed_as("order", number)
        assert (row.label, row.key) == ("#1001", str(first["id"]))
    for number in ("100", "it's", "9" * 13):
        assert shopify.listed_as("order", number) == []
    key = str(first["customer"]["id"])
    assert [row.key for row in shopify.listed_as("customer", key)] == [key]
    assert shopify.listed_as("customer", "#1001") == []


def test_the_shop_tells_its_own_zone(shopify, vendor):
    assert str(shopify.zone()) == vendor.store.timezone


def test_f65_an_order_read_again_stands_as_its_delivery_said(shopify, vendor):
    lines = [("TENT", "Tent", "249.99", 3), ("STOVE", "Stove", "40.05", 2)]
    for sku in ("TENT", "STOVE"):
        vendor.add_product(sku, sku.title(), "10.00", stock={"Main warehouse": 9})
    vendor.place_order(vendor.new_order(1001, lines, tax_rate="0.0825"))

    def both():
        told = vendor.store.find_order("#1001")
        read = shopify.fetch("order", str(told["id"])).payload
        return (standing.derived(exact.loads(exact.dumps(x))) for x in (read, told))

    vendor.edit_order("#1001", {"TENT": 2})
    read, told = both()
    assert (read["total"], read["lines"]) == (told["total"], told["lines"])
    vendor.fulfil_order("#1001", {"STOVE": 2})
    vendor.refund_order("#1001", {"STOVE": 1}, shipping=True, restock_type="return")
    read, told = both()
    assert [line["quantity"] for line in read["lines"]] == [2, 2]
    assert (read["total"], read["lines"]) == (told["total"], told["lines"])
