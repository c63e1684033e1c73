"""What is written of a product, and what is refused before anything is sent."""

from decimal import Decimal

import pytest

from integrations.connectors.errors import RecordConflict, RecordRejected
from integrations.connectors.shopify import product_fields
from tests.connectors.shopify.test_simulated import connector, vendor

__all__ = ["vendor"]

KEY = "netsuite-1-product-201"
STANDING = {
    "sku": "MUG",
    "barcode": "1",
    "inventoryItem": {
        "tracked": True,
        "unitCost": {"amount": "4.10"},
        "measurement": {"weight": {"value": 0.35, "unit": "KILOGRAMS"}},
        "harmonizedSystemCode": "732394",
        "countryCodeOfOrigin": "DE",
    },
}
SAME = {
    "sku": "MUG",
    "barcode": "1",
    "tracked": True,
    "cost": Decimal("4.1"),
    "weight": Decimal("0.350"),
    "weightUnit": "KILOGRAMS",
    "hsCode": "7323.94",
    "countryOfOrigin": "de",
}


@pytest.fixture
def shop(vendor):
    scopes = ["read_products", "write_products", "read_inventory", "write_inventory"]
    vendor.add_app("full", "s", scopes=scopes)
    return connector(credentials={"client_id": "full", "client_secret": "s"})


def payload(*variants, **more):
    rows = [{"inactive": False, **one} for one in variants]
    return {"newTitle": "Mug", "variants": rows, **more}


def test_only_what_differs_is_sent():
    assert product_fields.difference(STANDING, SAME) == {}
    changed = product_fields.difference(STANDING, {**SAME, "barcode": "2", "cost": "5"})
    assert changed == {"barcode": "2", "inventoryItem": {"cost": "5"}}
    other = {**SAME, "weightUnit": "GRAMS"}
    weight = product_fields.difference(STANDING, other)["inventoryItem"]["measurement"]
    assert weight == {"weight": {"value": Decimal("0.350"), "unit": "GRAMS"}}


def test_fields_that_are_not_given_are_left_alone():
    assert product_fields.difference(STANDING, {"sku": "MUG", "barcode": ""}) == {}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"hsCode": "12"}, "variants.hsCode", "6 to 13 digits"),
        ({"countryOfOrigin": "Germany"}, "variants.countryOfOrigin", "two letters"),
        ({"cost": "-1"}, "variants.cost", "number from 0"),
        ({"weight": "heavy"}, "variants.weight", "no number"),
        ({"weightUnit": "stone"}, "variants.weightUnit", "stone"),
        ({"weightUnit": None}, "variants.weightUnit", "no unit is given"),
    ],
)
def test_a_value_that_does_not_fit_names_field_and_remedy(change, field, words):
    with pytest.raises(RecordRejected, match=words) as caught:
        product_fields.difference(STANDING, {**SAME, **change})
    assert field in caught.value.fields and "MUG" in str(caught.value)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (payload(), "no variant"),
        (payload({"sku": " "}), "no SKU"),
        (payload({"sku": "A"}, {"sku": "A"}), "twice"),
        (payload({"sku": "A"}, {"sku": "B"}), "need an option"),
        ({**payload({"sku": "A"}), "newTitle": ""}, "needs a title"),
        (payload({"sku": "A", "inactive": True}), "inactive"),
        (payload({"sku": "A", "optionValues": []}, optionNames=["Color"]), "no value"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_sent(
    shop, vendor, told, words
):
    with pytest.raises(RecordRejected, match=words):
        shop.upsert("product", told, KEY)
    assert not vendor.store.products


def test_new_variants_of_a_family_in_two_products_need_a_person(shop, vendor):
    vendor.add_product("A", "First", "1.00")
    vendor.add_product("B", "Second", "1.00")
    told = payload({"sku": "A"}, {"sku": "B"}, {"sku": "C"})
    with pytest.raises(RecordConflict, match="“First”.*“Second”"):
        shop.upsert("product", told, KEY)
    assert len(vendor.store.variants) == 2


def test_both_parts_of_such_a_family_are_kept_up_where_they_stand(shop, vendor):
    vendor.add_product("A", "First", "1.00")
    vendor.add_product("B", "Second", "1.00")
    rows = ({"sku": "A", "barcode": "1"}, {"sku": "B", "barcode": "2"})
    shop.upsert("product", payload(*rows), KEY)
    assert [one.barcode for one in vendor.store.variants] == ["1", "2"]


def test_a_pair_that_a_person_linked_gets_the_sku(shop, vendor):
    mug = vendor.add_product("mug-blue", "Mug", "1.00")
    home = f"gid://shopify/Product/{mug.product_id}"
    shop.update("product", payload({"sku": "MUG-BLUE"}), home)
    assert [one.sku for one in vendor.store.variants] == ["MUG-BLUE"]


def test_a_product_of_others_under_our_address_is_not_taken(shop, vendor):
    vendor.add_product("THEIRS", "A 201", "1.00")
    with pytest.raises(RecordConflict, match="THEIRS"):
        shop.upsert("product", payload({"sku": "A"}), KEY)
    assert [one.sku for one in vendor.store.variants] == ["THEIRS"]


def test_the_shelf_is_read_page_by_page(shop, vendor, monkeypatch):
    from integrations.connectors.shopify import product_shelf

    monkeypatch.setattr(product_shelf, "ALL_SIZE", 2)
    for number in range(5):
        vendor.add_product(f"S-{number}", "Thing", "1.00")
    found, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        page = shop.shelf("product", cursor)
        found += [part.sku for part in page.parts]
        cursor, pages = page.cursor, pages + 1
    assert sorted(found) == [f"S-{number}" for number in range(5)] and pages == 3
