from decimal import Decimal

import pytest

from integrations.simulators.netsuite.record_types import RECORD_TYPES
from integrations.simulators.netsuite.refusals import Refusal
from integrations.simulators.netsuite.writing import Manner
from tests.simulators.netsuite_client import (
    detail_of,
    open_account,
    order_for,
    placed,
    status,
)


def body_of(*lines, **more):
    return {**more, "item": {"items": list(lines)}}


def quantities(record):
    return {line["orderLine"]: line["quantity"] for line in record["item"]["items"]}


def test_empty_body_ships_everything_and_answers_with_the_new_address():
    api = open_account()
    path = placed(api, 2, 3)
    answer = api.transform(path, "itemFulfillment")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "/itemFulfillment/" in answer.headers["Location"]
    record = api.simulator.stored("itemFulfillment")[0]
    assert quantities(record) == {1: 2, 2: 3}
    assert record["createdFrom"] == {"id": path[-4:]}
    assert record["entity"] == {"id": "101"}
    assert record["status"] == {"id": "C"}
    assert status(api, path) == "F"


def test_order_may_be_named_by_its_external_id():
    api = open_account()
    placed(api, 1)
    path = "/salesOrder/eid:shopify-s-order-1"
    assert api.transform(path, "itemFulfillment").status_code == 204


def test_lines_that_are_not_received_stay_behind():
    api = open_account()
    path = placed(api, 1, 2, 3)
    body = body_of(
        {"orderLine": 1, "itemReceive": False},
        {"orderLine": 2, "quantity": 1, "itemReceive": True},
    )
    record = api.make(path, "itemFulfillment", body)
    assert quantities(record) == {2: 1, 3: 3}
    assert status(api, path) == "E"
    again = api.make(path, "itemFulfillment")
    assert quantities(again) == {1: 1, 2: 1}
    assert status(api, path) == "F"


def test_lines_left_out_of_the_body_may_stay_behind_in_another_account():
    api = open_account(transforms_take_unmentioned_lines=False)
    record = api.make(placed(api, 1, 1), "itemFulfillment", body_of({"orderLine": 2}))
    assert quantities(record) == {2: 1}


def test_replace_ships_the_named_lines_alone():
    api = open_account()
    path = placed(api, 1, 1) + "?replace=item"
    record = api.make(path, "itemFulfillment", body_of({"orderLine": 1}))
    assert quantities(record) == {1: 1}


def test_more_than_what_is_left_is_refused():
    api = open_account()
    path = placed(api, 3)
    api.make(path, "itemFulfillment", body_of({"orderLine": 1, "quantity": 2}))
    answer = api.transform(
        path, "itemFulfillment", body_of({"orderLine": 1, "quantity": 2})
    )
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorPath"] == "item.items[0].quantity"
    assert len(api.simulator.stored("itemFulfillment")) == 1


@pytest.mark.parametrize("letter", ["A", "F", "G"])
def test_order_with_nothing_to_ship_cannot_be_initialised(letter):
    api = open_account()
    path = placed(api, 1)
    if letter == "A":
        api.patch(path, {"orderStatus": {"id": "A"}})
    else:
        api.make(path, "itemFulfillment")
    if letter == "G":
        api.make(path, "invoice")
    assert status(api, path) == letter
    answer = api.transform(path, "itemFulfillment")
    text = f"You can not initialize itemfulfillment: invalid reference {path[-4:]}."
    assert text in detail_of(answer)["detail"]


def test_body_that_leaves_no_line_is_refused():
    api = open_account()
    body = body_of({"orderLine": 1, "itemReceive": False})
    answer = api.transform(placed(api, 1), "itemFulfillment", body)
    assert "at least one valid line item" in detail_of(answer)["detail"]


def test_line_that_is_not_on_the_order_is_named_by_its_place():
    api = open_account()
    answer = api.transform(placed(api, 1), "itemFulfillment", body_of({"orderLine": 7}))
    assert detail_of(answer)["o:errorPath"] == "item.items[0].orderLine"


def test_lines_may_go_by_their_unique_key():
    api = open_account(order_line_is_the_unique_key=True)
    path = placed(api, 1, 1)
    [_, second] = api.kept("salesOrder", path[-4:])["item"]["items"]
    line = {"orderLine": int(second["lineUniqueKey"])}
    record = api.make(path + "?replace=item", "itemFulfillment", body_of(line))
    assert quantities(record) == {2: 1}


def test_second_fulfillment_with_an_external_id_is_refused():
    api = open_account()
    path = placed(api, 2)
    body = body_of({"orderLine": 1, "quantity": 1}, externalId="shopify-s-ff-9")
    assert api.transform(path, "itemFulfillment", body).status_code == 204
    answer = api.transform(path, "itemFulfillment", body)
    assert "already exists" in detail_of(answer)["detail"]
    assert len(api.simulator.stored("itemFulfillment")) == 1


def test_picked_goods_are_taken_but_not_shipped():
    api = open_account()
    path = placed(api, 1)
    record = api.make(path, "itemFulfillment", {"shipStatus": {"id": "A"}})
    assert status(api, path) == "B"
    assert api.transform(path, "itemFulfillment").status_code == 400
    address = f"/itemFulfillment/{record['id']}"
    for letter, order in (("B", "B"), ("C", "F")):
        api.patch(address, {"shipStatus": {"id": letter}})
        assert status(api, path) == order
    line = api.kept("salesOrder", path[-4:])["item"]["items"][0]
    assert line["quantityFulfilled"] == 1


