from decimal import Decimal

from integrations.connectors.netsuite import records

ORDER = {
    "entity": {"id": "7"},
    "otherRefNum": "#1001",
    "item": {
        "items": [
            {"item": {"id": "5"}, "quantity": Decimal("2"), "rate": Decimal("19.90")},
            {"item": {"id": "5"}, "quantity": Decimal("1"), "amount": Decimal("0.00")},
        ]
    },
}
STORED = {
    "id": "99",
    "entity": {"id": "7", "refName": "Jane Doe"},
    "otherRefNum": "#1001",
    "item": {
        "items": [
            {"line": 2, "item": {"id": "5"}, "quantity": 1, "amount": Decimal("0.0")},
            {
                "line": 1,
                "item": {"id": "5"},
                "quantity": Decimal("2.0"),
                "rate": Decimal("19.9"),
                "amount": Decimal("39.8"),
            },
        ]
    },
}


def test_same_order_in_other_writing_shows_no_difference():
    assert records.differences(ORDER, STORED) == {}


def test_other_customer_is_named_with_both_values():
    other = {**STORED, "entity": {"id": "8", "refName": "John Roe"}}
    assert records.differences(ORDER, other) == {
        "entity": "NetSuite has John Roe, this record has 7."
    }


def test_line_with_other_quantity_is_named():
    lines = [dict(line) for line in STORED["item"]["items"]]
    lines[1]["quantity"] = 3
    found = records.differences(ORDER, {**STORED, "item": {"items": lines}})
    assert list(found) == ["item.items[0]"]


def test_line_that_is_missing_is_named_though_its_twin_is_there():
    one = {**STORED, "item": {"items": [STORED["item"]["items"][0]] * 1}}
    assert list(records.differences(ORDER, one)) == ["item.items[0]"]


def test_reference_by_external_id_is_not_compared():
    wanted = {"entity": {"externalId": "shopify-x-customer-1"}}
    assert records.differences(wanted, STORED) == {}


def test_id_is_the_last_part_of_a_location():
    base = "https://x/services/rest/record/v1/salesOrder/"
    assert records.id_in(base + "77") == "77"
    assert records.id_in(base + "eid:SHOP-1") == ""
    assert records.id_in(None) == ""


def test_line_breaks_are_escaped_twice_at_any_depth():
    sent = records.outgoing({"memo": "a\r\nb", "item": {"items": [{"d": "c\nd"}]}})
    assert sent == {"memo": "a\\nb", "item": {"items": [{"d": "c\\nd"}]}}


def address(street: str, **more) -> dict:
    inner = {"addr1": street, "city": "Ottawa", "zip": "K2P", "country": {"id": "CA"}}
    return {"addressBookAddress": inner, **more}


def test_known_address_is_left_out_in_other_writing():
    present = address("151 o'connor  street", id="4", label="old")
    present["addressBookAddress"]["country"] = {"id": "CA", "refName": "Canada"}
    wanted = [address("151 O'Connor Street", label="new"), address("9 Elm Street")]
    assert records.new_addresses(wanted, [present]) == [wanted[1]]
