import pytest

from integrations.simulators.netsuite.record_types import CUSTOMER
from integrations.simulators.netsuite.sales_fields import SALES_ORDER
from integrations.simulators.netsuite.sublists import merge_lines
from tests.simulators.netsuite_client import open_account, order_for

EID = "/salesOrder/eid:shopify-s-order-1"
ITEM, TAXES = SALES_ORDER["item"], SALES_ORDER["taxDetails"]


def lines_of(api):
    return api.simulator.orders["shopify-s-order-1"]["item"]["items"]


def body_of(*lines):
    return {"item": {"items": list(lines)}}


def test_repeated_put_without_line_numbers_doubles_the_lines():
    api = open_account()
    order = order_for(api)
    api.put(EID, order)
    api.put(EID, order)
    assert [line["line"] for line in lines_of(api)] == [1, 2]


def test_repeated_put_with_line_numbers_changes_nothing():
    api = open_account()
    order = order_for(api)
    order["item"]["items"][0]["line"] = 1
    api.put(EID, order)
    before = api.simulator.orders["shopify-s-order-1"]
    api.put(EID, order)
    assert api.simulator.orders["shopify-s-order-1"] == before


def test_repeated_put_that_replaces_the_lines_keeps_one():
    api = open_account()
    order = order_for(api)
    api.put(EID, order)
    api.put(f"{EID}?replace=item", order)
    assert len(lines_of(api)) == 1


def test_patch_updates_the_named_line_and_adds_the_rest():
    api = open_account()
    api.create("/salesOrder", order_for(api))
    item = lines_of(api)[0]["item"]
    added = {"item": item, "rate": 5, "price": {"id": "-1"}}
    answer = api.patch(EID, body_of({"line": 1, "description": "blue"}, added))
    assert answer.status_code == 204
    assert [(line["line"], line.get("description")) for line in lines_of(api)] == [
        (1, "blue"),
        (2, None),
    ]


def test_careless_replace_wipes_all_other_lines():
    api = open_account()
    order = order_for(api)
    order["item"]["items"] *= 3
    api.create("/salesOrder", order)
    api.patch(f"{EID}?replace=item", body_of({"line": 2, "description": "left"}))
    assert [(line["line"], line["description"]) for line in lines_of(api)] == [
        (2, "left")
    ]


@pytest.mark.parametrize("empty", [None, {"items": None}])
def test_emptying_a_mandatory_sublist_fails(empty):
    api = open_account()
    api.create("/salesOrder", order_for(api))
    assert api.patch(EID, {"item": empty}).status_code == 400
    assert len(lines_of(api)) == 1


def test_null_empties_a_keyed_sublist():
    api = open_account()
    entry = {"addressBookAddress": {"city": "Reno"}}
    body = {"companyName": "Acme", "externalId": "a", "addressBook": {"items": [entry]}}
    api.create("/customer", body)
    api.patch("/customer/eid:a", {"addressBook": None})
    assert api.simulator.customers["a"]["addressBook"]["items"] == []


def test_lines_of_a_sublist_without_key_are_appended_or_replaced():
    stored = [{"lineName": "a"}]
    sent = [{"lineName": "b"}]
    assert merge_lines(TAXES, stored, sent, replace=False) == [*stored, *sent]
    assert merge_lines(TAXES, stored, sent, replace=True) == sent
    assert merge_lines(TAXES, stored, None, replace=False) == stored


def test_line_numbers_of_removed_lines_are_not_given_again():
    stored = [{"line": 1, "rate": 1}, {"line": 2, "rate": 2}]
    lines = merge_lines(ITEM, stored, [{"line": 1}, {"rate": 3}], replace=True)
    assert [line["line"] for line in lines] == [1, 3]


def test_unknown_line_number_is_added_under_that_number():
    lines = merge_lines(ITEM, [{"line": 1}], [{"line": 9}], replace=False)
    assert [line["line"] for line in lines] == [1, 9]


def test_address_lines_match_by_their_id():
    book = CUSTOMER["addressBook"]
    stored = [{"id": "4", "label": "home"}, {"id": "5", "label": "work"}]
    lines = merge_lines(book, stored, [{"id": "5", "label": "office"}], replace=False)
    assert [line["label"] for line in lines] == ["home", "office"]


def test_replacing_selected_fields_clears_only_the_listed_ones():
    api = open_account()
    api.create("/salesOrder", order_for(api, memo="m", message="n"))
    query = "?replace=memo&replaceSelectedFields=true"
    api.patch(EID + query, {"memo": None, "message": None})
    order = api.simulator.orders["shopify-s-order-1"]
    assert "memo" not in order
    assert order["message"] == "n"


def test_patch_of_an_address_keeps_its_other_fields():
    api = open_account()
    address = {"addr1": "1 Main St", "city": "Reno"}
    api.create("/salesOrder", order_for(api, shippingAddress=address))
    api.patch(EID, {"shippingAddress": {"city": "Elko"}})
    shipped = api.simulator.orders["shopify-s-order-1"]["shippingAddress"]
    assert (shipped["addr1"], shipped["city"]) == ("1 Main St", "Elko")
    assert shipped["addrText"] == "1 Main St\nElko"
