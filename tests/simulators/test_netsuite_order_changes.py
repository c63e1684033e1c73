from datetime import date
from decimal import Decimal

import pytest

from tests.simulators.netsuite_client import (
    detail_of,
    open_account,
    order_for,
    placed,
    status,
)


def lines_of(api, path):
    return api.kept("salesOrder", path.rsplit("/", 1)[1])["item"]["items"]


def change(api, path, *lines, query=""):
    return api.patch(path + query, {"item": {"items": list(lines)}})


def ship(api, path, **quantities):
    """Ship some of the lines, named l1, l2 and so on."""
    lines = [
        {"orderLine": int(name[1:]), "quantity": quantity}
        for name, quantity in quantities.items()
    ]
    query = "?replace=item"
    return api.make(path + query, "itemFulfillment", {"item": {"items": lines}})


def test_changed_line_keeps_its_number_and_its_unique_key():
    api = open_account()
    path = placed(api, 1, 2)
    before = [line["lineUniqueKey"] for line in lines_of(api, path)]
    assert change(api, path, {"line": 2, "quantity": 5}).status_code == 204
    after = lines_of(api, path)
    assert [line["quantity"] for line in after] == [1, 5]
    assert [line["lineUniqueKey"] for line in after] == before
    order = api.kept("salesOrder", path.rsplit("/", 1)[1])
    assert order["total"] == Decimal("60.00")


def test_line_that_is_put_again_under_its_number_keeps_its_unique_key():
    api = open_account()
    path = placed(api, 1, 2)
    key = lines_of(api, path)[1]["lineUniqueKey"]
    change(api, path, {"line": 2, "quantity": 4}, query="?replace=item")
    [line] = lines_of(api, path)
    assert (line["line"], line["lineUniqueKey"]) == (2, key)


def test_added_line_gets_a_number_and_a_unique_key_of_its_own():
    api = open_account()
    path = placed(api, 1)
    item = lines_of(api, path)[0]["item"]
    change(api, path, {"item": item, "rate": 3, "price": {"id": "-1"}})
    first, second = lines_of(api, path)
    assert second["line"] == 2
    assert second["lineUniqueKey"] != first["lineUniqueKey"]


def test_quantity_below_what_was_fulfilled_is_refused():
    api = open_account()
    path = placed(api, 3)
    ship(api, path, l1=2)
    answer = change(api, path, {"line": 1, "quantity": 1})
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorPath"] == "item.items[0].quantity"
    assert "already fulfilled" in detail_of(answer)["detail"]
    assert change(api, path, {"line": 1, "quantity": 2}).status_code == 204
    assert status(api, path) == "F"


def test_quantity_below_what_was_billed_is_refused():
    api = open_account(bill_in_advance=True)
    path = placed(api, 3)
    api.make(path, "invoice")
    answer = change(api, path, {"line": 1, "quantity": 1})
    assert "already billed" in detail_of(answer)["detail"]


@pytest.mark.parametrize(
    ("line", "query"),
    [({"line": 2}, "?replace=item"), ({"line": 1, "item": {"id": "202"}}, "")],
    ids=["removed", "another item"],
)
def test_fulfilled_line_is_neither_removed_nor_given_another_item(line, query):
    api = open_account()
    path = placed(api, 1, 1)
    other = lines_of(api, path)[1]["item"]
    ship(api, path, l1=1)
    if "item" in line:
        line = {**line, "item": other}
    answer = change(api, path, line, query=query)
    assert answer.status_code == 400
    assert "has been fulfilled or billed" in detail_of(answer)["detail"]
    assert len(lines_of(api, path)) == 2


def test_untouched_line_of_a_fulfilled_order_may_still_go():
    api = open_account()
    path = placed(api, 1, 1)
    ship(api, path, l1=1)
    assert change(api, path, {"line": 1}, query="?replace=item").status_code == 204
    assert [line["line"] for line in lines_of(api, path)] == [1]


def test_closing_every_line_closes_the_order_and_keeps_its_total():
    api = open_account()
    path = placed(api, 1, 2)
    change(api, path, {"line": 1, "isClosed": True})
    assert status(api, path) == "B"
    change(api, path, {"line": 2, "isClosed": True})
    assert status(api, path) == "H"
    assert api.kept("salesOrder", path[-4:])["total"] == Decimal("30.00")
    change(api, path, {"line": 2, "isClosed": False})
    assert status(api, path) == "B"


