"""Fulfilment orders and fulfilments: places, holds, pieces, words, no second chance."""

import json
from pathlib import Path

import pytest

from tests.simulators.shopify_life import EVERYTHING, LINES, LifeShop

SAMPLES = Path(__file__).parents[1] / "samples"
SAMPLE = "shopify-webhook-fulfillments-create.2026-04.json"
CREATE = """
mutation Send($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment {
      id status displayStatus totalQuantity
      trackingInfo { company number url }
      fulfillmentLineItems(first: 5) { nodes { quantity lineItem { sku } } }
    }
    userErrors { field message }
  }
}
"""
TRACK = """
mutation Track($id: ID!, $info: FulfillmentTrackingInput!) {
  fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $info) {
    fulfillment { status displayStatus trackingInfo { company number url } }
    userErrors { field message }
  }
}
"""
CANCEL = """
mutation Cancel($id: ID!) {
  fulfillmentCancel(id: $id) {
    fulfillment { status displayStatus }
    userErrors { field message }
  }
}
"""
READ = """
query Order($id: ID!) {
  order(id: $id) {
    displayFulfillmentStatus
    fulfillments(first: 10) { id name status trackingInfo { number } }
    fulfillmentOrders(first: 10) {
      nodes {
        id status requestStatus orderName
        assignedLocation { name location { id } }
        deliveryMethod { methodType }
        supportedActions { action }
        fulfillmentHolds { reason reasonNotes }
        lineItems(first: 10) {
          nodes {
            id sku totalQuantity remainingQuantity inventoryItemId
            lineItem { id sku quantity }
          }
        }
      }
    }
  }
}
"""


@pytest.fixture
def shop() -> LifeShop:
    return LifeShop()


def read(shop, order):
    return shop.ask_all(READ, {"id": order["admin_graphql_api_id"]})["order"]


def left(shop, order):
    return read(shop, order)["fulfillmentOrders"]["nodes"]


def send(shop, *rows, **more):
    asked = {"lineItemsByFulfillmentOrder": list(rows), **more}
    return shop.ask_all(CREATE, {"fulfillment": asked})["fulfillmentCreate"]


def all_of(one):
    return {"fulfillmentOrderId": one["id"]}


def pieces(one, index, quantity):
    row = {"id": one["lineItems"]["nodes"][index]["id"], "quantity": quantity}
    return {**all_of(one), "fulfillmentOrderLineItems": [row]}


def messages(answer):
    assert answer["fulfillment"] is None
    assert {tuple(x["field"]) for x in answer["userErrors"]} == {("fulfillment",)}
    return [x["message"] for x in answer["userErrors"]]


def test_fulfilment_order_lines_are_not_order_lines(shop):
    order = shop.order()
    (one,) = left(shop, order)
    assert one["status"] == "OPEN"
    assert one["requestStatus"] == "UNSUBMITTED"
    assert one["assignedLocation"]["name"] == "Main warehouse"
    rows = one["lineItems"]["nodes"]
    assert [(x["sku"], x["totalQuantity"], x["remainingQuantity"]) for x in rows] == [
        ("BAG", 3, 3),
        ("MUG", 2, 2),
    ]
    assert all(x["id"] != x["lineItem"]["id"] for x in rows)
    assert "FulfillmentOrderLineItem" in rows[0]["id"]


def test_line_that_no_place_has_in_full_is_split_over_places(shop):
    shop.simulator.add_product("TENT", "Tent", "99.00", stock={"East": 2, "West": 2})
    order = shop.order(lines=[("TENT", "Tent", "99.00", 3)])
    rows = {
        one["assignedLocation"]["name"]: one["lineItems"]["nodes"][0]
        for one in left(shop, order)
    }
    assert {name: row["remainingQuantity"] for name, row in rows.items()} == {
        "West": 2,
        "East": 1,
    }
    assert rows["East"]["lineItem"]["id"] == rows["West"]["lineItem"]["id"]
    assert rows["East"]["id"] != rows["West"]["id"]
    assert shop.simulator.available("TENT", "East") == 1
    assert shop.simulator.available("TENT", "West") == 0


def test_goods_that_are_not_shipped_stand_apart(shop):
    order = shop.order(gift_card_sold="50.00")
    methods = [one["deliveryMethod"]["methodType"] for one in left(shop, order)]
    assert methods == ["SHIPPING", "NONE"]


def test_reading_fulfilment_orders_needs_their_scope(shop):
    order = shop.order()
    errors = shop.errors(READ, {"id": order["admin_graphql_api_id"]})
    assert errors[0]["extensions"]["code"] == "ACCESS_DENIED"