def test_account_decides_how_far_a_new_fulfillment_is():
    api = open_account(default_ship_status="A")
    assert api.make(placed(api, 1), "itemFulfillment")["status"] == {"id": "A"}


def test_deleted_fulfillment_gives_the_order_back():
    api = open_account()
    path = placed(api, 1)
    record = api.make(path, "itemFulfillment")
    answer = api.write("DELETE", path)
    assert "dependent records" in detail_of(answer)["detail"]
    assert api.write("DELETE", f"/itemFulfillment/{record['id']}").status_code == 204
    assert status(api, path) == "B"
    assert api.write("DELETE", path).status_code == 204


def test_tracking_numbers_are_found_on_the_order_and_by_query():
    api = open_account()
    path = placed(api, 1)
    packages = {"items": [{"packageTrackingNumber": "1Z9", "packageWeight": 1.5}]}
    record = api.make(path, "itemFulfillment", {"package": packages})
    order = api.kept("salesOrder", path[-4:])
    assert order["linkedTrackingNumbers"] == "1Z9"
    query = (
        "SELECT DISTINCT c.id, tn.trackingnumber FROM transaction o "
        "JOIN PreviousTransactionLineLink l ON l.previousdoc = o.id "
        "JOIN transaction c ON c.id = l.nextdoc AND c.type = 'ItemShip' "
        "JOIN TrackingNumberMap m ON m.transaction = c.id "
        "JOIN trackingnumber tn ON tn.id = m.trackingnumber WHERE o.id = ?"
    )
    assert api.rows(query, path[-4:]) == [{"id": record["id"], "trackingnumber": "1Z9"}]
    api.patch(
        f"/itemFulfillment/{record['id']}?replace=package",
        {"package": {"items": [{"packageTrackingNumber": "1Z10"}]}},
    )
    assert [row["trackingnumber"] for row in api.rows(query, path[-4:])] == ["1Z10"]


def test_services_are_not_shipped():
    api = open_account()
    service = api.simulator.add_item("WRAP", kind="serviceSaleItem")
    order = order_for(api, orderStatus={"id": "B"})
    line = {**order["item"]["items"][0], "item": {"id": service}}
    order["item"]["items"].append(line)
    path = f"/salesOrder/{api.create('/salesOrder', order)}"
    assert quantities(api.make(path, "itemFulfillment")) == {1: 2}
    assert status(api, path) == "F"


def test_shipped_goods_leave_their_location():
    api = open_account()
    placed(api, 1)
    api.simulator.set_stock("ITEM-1", "Main warehouse", 5)
    path = placed(api, 2, externalId="o-2", location={"id": "1"})
    record = api.make(path, "itemFulfillment", {"shipStatus": {"id": "B"}})
    query = "SELECT quantityavailable AS available FROM aggregateitemlocation"
    assert api.rows(query) == [{"available": "5"}]
    address = f"/itemFulfillment/{record['id']}"
    api.patch(address, {"shipStatus": {"id": "C"}})
    assert api.rows(query) == [{"available": "3"}]
    api.write("DELETE", address)
    assert api.rows(query) == [{"available": "5"}]


def test_account_with_several_locations_wants_one_on_every_line():
    api = open_account(location_is_mandatory=True)
    path = placed(api, 1)
    answer = api.transform(path, "itemFulfillment")
    assert detail_of(answer)["o:errorPath"] == "item.items[0].location"
    body = body_of({"orderLine": 1, "location": {"id": "1"}})
    assert api.transform(path, "itemFulfillment", body).status_code == 204


def test_without_advanced_shipping_the_invoice_comes_with_the_fulfillment():
    api = open_account(advanced_shipping=False)
    path = placed(api, 2)
    api.make(path, "itemFulfillment", body_of({"orderLine": 1, "quantity": 1}))
    [invoice] = api.simulator.stored("invoice")
    assert invoice["total"] == Decimal("10.00")
    assert status(api, path) == "D"


def test_fulfillment_is_made_from_an_order_alone():
    api = open_account()
    answer = api.post("/itemFulfillment", {"memo": "m"})
    assert detail_of(answer)["o:errorPath"] == "createdFrom"


@pytest.mark.parametrize("target", ["creditMemo", "customerPayment", "customer"])
def test_transformation_that_does_not_exist_is_refused(target):
    api = open_account()
    assert api.transform(placed(api, 1), target).status_code in (400, 404)


def test_order_that_is_not_there_cannot_be_transformed():
    answer = open_account().transform("/salesOrder/9999", "itemFulfillment")
    assert "Transaction type specified" in detail_of(answer)["detail"]


def test_role_needs_the_permission_for_what_it_makes():
    api = open_account()
    path = placed(api, 1)
    api.simulator.role_permissions.discard("itemFulfillment")
    answer = api.transform(path, "itemFulfillment")
    assert "does not have permission" in detail_of(answer)["detail"]


def test_fulfillment_that_raced_with_a_change_of_its_order_is_refused():
    api = open_account()
    path = placed(api, 1)
    writer, order = api.simulator.writer, api.simulator.store.transaction(path[-4:])
    draft = writer.transform(order, RECORD_TYPES["itemFulfillment"], {}, Manner())
    api.patch(path, {"memo": "changed"})
    with pytest.raises(Refusal, match="Record has been changed"):
        writer.commit(draft)
