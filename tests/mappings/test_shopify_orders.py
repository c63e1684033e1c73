"""The shipped order document on the vendor's samples and on golden orders."""

from decimal import Decimal

import pytest

from mappings.engine import apply, check_document
from tests.mappings import shipped
from tests.mappings.builders import FakeLookups
from tests.mappings.shop import (
    ADDRESS,
    ORDER_SAMPLES,
    SHIPPING,
    facts_for,
    good,
    line,
    order,
    sample,
    send,
    tax,
)


@pytest.mark.parametrize("slug", shipped.slugs())
def test_each_shipped_document_has_no_faults(slug):
    assert check_document(shipped.document(slug)) == []


@pytest.mark.parametrize("tax_mode", ["legacy", "suitetax"])
@pytest.mark.parametrize("name", ORDER_SAMPLES)
def test_each_order_sample_maps_to_its_total(name, tax_mode):
    payload = good(sample(name), tax_mode=tax_mode)
    assert payload["currency"] == {"id": "currency:USD"}
    assert payload["toBeEmailed"] is False
    assert payload["orderStatus"] == {"id": "B"}


def test_the_test_order_sample_is_kept_out_by_name():
    order_sample = sample("shopify-webhook-orders-create.2026-04.json")
    mapped = apply(
        shipped.document("shopify-order"),
        order_sample,
        facts=facts_for(order_sample),
        lookups=FakeLookups(),
    )
    assert (mapped.excluded, mapped.payload) == ("Test order", {})
    assert not mapped.is_good


@pytest.mark.parametrize(
    ("waybill", "excluded"),
    [({}, "Cancelled before it was sent"), ({"target_id": "77"}, "")],
)
def test_a_cancelled_order_is_kept_out_unless_it_was_sent(waybill, excluded):
    cancelled = order(line(1, "A", "10.00"), cancelled_at="2026-03-02T10:00:00Z")
    cancelled["total_price"] = "10.00"
    facts = facts_for(cancelled)
    facts["waybill"] |= waybill
    document = shipped.document("shopify-order")
    mapped = apply(document, cancelled, facts=facts, lookups=FakeLookups())
    assert mapped.excluded == excluded


def test_the_discounted_sample_keeps_its_lines_discounts_and_tax():
    payload = good(sample(ORDER_SAMPLES[0]))
    rows = [(row["item"]["id"], row["amount"]) for row in payload["item"]["items"]]
    assert rows == [
        ("item:IPOD2008GREEN", Decimal("199.00")),
        ("item:IPOD2008RED", Decimal("199.00")),
        ("item:IPOD2008BLACK", Decimal("199.00")),
        ("item:Discount", Decimal("-3.34")),
        ("item:Discount", Decimal("-3.33")),
        ("item:Discount", Decimal("-3.33")),
        ("item:Sales tax", Decimal("11.94")),
    ]
    assert payload["otherRefNum"] == "#1001"
    assert payload["externalId"] == "shopify-demo-order-450789469"
    assert payload["tranDate"] == "2008-01-10"
    assert payload["memo"] == "custom engraving: Happy Birthday\ncolour: green"
    assert payload["shippingAddress"]["addrPhone"] == "+1(502)-459-2181"
    assert "addr2" not in payload["shippingAddress"]


def test_an_order_names_customer_shipping_and_addresses():
    made = order(line(1, "TENT", "249.00", 2), shipping_lines=[SHIPPING])
    payload = good(made | {"total_price": "503.00"})
    assert payload["entity"] == {"id": "customer:shopify-demo-customer-7001"}
    assert payload["shipMethod"] == {"id": "shipItem:Standard"}
    assert payload["shippingCost"] == Decimal("5.00")
    assert payload["tranDate"] == "2026-03-01"
    assert payload["shippingAddress"] == {
        "addressee": "Engines Ltd",
        "attention": "Ada Lovelace",
        "addr1": "1 Mill Street",
        "city": "Louisville",
        "state": "KY",
        "zip": "40202",
        "country": {"id": "US"},
        "addrPhone": "+1 502 459 2181",
    }
    assert "billingAddress" not in payload
    assert payload["item"]["items"] == [
        {
            "item": {"id": "item:TENT"},
            "quantity": 2,
            "price": {"id": "-1"},
            "rate": Decimal("249.00"),
            "amount": Decimal("498.00"),
            "description": "Product 1",
        }
    ]


