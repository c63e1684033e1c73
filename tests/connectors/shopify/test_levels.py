"""Stock levels against the simulated shop, which sells from them meanwhile."""

import json
from types import SimpleNamespace

import pytest
import requests

from integrations.connectors import http
from integrations.connectors.errors import (
    RecordBusy,
    RecordConflict,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
)
from integrations.connectors.shopify import levels
from integrations.connectors.shopify.connector import Shopify
from integrations.simulators.shopify import ShopifySimulator
from integrations.simulators.transport import SimulatorAdapter
from tests.connectors.line import Surroundings, account
from tests.connectors.shopify.conftest import SHOP

APP = {"client_id": "cid", "client_secret": "app-secret"}
SCOPES = ["read_inventory", "write_inventory", "read_locations"]


@pytest.fixture
def vendor(monkeypatch) -> ShopifySimulator:
    simulator = ShopifySimulator(shop=SHOP)
    simulator.add_app(*APP.values(), scopes=SCOPES)
    simulator.add_product("TENT-2P", "Tent", "199.00", stock=10)
    new_session = http.new_session

    def simulated() -> requests.Session:
        session = new_session()
        session.mount("http://shopify.test", SimulatorAdapter(simulator))
        return session

    monkeypatch.setattr(http, "new_session", simulated)
    return simulator


@pytest.fixture(params=["2026-10", "2026-04"])
def shopify(vendor, request) -> Shopify:
    facts = {"account_id": SHOP, "base_url": "http://shopify.test"}
    version = {"api_version": request.param, "auth_method": "client_credentials"}
    given = account(**facts, **version, credentials=APP)
    return Shopify(given, Surroundings().services())


@pytest.fixture
def level(shopify, vendor) -> dict:
    variant = vendor.find_variant("TENT-2P")
    place = vendor.store.location("Main warehouse")
    return {"inventoryItemId": variant.item_gid, "locationId": place.gid, "quantity": 5}


@pytest.fixture
def sell(monkeypatch, vendor):
    """Sell down to each of these quantities, between reading and setting."""

    def selling(*left: int) -> None:
        waiting, swap = list(left), levels._swap

        def sold_first(*given) -> None:
            if waiting:
                vendor.set_stock("TENT-2P", waiting.pop(0))
            swap(*given)

        monkeypatch.setattr(levels, "_swap", sold_first)

    return selling


def asked(vendor, name: str) -> list[dict]:
    """Return the variables of each call of one query or mutation."""
    calls = [call for call in vendor.journal if f" {name}(" in call.request]
    return [json.loads(call.request)["variables"] for call in calls]


def quantities(vendor) -> list[tuple[int, int]]:
    rows = [one["input"]["quantities"][0] for one in asked(vendor, "WaybillStock")]
    return [(row["changeFromQuantity"], row["quantity"]) for row in rows]


def test_a_level_is_swapped_from_what_it_held(shopify, vendor, level):
    shopify.upsert("inventoryLevel", level, "k")
    assert vendor.available("TENT-2P") == 5
    assert quantities(vendor) == [(10, 5)]


def test_a_sale_in_between_is_read_and_set_again(shopify, vendor, level, sell):
    sell(9, 7)
    shopify.upsert("inventoryLevel", level, "k")
    assert vendor.available("TENT-2P") == 5
    assert quantities(vendor) == [(10, 5), (9, 5), (7, 5)]
    keys = [one["once"] for one in asked(vendor, "WaybillStock")]
    assert len(set(keys)) == 3


def test_a_level_sold_from_without_end_is_left_for_a_moment(
    shopify, vendor, level, sell
):
    sell(9, 8, 7, 6, 4, 3, 2, 1)
    with pytest.raises(RecordBusy, match="5 was not set"):
        shopify.upsert("inventoryLevel", level, "k")
    assert len(quantities(vendor)) == levels.MOST_TRIES
    assert vendor.available("TENT-2P") == 4


def test_no_try_begins_after_the_deadline(shopify, vendor, level, sell, monkeypatch):
    sell(9, 8)
    now = iter([0.0, shopify.services.timeout + 1])
    clock = SimpleNamespace(monotonic=lambda: next(now))
    monkeypatch.setattr(levels, "time", clock)
    with pytest.raises(RecordBusy):
        shopify.upsert("inventoryLevel", level, "k")
    assert quantities(vendor) == [(10, 5)]


def test_a_level_that_holds_it_already_is_left_alone(shopify, vendor, level):
    shopify.upsert("inventoryLevel", {**level, "quantity": 10}, "k")
    assert quantities(vendor) == []


def test_f30_a_repeat_after_a_lost_answer_sets_nothing(shopify, vendor, level):
    shopify.upsert("inventoryLevel", level, "k")
    shopify.upsert("inventoryLevel", level, "k")
    assert quantities(vendor) == [(10, 5)]


def test_an_older_request_that_lands_late_changes_nothing(shopify, vendor, level):
    """What is sent is refused once the level moved on, also by our own newer write."""
    old = levels.Wanted(level["inventoryItemId"], level["locationId"], 8, True)
    shopify.upsert("inventoryLevel", level, "k")
    with pytest.raises(RecordConflict):
        levels._swap(shopify.graphql, old, 10, "k")
    assert vendor.available("TENT-2P") == 5


def second_place(vendor) -> str:
    return vendor.store.location("Outlet").gid


