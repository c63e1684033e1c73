import json
from decimal import Decimal
from pathlib import Path

import pytest

from integrations.simulators.shopify import make_customer, make_order

SAMPLES = Path(__file__).parents[1] / "samples"
LINES = [("BAG", "Bag", "19.99", 3), ("MUG", "Mug", "7.45", 2)]
OPTIONS = [
    {},
    {"order_discount": "10.00"},
    {"line_discounts": {"BAG": "3.33"}, "order_discount": "1.00"},
    {"tax_rate": "0.0825", "order_discount": "7.77"},
    {"tax_rate": "0.19", "taxes_included": True, "order_discount": "7.77"},
    {"taxes": [("State", "0.06"), ("City", "0.0125")]},
    {"shipping": [("Standard", "5.00"), ("Oversize", "12.49")], "tax_rate": "0.07"},
    {"shipping_discount": "5.00"},
    {"gift_card_sold": "50.00", "tax_rate": "0.1"},
    {"tip": "4.00"},
    {"tip": "4.00", "tip_line": True},
    {"duties": "9.99", "additional_fees": "2.50"},
    {"custom_line": ("Engraving", "5.00", 1)},
    {"presentment": ("EUR", "0.9137"), "tax_rate": "0.19", "order_discount": "3.01"},
    {"presentment": ("JPY", "149.31"), "duties": "9.99", "tip": "2.00"},
    {"edited": {"BAG": 1}, "tax_rate": "0.0825", "order_discount": "5.00"},
    {"cancelled": "customer"},
    {"long_id": True},
    {"private_data": False},
    {"company": True, "payment_terms": 30},
]


def sample(name):
    return json.loads((SAMPLES / name).read_text())


def money(order, name, column="shop_money"):
    found = order[f"{name}_set"]
    return Decimal(found[column]["amount"]) if found else Decimal(0)


def sums(rows, name, column):
    return sum((Decimal(row[name][column]["amount"]) for row in rows), Decimal(0))


def goods(order):
    return [
        line
        for line in order["line_items"]
        if not (line["title"] == "Tip" and line["variant_id"] is None)
    ]


def net(line, column):
    gross = Decimal(line["price_set"][column]["amount"]) * line["quantity"]
    return gross - sums(line["discount_allocations"], "amount_set", column)