def test_f64_a_zero_order_is_sent_with_its_lines():
    payload = good(order(line(1, "SAMPLE", "0.00"), total_price="0.00"))
    assert payload["item"]["items"][0]["amount"] == 0
    assert "shippingCost" not in payload


def test_f64_a_full_discount_leaves_nothing_to_pay():
    discounted = line(
        1, "TENT", "249.00",
        discount_allocations=[{"amount": "249.00", "discount_application_index": 0}],
    )  # fmt: skip
    made = order(
        discounted,
        discount_applications=[{"code": "ALLFREE"}],
        total_discounts="249.00",
        total_price="0.00",
    )
    rows = good(made)["item"]["items"]
    assert [row["amount"] for row in rows] == [Decimal("249.00"), Decimal("-249.00")]
    assert rows[1]["description"] == "ALLFREE TENT"


def test_f64_a_discount_without_allocation_gets_its_own_line():
    made = order(
        line(1, "TENT", "100.00"),
        total_discounts="15.00",
        discount_codes=[{"code": "WELCOME"}],
        total_price="85.00",
    )
    rows = good(made)["item"]["items"]
    assert (rows[1]["item"]["id"], rows[1]["amount"]) == (
        "item:Discount",
        Decimal("-15.00"),
    )
    assert rows[1]["description"] == "WELCOME"


def test_f64_a_gift_card_sold_goes_to_its_own_item():
    card = line(1, "GIFT-50", "50.00", gift_card=True)
    rows = good(order(card, line(2, "MUG", "12.50"), total_price="62.50"))["item"][
        "items"
    ]
    assert [row["item"]["id"] for row in rows] == ["item:Shopify gift card", "item:MUG"]


def test_f64_an_order_paid_by_gift_card_keeps_its_full_amount():
    made = order(line(1, "MUG", "12.50"), payment_gateway_names=["gift_card"])
    good(made | {"total_price": "12.50"})


def test_f64_free_shipping_is_sent_as_zero():
    free = SHIPPING | {"title": "Free Shipping", "price": "0.00"}
    made = order(line(1, "MUG", "12.50"), shipping_lines=[free], total_price="12.50")
    payload = good(made)
    assert payload["shippingCost"] == 0 and isinstance(payload["shippingCost"], Decimal)
    assert payload["shipMethod"] == {"id": "shipItem:Standard"}


def test_f64_a_negative_line_is_sent_as_it_is():
    made = order(
        line(1, "MUG", "12.50"), line(2, "CREDIT", "-2.50"), total_price="10.00"
    )
    assert [row["amount"] for row in good(made)["item"]["items"]] == [
        Decimal("12.50"),
        Decimal("-2.50"),
    ]


def taxed_order(**changes):
    made = order(
        line(1, "TENT", "100.00", tax_lines=[tax("7.00")]),
        line(2, "MUG", "10.00", 2, tax_lines=[tax("1.40")]),
        shipping_lines=[SHIPPING | {"tax_lines": [tax("0.35")]}],
        tax_lines=[tax("8.75")],
        total_tax="8.75",
        total_price="133.75",
    )
    return made | changes


def test_legacy_tax_is_one_line_for_each_tax():
    payload = good(taxed_order())
    last = payload["item"]["items"][-1]
    assert (last["item"]["id"], last["amount"]) == ("item:Sales tax", Decimal("8.75"))
    assert last["description"] == "State Tax"
    assert "taxDetails" not in payload and "taxDetailsOverride" not in payload
    assert "taxDetailsReference" not in payload["item"]["items"][0]


def test_tax_that_the_marketplace_pays_has_its_own_item():
    paid = [tax("8.75", channel_liable=True)]
    rows = good(taxed_order(tax_lines=paid))["item"]["items"]
    assert rows[-1]["item"]["id"] == "item:Marketplace tax"