def test_sending_everything_closes_the_fulfilment_order(shop):
    order = shop.order()
    (one,) = left(shop, order)
    info = {"company": "UPS", "number": "1Z9", "url": "https://ups.example/1Z9"}
    answer = send(shop, all_of(one), trackingInfo=info)
    made = answer["fulfillment"]
    assert answer["userErrors"] == []
    assert (made["status"], made["displayStatus"]) == ("SUCCESS", "FULFILLED")
    assert made["trackingInfo"] == [info]
    assert made["totalQuantity"] == 5
    (one,) = left(shop, order)
    assert one["status"] == "CLOSED"
    assert [x["remainingQuantity"] for x in one["lineItems"]["nodes"]] == [0, 0]
    found = read(shop, order)
    assert found["displayFulfillmentStatus"] == "FULFILLED"
    assert found["fulfillments"][0]["id"] == made["id"]


def test_partial_shipments_are_in_progress_until_the_last(shop):
    order = shop.order()
    (one,) = left(shop, order)
    send(shop, pieces(one, 0, 2))
    found = read(shop, order)
    (one,) = found["fulfillmentOrders"]["nodes"]
    assert one["status"] == "IN_PROGRESS"
    assert one["lineItems"]["nodes"][0]["remainingQuantity"] == 1
    assert found["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    send(shop, all_of(one))
    found = read(shop, order)
    assert [x["name"] for x in found["fulfillments"]] == ["#1001.1", "#1001.2"]
    assert found["displayFulfillmentStatus"] == "FULFILLED"
    statuses = [x["fulfillment_status"] for x in shop.stands()["line_items"]]
    assert statuses == ["fulfilled", "fulfilled"]


def test_same_call_twice_sends_twice_while_pieces_remain(shop):
    order = shop.order()
    (one,) = left(shop, order)
    info = {"number": "1Z9"}
    first = send(shop, pieces(one, 0, 1), trackingInfo=info)["fulfillment"]
    again = send(shop, pieces(one, 0, 1), trackingInfo=info)["fulfillment"]
    assert first["id"] != again["id"]
    assert len(read(shop, order)["fulfillments"]) == 2


def test_sent_pieces_leave_the_shelf_and_not_the_shop_window(shop):
    shop.order()
    level = next(iter(shop.simulator.store.levels.values()))
    assert (level.available, level.committed, level.on_hand) == (7, 3, 10)
    shop.simulator.fulfil_order(1001)
    assert (level.available, level.committed, level.on_hand) == (7, 0, 7)


def test_unknown_fulfilment_order_is_refused(shop):
    shop.order()
    answer = send(shop, {"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/1"})
    assert messages(answer) == ["Fulfillment order does not exist."]


def test_closed_fulfilment_order_is_refused_with_its_number(shop):
    order = shop.order()
    (one,) = left(shop, order)
    send(shop, all_of(one))
    number = one["id"].rpartition("/")[2]
    assert messages(send(shop, all_of(one))) == [
        f"Fulfillment order {number} has an unfulfillable status= closed."
    ]


def test_held_fulfilment_order_is_refused_until_released(shop):
    order = shop.order()
    shop.simulator.hold(1001, "inventory_out_of_stock", "waits for mugs")
    (one,) = left(shop, order)
    assert one["status"] == "ON_HOLD"
    assert one["supportedActions"] == [{"action": "RELEASE_HOLD"}, {"action": "MOVE"}]
    assert one["fulfillmentHolds"] == [
        {"reason": "INVENTORY_OUT_OF_STOCK", "reasonNotes": "waits for mugs"}
    ]
    assert "status= on_hold" in messages(send(shop, all_of(one)))[0]
    shop.simulator.release_hold(1001)
    assert send(shop, all_of(one))["userErrors"] == []


@pytest.mark.parametrize("status", ["SCHEDULED", "INCOMPLETE"])
def test_other_states_are_refused_as_well(shop, status):
    order = shop.order()
    shop.simulator.set_fulfillment_order_status(1001, status)
    (one,) = left(shop, order)
    assert one["status"] == status
    assert f"status= {status.lower()}" in messages(send(shop, all_of(one)))[0]


def test_unknown_line_and_wrong_quantities_are_refused(shop):
    order = shop.order()
    (one,) = left(shop, order)
    strange = {**pieces(one, 0, 1)}
    line_id = one["lineItems"]["nodes"][0]["lineItem"]["id"]
    strange["fulfillmentOrderLineItems"] = [{"id": line_id, "quantity": 1}]
    assert messages(send(shop, strange)) == [
        "Fulfillment order line item does not exist."
    ]
    assert messages(send(shop, pieces(one, 0, 4))) == [
        "Invalid fulfillment order line item quantity requested."
    ]
    assert messages(send(shop, pieces(one, 0, 0))) == [
        "Quantity must be greater than 0"
    ]


def test_two_places_cannot_be_sent_in_one_call(shop):
    order = shop.order()
    shop.simulator.move_fulfillment_order(1001, "East", {"MUG": 2})
    first, second = left(shop, order)
    (text,) = messages(send(shop, all_of(first), all_of(second)))
    assert text.startswith(
        "All fulfillment orders must be assigned to a single location."
    )


def test_two_orders_cannot_be_sent_in_one_call(shop):
    (first,) = left(shop, shop.order(1001))
    (second,) = left(shop, shop.order(1002))
    (text,) = messages(send(shop, all_of(first), all_of(second)))
    assert text.startswith("All fulfillment orders must belong to the same order.")


def test_moved_pieces_keep_their_line_and_take_their_promise_along(shop):
    order = shop.order()
    shop.listen("fulfillment_orders/moved")
    shop.simulator.move_fulfillment_order(1001, "East", {"MUG": 1})
    first, second = left(shop, order)
    assert [x["remainingQuantity"] for x in first["lineItems"]["nodes"]] == [3, 1]
    assert second["assignedLocation"]["name"] == "East"
    assert second["lineItems"]["nodes"][0]["sku"] == "MUG"
    assert shop.simulator.available("MUG") == 9
    assert shop.simulator.available("MUG", "East") == -1
    ((_, body),) = shop.heard()
    assert body["moved_fulfillment_order"] == {"id": second["id"], "status": "open"}


def test_webhook_of_a_fulfilment_has_every_field_of_the_published_sample(shop):
    shop.order()
    shop.listen("fulfillments/create")
    shop.simulator.fulfil_order(1001, {"BAG": 2}, company="UPS", numbers=["1Z9"])
    ((_, body),) = shop.heard()
    published = json.loads((SAMPLES / SAMPLE).read_text())
    assert set(body) == set(published)
    assert set(body["line_items"][0]) == set(published["line_items"][0])
    assert set(body["destination"]) == set(published["destination"])
    assert body["name"] == "#1001.1"
    assert [(x["sku"], x["quantity"]) for x in body["line_items"]] == [("BAG", 2)]
    assert body["tracking_number"] == "1Z9"
    assert body["tracking_urls"] == []


def test_sending_tells_the_fulfilment_the_order_and_how_much_of_it(shop):
    shop.order()
    shop.listen(
        "fulfillments/create",
        "orders/updated",
        "orders/partially_fulfilled",
        "orders/fulfilled",
    )
    shop.simulator.fulfil_order(1001, {"BAG": 3})
    heard = shop.heard()
    assert [topic for topic, _ in heard] == [
        "fulfillments/create",
        "orders/updated",
        "orders/partially_fulfilled",
    ]
    (inside,) = heard[1][1]["fulfillments"]
    assert "destination" not in inside
    assert heard[1][1]["fulfillment_status"] == "partial"
    shop.simulator.fulfil_order(1001)
    assert [topic for topic, _ in shop.heard()][-1] == "orders/fulfilled"


def test_tracking_changes_are_told_as_updates(shop):
    order = shop.order()
    (made,) = shop.simulator.fulfil_order(1001)
    shop.listen("fulfillments/update", "orders/updated")
    info = {"company": "DHL", "numbers": ["A", "B"], "urls": ["https://dhl.example/A"]}
    asked = {"id": made["admin_graphql_api_id"], "info": info}
    answer = shop.ask_all(TRACK, asked)["fulfillmentTrackingInfoUpdate"]
    assert answer["userErrors"] == []
    assert answer["fulfillment"]["trackingInfo"] == [
        {"company": "DHL", "number": "A", "url": "https://dhl.example/A"},
        {"company": "DHL", "number": "B", "url": None},
    ]
    (first, body), (second, kept) = shop.heard()
    assert (first, second) == ("fulfillments/update", "orders/updated")
    assert body["tracking_numbers"] == ["A", "B"]
    assert kept["fulfillments"][0]["tracking_numbers"] == ["A", "B"]
    assert len(read(shop, order)["fulfillments"]) == 1


def test_cancelled_fulfilment_gives_its_pieces_back_and_takes_tracking(shop):
    order = shop.order()
    (made,) = shop.simulator.fulfil_order(1001)
    asked = {"id": made["admin_graphql_api_id"]}
    for _ in range(2):
        answer = shop.ask_all(CANCEL, asked)["fulfillmentCancel"]
        assert answer["userErrors"] == []
        assert answer["fulfillment"] == {
            "status": "CANCELLED",
            "displayStatus": "CANCELED",
        }
    closed, opened = left(shop, order)
    assert (closed["status"], opened["status"]) == ("CLOSED", "OPEN")
    assert [x["remainingQuantity"] for x in opened["lineItems"]["nodes"]] == [3, 2]
    assert read(shop, order)["displayFulfillmentStatus"] == "UNFULFILLED"
    told = shop.ask_all(TRACK, {**asked, "info": {"number": "late"}})
    assert told["fulfillmentTrackingInfoUpdate"]["userErrors"] == []


def test_tracking_of_an_unknown_fulfilment_is_refused(shop):
    asked = {"id": "gid://shopify/Fulfillment/1", "info": {"number": "A"}}
    answer = shop.ask_all(TRACK, asked)["fulfillmentTrackingInfoUpdate"]
    assert answer["fulfillment"] is None
    assert answer["userErrors"][0]["message"] == "Fulfillment does not exist."


def test_sending_needs_a_scope_for_it(shop):
    shop.order()
    errors = shop.errors(CREATE, {"fulfillment": {"lineItemsByFulfillmentOrder": []}})
    assert errors[0]["extensions"]["code"] == "ACCESS_DENIED"


def test_first_hold_alone_is_told(shop):
    shop.order()
    shop.listen("fulfillment_orders/placed_on_hold", "fulfillment_orders/hold_released")
    shop.simulator.hold(1001, "other")
    shop.simulator.hold(1001, "incorrect_address")
    shop.simulator.release_hold(1001)
    (first, body), (second, _) = shop.heard()
    assert first == "fulfillment_orders/placed_on_hold"
    assert second == "fulfillment_orders/hold_released"
    assert body["fulfillment_order"]["status"] == "on_hold"
    assert body["created_fulfillment_hold"]["reason"] == "other"


def test_private_data_is_left_out_of_fulfilments_too(shop):
    shop.simulator.webhooks.hides_private_data = True
    shop.order()
    shop.listen("fulfillments/create")
    shop.simulator.fulfil_order(1001)
    ((_, body),) = shop.heard()
    assert body["email"] is None
    assert body["destination"]["address1"] is None


def test_order_that_was_sent_before_it_came_has_nothing_to_send(shop):
    order = shop.order(fulfillment_status="fulfilled")
    assert {one["status"] for one in left(shop, order)} == {"CLOSED"}
    with pytest.raises(ValueError, match="nothing of order #1001 can be sent"):
        shop.simulator.fulfil_order(1001)


def test_warehouse_acts_by_control(shop):
    shop.order()
    held = shop.control(
        "fulfillment-orders/hold", {"order": "#1001", "reason": "other"}
    )
    assert held.json()["status"] == "ON_HOLD"
    body = {"order": held.json()["id"]}
    assert shop.control("fulfillment-orders/release", body).json()["status"] == "OPEN"
    moved = {"order": "#1001", "place": "East", "lines": {"MUG": 2}}
    assert shop.control("fulfillment-orders/move", moved).json()["location"] == "East"
    sent = shop.control("orders/fulfil", {"order": "#1001", "numbers": ["1Z9"]}).json()
    assert len(sent) == 2
    change = {"fulfillment": "#1001.1", "shipment_status": "delivered"}
    changed = shop.control("fulfillments/change", change).json()
    assert changed["shipment_status"] == "delivered"
    track = {"fulfillment": "#1001.2", "numbers": ["1Z8"]}
    assert shop.control("fulfillments/track", track).status_code == 200
    gone = shop.control("fulfillments/cancel", {"fulfillment": "#1001.1"})
    assert gone.json()["status"] == "cancelled"
    state = shop.session.get(f"{shop.url}/_simulator/state").json()
    assert [x["status"] for x in state["fulfillments"]] == ["cancelled", "success"]
    assert state["fulfillment_orders"][0]["order"] == "#1001"


def test_token_that_may_do_everything_reads_one_fulfilment_order(shop):
    order = shop.order(lines=LINES[:1])
    (one,) = left(shop, order)
    query = "query ($id: ID!) { fulfillmentOrder(id: $id) { status order { name } } }"
    found = shop.data(query, {"id": one["id"]}, token=EVERYTHING)
    assert found == {"fulfillmentOrder": {"status": "OPEN", "order": {"name": "#1001"}}}
    query = "{ fulfillmentOrders(first: 5) { nodes { orderName } } }"
    assert shop.ask_all(query)["fulfillmentOrders"]["nodes"] == [{"orderName": "#1001"}]
