import pytest

from tests.simulators.shopify_shop import Shop

SET = """
mutation Stock($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup {
      id createdAt reason referenceDocumentUri
      changes { name delta quantityAfterChange item { sku } location { name } }
    }
    userErrors { field message code }
  }
}
"""
BARE = """
mutation Stock($input: InventorySetQuantitiesInput!) {
  inventorySetQuantities(input: $input) { userErrors { code message } }
}
"""


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.simulator.add_product("BAG", "Bag", "20.00", stock=10)
    return shop


def ids(shop, sku="BAG"):
    store = shop.simulator.store
    item = next(x.item_gid for x in store.variants if x.sku == sku)
    return {"inventoryItemId": item, "locationId": store.locations[0].gid}


def wanted(shop, quantity=25, **changes):
    row = {**ids(shop), "quantity": quantity, "changeFromQuantity": None}
    return {
        "name": "available",
        "reason": "correction",
        "referenceDocumentUri": "waybill://stock/1",
        "quantities": [row],
        **changes,
    }


def put(shop, asked, key="key-1", **more):
    return shop.data(SET, {"input": asked, "key": key}, **more)[
        "inventorySetQuantities"
    ]


def codes(answer):
    return [error["code"] for error in answer["userErrors"]]


def test_setting_available_moves_on_hand_along(shop):
    answer = put(shop, wanted(shop))
    group = answer["inventoryAdjustmentGroup"]
    assert answer["userErrors"] == []
    assert group["reason"] == "correction"
    assert [
        (c["name"], c["delta"], c["quantityAfterChange"]) for c in group["changes"]
    ] == [
        ("available", 15, None),
        ("on_hand", 15, None),
    ]
    assert shop.simulator.available("BAG") == 25


def test_on_hand_counts_what_is_committed(shop):
    shop.place(1001, [("BAG", "Bag", "20.00", 4)])
    put(shop, wanted(shop, 50, name="on_hand"))
    query = """query Q($item: ID!, $place: ID!) { inventoryItem(id: $item) {
      inventoryLevel(locationId: $place) {
        quantities(names: ["available", "committed", "on_hand"]) { name quantity }
    } } }"""
    pair = ids(shop)
    found = shop.data(
        query, {"item": pair["inventoryItemId"], "place": pair["locationId"]}
    )["inventoryItem"]["inventoryLevel"]["quantities"]
    assert {x["name"]: x["quantity"] for x in found} == {
        "available": 46,
        "committed": 4,
        "on_hand": 50,
    }


@pytest.mark.parametrize("version", ["2026-04", "2026-07", "2026-10"])
def test_directive_is_required_since_2026_04(shop, version):
    body = shop.ask(BARE, {"input": wanted(shop)}, version=version).json()
    assert body["data"] == {"inventorySetQuantities": None}
    assert body["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert body["errors"][0]["message"] == (
        "The @idempotent directive is required for this mutation but was not provided."
    )
    assert shop.simulator.available("BAG") == 10


def test_directive_and_expectation_were_optional_before(shop):
    asked = wanted(shop)
    del asked["quantities"][0]["changeFromQuantity"]
    asked["ignoreCompareQuantity"] = True
    assert shop.data(BARE, {"input": asked}, version="2026-01")
    assert shop.simulator.available("BAG") == 25


def test_missing_expectation_is_an_argument_error(shop):
    asked = wanted(shop)
    del asked["quantities"][0]["changeFromQuantity"]
    error = shop.errors(SET, {"input": asked, "key": "k"})[0]
    assert error["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"
    assert error["message"] == (
        "InventoryQuantityInput must include the following argument: "
        "changeFromQuantity."
    )


def test_old_compare_fields_are_not_defined_any_more(shop):
    asked = wanted(shop, ignoreCompareQuantity=True)
    error = shop.errors(SET, {"input": asked, "key": "k"})[0]
    assert error["extensions"]["code"] == "INVALID_VARIABLE"
    assert error["extensions"]["problems"] == [
        {
            "path": ["ignoreCompareQuantity"],
            "explanation": "Field is not defined on InventorySetQuantitiesInput",
        }
    ]


def test_sale_in_between_makes_the_expectation_stale(shop):
    asked = wanted(shop)
    asked["quantities"][0]["changeFromQuantity"] = 10
    shop.place(1001, [("BAG", "Bag", "20.00", 1)])
    answer = put(shop, asked)
    assert answer["inventoryAdjustmentGroup"] is None
    assert codes(answer) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert answer["userErrors"][0]["field"] == [
        "input",
        "quantities",
        "0",
        "changeFromQuantity",
    ]
    asked["quantities"][0]["changeFromQuantity"] = 9
    assert codes(put(shop, asked)) == []


def test_unknown_item_and_location_come_together(shop):
    row = {
        "inventoryItemId": "gid://shopify/InventoryItem/1",
        "locationId": "gid://shopify/Location/1",
        "quantity": 1,
        "changeFromQuantity": None,
    }
    answer = put(shop, wanted(shop, quantities=[row]))
    assert codes(answer) == ["INVALID_INVENTORY_ITEM", "INVALID_LOCATION"]
    assert answer["userErrors"][0] == {
        "field": ["input", "quantities", "0", "inventoryItemId"],
        "message": "The specified inventory item could not be found.",
        "code": "INVALID_INVENTORY_ITEM",
    }


def test_one_bad_row_fails_the_whole_call(shop):
    shop.simulator.add_product("MUG", "Mug", "5.00", stock=1)
    good = wanted(shop)["quantities"][0]
    bad = {**ids(shop, "MUG"), "quantity": -1, "changeFromQuantity": None}
    answer = put(shop, wanted(shop, quantities=[good, bad]))
    assert codes(answer) == ["INVALID_QUANTITY_NEGATIVE"]
    assert shop.simulator.available("BAG") == 10


def test_same_pair_twice_is_one_error_per_duplicate(shop):
    row = wanted(shop)["quantities"][0]
    answer = put(shop, wanted(shop, quantities=[row, row, row]))
    assert codes(answer) == ["NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"] * 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "committed"}, "INVALID_NAME"),
        ({"reason": "because"}, "INVALID_REASON"),
        ({"referenceDocumentUri": "not a uri"}, "INVALID_REFERENCE_DOCUMENT"),
        ({"quantity": 1_000_000_001}, "INVALID_QUANTITY_TOO_HIGH"),
        ({"quantity": -1_000_000_001}, "INVALID_QUANTITY_TOO_LOW"),
    ],
)
def test_bad_input_is_named_by_its_code(shop, changes, code):
    assert codes(put(shop, wanted(shop, **changes))) == [code]


