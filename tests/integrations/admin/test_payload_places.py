from decimal import Decimal

import pytest

from integrations.sync.places import (
    changed_places,
    is_money,
    scalar_at,
    steps_to,
    with_value,
)

ORDER = {
    "email": None,
    "taxes_included": False,
    "note": "quick",
    "weight": Decimal("1.50"),
    "line_items": [{"sku": "A", "grams": 10}, {"sku": "B", "grams": 20}],
    "shipping_address": None,
    "customer": {"id": 7},
}


def test_a_place_inside_a_list_is_found():
    assert scalar_at(ORDER, "line_items[1].sku") == "B"
    assert scalar_at(ORDER, "$.line_items[1].sku") == "B"


def test_a_name_that_is_not_there_yet_counts_as_empty():
    assert scalar_at(ORDER, "customer.vat_number") is None


@pytest.mark.parametrize(
    "place",
    [
        "line_items",
        "customer",
        "line_items[7].sku",
        "shipping_address.city",
        "note.text",
        "line_items[].sku",
        "derived.lines",
        "^.sku",
        "a, b",
        "",
        "what is this?",
    ],
)
def test_what_is_no_single_value_is_refused(place):
    with pytest.raises(LookupError):
        scalar_at(ORDER, place)


def test_facts_of_the_surroundings_are_no_places_of_the_source():
    assert steps_to("derived.refunds") is None


def test_writing_keeps_the_kind_of_the_value_and_the_original():
    assert with_value(ORDER, "line_items[0].grams", "12")["line_items"][0] == {
        "sku": "A",
        "grams": 12,
    }
    assert with_value(ORDER, "weight", "1.75")["weight"] == Decimal("1.75")
    assert with_value(ORDER, "taxes_included", "true")["taxes_included"] is True
    assert with_value(ORDER, "email", "ada@example.com")["email"] == "ada@example.com"
    assert with_value(ORDER, "customer.vat", "GB1")["customer"] == {
        "id": 7,
        "vat": "GB1",
    }
    assert ORDER["line_items"][0]["grams"] == 10
    assert "vat" not in ORDER["customer"]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("line_items[0].grams", "many"),
        ("weight", "1,5"),
        ("weight", "NaN"),
        ("weight", "Infinity"),
        ("taxes_included", "maybe"),
    ],
)
def test_text_that_does_not_fit_the_kind_is_refused(place, text):
    with pytest.raises(ValueError):
        with_value(ORDER, place, text)


def test_every_changed_added_and_removed_value_is_named():
    after = {
        "a": 1,
        "b": {"c": Decimal("1.10"), "new": []},
        "list": [1],
    }
    before = {"a": 1, "b": {"c": Decimal("1.1")}, "list": [1, 2], "gone": None}
    assert sorted(changed_places(before, after)) == [
        "b.c",
        "b.new",
        "gone",
        "list[1]",
    ]


def test_one_and_true_are_not_the_same():
    assert changed_places({"a": 1}, {"a": True}) == ["a"]


@pytest.mark.parametrize(
    "place",
    [
        "total_price",
        "currentSubtotalPriceSet.shopMoney.amount",
        "line_items[2].price",
        "line_items[0].tax_lines[0].title",
        "totalTax",
        "discount_codes[0].code",
        "currency",
        "line_items[0].quantity",
        "base_grand_total",
        "TaxAmount",
        "presentment_currency",
        "unitCost",
    ],
)
def test_f88_fields_about_money_are_known_by_their_names(place):
    assert is_money(place)


@pytest.mark.parametrize(
    "place", ["email", "po_number", "line_items[0].sku", "customer.syntax", "notePad"]
)
def test_f88_other_fields_may_be_edited(place):
    assert not is_money(place)