def test_closing_what_is_left_of_a_shipped_order_leaves_only_the_billing():
    api = open_account()
    path = placed(api, 3)
    ship(api, path, l1=1)
    assert status(api, path) == "E"
    change(api, path, {"line": 1, "isClosed": True})
    assert status(api, path) == "F"
    assert api.make(path, "invoice")["total"] == Decimal("10.00")
    assert status(api, path) == "G"


def test_order_is_approved_and_sent_back_while_nothing_happened_to_it():
    api = open_account()
    key = api.create("/salesOrder", order_for(api))
    path = f"/salesOrder/{key}"
    assert status(api, path) == "A"
    for letter in ("B", "A", "B"):
        answer = api.patch(path, {"orderStatus": {"id": letter}})
        assert answer.status_code == 204
        assert status(api, path) == letter
    api.make(path, "itemFulfillment")
    answer = api.patch(path, {"orderStatus": {"id": "A"}})
    assert detail_of(answer)["o:errorPath"] == "orderStatus"


@pytest.mark.parametrize("letter", ["C", "D", "E", "F", "G", "H"])
def test_letters_that_follow_from_other_records_are_not_written(letter):
    api = open_account()
    path = placed(api, 1)
    answer = api.patch(path, {"orderStatus": {"id": letter}})
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorPath"] == "orderStatus"
    order = order_for(api, externalId="o-2", orderStatus={"id": letter})
    assert api.post("/salesOrder", order).status_code == 400


def test_approval_sent_again_after_shipping_changes_nothing():
    api = open_account()
    path = placed(api, 2)
    ship(api, path, l1=1)
    answer = api.patch(path, {"orderStatus": {"id": "B"}, "memo": "m"})
    assert answer.status_code == 204
    assert status(api, path) == "E"


def test_account_may_let_orders_be_cancelled_which_fixes_their_lines():
    api = open_account(orders_can_be_cancelled=True)
    path = placed(api, 1)
    assert api.patch(path, {"orderStatus": {"id": "C"}}).status_code == 204
    assert status(api, path) == "C"
    assert api.patch(path, {"memo": "gone"}).status_code == 204
    answer = change(api, path, {"line": 1, "quantity": 2})
    assert "cancelled order" in detail_of(answer)["detail"]
    assert api.patch(path, {"orderStatus": {"id": "B"}}).status_code == 400
    answer = api.transform(path, "itemFulfillment")
    assert "invalid reference" in detail_of(answer)["detail"]


def test_order_is_changed_after_its_period_closed_but_not_moved_into_one():
    api = open_account()
    path = placed(api, 1)
    api.simulator.books_closed_until = date(2026, 3, 31)
    assert change(api, path, {"line": 1, "quantity": 2}).status_code == 204
    answer = api.patch(path, {"tranDate": "2026-03-30"})
    assert detail_of(answer)["o:errorPath"] == "tranDate"


def test_bill_of_a_closed_period_is_neither_changed_nor_deleted():
    api = open_account()
    path = placed(api, 1)
    api.make(path, "itemFulfillment")
    invoice = api.make(path, "invoice")
    api.simulator.books_closed_until = date(2026, 3, 31)
    address = f"/invoice/{invoice['id']}"
    closed = "not within the date range of your accounting period"
    for body in ({"memo": "m"}, {"tranDate": "2026-04-01"}):
        answer = api.patch(address, body)
        assert closed in detail_of(answer)["detail"]
    assert closed in detail_of(api.write("DELETE", address))["detail"]


def test_line_keeps_its_price_when_the_list_changes_and_nobody_touches_it():
    api = open_account()
    order_for(api)
    api.simulator.set_price("MUG", "12.00")
    line = {"item": {"id": api.simulator.store.holder("item", "MUG").id}}
    key = api.create("/salesOrder", order_for(api, item={"items": [line]}))
    api.simulator.set_price("MUG", "15.00")
    api.patch(f"/salesOrder/{key}", {"memo": "m"})
    assert api.kept("salesOrder", key)["total"] == Decimal("12.00")
    change(api, f"/salesOrder/{key}", {"line": 1, "quantity": 2})
    assert api.kept("salesOrder", key)["total"] == Decimal("30.00")


def test_stored_line_on_an_item_gone_inactive_does_not_block_other_changes():
    api = open_account()
    path = placed(api, 1)
    api.simulator.change_item("ITEM-1", isInactive=True)
    assert api.patch(path, {"memo": "m"}).status_code == 204
    item = lines_of(api, path)[0]["item"]
    answer = change(api, path, {"item": item, "rate": 1, "price": {"id": "-1"}})
    assert detail_of(answer)["o:errorPath"] == "item.items[1].item"