@pytest.mark.parametrize("column", ["shop_money", "presentment_money"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_totals_add_up_to_the_cent_in_both_currencies(options, column):
    order = make_order(1001, LINES, **options)
    taxed = [*order["line_items"], *order["shipping_lines"]]
    subtotal = sum(net(line, column) for line in goods(order))
    tax = sum(sums(line["tax_lines"], "price_set", column) for line in taxed)
    shipping = sums(order["shipping_lines"], "discounted_price_set", column)
    duties = money(order, "original_total_duties", column)
    fees = money(order, "original_total_additional_fees", column)
    rate = Decimal(options["presentment"][1]) if "presentment" in options else 1
    tip = Decimal(order["total_tip_received"])
    tip = tip if column == "shop_money" else (tip * rate).quantize(Decimal("0.01"))
    expected = subtotal + shipping + duties + fees + tip
    expected += 0 if order["taxes_included"] else tax
    assert money(order, "subtotal_price", column) == subtotal
    assert money(order, "total_tax", column) == tax
    assert abs(money(order, "total_price", column) - expected) < Decimal("0.5") * (
        order["presentment_currency"] == "JPY" and column == "presentment_money"
    ) + Decimal("0.001")
    assert sums(order["tax_lines"], "price_set", column) == tax


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_plain_fields_equal_the_shop_money_of_their_set(options):
    order = make_order(1001, LINES, **options)
    pairs = [name for name in order if f"{name}_set" in order]
    assert len(pairs) == 9
    for name in pairs:
        assert order[name] == order[f"{name}_set"]["shop_money"]["amount"]


@pytest.mark.parametrize("options", [o for o in OPTIONS if "edited" not in o], ids=str)
def test_current_totals_equal_placed_ones_until_an_edit(options):
    order = make_order(1001, LINES, **options)
    for name in ("subtotal_price", "total_price", "total_tax", "total_discounts"):
        assert order[f"current_{name}_set"] == order[f"{name}_set"]


def test_payload_has_every_field_of_the_published_sample():
    published = sample("shopify-webhook-orders-create.2026-04.json")
    order = make_order(1001, LINES)
    assert set(order) == set(published)
    assert "checkout_id" not in order
    for part in ("line_items", "shipping_lines"):
        assert set(order[part][0]) == set(published[part][0])
    for part in ("customer", "billing_address", "shipping_address"):
        assert set(order[part]) == set(published[part])
    address = published["customer"]["default_address"]
    assert set(order["customer"]["default_address"]) == set(address)


def test_inner_parts_have_the_fields_of_the_published_sample():
    rest = sample("shopify-rest-order-refunded-discounted.2026-07.json")["order"]
    order = make_order(1001, LINES, order_discount="10.00", tax_rate="0.06")
    for part in ("discount_applications", "discount_codes", "tax_lines"):
        assert set(order[part][0]) == set(rest[part][0])
    line, other = order["line_items"][0], rest["line_items"][0]
    for part in ("discount_allocations", "tax_lines"):
        assert set(line[part][0]) == set(other[part][0])


def test_customer_has_every_field_of_the_published_sample():
    published = sample("shopify-webhook-customers-create.2026-04.json")
    customer = make_customer("ada@example.com")
    assert set(customer) == set(published)
    assert set(customer["default_address"]) == set(published["default_address"])


def test_same_email_is_the_same_customer():
    first, second = make_order(1001), make_order(1002, email="Jane.Doe@example.com")
    assert first["customer"]["id"] == second["customer"]["id"]
    assert (
        make_order(1003, email="x@example.com")["customer"]["id"]
        != (first["customer"]["id"])
    )


def test_order_discount_stands_in_the_allocations_only():
    order = make_order(1001, LINES, order_discount="10.00")
    assert [line["total_discount"] for line in order["line_items"]] == ["0.00", "0.00"]
    shares = [line["discount_allocations"][0]["amount"] for line in order["line_items"]]
    assert sum(map(Decimal, shares)) == Decimal("10.00")
    assert order["total_discounts"] == "10.00"
    assert order["discount_codes"] == [
        {"code": "WELCOME", "amount": "10.00", "type": "fixed_amount"}
    ]


def test_line_discount_stands_in_both_places():
    line = make_order(1001, LINES, line_discounts={"BAG": "3.33"})["line_items"][0]
    assert line["total_discount"] == "3.33"
    assert line["discount_allocations"][0]["amount"] == "3.33"


def test_shipping_discount_leaves_the_subtotal_alone():
    order = make_order(1001, LINES, shipping_discount="5.00")
    assert order["shipping_lines"][0]["price"] == "5.00"
    assert order["shipping_lines"][0]["discounted_price"] == "0.00"
    assert order["subtotal_price"] == order["total_price"] == "74.87"


def test_included_taxes_are_part_of_the_prices():
    order = make_order(
        1001, [("A", "A", "119.00", 1)], taxes_included=True, tax_rate="0.19"
    )
    assert order["line_items"][0]["tax_lines"][0]["price"] == "19.00"
    assert order["subtotal_price"] == "119.00"
    assert order["total_price"] == "124.00"


def test_sold_gift_card_is_neither_taxed_nor_discounted():
    order = make_order(
        1001, LINES, gift_card_sold="50.00", tax_rate="0.1", order_discount="5.00"
    )
    card = order["line_items"][-1]
    assert card["gift_card"] is True
    assert card["tax_lines"] == card["discount_allocations"] == []


def test_gift_card_tender_is_a_transaction_and_no_discount():
    order = make_order(1001, LINES, gift_card_tender="20.00")
    assert order["payment_gateway_names"] == ["gift_card", "shopify_payments"]
    assert order["total_discounts"] == "0.00"
    assert [(x["gateway"], x["amount"]) for x in order.transactions] == [
        ("gift_card", "20.00"),
        ("shopify_payments", "59.87"),
    ]


def test_tip_line_does_not_count_twice():
    plain = make_order(1001, LINES, tip="4.00")
    lined = make_order(1001, LINES, tip="4.00", tip_line=True)
    assert lined["line_items"][-1]["title"] == "Tip"
    assert lined["line_items"][-1]["variant_id"] is None
    assert lined["total_price"] == plain["total_price"]
    assert lined["total_tip_received"] == "4.00"


def test_duties_stand_on_lines_and_on_the_order():
    order = make_order(1001, LINES, duties="9.99")
    on_lines = [
        Decimal(duty["shop_money"]["amount"])
        for line in order["line_items"]
        for duty in line["duties"]
    ]
    assert sum(on_lines) == Decimal("9.99")
    assert order["original_total_duties_set"]["shop_money"]["amount"] == "9.99"


def test_custom_line_has_no_sku_and_no_product():
    line = make_order(1001, LINES, custom_line=("Engraving", "5.00", 1))["line_items"][
        -1
    ]
    assert (line["sku"], line["variant_id"], line["product_id"]) == (None, None, None)
    assert line["product_exists"] is False


def test_lines_may_share_a_sku_under_ids_of_their_own():
    lines = make_order(1001, [LINES[0], LINES[0]])["line_items"]
    assert lines[0]["sku"] == lines[1]["sku"]
    assert lines[0]["id"] != lines[1]["id"]


def test_long_id_is_rounded_beside_its_exact_gid():
    order = make_order(1001, LINES, long_id=True)
    exact = int(order["admin_graphql_api_id"].rpartition("/")[2])
    assert len(str(exact)) == 18
    assert order["id"] != exact
    assert order["id"] == int(Decimal(repr(float(exact))))
    published = sample("shopify-webhook-orders-create.2026-04.json")
    assert int(Decimal(repr(float(820982911946154508)))) == published["id"]


def test_edited_order_keeps_quantity_and_lowers_what_is_current():
    order = make_order(1001, LINES, edited={"BAG": 1, "MUG": 0})
    assert [x["quantity"] for x in order["line_items"]] == [3, 2]
    assert [x["current_quantity"] for x in order["line_items"]] == [1, 0]
    assert order["total_price"] == "79.87"
    assert order["current_total_price"] == "24.99"
    assert order["current_subtotal_price"] == "19.99"


def test_cancelled_order_says_when_and_why():
    order = make_order(1001, LINES, cancelled="fraud")
    assert order["cancel_reason"] == "fraud"
    assert order["cancelled_at"] > order["created_at"]
    assert order["financial_status"] == "voided"
    assert [x["kind"] for x in order.transactions] == ["authorization", "void"]


def test_business_order_has_a_company_and_terms():
    order = make_order(1001, LINES, company=True, payment_terms=30)
    assert set(order["company"]) == {"id", "location_id"}
    assert order["payment_terms"]["due_in_days"] == 30
    assert order["financial_status"] == "pending"
    assert order["total_outstanding"] == order["total_price"]


def test_cash_rounding_leaves_the_price_alone():
    order = make_order(1001, LINES, cash_rounding="-0.02", gateway="cash")
    rounding = order["total_cash_rounding_payment_adjustment_set"]["shop_money"]
    assert rounding["amount"] == "-0.02"
    assert order["total_price"] == "79.87"


def test_order_without_private_data_names_nobody():
    order = make_order(1001, LINES, private_data=False)
    assert order["email"] is None
    assert order["customer"]["first_name"] is None
    assert order["customer"]["admin_graphql_api_id"]
    assert order["shipping_address"]["address1"] is None
    assert "Jane" not in json.dumps(order)


def test_any_field_of_the_payload_may_be_laid_over():
    assert make_order(1001, LINES, note="ring twice")["note"] == "ring twice"
    with pytest.raises(TypeError, match="shipping_prise"):
        make_order(1001, LINES, shipping_prise="1.00")


def test_line_given_as_mapping_may_set_any_field():
    order = make_order(
        1001,
        [{"sku": "A", "title": "A", "price": "1.00", "vendor": "Acme", "quantity": 4}],
    )
    assert order["line_items"][0]["vendor"] == "Acme"
    assert order["subtotal_price"] == "4.00"