def test_an_item_is_stocked_where_its_level_is_to_be(shopify, vendor, level):
    elsewhere = {**level, "locationId": second_place(vendor)}
    shopify.upsert("inventoryLevel", elsewhere, "k")
    assert vendor.available("TENT-2P", "Outlet") == 5
    assert vendor.available("TENT-2P", "Main warehouse") == 10
    assert len(asked(vendor, "WaybillStockHere")) == 1


def test_nothing_is_stocked_for_a_quantity_of_none(shopify, vendor, level):
    nothing = {**level, "locationId": second_place(vendor), "quantity": 0}
    shopify.upsert("inventoryLevel", nothing, "k")
    assert asked(vendor, "WaybillStockHere") == []
    assert len(vendor.store.levels) == 1


@pytest.mark.parametrize("no", [False, "false"])
def test_the_mapping_may_forbid_to_stock_it_there(shopify, vendor, level, no):
    elsewhere = {**level, "locationId": second_place(vendor), "stockHere": no}
    with pytest.raises(RecordRejected, match="Tick the location") as caught:
        shopify.upsert("inventoryLevel", elsewhere, "k")
    assert list(caught.value.fields) == ["locationId"]
    assert asked(vendor, "WaybillStockHere") == []


def test_what_shopify_will_not_stock_names_the_location(shopify, vendor, level):
    elsewhere = {**level, "locationId": second_place(vendor)}
    vendor.refuse_next("inventoryActivate", "Not allowed to stock here.")
    with pytest.raises(RecordRejected, match="Not allowed to stock here") as caught:
        shopify.upsert("inventoryLevel", elsewhere, "k")
    assert list(caught.value.fields) == ["locationId"]


def test_an_untracked_item_says_how_to_track_it(shopify, vendor, level):
    vendor.find_variant("TENT-2P").tracked = False
    with pytest.raises(RecordRejected, match="Turn on Track quantity") as caught:
        shopify.upsert("inventoryLevel", level, "k")
    assert list(caught.value.fields) == ["inventoryItemId"]
    assert "TENT-2P" in caught.value.fields["inventoryItemId"]


def test_a_deactivated_location_says_what_to_do(shopify, vendor, level):
    vendor.store.location("Main warehouse").active = False
    with pytest.raises(RecordRejected, match="Activate it there") as caught:
        shopify.upsert("inventoryLevel", level, "k")
    assert list(caught.value.fields) == ["locationId"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("inventoryItemId", "gid://shopify/InventoryItem/1"),
        ("locationId", "gid://shopify/Location/1"),
    ],
)
def test_what_was_deleted_is_named_by_its_field(shopify, level, field, value):
    """The name is the mapping's, so that a kept look-up is dropped and asked anew."""
    with pytest.raises(ReferenceUnknown, match="deleted") as caught:
        shopify.upsert("inventoryLevel", {**level, field: value}, "k")
    assert list(caught.value.fields) == [field]


def test_a_bundle_is_refused_with_what_to_do(shopify, vendor, level):
    vendor.find_variant("TENT-2P").bundle = True
    with pytest.raises(RecordRejected, match="rule of the mapping") as caught:
        shopify.upsert("inventoryLevel", level, "k")
    assert list(caught.value.fields) == ["inventoryItemId"]


@pytest.mark.parametrize("missing", ["inventoryItemId", "locationId"])
def test_a_level_without_a_place_is_not_sent(shopify, vendor, level, missing):
    with pytest.raises(RequestRefused):
        shopify.upsert("inventoryLevel", {**level, missing: ""}, "k")
    assert vendor.journal == []


@pytest.mark.parametrize(("back", "left"), [("2", 3), (0, 5), (None, 5), ("9", 0)])
def test_what_is_kept_back_is_not_offered(shopify, vendor, level, back, left):
    shopify.upsert("inventoryLevel", {**level, "keepBack": back}, "k")
    assert vendor.available("TENT-2P") == left


@pytest.mark.parametrize("back", ["-1", "some", "1.5"])
def test_a_safety_stock_that_makes_no_sense_names_its_field(
    shopify, vendor, level, back
):
    with pytest.raises(RecordRejected) as caught:
        shopify.upsert("inventoryLevel", {**level, "keepBack": back}, "k")
    assert list(caught.value.fields) == ["keepBack"]
    assert vendor.journal == []


def test_levels_that_offer_more_than_was_sent_are_found(shopify, vendor, level):
    vendor.add_product("MUG", "Mug", "9.00", stock=3)
    vendor.add_product("ROPE", "Rope", "9.00", stock=3)
    mug, rope = (vendor.find_variant(sku).item_gid for sku in ("MUG", "ROPE"))
    place = level["locationId"]
    sent = {
        f"{level['inventoryItemId']}@{place}": {"quantity": 12, "keepBack": "3"},
        f"{mug}@{place}": {"quantity": 4},
        f"{rope}@{place}": {"quantity": 3},
        f"{mug}@{second_place(vendor)}": {"quantity": 0},
        f"gid://shopify/InventoryItem/1@{place}": {"quantity": 0},
    }
    found = shopify.strayed("inventoryLevel", sent)
    assert found == [f"{level['inventoryItemId']}@{place}"]
    assert len(asked(vendor, "WaybillHeld")) == 2


def test_thousands_of_levels_are_compared_a_hundred_at_a_time(shopify, vendor, level):
    place = level["locationId"]
    for number in range(450):
        vendor.add_product(f"S-{number}", "S", "1.00", stock=3)
    sent = {f"{one.item_gid}@{place}": {"quantity": 3} for one in vendor.store.variants}
    assert len(shopify.strayed("inventoryLevel", sent)) == 1
    assert len(asked(vendor, "WaybillHeld")) == 5