def test_bundle_cannot_be_stocked(shop):
    shop.simulator.add_product("SET", "Set", "50.00", stock=1, bundle=True)
    row = {**ids(shop, "SET"), "quantity": 1, "changeFromQuantity": None}
    answer = put(shop, wanted(shop, quantities=[row]))
    assert codes(answer) == ["NON_MUTABLE_INVENTORY_ITEM"]


def test_any_location_can_be_stocked_since_2026_10(shop):
    place = shop.simulator.store.location("Second depot")
    row = {**wanted(shop)["quantities"][0], "locationId": place.gid}
    asked = wanted(shop, quantities=[row])
    refused = put(shop, asked, version="2026-07")
    assert codes(refused) == ["ITEM_NOT_STOCKED_AT_LOCATION"]
    assert codes(put(shop, asked, version="2026-10")) == []
    assert shop.simulator.available("BAG", "Second depot") == 25


def test_known_key_gets_the_first_answer_again(shop):
    first = put(shop, wanted(shop))
    shop.simulator.set_stock("BAG", 3)
    assert put(shop, wanted(shop)) == first
    assert shop.simulator.available("BAG") == 3


def test_known_key_with_other_input_is_a_mismatch(shop):
    put(shop, wanted(shop))
    answer = put(shop, wanted(shop, 26))
    assert codes(answer) == ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]
    assert answer["userErrors"][0]["field"] is None


@pytest.mark.parametrize(
    "code", ["IDEMPOTENCY_CONCURRENT_REQUEST", "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"]
)
def test_other_key_faults_can_be_forced_once(shop, code):
    shop.simulator.refuse_next("inventorySetQuantities", "Try again.", code=code)
    assert codes(put(shop, wanted(shop))) == [code]
    assert codes(put(shop, wanted(shop))) == []


def test_more_than_250_rows_are_refused_at_once(shop):
    row = wanted(shop)["quantities"][0]
    error = shop.errors(
        SET, {"input": wanted(shop, quantities=[row] * 251), "key": "k"}
    )
    assert error[0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_reading_scope_does_not_write(shop):
    shop.simulator.add_token("shpat_reader", ["read_inventory"])
    error = shop.errors(SET, {"input": wanted(shop), "key": "k"}, token="shpat_reader")
    assert error[0]["extensions"]["requiredAccess"] == "`write_inventory` access scope."
    assert shop.simulator.available("BAG") == 10


def test_every_change_of_stock_is_echoed_by_webhook(shop):
    shop.simulator.subscribe("inventory_levels/update", "https://a.example/")
    put(shop, wanted(shop))
    put(shop, wanted(shop), key="key-2")
    shop.place(1001, [("BAG", "Bag", "20.00", 2)])
    shop.simulator.set_stock("BAG", 7)
    shop.simulator.deliver_due()
    bodies = [body for _, body, _ in shop.receiver.got]
    assert [b.partition(b'"available":')[2].partition(b",")[0] for b in bodies] == [
        b"25",
        b"23",
        b"7",
    ]
    assert b"sku" not in bodies[0]


ACTIVATE = """
mutation Stock($item: ID!, $place: ID!, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $place)
  @idempotent(key: $key) {
    inventoryLevel { quantities(names: ["available"]) { quantity } }
    userErrors { field message }
  }
}
"""


def activated(shop, place, **changes):
    asked = {"item": ids(shop)["inventoryItemId"], "place": place, "key": "k-1"}
    return shop.data(ACTIVATE, {**asked, **changes})["inventoryActivate"]


def test_an_item_is_stocked_at_another_location_with_nothing_there(shop):
    place = shop.simulator.store.location("Outlet").gid
    for _ in range(2):
        answer = activated(shop, place)
        assert answer["userErrors"] == []
        assert answer["inventoryLevel"]["quantities"] == [{"quantity": 0}]
    assert len(shop.simulator.store.levels) == 2


def test_activating_a_level_that_stands_keeps_its_quantity(shop):
    level = activated(shop, ids(shop)["locationId"])["inventoryLevel"]
    assert level["quantities"] == [{"quantity": 10}]


def test_what_cannot_be_activated_has_an_error_without_a_code(shop):
    (error,) = activated(shop, "gid://shopify/Location/1")["userErrors"]
    assert error["field"] == ["locationId"]
    (error,) = activated(shop, "x", item="gid://shopify/InventoryItem/1")["userErrors"]
    assert error["field"] == ["inventoryItemId"]


def test_activating_needs_the_directive_too(shop):
    bare = ACTIVATE.replace("@idempotent(key: $key)", "").replace(", $key: String!", "")
    asked = {"item": ids(shop)["inventoryItemId"], "place": ids(shop)["locationId"]}
    (error,) = shop.errors(bare, asked)
    assert "@idempotent directive is required" in error["message"]
