"""Refunds of the simulated shop: told by webhook, read again, and the same money."""

from decimal import Decimal

import pytest

from integrations.connectors import exact
from integrations.connectors.errors import RecordMissing
from integrations.connectors.shopify.refunds import derived, unfinished
from integrations.simulators.shopify import make_order
from tests.connectors.shopify.test_simulated import connector, shopify, vendor

__all__ = ["connector", "shopify", "vendor"]

TWO = [("TENT-2P", "Tent", "249.00", 2), ("MUG-BLUE", "Mug", "12.50", 3)]
TAXED = {"tax_rate": "0.0725", "order_discount": "9.99"}
GROSS = {"tax_rate": "0.19", "taxes_included": True, "shipping_discount": "1.00"}
BOTH = {"TENT-2P": 1, "MUG-BLUE": 2}
CASES = {
    "lines": ({}, {"lines": BOTH}),
    "taxed": (TAXED, {"lines": BOTH, "shipping": True}),
    "gross": (GROSS, {"lines": BOTH, "shipping": True}),
    "gross part": (GROSS, {"lines": {"TENT-2P": 1}, "shipping": "1.50"}),
    "shipping": (TAXED, {"shipping": "2.50"}),
    "money": ({}, {"money": "10.00"}),
    "less money": (TAXED, {"lines": BOTH, "money": "100.00"}),
    "duties": ({"duties": "12.00"}, {"lines": BOTH}),
    "foreign": ({"presentment": ("EUR", "0.9137"), **TAXED}, {"lines": BOTH}),
    "marketplace": ({"channel_liable": True, **TAXED}, {"lines": BOTH}),
    "two payments": ({"gift_card_tender": "200.00"}, {"lines": BOTH}),
    "pending": (TAXED, {"lines": BOTH, "status": "pending"}),
    "goods only": ({}, {"lines": BOTH, "money": 0}),
}
SAME = (
    *("refund_id", "state", "settled", "difference", "shipping_tax"),
    *("shipping", "duties", "additional_fees", "currency", "refund_date", "gateways"),
)


@pytest.fixture
def told(vendor):
    """Place and refund an order; the payload of the webhook."""

    def tell(order, refund):
        vendor.place_order(make_order(1001, lines=TWO, **order))
        made = vendor.refund_order("#1001", **refund)
        return exact.loads(exact.dumps(made_exact(made)))

    return tell


def made_exact(value):
    """Shopify writes two amounts of a refund as numbers."""
    if isinstance(value, dict):
        return {name: made_exact(one) for name, one in value.items()}
    if isinstance(value, list):
        return [made_exact(one) for one in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


@pytest.mark.parametrize("name", CASES)
def test_a_refund_is_read_as_it_was_told_and_explains_its_money(name, told, shopify):
    order, refund = CASES[name]
    webhook = told(order, refund)
    found = shopify.fetch("refund", str(webhook["id"]))
    assert found.label == "#1001"
    assert found.payload["order_id"] == webhook["order_id"]
    order = {**found.payload["order"]}
    facts, by_webhook = derived(found.payload), derived({**webhook, "order": order})
    assert {n: facts[n] for n in SAME} == {n: by_webhook[n] for n in SAME}
    amounts = ("sku", "quantity", "amount", "tax", "restock_type", "channel_liable")
    for row, other in zip(facts["lines"], by_webhook["lines"], strict=True):
        assert {n: row[n] for n in amounts} == {n: other[n] for n in amounts}
    if facts["settled"]:
        assert facts["difference"] == 0
    assert bool(unfinished(found.payload)) == (name == "pending")


def test_f54_what_is_read_again_is_never_older_than_what_was_told(told, shopify):
    webhook = told({}, {"lines": BOTH, "status": "pending"})
    first = shopify.source_object("refund", webhook)
    again = shopify.fetch("refund", str(webhook["id"]))
    assert again.changed_at >= first.changed_at


def test_a_refund_that_shopify_does_not_show_is_missing(shopify, vendor):
    with pytest.raises(RecordMissing, match="no refund 5"):
        shopify.fetch("refund", "5")


def test_a_refund_of_many_lines_is_read_page_by_page(vendor, shopify):
    lines = [(f"SKU-{n}", f"Thing {n}", "1.00", 1) for n in range(120)]
    vendor.place_order(make_order(1001, lines=lines))
    made = vendor.refund_order("#1001", {sku: 1 for sku, *_ in lines})
    found = shopify.fetch("refund", str(made["id"]))
    assert len(found.payload["refund_line_items"]) == 120
    assert derived(found.payload)["difference"] == 0
