"""Edited and cancelled orders: what stays, what moves, and what is told."""

import pytest

from tests.simulators.shopify_life import LifeShop

CANCEL = """
mutation Cancel($id: ID!, $reason: OrderCancelReason!, $restock: Boolean!,
    $refund: Boolean, $method: OrderCancelRefundMethodInput, $note: String) {
  orderCancel(orderId: $id, reason: $reason, restock: $restock, refund: $refund,
      refundMethod: $method, staffNote: $note) {
    job { id done }
    orderCancelUserErrors { field message code }
    userErrors { field message }
  }
}
"""
READ = """
query Order($id: ID!) {
  order(id: $id) {
    closed cancelledAt cancelReason cancellation { staffNote } edited
    displayFinancialStatus displayFulfillmentStatus
    currentTotalPriceSet { shopMoney { amount } }
    totalOutstandingSet { shopMoney { amount } }
    totalRefundedSet { shopMoney { amount } }
    netPaymentSet { shopMoney { amount } }
    refunds { totalRefundedSet { shopMoney { amount } } }
    shippingLines(first: 5, includeRemovals: true) { nodes { title isRemoved } }
    fulfillmentOrders(first: 5) {
      nodes { status lineItems(first: 5) { nodes { totalQuantity remainingQuantity } } }
    }
  }
}
"""


@pytest.fixture
def shop() -> LifeShop:
    return LifeShop()


def cancel(shop, order, **more):
    asked = {"id": order["admin_graphql_api_id"], "reason": "OTHER", "restock": True}
    return shop.ask_all(CANCEL, {**asked, **more})["orderCancel"]


def read(shop, order):
    return shop.ask_all(READ, {"id": order["admin_graphql_api_id"]})["order"]


def amount(money_bag):
    return money_bag["shopMoney"]["amount"]


def test_lowered_line_keeps_its_quantity_and_its_placed_totals(shop):
    shop.order()
    edited = shop.simulator.edit_order(1001, {"BAG": 1})
    line = edited["line_items"][0]
    assert (line["quantity"], line["current_quantity"]) == (3, 1)
    assert line["fulfillable_quantity"] == 1
    assert edited["total_price"] == "80.00"
    assert edited["current_total_price"] == "40.00"
    assert edited["total_outstanding"] == "-40.00"
    assert shop.simulator.available("BAG") == 9


def test_raised_line_is_taxed_committed_and_owed(shop):
    shop.order(tax_rate="0.10")
    edited = shop.simulator.edit_order(1001, {"MUG": 4})
    line = edited["line_items"][1]
    assert (line["quantity"], line["current_quantity"]) == (4, 4)
    assert line["tax_lines"][0]["price"] == "3.00"
    assert edited["current_total_price"] == "104.50"
    assert edited["total_outstanding"] == "16.50"
    assert edited["financial_status"] == "partially_paid"
    assert shop.simulator.available("MUG") == 6


def test_added_line_is_complete_and_has_an_id_of_its_own(shop):
    before = shop.order()
    edited = shop.simulator.edit_order(
        1001, add=[("CAP", "Cap", "9.00", 2)], restock=False
    )
    made = edited["line_items"][-1]
    assert set(made) == set(before["line_items"][0])
    assert made["id"] not in [x["id"] for x in before["line_items"]]
    assert edited["current_total_price"] == "98.00"


def test_shipping_is_removed_by_a_mark_and_added_by_a_line(shop):
    order = shop.order()
    edited = shop.simulator.edit_order(
        1001, shipping_remove=["Standard"], shipping_add=[("Express", "12.00")]
    )
    assert [x["is_removed"] for x in edited["shipping_lines"]] == [True, False]
    assert edited["current_shipping_price_set"]["shop_money"]["amount"] == "12.00"
    assert edited["current_total_price"] == "87.00"
    assert read(shop, order)["shippingLines"]["nodes"] == [
        {"title": "Standard", "isRemoved": True},
        {"title": "Express", "isRemoved": False},
    ]


