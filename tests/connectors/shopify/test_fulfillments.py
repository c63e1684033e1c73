"""What left a warehouse: described, its facts, and read again."""

from decimal import Decimal
from pathlib import Path

import pytest

from integrations.connectors import exact
from integrations.connectors.errors import RecordMissing, UnreadablePayload
from integrations.connectors.shopify.fulfillments import derived
from tests.connectors.shopify.test_simulated import shopify, vendor

__all__ = ["shopify", "vendor"]

SAMPLES = Path(__file__).parents[2] / "samples"
SAMPLE = "shopify-webhook-fulfillments-create.2026-04.json"


@pytest.fixture
def sample() -> dict:
    return exact.loads((SAMPLES / SAMPLE).read_bytes())


def test_a_delivery_is_described(shopify):
    body = (SAMPLES / SAMPLE).read_bytes()
    found = shopify.read_webhook("fulfillments/create", body)
    assert (found.entity, found.key, found.label) == (
        "fulfillment",
        "123456",
        "#9999.1",
    )
    assert (found.party, found.email) == ("Steve Shipper", "jon@example.com")
    assert found.tracking == ("1z827wk74630",)
    assert "SKU2006-001" in found.skus
    assert found.changed_at.isoformat() == "2022-01-01T00:00:00+00:00"


def test_its_facts_keep_the_day_of_the_shop_and_every_line(sample):
    facts = derived(sample)
    assert facts["ship_date"] == "2021-12-31"
    assert facts["packages"] == [{"number": "1z827wk74630", "company": "UPS"}]
    assert facts["location_id"] == ""
    first = facts["lines"][0]
    # Its plain id was rounded by the sender; the global one is exact.
    assert first["line_id"] == "487817672276298554"
    assert (first["quantity"], first["is_shipped"]) == (Decimal(1), True)
    assert first["source_path"] == "line_items[0]"
    assert facts["ships"]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"tracking_numbers": [], "tracking_number": "1Z"}, ["1Z"]),
        ({"tracking_numbers": ["1Z", "2Z"], "tracking_number": "1Z"}, ["1Z", "2Z"]),
        ({"tracking_numbers": None, "tracking_number": None}, []),
    ],
)
def test_each_tracking_number_is_one_parcel(sample, changes, wanted):
    facts = derived({**sample, **changes})
    assert [one["number"] for one in facts["packages"]] == wanted


@pytest.mark.parametrize(
    "changes",
    [{"tracking_numbers": "1Z"}, {"destination": "Ottawa"}, {"line_items": {}}],
    ids=lambda changes: next(iter(changes)),
)
def test_an_odd_shape_is_named(shopify, sample, changes):
    with pytest.raises(UnreadablePayload, match=next(iter(changes))):
        shopify.source_object("fulfillment", {**sample, **changes})


def test_what_needs_no_parcel_is_told_apart(sample):
    rows = [{**row, "requires_shipping": False} for row in sample["line_items"]]
    assert not derived({**sample, "line_items": rows})["ships"]


def test_f65_a_fulfilment_read_again_says_what_its_delivery_said(shopify, vendor):
    vendor.add_product("TENT-2P", "Two-person tent", "249.00", stock=40)
    lines = [("TENT-2P", "Two-person tent", "249.00", 3)]
    vendor.place_order(vendor.new_order(1001, lines))
    [sent] = vendor.fulfil_order(
        1001, {"TENT-2P": 2}, company="UPS", numbers=["1Z", "2Z"], urls=["https://u/1"]
    )
    told = shopify.source_object("fulfillment", sent)
    found = shopify.fetch("fulfillment", told.key)
    for name in ("key", "label", "changed_at", "party", "email", "skus", "tracking"):
        assert getattr(found, name) == getattr(told, name), name
    assert derived(found.payload) == derived(sent)
    assert found.payload["status"] == "success"


def test_a_fulfilment_of_many_lines_is_read_page_by_page(shopify, vendor):
    lines = [(f"SKU-{number}", "Thing", "1.00", 1) for number in range(60)]
    for sku, title, price, _ in lines:
        vendor.add_product(sku, title, price, stock=5)
    vendor.place_order(vendor.new_order(1001, lines))
    [sent] = vendor.fulfil_order(1001)
    found = shopify.fetch("fulfillment", str(sent["id"]))
    assert len(derived(found.payload)["lines"]) == 60


def test_a_fulfilment_that_is_gone_is_missing(shopify):
    with pytest.raises(RecordMissing, match="fulfillment 404"):
        shopify.fetch("fulfillment", "404")
