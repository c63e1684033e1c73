"""The shipped documents of customers and stock."""

from dataclasses import replace
from decimal import Decimal

import pytest

from mappings.engine import apply
from tests.mappings import shipped
from tests.mappings.builders import FakeLookups
from tests.mappings.shop import ADDRESS, ORDER_SAMPLES, sample


def customer(**changes):
    made = sample("shopify-webhook-customers-create.2026-04.json") | changes
    facts = {
        "waybill": {"external_id": f"shopify-demo-customer-{made['id']}", "flow": "c"},
        "connection": {"subsidiary": "Parent company"},
        "derived": {},
    }
    document = shipped.document("shopify-customer")
    mapped = apply(document, made, facts=facts, lookups=FakeLookups())
    assert mapped.problems == ()
    return mapped.payload


def test_the_customer_sample_becomes_a_person_with_an_address():
    assert customer() == {
        "externalId": "shopify-demo-customer-706405506930370000",
        "isPerson": True,
        "firstName": "Bob",
        "lastName": "Biller",
        "email": "bob@biller.com",
        "phone": "555-555-5555",
        "currency": {"id": "currency:USD"},
        "subsidiary": {"id": "subsidiary:Parent company"},
        "comments": "This customer loves ice cream",
        "addressBook": {
            "items": [
                {
                    "defaultBilling": True,
                    "defaultShipping": True,
                    "addressBookAddress": {
                        "addressee": "Bob Biller",
                        "addr1": "151 O'Connor Street",
                        "city": "Ottawa",
                        "state": "ON",
                        "zip": "K2P 2L8",
                        "country": {"id": "CA"},
                        "addrPhone": "555-555-5555",
                    },
                }
            ]
        },
    }


def test_a_customer_with_nothing_but_a_phone_has_a_name():
    hidden = {
        "first_name": None,
        "last_name": "",
        "email": None,
        "default_address": None,
    }
    payload = customer(id=42, phone="+49 30 1234567", note=None, **hidden)
    assert payload["firstName"] == "Shopify"
    assert payload["lastName"] == "customer 42"
    assert payload["phone"] == "+49 30 1234567"
    assert "addressBook" not in payload and "email" not in payload


def test_the_customer_inside_an_order_maps_too():
    inside = sample(ORDER_SAMPLES[0])["customer"]
    payload = customer(**inside)
    assert payload["firstName"] == "Bob" and payload["lastName"] == "Norman"
    address = payload["addressBook"]["items"][0]["addressBookAddress"]
    assert address["state"] == "KY" and "addressee" not in address


def test_a_customer_of_a_company_shows_both_names():
    address = ADDRESS | {"company": "Engines Ltd"}
    payload = customer(default_address=address)
    assert payload["companyName"] == "Engines Ltd"
    book = payload["addressBook"]["items"][0]["addressBookAddress"]
    assert (book["addressee"], book["attention"]) == ("Engines Ltd", "Ada Lovelace")


@pytest.mark.parametrize(("available", "sent"), [("12", 12), ("0", 0), ("-3", 0)])
def test_stock_goes_to_item_and_location_of_the_shop(available, sent):
    level = {
        "sku": "TENT",
        "item_id": "11",
        "location": "Main warehouse",
        "location_id": "1",
        "quantity_available": Decimal(available),
    }
    document = shipped.document("netsuite-inventory")
    mapped = apply(document, level, facts={}, lookups=FakeLookups())
    assert mapped.problems == ()
    assert mapped.payload == {
        "inventoryItemId": "inventoryItem:TENT",
        "locationId": "location:Main warehouse",
        "quantity": sent,
    }


def test_safety_stock_comes_from_its_table_by_sku_or_by_its_beginning():
    """What the shop may sell is told by both; the connector takes one off the other."""
    level = {"sku": "TENT-2P", "location": "Main", "quantity_available": Decimal(9)}
    shipped_as = shipped.document("netsuite-inventory")
    by_sku = {"Safety stock": {"TENT-2P": "3"}, "Locations": {"*": "*"}}
    mapped = apply(
        shipped_as.renewed("x", by_sku), level, facts={}, lookups=FakeLookups()
    )
    assert (mapped.payload["quantity"], mapped.payload["keepBack"]) == (9, "3")
    [row] = [row for row in shipped_as.rows if row.target == "keepBack"]
    chain = (("split", {"separator": "-"}), ("pick", {"place": 1}))
    rows = tuple(
        replace(one, transforms=chain) if one is row else one for one in shipped_as.rows
    )
    by_group = {"Safety stock": {"TENT": "5"}, "Locations": {"*": "*"}}
    document = replace(shipped_as, rows=rows).renewed("y", by_group)
    assert (
        apply(document, level, facts={}, lookups=FakeLookups()).payload["keepBack"]
        == "5"
    )


def test_a_fraction_of_a_piece_is_no_stock():
    level = {"sku": "TENT", "location": "Main", "quantity_available": Decimal("1.5")}
    document = shipped.document("netsuite-inventory")
    [problem] = apply(document, level, facts={}, lookups=FakeLookups()).problems
    assert problem.target == "quantity" and "not a whole number" in problem.rule