def test_edit_is_told_as_a_bare_difference_of_ids(shop):
    shop.order()
    shop.listen("orders/updated", "orders/edited")
    shop.simulator.edit_order(
        1001,
        {"BAG": 2, "MUG": 3},
        add=[("CAP", "Cap", "9.00", 1)],
        shipping_add=[("Express", "12.00")],
        shipping_remove=["Standard"],
        note="as agreed",
    )
    (first, order), (second, body) = shop.heard()
    assert (first, second) == ("orders/updated", "orders/edited")
    bag, mug, cap = (line["id"] for line in order["line_items"])
    standard, express = (line["id"] for line in order["shipping_lines"])
    edit = body["order_edit"]
    assert edit["order_id"] == order["id"]
    assert edit["staff_note"] == "as agreed"
    assert edit["line_items"] == {
        "additions": [{"id": mug, "delta": 1}, {"id": cap, "delta": 1}],
        "removals": [{"id": bag, "delta": 1}],
    }
    assert edit["shipping_lines"] == {
        "additions": [{"id": express}],
        "removals": [{"id": standard}],
    }
    assert "line_items" not in body


def test_edit_changes_what_is_left_to_send(shop):
    order = shop.order()
    shop.simulator.edit_order(1001, {"BAG": 1, "MUG": 0})
    nodes = read(shop, order)["fulfillmentOrders"]["nodes"]
    assert [x["status"] for x in nodes] == ["OPEN"]
    assert [x["remainingQuantity"] for x in nodes[0]["lineItems"]["nodes"]] == [1, 0]
    assert read(shop, order)["edited"] is True


def test_pieces_that_were_sent_cannot_be_edited_away(shop):
    shop.order()
    shop.simulator.fulfil_order(1001, {"BAG": 2})
    with pytest.raises(ValueError, match="BAG cannot become 0"):
        shop.simulator.edit_order(1001, {"BAG": 0})
    assert shop.stands()["line_items"][0]["current_quantity"] == 3


def test_edit_in_another_currency_adds_up_in_both(shop):
    shop.order(presentment=("EUR", "0.5"), tax_rate="0.20")
    edited = shop.simulator.edit_order(
        1001, {"BAG": 1}, add=[("CAP", "Cap", "9.00", 1)]
    )
    total = edited["current_total_price_set"]
    assert total["shop_money"]["amount"] == "58.80"
    assert total["presentment_money"]["amount"] == "29.40"


def test_cancelling_answers_with_a_job_that_is_done_later(shop):
    order = shop.order()
    shop.listen("orders/cancelled")
    answer = cancel(shop, order)
    assert answer["job"]["done"] is False
    assert answer["orderCancelUserErrors"] == answer["userErrors"] == []
    assert read(shop, order)["cancelledAt"] is None
    assert shop.heard() == []
    shop.clock.tick(seconds=2)
    job = shop.ask_all("query ($id: ID!) { job(id: $id) { done } }", answer["job"])
    assert job == {"job": {"done": True}}
    assert [topic for topic, _ in shop.heard()] == ["orders/cancelled"]
    assert read(shop, order)["cancelledAt"] == "2026-11-20T15:00:02Z"


def test_cancelled_order_with_refund_owes_nothing_and_sends_nothing(shop):
    order = shop.order()
    cancel(shop, order, method={"originalPaymentMethodsRefund": True}, note="twice")
    shop.clock.tick(seconds=2)
    found = read(shop, order)
    assert found["closed"] is True
    assert (found["cancelReason"], found["cancellation"]) == (
        "OTHER",
        {"staffNote": "twice"},
    )
    assert found["displayFinancialStatus"] == "REFUNDED"
    assert found["displayFulfillmentStatus"] == "UNFULFILLED"
    assert amount(found["currentTotalPriceSet"]) == "0.0"
    assert amount(found["totalOutstandingSet"]) == "0.0"
    assert amount(found["totalRefundedSet"]) == "80.0"
    assert amount(found["netPaymentSet"]) == "0.0"
    assert [amount(x["totalRefundedSet"]) for x in found["refunds"]] == ["80.0"]
    (left,) = found["fulfillmentOrders"]["nodes"]
    assert left["status"] == "CLOSED"
    assert left["lineItems"]["nodes"][0] == {"totalQuantity": 0, "remainingQuantity": 0}
    assert shop.simulator.available("BAG") == 10