def test_suitetax_takes_the_taxes_of_the_shop_line_by_line():
    payload = good(taxed_order(), tax_mode="suitetax", tax_code="5", tax_type="9")
    assert payload["taxDetailsOverride"] is True
    references = [row["taxDetailsReference"] for row in payload["item"]["items"]]
    assert references == ["9001", "9002"]
    common = {"taxType": {"id": "9"}, "taxCode": {"id": "5"}}
    assert payload["taxDetails"]["items"] == [
        {
            "taxDetailsReference": {"id": "9001"},
            "taxBasis": Decimal("100.00"),
            "taxAmount": Decimal("7.00"),
        }
        | common,
        {
            "taxDetailsReference": {"id": "9002"},
            "taxBasis": Decimal("20.00"),
            "taxAmount": Decimal("1.40"),
        }
        | common,
        {
            "taxDetailsReference": {"id": "SHIPPING"},
            "taxBasis": Decimal("5.00"),
            "taxAmount": Decimal("0.35"),
        }
        | common,
    ]


@pytest.mark.parametrize("tax_mode", ["legacy", "suitetax"])
def test_prices_with_tax_are_sent_without_it(tax_mode):
    made = order(
        line(1, "TENT", "119.00", tax_lines=[tax("19.00", "VAT")]),
        shipping_lines=[
            SHIPPING | {"price": "5.95", "tax_lines": [tax("0.95", "VAT")]}
        ],
        tax_lines=[tax("19.95", "VAT")],
        taxes_included=True,
        total_tax="19.95",
        total_price="124.95",
        currency="EUR",
    )
    payload = good(made, tax_mode=tax_mode)
    first = payload["item"]["items"][0]
    assert first["amount"] == Decimal("100.00") and "rate" not in first
    assert payload["shippingCost"] == Decimal("5.00")


def test_a_tip_is_booked_once():
    among_lines = line(2, None, "3.00", title="Tip", product_id=None, variant_id=None)
    made = order(line(1, "MUG", "12.50"), among_lines, total_tip_received="3.00")
    rows = good(made | {"total_price": "15.50"})["item"]["items"]
    assert [row["item"]["id"] for row in rows] == ["item:MUG", "item:Shopify tip"]

    made = order(line(1, "MUG", "12.50"), total_tip_received="3.00")
    rows = good(made | {"total_price": "15.50"})["item"]["items"]
    assert [row["item"]["id"] for row in rows] == ["item:MUG", "item:Shopify tip"]


def test_duties_and_additional_fees_have_lines_of_their_own():
    duty = {"harmonized_system_code": "520300", "shop_money": {"amount": "8.00"}}
    fees = {"shop_money": {"amount": "1.50", "currency_code": "USD"}}
    made = order(
        line(1, "TENT", "100.00", duties=[duty]),
        original_total_duties_set={"shop_money": {"amount": "8.00"}},
        original_total_additional_fees_set=fees,
        total_price="109.50",
    )
    rows = good(made)["item"]["items"][1:]
    assert [(row["item"]["id"], row["amount"]) for row in rows] == [
        ("item:Import duty", Decimal("8.00")),
        ("item:Additional fee", Decimal("1.50")),
    ]
    assert rows[0]["description"] == "TENT 520300"


def test_several_lines_of_one_sku_stay_apart_and_are_looked_up_once():
    lookups = FakeLookups()
    made = order(line(1, "MUG", "12.50"), line(2, "MUG", "10.00"), total_price="22.50")
    mapped = send(made, lookups=lookups)
    assert [row["amount"] for row in mapped.payload["item"]["items"]] == [
        Decimal("12.50"),
        Decimal("10.00"),
    ]
    assert lookups.asked.count(("item", "sku", "MUG")) == 1


def test_a_custom_line_without_sku_becomes_an_unlisted_product():
    custom = line(1, None, "20.00", product_id=None, variant_id=None, title="Engraving")
    [row] = good(order(custom, total_price="20.00"))["item"]["items"]
    assert row["item"] == {"id": "item:Unlisted product"}
    assert row["description"] == "Engraving"


