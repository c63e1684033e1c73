"""Refunds of every kind: by webhook, by GraphQL, and the money that differs."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.simulators.shopify_life import EVERYTHING, LifeShop

SAMPLES = Path(__file__).parents[1] / "samples"
SAMPLE = "shopify-webhook-refunds-create.2026-04.json"
REFUND = """
mutation Refund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund {
      id
      totalRefundedSet { shopMoney { amount } }
      transactions(first: 5) { nodes { kind status gateway } }
    }
    order { displayFinancialStatus totalRefundedSet { shopMoney { amount } } }
    userErrors { field message }
  }
}
"""
READ = """
query Refunds($id: ID!) {
  order(id: $id) {
    displayFinancialStatus
    refunds(first: 3) {
      id legacyResourceId createdAt note order { name }
      totalRefundedSet { shopMoney { amount } }
      refundLineItems(first: 5) {
        nodes {
          quantity restockType restocked location { name } lineItem { sku }
          subtotalSet { shopMoney { amount } } totalTaxSet { shopMoney { amount } }
        }
      }
      refundShippingLines(first: 5) {
        nodes {
          subtotalAmountSet { shopMoney { amount } }
          taxAmountSet { shopMoney { amount } }
        }
      }
      orderAdjustments(first: 5) {
        nodes { reason amountSet { shopMoney { amount } } }
      }
      transactions(first: 5) { nodes { kind status } }
    }
  }
}
"""


@pytest.fixture
def shop() -> LifeShop:
    return LifeShop()


def sample():
    return json.loads((SAMPLES / SAMPLE).read_text())


def read(shop, order):
    return shop.ask_all(READ, {"id": order["admin_graphql_api_id"]})["order"]


def refund(shop, order, key="k1", **more):
    asked = {"orderId": order["admin_graphql_api_id"], **more}
    return shop.ask_all(REFUND, {"input": asked, "key": key})["refundCreate"]


def sale(shop, order):
    return shop.simulator.store.transactions[str(order["id"])][0]


def payment(shop, order, amount, **more):
    parent = sale(shop, order)
    return {
        "orderId": order["admin_graphql_api_id"],
        "parentId": parent["admin_graphql_api_id"],
        "kind": "REFUND",
        "gateway": "any",
        "amount": amount,
        **more,
    }


def money_of(refund):
    return sum((Decimal(x["amount"]) for x in refund["transactions"]), Decimal(0))


def explained(refund):
    lines = sum(
        Decimal(x[name]["shop_money"]["amount"])
        for x in refund["refund_line_items"]
        for name in ("subtotal_set", "total_tax_set")
    )
    return lines - sum(
        Decimal(x["amount"]) + Decimal(x["tax_amount"])
        for x in refund["order_adjustments"]
    )


def test_webhook_has_every_field_of_the_published_sample(shop):
    shop.order(line_discounts={"BAG": "3.00"})
    shop.listen("refunds/create")
    shop.simulator.refund_order(1001, {"BAG": 1})
    ((_, body),) = shop.heard()
    published = sample()
    assert set(body) == set(published)
    line, other = body["refund_line_items"][0], published["refund_line_items"][0]
    assert set(line) == set(other)
    assert set(line["line_item"]) == set(other["line_item"])
    assert set(body["transactions"][0]) == set(published["transactions"][0])


def test_subtotal_and_tax_of_refund_lines_are_numbers_not_text(shop):
    shop.order(tax_rate="0.10")
    made = shop.simulator.refund_order(1001, {"BAG": 1})
    line = made["refund_line_items"][0]
    assert (line["subtotal"], line["total_tax"]) == (20.0, 2.0)
    assert line["subtotal_set"]["shop_money"]["amount"] == "20.00"


def test_partial_refunds_add_up_to_the_line_to_the_cent(shop):
    shop.order(lines=[("BAG", "Bag", "10.00", 3)], order_discount="0.05")
    for _ in range(3):
        shop.simulator.refund_order(1001, {"BAG": 1})
    order = shop.stands()
    subtotals = [
        Decimal(x["refund_line_items"][0]["subtotal_set"]["shop_money"]["amount"])
        for x in order["refunds"]
    ]
    assert sum(subtotals) == Decimal("29.95")
    assert order["current_subtotal_price"] == "0.00"
    assert order["financial_status"] == "partially_refunded"


def test_order_carries_its_refunds_and_what_is_left(shop):
    order = shop.order()
    shop.listen("orders/updated", "refunds/create", "order_transactions/create")
    shop.simulator.refund_order(1001, {"BAG": 1}, note="scratched")
    topics = [topic for topic, _ in shop.heard()]
    assert topics == ["orders/updated", "order_transactions/create", "refunds/create"]
    stands = shop.stands()
    assert stands["refunds"][0]["note"] == "scratched"
    assert stands["line_items"][0]["current_quantity"] == 2
    assert stands["current_total_price"] == "60.00"
    assert stands["total_price"] == "80.00"
    assert stands["total_outstanding"] == "0.00"
    assert read(shop, order)["displayFinancialStatus"] == "PARTIALLY_REFUNDED"


def test_refund_is_read_over_graphql_with_its_parts(shop):
    order = shop.order(tax_rate="0.10")
    shop.simulator.refund_order(1001, {"BAG": 2}, shipping="2.00")
    (found,) = read(shop, order)["refunds"]
    assert found["order"] == {"name": "#1001"}
    (line,) = found["refundLineItems"]["nodes"]
    assert line["lineItem"] == {"sku": "BAG"}
    assert (line["restockType"], line["restocked"]) == ("CANCEL", True)
    assert line["location"] == {"name": "Main warehouse"}
    assert line["subtotalSet"]["shopMoney"]["amount"] == "40.0"
    assert line["totalTaxSet"]["shopMoney"]["amount"] == "4.0"
    (shipping,) = found["refundShippingLines"]["nodes"]
    assert shipping["subtotalAmountSet"]["shopMoney"]["amount"] == "2.0"
    assert shipping["taxAmountSet"]["shopMoney"]["amount"] == "0.2"
    assert found["orderAdjustments"]["nodes"] == []
    assert found["totalRefundedSet"]["shopMoney"]["amount"] == "46.2"


def test_shipping_refund_stands_in_two_places_of_the_webhook(shop):
    shop.order(tax_rate="0.10")
    made = shop.simulator.refund_order(1001, shipping=True)
    (row,) = made["refund_shipping_lines"]
    assert row["subtotal_amount_set"]["shop_money"]["amount"] == "5.00"
    assert row["shipping_line"]["title"] == "Standard"
    (adjustment,) = made["order_adjustments"]
    assert adjustment["kind"] == "shipping_refund"
    assert (adjustment["amount"], adjustment["tax_amount"]) == ("-5.00", "-0.50")
    assert made["refund_line_items"] == []
    assert money_of(made) == Decimal("5.50")
    shipping = shop.stands()["shipping_lines"][0]
    assert shipping["current_discounted_price_set"]["shop_money"]["amount"] == "0.00"
    assert shipping["discounted_price"] == "5.00"


def test_adjustment_without_lines_is_money_and_a_negative_discrepancy(shop):
    shop.order()
    made = shop.simulator.refund_order(1001, money="10.00")
    assert made["refund_line_items"] == []
    (adjustment,) = made["order_adjustments"]
    assert adjustment["kind"] == "refund_discrepancy"
    assert adjustment["amount"] == "-10.00"
    assert money_of(made) == Decimal("10.00")
    assert shop.stands()["current_total_price"] == "80.00"
    assert shop.stands()["total_outstanding"] == "0.00"


@pytest.mark.parametrize(("money", "gap"), [("15.00", "5.00"), ("25.00", "-5.00")])
def test_money_unequal_to_the_lines_is_explained_by_an_adjustment(shop, money, gap):
    shop.order()
    made = shop.simulator.refund_order(1001, {"BAG": 1}, money=money)
    assert [x["amount"] for x in made["order_adjustments"]] == [gap]
    assert explained(made) == money_of(made) == Decimal(money)
    assert shop.stands()["total_outstanding"] == "0.00"


def test_money_may_differ_from_the_lines_without_a_word(shop):
    shop.order()
    made = shop.simulator.refund_order(1001, {"BAG": 1}, money="12.00", explain=False)
    assert made["order_adjustments"] == []
    assert explained(made) == Decimal("20.00")
    assert money_of(made) == Decimal("12.00")


@pytest.mark.parametrize("taxes_included", [False, True])
def test_lines_less_adjustments_are_the_money(shop, taxes_included):
    shop.order(tax_rate="0.19", taxes_included=taxes_included, order_discount="7.00")
    made = shop.simulator.refund_order(1001, {"BAG": 2, "MUG": 1}, shipping="3.00")
    worth = sum(
        Decimal(x["subtotal_set"]["shop_money"]["amount"])
        + (0 if taxes_included else Decimal(x["total_tax_set"]["shop_money"]["amount"]))
        for x in made["refund_line_items"]
    )
    worth -= sum(
        Decimal(x["amount"]) + Decimal(x["tax_amount"])
        for x in made["order_adjustments"]
    )
    assert worth == money_of(made)


def test_restock_only_moves_goods_and_no_money(shop):
    shop.order()
    shop.listen("refunds/create", "inventory_levels/update")
    shop.simulator.refund_order(1001, {"BAG": 2}, money=0)
    (first, body), (second, level) = shop.heard()
    assert (first, second) == ("refunds/create", "inventory_levels/update")
    assert body["transactions"] == body["order_adjustments"] == []
    assert body["restock"] is True
    assert level["available"] == 9
    assert shop.stands()["financial_status"] == "paid"
    assert shop.stands()["total_outstanding"] == "-40.00"


@pytest.mark.parametrize(
    ("restock_type", "available", "fulfillable"),
    [("no_restock", 7, 3), ("cancel", 8, 2), ("return", 8, 3)],
)
def test_restock_type_says_what_moves(shop, restock_type, available, fulfillable):
    shop.order()
    shop.simulator.refund_order(1001, {"BAG": 1}, restock_type=restock_type)
    assert shop.simulator.available("BAG") == available
    line = shop.stands()["line_items"][0]
    assert line["fulfillable_quantity"] == fulfillable
    assert line["current_quantity"] == 2


def test_sent_pieces_come_back_to_the_place_named(shop):
    shop.order()
    shop.simulator.fulfil_order(1001)
    row = {"line": "BAG", "quantity": 1, "restock_type": "return", "place": "Returns"}
    place = shop.simulator.store.location("Returns")
    item = shop.simulator.store.variants[0].item_id
    shop.simulator.store.level(item, place.id, shop.clock())
    made = shop.simulator.refund_order(1001, [row])
    assert made["refund_line_items"][0]["location_id"] == place.id
    assert shop.simulator.available("BAG", "Returns") == 1


def test_pending_refund_settles_later(shop):
    order = shop.order()
    shop.listen("orders/updated", "order_transactions/create")
    made = shop.simulator.refund_order(1001, {"BAG": 1}, status="pending")
    assert [x["status"] for x in made["transactions"]] == ["pending"]
    assert [topic for topic, _ in shop.heard()] == ["orders/updated"]
    assert read(shop, order)["displayFinancialStatus"] == "PAID"
    shop.clock.tick(hours=1)
    shop.simulator.settle_refund(1001)
    assert [topic for topic, _ in shop.heard()] == [
        "orders/updated",
        "order_transactions/create",
    ]
    found = read(shop, order)
    assert found["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert found["refunds"][0]["transactions"]["nodes"] == [
        {"kind": "REFUND", "status": "SUCCESS"}
    ]
    assert shop.stands()["refunds"][0]["transactions"][0]["status"] == "success"


def test_refund_that_fails_is_owed_again(shop):
    shop.order()
    shop.simulator.refund_order(1001, {"BAG": 1}, status="pending")
    shop.simulator.settle_refund(1001, "failure")
    assert shop.stands()["financial_status"] == "paid"
    assert shop.stands()["total_outstanding"] == "-20.00"
    with pytest.raises(ValueError, match="no pending refund"):
        shop.simulator.settle_refund(1001)


def test_gift_card_is_refunded_before_the_card(shop):
    shop.order(gift_card_tender="15.00")
    made = shop.simulator.refund_order(1001, {"BAG": 1})
    assert [(x["gateway"], x["amount"]) for x in made["transactions"]] == [
        ("gift_card", "15.00"),
        ("shopify_payments", "5.00"),
    ]


def test_more_than_there_is_cannot_be_refunded(shop):
    shop.order()
    for what in (
        {"lines": {"BAG": 4}},
        {"lines": {"CAP": 1}},
        {"money": "80.01"},
        {"shipping": "5.01"},
    ):
        with pytest.raises(ValueError):
            shop.simulator.refund_order(1001, **what)
    assert shop.stands()["refunds"] == []
    assert shop.stands()["line_items"][0]["current_quantity"] == 3


def test_refund_by_mutation_takes_the_gateway_of_its_parent(shop):
    order = shop.order()
    answer = refund(shop, order, transactions=[payment(shop, order, "1.00")])
    assert answer["userErrors"] == []
    assert answer["refund"]["transactions"]["nodes"] == [
        {"kind": "REFUND", "status": "SUCCESS", "gateway": "shopify_payments"}
    ]
    assert answer["order"]["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert answer["order"]["totalRefundedSet"]["shopMoney"]["amount"] == "1.0"


def test_refund_by_mutation_of_lines_alone_moves_no_money(shop):
    order = shop.order()
    row = {
        "lineItemId": order["line_items"][0]["admin_graphql_api_id"],
        "quantity": 2,
        "restockType": "CANCEL",
    }
    answer = refund(shop, order, refundLineItems=[row])
    assert answer["refund"]["totalRefundedSet"]["shopMoney"]["amount"] == "0.0"
    assert shop.stands()["refunds"][0]["transactions"] == []
    assert shop.simulator.available("BAG") == 9


def test_known_key_of_a_refund_refunds_once(shop):
    order = shop.order()
    row = payment(shop, order, "1.00")
    first = refund(shop, order, transactions=[row])
    again = refund(shop, order, transactions=[row])
    assert again["refund"]["id"] == first["refund"]["id"]
    assert len(shop.stands()["refunds"]) == 1
    other = refund(shop, order, transactions=[{**row, "amount": "2.00"}])
    assert "idempotency key" in other["userErrors"][0]["message"]


def test_refund_without_the_directive_is_refused(shop):
    order = shop.order()
    query = REFUND.replace(" @idempotent(key: $key)", "").replace(", $key: String!", "")
    asked = {"input": {"orderId": order["admin_graphql_api_id"]}}
    body = shop.ask(query, asked, token=EVERYTHING).json()
    assert body["data"] == {"refundCreate": None}
    assert body["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"kind": "AUTHORIZATION"},
            {"field": None, "message": "Kind authorization is not a valid transaction"},
        ),
        (
            {"parentId": "gid://shopify/OrderTransaction/999999999999"},
            {
                "field": ["transactions"],
                "message": "Transactions require a parent_id associated with the order",
            },
        ),
    ],
)
def test_transactions_that_do_not_fit_are_plain_errors(shop, changes, error):
    order = shop.order()
    row = {**payment(shop, order, "1.00"), **changes}
    answer = refund(shop, order, transactions=[row])
    assert answer["refund"] is None
    assert answer["userErrors"] == [error]
    assert answer["order"]["displayFinancialStatus"] == "PAID"


def test_plain_errors_have_no_code_to_ask_for(shop):
    query = REFUND.replace("userErrors { field message }", "userErrors { code }")
    errors = shop.errors(query, {"input": {"orderId": "1"}, "key": "k"})
    assert errors[0]["extensions"]["code"] == "undefinedField"


def test_refund_and_settling_by_control(shop):
    shop.order()
    body = {"order": "#1001", "lines": {"MUG": 1}, "status": "pending"}
    assert shop.control("orders/refund", body).json()["refund_line_items"]
    answer = shop.control("orders/settle-refund", {"order": "#1001"})
    assert answer.json()["financial_status"] == "partially_refunded"
    too_much = {"order": "#1001", "money": "1000"}
    assert shop.control("orders/refund", too_much).status_code == 400
    assert (
        shop.control("orders/refund", {"order": "#1001", "money": "x"}).status_code
        == 400
    )
