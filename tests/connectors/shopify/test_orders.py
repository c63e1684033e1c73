from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.connectors.errors import UnreadablePayload
from integrations.connectors.shopify.orders import derived
from tests.connectors.shopify.conftest import order

CENT = Decimal("0.01")


def parts(facts: dict[str, Any]) -> Decimal:
    """Add the parts up as the target document does."""
    lists = ("lines", "duties", "tax_lines")
    whole = sum((row["amount"] for name in lists for row in facts[name]), Decimal(0))
    whole += facts["shipping_total"] + facts["tip"] + facts["additional_fees"]
    off = sum((row["amount"] for row in facts["discounts"]), Decimal(0))
    return whole - off - facts["discount_unallocated"]


@pytest.mark.parametrize(
    "name",
    ["shopify-webhook-orders-create", "shopify-rest-order-refunded-discounted"],
)
def test_f79_parts_of_each_sample_add_up_to_its_total(name):
    payload = order(name)
    assert parts(derived(payload)) == Decimal(payload["total_price"])


def test_discount_without_allocation_and_free_shipping_are_told_apart():
    facts = derived(order())
    assert facts["discount_unallocated"] == Decimal("10.00")
    assert facts["shipping_total"] == Decimal("0.00")
    assert facts["shipping_title"] == "Generic Shipping"


def test_figures_are_those_of_the_order_as_placed():
    facts = derived(order("shopify-rest-order-refunded-discounted"))
    assert [line["quantity"] for line in facts["lines"]] == [1, 1, 1]
    assert sum(row["amount"] for row in facts["discounts"]) == Decimal("10.00")
    assert facts["discounts"][0]["code_or_title"] == "TENOFF"
    assert facts["tax_lines"] == [
        {"title": "State Tax", "amount": Decimal("11.94"), "channel_liable": False}
    ]


def test_ids_are_read_from_global_ids():
    facts = derived(order())
    assert facts["order_id"] == "820982911946154508"
    assert facts["customer_id"] == "115310627314723954"
    assert facts["lines"][0]["line_id"] == "487817672276298554"


def test_order_date_is_the_day_in_the_shop():
    payload = {**order(), "processed_at": "2026-03-01T23:30:00-05:00"}
    assert derived(payload)["order_date"] == "2026-03-01"


def test_note_holds_its_attributes():
    facts = derived(order("shopify-rest-order-refunded-discounted"))
    assert facts["note_text"] == "custom engraving: Happy Birthday\ncolour: green"


def small(**changes: Any) -> dict[str, Any]:
    payload = {
        "admin_graphql_api_id": "gid://shopify/Order/1",
        "line_items": [line("10.00", 2, sku="A")],
        "total_price": "20.00",
    }
    return payload | changes