def test_a_product_without_sku_is_a_problem_of_the_record():
    made = order(line(1, "MUG", "1.00"), line(2, "", "2.00"), total_price="3.00")
    [problem] = send(made).problems
    assert (problem.kind, problem.line) == ("data", 2)
    assert problem.target == "item.items[1].item.id"
    assert problem.source == "line_items[1].sku"
    assert "line_items[1].sku is empty" in problem.rule


def test_f62_every_problem_of_an_order_is_told_at_once():
    far = SHIPPING | {"title": "Drone"}
    address = ADDRESS | {
        "country_code": "ZQ",
        "country": "Nowhere",
        "address1": "x" * 151,
    }
    made = order(
        line(1, "NEW-1", "1.00"),
        line(2, "MUG", "2.00"),
        line(3, "NEW-2", "3.00"),
        shipping_lines=[far],
        shipping_address=address,
        currency="QQQ",
        total_price="11.00",
    )
    lookups = FakeLookups("NEW-1", "NEW-2", "shopify-demo-customer-7001")
    problems = {one.target: one for one in send(made, lookups=lookups).problems}
    assert {target: one.kind for target, one in problems.items()} == {
        "entity.id": "dependency",
        "currency.id": "data",
        "shipMethod.id": "mapping",
        "shippingAddress.addr1": "data",
        "shippingAddress.country.id": "data",
        "item.items[0].item.id": "data",
        "item.items[2].item.id": "data",
    }
    sku = problems["item.items[2].item.id"]
    assert (sku.source, sku.line, sku.value) == ("line_items[2].sku", 3, "NEW-2")
    assert sku.rule == "SKU 'NEW-2' is not known in NetSuite"
    assert sku.remedy == (
        "Add the item NEW-2 in NetSuite or correct the SKU in Shopify, then retry."
    )
    shipping = problems["shipMethod.id"]
    assert "Standard" in shipping.allowed and shipping.value == "Drone"
    assert "value table 'Shipping methods'" in shipping.remedy
    customer = problems["entity.id"]
    assert customer.needs == "customer"
    assert customer.value == "shopify-demo-customer-7001"


def test_an_order_without_customer_says_whom_it_lacks():
    made = order(line(1, "MUG", "1.00"), customer=None, total_price="1.00")
    [problem] = send(made).problems
    assert problem.kind == "data"
    assert problem.rule == "This record names no customer, and NetSuite requires one"


def test_a_total_that_does_not_add_up_is_stopped_to_the_cent():
    [problem] = send(order(line(1, "MUG", "12.50"), total_price="12.51")).problems
    assert problem.kind == "mapping" and problem.row == "Order total"
    assert (
        "12.50" in problem.rule and "12.51" in problem.rule and "0.01" in problem.rule
    )


def test_address_lines_follow_the_option_of_the_connection():
    street = "1 Mill Street at the very far end of the long valley road"
    made = order(line(1, "MUG", "1.00"), total_price="1.00")
    made["shipping_address"] = ADDRESS | {"address1": street}
    assert good(made)["shippingAddress"]["addr1"] == street
    [problem] = send(made, address_line_length=40).problems
    assert problem.target == "shippingAddress.addr1"
    assert "NetSuite takes 40" in problem.rule


def test_terms_are_sent_for_companies_only():
    terms = {"payment_terms_name": "Net 30"}
    made = order(line(1, "MUG", "1.00"), payment_terms=terms, total_price="1.00")
    assert "terms" not in good(made)
    payload = good(made | {"company": {"id": 1, "location_id": 2}})
    assert payload["terms"] == {"id": "term:Net 30"}


def test_f60_an_order_of_ten_thousand_lines_is_mapped():
    rows = [line(number, f"SKU-{number}", "1.00") for number in range(10_000)]
    payload = good(order(*rows, total_price="10000.00"))
    assert len(payload["item"]["items"]) == 10_000
