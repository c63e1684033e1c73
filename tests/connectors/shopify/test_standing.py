"""What stands of an order, told by the simulated shop and by hand."""

from decimal import Decimal

import pytest

from integrations.connectors.errors import OnlyNamed, UnreadablePayload
from integrations.connectors.shopify import orders, standing
from integrations.connectors.shopify.sources import delivered
from integrations.simulators.shopify import ShopifySimulator, make_order

TENT, STOVE, LAMP = "TENT", "STOVE", "LAMP"
LINES = [(TENT, "Tent", "249.99", 3), (STOVE, "Stove", "40.05", 2)]
KINDS = [
    {},
    {"tax_rate": "0.0825"},
    {"tax_rate": "0.19", "taxes_included": True},
    {"taxes": [("GST", "0.05"), ("PST", "0.07")], "order_discount": "33.33"},
    {"tax_rate": "0.0725", "line_discounts": {TENT: "10.01"}},
    {"tax_rate": "0.1", "tip": "4.00", "additional_fees": "1.50"},
    {"tax_rate": "0.1", "duties": "17.77"},
    {"tax_rate": "0.1", "currency": "JPY", "order_discount": "100"},
    {"tax_rate": "0.07", "shipping_discount": "2.00", "order_discount": "7.77"},
]


@pytest.fixture
def shop():
    made = ShopifySimulator(post=lambda *given: 200)
    for sku in (TENT, STOVE, LAMP):
        made.add_product(sku, sku.title(), "10.00", stock={"Main warehouse": 50})
    return made


def place(shop, **options):
    currency = options.get("currency", "USD")
    lines = (
        LINES
        if currency != "JPY"
        else [(TENT, "Tent", "24999", 3), (STOVE, "S", "401", 2)]
    )
    shop.place_order(make_order(1001, lines=lines, **options))


def pieces(facts):
    return {line["sku"]: line["quantity"] for line in facts["lines"]}


@pytest.mark.parametrize("options", KINDS)
def test_an_edited_order_adds_up_to_its_current_total(shop, options):
    place(shop, **options)
    edited = shop.edit_order("#1001", {TENT: 2}, add=[(LAMP, "Lamp", "34", 1)])
    facts = standing.derived(edited)
    assert pieces(facts) == {TENT: 2, STOVE: 2, LAMP: 1}
    assert orders.worth(facts) == facts["total"]
    assert facts["total"] == Decimal(edited["current_total_price"])
    assert facts["total"] != Decimal(edited["total_price"])


@pytest.mark.parametrize("options", KINDS)
def test_an_order_that_nobody_touched_stands_as_it_was_placed(shop, options):
    place(shop, **options)
    order = shop.store.find_order("#1001")
    assert standing.derived(order) == orders.derived(order)


@pytest.mark.parametrize("options", KINDS)
def test_a_line_that_was_removed_leaves_its_place_to_nobody(shop, options):
    place(shop, **options)
    edited = shop.edit_order("#1001", {TENT: 0})
    facts = standing.derived(edited)
    assert [line["source_path"] for line in facts["lines"]] == ["line_items[1]"]
    assert orders.worth(facts) == Decimal(edited["current_total_price"])


def test_what_was_sent_and_came_back_stands(shop):
    place(shop, tax_rate="0.08")
    shop.fulfil_order("#1001", {TENT: 2})
    shop.refund_order("#1001", {TENT: 1}, restock_type="return")
    shop.refund_order("#1001", {TENT: 1}, restock_type="no_restock")
    order = shop.store.find_order("#1001")
    assert standing.derived(order) == orders.derived(order)


def test_what_was_refunded_before_it_was_sent_stands_no_more(shop):
    place(shop, tax_rate="0.08")
    shop.fulfil_order("#1001", {TENT: 1})
    shop.refund_order("#1001", {TENT: 1}, restock_type="cancel")
    shop.refund_order("#1001", {STOVE: 1}, restock_type="no_restock")
    order = shop.store.find_order("#1001")
    facts = standing.derived(order)
    assert pieces(facts) == {TENT: 2, STOVE: 1}
    assert orders.worth(facts) == Decimal(order["current_total_price"])


def test_where_shipments_are_not_told_what_is_not_put_back_counts_as_sent(shop):
    place(shop)
    shop.refund_order("#1001", {TENT: 1}, restock_type="no_restock")
    order = dict(shop.store.find_order("#1001"))
    assert pieces(standing.derived(order))[TENT] == 2
    del order["fulfillments"]
    assert pieces(standing.derived(order))[TENT] == 3


def test_postage_that_was_refunded_stands_and_removed_postage_does_not(shop):
    place(shop, tax_rate="0.08", shipping=[("Standard", "5.00")])
    shop.refund_order("#1001", shipping=True)
    order = shop.store.find_order("#1001")
    assert standing.derived(order)["shipping_total"] == Decimal("5.00")
    edited = shop.edit_order("#1001", shipping_remove=["Standard"])
    assert standing.derived(edited)["shipping_total"] == 0


@pytest.mark.parametrize("restock", [True, False])
def test_nothing_stands_of_a_cancelled_order(shop, restock):
    place(shop, tax_rate="0.08", tip="3.00", duties="2.00", additional_fees="1.00")
    order = shop.cancel_order("#1001", restock=restock)
    facts = standing.derived(order)
    assert facts["lines"] == [] and facts["total"] == 0
    assert orders.worth(facts) == 0
    assert facts["shipping_title"] == ""


def test_an_order_without_current_figures_stands_as_it_was_placed():
    order = make_order(1001, lines=LINES)
    for line in order["line_items"]:
        del line["current_quantity"]
    bare = {name: order[name] for name in order if not name.startswith("current_")}
    assert standing.derived(bare) == orders.derived(bare)


def test_an_edit_names_its_order_and_is_never_taken_for_one(shop):
    body = b"""{"order_edit": {"order_id": 5001, "committed_at":
        "2026-11-20T10:00:00-05:00", "line_items": {"additions": []}}}"""
    with pytest.raises(OnlyNamed, match="order 5001") as told:
        delivered("orders/edited", body)
    assert (told.value.entity, told.value.key) == ("order", "5001")
    assert told.value.changed_at.isoformat() == "2026-11-20T10:00:00-05:00"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"order_edit": {"committed_at": "2026-11-20T10:00:00Z"}}', "gid|id"),
        (b'{"order_edit": {"order_id": 5001}}', "committed_at"),
        (b'{"id": 1, "name": "#1"}', "committed_at"),
    ],
)
def test_an_edit_that_does_not_say_enough_is_unreadable(body, field):
    with pytest.raises(UnreadablePayload, match=field):
        delivered("orders/edited", body)


def test_a_cancellation_brings_the_whole_order():
    body = b'{"id": 5001, "name": "#1", "cancelled_at": "2026-11-20T10:00:00Z"}'
    found = delivered("orders/cancelled", body)
    assert (found.entity, found.key, found.label) == ("order", "5001", "#1")