def test_cancelled_order_without_refund_stays_paid(shop):
    order = shop.order()
    cancel(shop, order, restock=False)
    shop.clock.tick(seconds=2)
    found = read(shop, order)
    assert found["displayFinancialStatus"] == "PAID"
    assert amount(found["totalRefundedSet"]) == "0.0"
    refund = shop.stands()["refunds"][0]
    assert refund["transactions"] == []
    assert {x["restock_type"] for x in refund["refund_line_items"]} == {"no_restock"}
    assert shop.simulator.available("BAG") == 7


def test_unpaid_order_is_voided_by_cancelling(shop):
    order = shop.order(financial_status="pending")
    cancel(shop, order, refund=True)
    shop.clock.tick(seconds=2)
    assert read(shop, order)["displayFinancialStatus"] == "VOIDED"


@pytest.mark.parametrize(
    ("more", "field", "message"),
    [
        (
            {"note": "x" * 256},
            ["staffNote"],
            "Staff note is too long. Maximum length is 255 characters.",
        ),
        (
            {"refund": False, "method": {"originalPaymentMethodsRefund": True}},
            ["refund"],
            "Only one of the arguments `refund` or `refund_method` is allowed.",
        ),
    ],
)
def test_bad_arguments_of_cancelling_are_typed_and_plain_errors(
    shop, more, field, message
):
    answer = cancel(shop, shop.order(), **more)
    assert answer["job"] is None
    assert answer["userErrors"] == [{"field": field, "message": message}]
    assert answer["orderCancelUserErrors"] == [
        {"field": field, "message": message, "code": "INVALID"}
    ]


def test_cancelled_order_cannot_be_cancelled_again(shop):
    order = shop.order()
    shop.simulator.cancel_order(1001)
    (error,) = cancel(shop, order)["userErrors"]
    assert error["message"] == "Cannot cancel an order that has already been canceled"


def test_order_with_fulfilments_cannot_be_cancelled(shop):
    order = shop.order()
    shop.simulator.fulfil_order(1001, {"BAG": 1})
    (error,) = cancel(shop, order)["userErrors"]
    assert error == {
        "field": ["orderId"],
        "message": "Cannot cancel an order that has outstanding fulfillments",
    }


def test_cancelling_tells_order_and_refund_under_one_event(shop):
    shop.order()
    shop.listen("orders/updated", "orders/cancelled", "refunds/create")
    shop.simulator.cancel_order(1001, "fraud")
    heard = dict(shop.heard())
    assert list(heard) == ["orders/updated", "orders/cancelled", "refunds/create"]
    assert heard["orders/cancelled"]["cancel_reason"] == "fraud"
    assert heard["refunds/create"]["order_id"] == heard["orders/cancelled"]["id"]
    events = {x.event_id for x in shop.simulator.webhooks.log}
    assert len(events) == 1


def test_edit_and_cancel_by_control(shop):
    shop.order()
    body = {"order": "#1001", "quantities": {"BAG": 1}, "add": [["CAP", "Cap", "9", 1]]}
    assert shop.control("orders/edit", body).json()["skus"] == ["BAG", "MUG", "CAP"]
    answer = shop.control("orders/cancel", {"order": "#1001", "reason": "inventory"})
    assert answer.json()["cancelled"] is True
    assert shop.control("orders/cancel", {"order": "#1001"}).status_code == 400
    assert shop.control("orders/edit", {"order": "#7"}).status_code == 400