def line(price: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": 1, "price": price, "quantity": quantity, "sku": ""} | more


def money_set(amount: str) -> dict[str, Any]:
    return {"shop_money": {"amount": amount, "currency_code": "USD"}}


def test_guest_order_has_no_customer():
    assert derived(small())["customer_id"] is None
    assert derived(small(customer={}))["customer_id"] is None


def test_f64_zero_order_is_zero_in_every_part():
    facts = derived(small(line_items=[line("0.00")], total_price="0.00"))
    assert parts(facts) == 0


def test_f64_whole_discount_leaves_nothing():
    off = line("10.00", discount_allocations=[{"amount": "10.00"}])
    facts = derived(small(line_items=[off], total_discounts="10.00"))
    assert parts(facts) == 0
    assert facts["discounts"][0]["code_or_title"] == "Discount"


def test_line_discount_that_no_allocation_repeats_is_named():
    facts = derived(
        small(line_items=[line("10.00", total_discount="3.00")], total_discounts="3.00")
    )
    assert [row["amount"] for row in facts["discounts"]] == [Decimal("3.00")]
    assert facts["discount_unallocated"] == 0


def test_too_many_allocations_never_make_a_negative_discount():
    off = line("10.00", discount_allocations=[{"amount": "9.00"}])
    facts = derived(small(line_items=[off], total_discounts="1.00"))
    assert facts["discount_unallocated"] == 0
    assert parts(facts) == Decimal("1.00")


def test_tip_line_is_not_booked_twice():
    tip = line("5.00", title="Tip", variant_id=None, product_id=None)
    facts = derived(small(line_items=[tip], total_tip_received="5.00"))
    assert facts["tip"] == 0
    assert facts["lines"][0]["is_tip"]
    assert parts(facts) == Decimal("5.00")


def test_tip_without_a_line_is_kept():
    assert derived(small(total_tip_received="5.00"))["tip"] == Decimal("5.00")


def test_gift_cards_sold_and_spent_are_marked():
    facts = derived(
        small(
            line_items=[line("25.00", gift_card=True)],
            payment_gateway_names=["gift_card"],
        )
    )
    assert facts["lines"][0]["is_gift_card"]
    assert facts["gift_card_tender"]


def test_custom_line_has_neither_product_nor_sku():
    facts = derived(small(line_items=[line("1.00"), line("1.00", product_id=7)]))
    assert [row["is_custom"] for row in facts["lines"]] == [True, False]


def test_included_tax_is_taken_out_of_lines_and_shipping():
    facts = derived(
        small(
            taxes_included=True,
            line_items=[line("12.00", 1, tax_lines=[{"price": "2.00"}])],
            shipping_lines=[{"price": "6.00", "tax_lines": [{"price": "1.00"}]}],
            tax_lines=[{"title": "VAT", "price": "3.00", "channel_liable": True}],
            total_tax="3.00",
        )
    )
    assert facts["lines"][0]["amount"] == Decimal("10.00")
    assert facts["lines"][0]["rate"] is None
    assert facts["shipping_total"] == Decimal("5.00")
    assert facts["tax_lines"][0]["channel_liable"]
    assert parts(facts) == Decimal("18.00")


def test_removed_shipping_line_costs_nothing():
    lines = [{"price": "6.00", "is_removed": True}, {"price": "4.00", "title": "Post"}]
    facts = derived(small(shipping_lines=lines))
    assert facts["shipping_total"] == Decimal("4.00")
    assert facts["shipping_title"] == "Post"


def test_tax_that_no_tax_line_names_is_not_lost():
    assert derived(small(total_tax="1.50"))["tax_lines"] == [
        {"title": "Tax", "amount": Decimal("1.50"), "channel_liable": False}
    ]


def duty(amount: str) -> dict[str, Any]:
    return {**money_set(amount), "harmonized_system_code": "6404"}


def test_duties_are_listed_by_line_and_add_up():
    facts = derived(
        small(
            line_items=[line("1.00", sku="A", duties=[duty("2.00")])],
            original_total_duties_set=money_set("2.50"),
            original_total_additional_fees_set=money_set("0.75"),
        )
    )
    assert facts["duties"] == [
        {"amount": Decimal("2.00"), "hs_code": "6404", "line_sku": "A"},
        {"amount": Decimal("0.50"), "hs_code": "", "line_sku": ""},
    ]
    assert facts["additional_fees"] == Decimal("0.75")


def test_included_duties_are_not_charged_again():
    row = line("1.00", duties=[duty("2.00")])
    assert derived(small(line_items=[row], duties_included=True))["duties"] == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"line_items": [line("a lot")]}, "line_items[0].price"),
        (
            {"line_items": [{"id": 1, "price": [], "quantity": 1}]},
            "line_items[0].price",
        ),
        ({"total_discounts": {}}, "total_discounts"),
        ({"tax_lines": "none"}, "tax_lines"),
        ({"line_items": [{"price": "1.00"}]}, "line_items[0].admin_graphql_api_id"),
    ],
)
def test_f43_value_of_another_shape_is_named_by_its_path(changes, path):
    with pytest.raises(UnreadablePayload) as caught:
        derived(small(**changes))
    assert list(caught.value.fields) == [path]


CENTS = st.integers(0, 10**7).map(lambda cents: cents * CENT)


@st.composite
def shop_orders(draw: Any) -> dict[str, Any]:
    """An order as Shopify adds it up: its own total is the sum of its own parts."""
    lines, tax, off = [], Decimal(0), Decimal(0)
    for _ in range(draw(st.integers(1, 5))):
        price, quantity = draw(CENTS), draw(st.integers(1, 9))
        share = draw(st.integers(0, 100))
        discount = (price * quantity * share / 100).quantize(CENT)
        taxed = ((price * quantity - discount) * Decimal("0.19")).quantize(CENT)
        tax, off = tax + taxed, off + discount
        row = line(str(price), quantity, tax_lines=[{"price": str(taxed)}])
        row["discount_allocations"] = [{"amount": str(discount)}] if discount else []
        lines.append(row)
    shipping, loose, tip = draw(CENTS), draw(CENTS), draw(CENTS)
    free = draw(st.booleans())
    included = draw(st.booleans())
    goods = sum((Decimal(row["price"]) * row["quantity"] for row in lines), Decimal(0))
    total = goods - off - loose + (0 if free else shipping) + tip
    return small(
        line_items=lines,
        shipping_lines=[
            {"price": str(shipping), "discounted_price": "0" if free else str(shipping)}
        ],
        taxes_included=included,
        total_tax=str(tax),
        tax_lines=[{"title": "VAT", "price": str(tax)}],
        total_discounts=str(off + loose + (shipping if free else 0)),
        total_tip_received=str(tip),
        total_price=str(total + (0 if included else tax)),
    )


@settings(max_examples=200)
@given(shop_orders())
def test_f79_parts_add_up_to_the_cent_whatever_the_order(payload):
    assert parts(derived(payload)) == Decimal(payload["total_price"])
