from datetime import date
from decimal import Decimal

import pytest

from tests.simulators.netsuite_client import (
    detail_of,
    open_account,
    order_for,
    placed,
    several_lines,
    status,
)


def body_of(*lines, **more):
    return {**more, "item": {"items": list(lines)}}


def shipped(api, *quantities, **changes):
    """Place an order, ship all of it and return its address."""
    path = placed(api, *quantities, **changes)
    api.make(path, "itemFulfillment")
    return path


def invoiced(api, *quantities, **changes):
    """Return an invoice over a shipped order, and its address."""
    invoice = api.make(shipped(api, *quantities, **changes), "invoice")
    return invoice, f"/invoice/{invoice['id']}"


def taxed(**more):
    """Return the taxes of an order over three pieces at 10.00, with freight."""
    return {
        "shippingCost": 5,
        "taxDetailsOverride": True,
        "taxDetails": {
            "items": [
                {"taxDetailsReference": "line-1", "taxAmount": 1.0},
                {"taxDetailsReference": "shipping", "taxAmount": 0.4},
            ]
        },
        **more,
    }


def test_invoice_takes_what_was_shipped():
    api = open_account()
    path = placed(api, 3)
    body = body_of({"orderLine": 1, "quantity": 1})
    api.make(path, "itemFulfillment", body)
    invoice = api.make(path, "invoice")
    assert invoice["total"] == Decimal("10.00")
    assert invoice["amountRemaining"] == Decimal("10.00")
    assert (invoice["status"], status(api, path)) == ({"id": "A"}, "D")
    answer = api.transform(path, "invoice")
    assert "can not initialize invoice" in detail_of(answer)["detail"]


def test_account_may_bill_in_advance():
    api = open_account(bill_in_advance=True)
    path = placed(api, 3)
    assert api.make(path, "invoice")["total"] == Decimal("30.00")
    assert status(api, path) == "B"
    api.make(path, "itemFulfillment")
    assert status(api, path) == "G"


def test_order_that_is_not_approved_is_not_billed():
    api = open_account(bill_in_advance=True)
    key = api.create("/salesOrder", order_for(api))
    assert api.transform(f"/salesOrder/{key}", "invoice").status_code == 400


def test_part_of_a_line_is_billed_by_its_quantity():
    api = open_account()
    path = shipped(api, 3)
    first = api.make(path, "invoice", body_of({"orderLine": 1, "quantity": 1}))
    assert (first["total"], status(api, path)) == (Decimal("10.00"), "F")
    assert api.make(path, "invoice")["total"] == Decimal("20.00")
    assert status(api, path) == "G"


def test_more_than_the_order_has_is_not_billed():
    api = open_account()
    path = shipped(api, 3)
    answer = api.transform(path, "invoice", body_of({"orderLine": 1, "quantity": 4}))
    assert detail_of(answer)["o:errorPath"] == "item.items[0].quantity"


def test_bills_of_parts_add_up_to_the_order_to_the_cent():
    api = open_account()
    order = several_lines(api, 3, **taxed())
    order["item"]["items"][0]["amount"] = 10.01
    path = f"/salesOrder/{api.create('/salesOrder', order)}"
    api.make(path, "itemFulfillment")
    part = body_of({"orderLine": 1, "quantity": 1})
    bills = [api.make(path, "invoice", part) for _ in range(3)]
    assert [bill["subtotal"] for bill in bills] == [
        Decimal("3.34"),
        Decimal("3.34"),
        Decimal("3.33"),
    ]
    assert [bill["taxTotal"] for bill in bills] == [
        Decimal("0.73"),
        Decimal("0.33"),
        Decimal("0.34"),
    ]
    assert [bill["shippingCost"] for bill in bills] == [5, 0, 0]
    assert sum(bill["total"] for bill in bills) == Decimal("16.41")
    assert api.kept("salesOrder", path[-4:])["total"] == Decimal("16.41")


def test_discount_of_the_whole_order_is_given_once():
    api = open_account()
    item = {"id": api.simulator.store.holder("item", "Discount").id}
    path = shipped(api, 2, discountItem=item, discountRate=-5)
    part = body_of({"orderLine": 1, "quantity": 1})
    assert api.make(path, "invoice", part)["total"] == Decimal("5.00")
    assert api.make(path, "invoice")["total"] == Decimal("10.00")


def test_discount_line_is_billed_with_the_first_bill():
    api = open_account()
    order = several_lines(api, 2)
    item = {"id": api.simulator.store.holder("item", "Discount").id}
    order["item"]["items"].append({"item": item, "rate": -5, "price": {"id": "-1"}})
    path = f"/salesOrder/{api.create('/salesOrder', order)}"
    api.make(path, "itemFulfillment")
    part = body_of({"orderLine": 1, "quantity": 1})
    assert api.make(path, "invoice", part)["total"] == Decimal("5.00")
    assert api.make(path, "invoice")["total"] == Decimal("10.00")
    assert status(api, path) == "G"


def test_bill_keeps_the_price_of_the_order_though_the_list_changed():
    api = open_account()
    order_for(api)
    api.simulator.set_price("MUG", "12.00")
    item = {"id": api.simulator.store.holder("item", "MUG").id}
    order = order_for(api, item={"items": [{"item": item}]}, orderStatus={"id": "B"})
    path = f"/salesOrder/{api.create('/salesOrder', order)}"
    api.make(path, "itemFulfillment")
    api.simulator.set_price("MUG", "15.00")
    assert api.make(path, "invoice")["total"] == Decimal("12.00")


def test_order_is_billed_as_a_cash_sale():
    api = open_account()
    account = api.simulator.add_account("Checking", "1000")
    path = shipped(api, 1)
    body = {"account": {"id": account}, "externalId": "shopify-s-cash-1"}
    sale = api.make(path, "cashSale", body)
    assert (sale["total"], sale["status"]) == (Decimal("10.00"), {"id": "C"})
    assert status(api, path) == "G"


def test_money_without_an_account_waits_for_its_deposit():
    sale = (api := open_account()).make(shipped(api, 1), "cashSale")
    assert (sale["undepFunds"], sale["status"]) == (True, {"id": "B"})


@pytest.mark.parametrize(
    ("source", "target"),
    [("order", "invoice"), ("invoice", "creditMemo"), ("invoice", "customerPayment")],
)
def test_external_id_guards_against_a_second_transform(source, target):
    api = open_account(bill_in_advance=True)
    path = placed(api, 4)
    if source == "invoice":
        path = f"/invoice/{api.make(path, 'invoice')['id']}"
    body = {"externalId": "shopify-s-once-1"}
    assert api.transform(path, target, body).status_code == 204
    answer = api.transform(path, target, body)
    assert answer.status_code == 400
    assert len(api.simulator.stored(target)) == 1


def test_credit_memo_lies_against_its_invoice_when_asked_to():
    api = open_account()
    invoice, path = invoiced(api, 3)
    line = {"doc": {"id": invoice["id"]}, "apply": True, "amount": 10}
    body = body_of({"orderLine": 1, "quantity": 1}, apply={"items": [line]})
    memo = api.make(f"{path}?replace=item", "creditMemo", body)
    assert (memo["total"], memo["applied"]) == (Decimal("10.00"), Decimal("10.00"))
    assert memo["status"] == {"id": "B"}
    kept = api.kept("invoice", invoice["id"])
    assert (kept["amountPaid"], kept["amountRemaining"]) == (10, 20)


def test_credit_memo_that_is_not_applied_leaves_the_invoice_open():
    api = open_account()
    invoice, path = invoiced(api, 1)
    memo = api.make(path, "creditMemo")
    assert (memo["unapplied"], memo["status"]) == (Decimal("10.00"), {"id": "A"})
    assert status(api, path) == "A"
    line = {"doc": {"id": invoice["id"]}, "apply": True}
    api.patch(f"/creditMemo/{memo['id']}", {"apply": {"items": [line]}})
    assert status(api, path) == "B"
    line["apply"] = False
    api.patch(f"/creditMemo/{memo['id']}", {"apply": {"items": [line]}})
    assert status(api, path) == "A"


def test_account_may_apply_a_credit_by_itself():
    api = open_account(credit_applies_itself=True)
    _, path = invoiced(api, 1)
    assert api.make(path, "creditMemo")["status"] == {"id": "B"}
    assert status(api, path) == "B"


def test_more_than_is_due_is_not_applied():
    api = open_account()
    invoice, path = invoiced(api, 2)
    api.make(path, "customerPayment", {"payment": 15})
    line = {"doc": {"id": invoice["id"]}, "apply": True, "amount": 10}
    answer = api.transform(path, "creditMemo", {"apply": {"items": [line]}})
    assert detail_of(answer)["o:errorPath"] == "apply.items[0].amount"
    assert "more than the amount due" in detail_of(answer)["detail"]


def test_more_than_a_credit_is_worth_is_not_applied():
    api = open_account()
    invoice, path = invoiced(api, 2)
    line = {"doc": {"id": invoice["id"]}, "apply": True, "amount": 15}
    body = body_of({"orderLine": 1, "quantity": 1}, apply={"items": [line]})
    answer = api.transform(path, "creditMemo", body)
    assert detail_of(answer)["o:errorPath"] == "apply.items[0].amount"


def test_refund_of_money_without_goods_is_a_line_of_its_own():
    api = open_account()
    _, path = invoiced(api, 2, **taxed())
    fee = api.simulator.store.holder("item", "Additional fee").id
    line = {"item": {"id": fee}, "rate": 2.5, "price": {"id": "-1"}}
    body = {"shippingCost": 0, "taxDetails": {"items": []}, **body_of(line)}
    memo = api.make(f"{path}?replace=item", "creditMemo", body)
    assert memo["total"] == Decimal("2.50")
    assert [one.get("orderLine") for one in memo["item"]["items"]] == [None]


def test_credit_takes_the_taxes_of_the_pieces_it_takes():
    api = open_account()
    _, path = invoiced(api, 3, **taxed())
    body = body_of({"orderLine": 1, "quantity": 1}, shippingCost=0)
    memo = api.make(path, "creditMemo", body)
    assert (memo["subtotal"], memo["taxTotal"]) == (Decimal("10.00"), Decimal("0.33"))
    rest = api.make(path, "creditMemo", body_of({"orderLine": 1, "quantity": 2}))
    assert rest["taxTotal"] == Decimal("1.07")


def test_credit_memo_and_cash_refund_stand_alone_too():
    api = open_account()
    for record_type in ("creditMemo", "cashRefund"):
        body = several_lines(api, 1, externalId=f"shopify-s-{record_type}")
        del body["orderStatus"]
        key = api.create(f"/{record_type}", body)
        record = api.kept(record_type, key)
        assert record["total"] == Decimal("10.00")
        assert "createdFrom" not in record
        answer = api.post(f"/{record_type}", body)
        assert "already exists" in detail_of(answer)["detail"]


def test_account_may_demand_the_account_of_a_refund():
    api = open_account(mandatory_fields={"cashRefund": ("account",)})
    body = several_lines(api, 1)
    del body["orderStatus"]
    answer = api.post("/cashRefund", body)
    assert detail_of(answer)["o:errorPath"] == "account"


def test_cash_sale_is_refunded_in_parts_from_the_same_account():
    api = open_account()
    account = {"id": api.simulator.add_account("Checking")}
    sale = api.make(shipped(api, 2), "cashSale", {"account": account})
    body = body_of({"orderLine": 1, "quantity": 1}, externalId="shopify-s-refund-1")
    refund = api.make(f"/cashSale/{sale['id']}", "cashRefund", body)
    assert (refund["total"], refund["account"]) == (Decimal("10.00"), account)
    assert refund["createdFrom"] == {"id": sale["id"]}


def test_return_is_received_and_refunded():
    api = open_account(refund_in_advance=False)
    order = shipped(api, 3, location={"id": "1"})
    api.simulator.set_stock("ITEM-1", "Main warehouse", 5)
    body = body_of({"orderLine": 1, "quantity": 2}, orderStatus={"id": "B"})
    made = api.make(order, "returnAuthorization", body)
    path = f"/returnAuthorization/{made['id']}"
    assert status(api, path) == "B"
    answer = api.transform(path, "creditMemo")
    assert "invalid reference" in detail_of(answer)["detail"]
    api.make(path, "itemReceipt", body_of({"orderLine": 1, "quantity": 1}))
    assert status(api, path) == "E"
    assert api.make(path, "creditMemo")["total"] == Decimal("10.00")
    assert status(api, path) == "D"
    rest = {"orderLine": 1, "restock": False, "quantity": 1}
    api.make(path, "itemReceipt", body_of(rest))
    assert api.make(path, "cashRefund")["total"] == Decimal("10.00")
    assert status(api, path) == "G"
    rows = api.rows("SELECT quantityonhand AS here FROM aggregateitemlocation")
    assert rows == [{"here": "6"}]


def test_return_that_waits_for_approval_is_not_refunded():
    api = open_account()
    made = api.make(shipped(api, 1), "returnAuthorization")
    assert made["status"] == {"id": "A"}
    path = f"/returnAuthorization/{made['id']}"
    assert api.transform(path, "cashRefund").status_code == 400
    api.patch(path, {"orderStatus": {"id": "B"}})
    assert api.transform(path, "cashRefund").status_code == 204


def test_paid_invoice_is_not_made_smaller_than_what_was_paid():
    api = open_account()
    _, path = invoiced(api, 2)
    api.make(path, "customerPayment")
    body = {"item": {"items": [{"line": 1, "quantity": 1}]}}
    answer = api.patch(path, body)
    assert "more than the amount due" in detail_of(answer)["detail"]


@pytest.mark.parametrize("target", ["creditMemo", "customerPayment"])
def test_nothing_is_posted_in_a_closed_period(target):
    api = open_account(books_closed_until=None)
    _, path = invoiced(api, 1)
    api.simulator.books_closed_until = date(2026, 3, 31)
    answer = api.transform(path, target)
    assert detail_of(answer)["o:errorPath"] == "tranDate"
    assert api.transform(path, target, {"tranDate": "2026-04-01"}).status_code == 204


def test_order_follows_when_a_bill_is_deleted():
    api = open_account()
    path = shipped(api, 1)
    invoice = api.make(path, "invoice")
    assert status(api, path) == "G"
    api.write("DELETE", f"/invoice/{invoice['id']}")
    assert status(api, path) == "F"


def test_order_counts_as_modified_when_a_child_touches_it():
    api = open_account()
    path = placed(api, 1)
    api.clock.tick(minutes=5)
    api.make(path, "itemFulfillment")
    rows = api.rows(
        "SELECT TO_CHAR(lastmodifieddate, 'HH24:MI') AS moved FROM transaction "
        "WHERE id = ?",
        path[-4:],
    )
    assert rows == [{"moved": "09:26"}]


def test_statuses_and_amounts_of_all_kinds_are_read_by_query():
    api = open_account()
    invoice, path = invoiced(api, 1)
    line = {"doc": {"id": invoice["id"]}, "apply": True}
    api.make(path, "creditMemo", {"apply": {"items": [line]}})
    rows = api.rows(
        "SELECT t.type, t.status, BUILTIN.DF(t.status) AS words, t.foreigntotal AS total"
        " FROM transaction t ORDER BY t.id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("SalesOrd", "G", "Sales Order : Billed", "10"),
        ("ItemShip", "C", "Item Fulfillment : Shipped"),
        ("CustInvc", "B", "Invoice : Paid In Full", "10"),
        ("CustCred", "B", "Credit Memo : Fully Applied", "-10"),
    ]
    lines = api.rows(
        "SELECT t.type, tl.quantity, tl.createdfrom FROM transactionline tl "
        "JOIN transaction t ON t.id = tl.transaction "
        "WHERE tl.mainline = 'F' AND tl.taxline = 'F' AND t.type <> 'SalesOrd' "
        "ORDER BY t.id"
    )
    assert [tuple(row.values()) for row in lines] == [
        ("ItemShip", "-1", "1001"),
        ("CustInvc", "-1", "1001"),
        ("CustCred", "1", invoice["id"]),
    ]


def test_head_of_a_transaction_does_not_say_where_it_came_from():
    answer = open_account().ask("SELECT createdfrom FROM transaction")
    assert "Field 'createdfrom' not found." in detail_of(answer)["detail"]


def test_role_sees_only_the_kinds_of_transaction_it_may_see():
    api = open_account()
    invoiced(api, 1)
    api.simulator.role_permissions.discard("invoice")
    rows = api.rows("SELECT DISTINCT type FROM transaction ORDER BY type")
    assert [row["type"] for row in rows] == ["ItemShip", "SalesOrd"]


def test_custom_fields_of_an_order_belong_to_its_bills_too():
    api = open_account()
    api.simulator.add_custom_field("custbody_channel")
    api.simulator.add_custom_field("custcol_gift")
    order = several_lines(api, 1, custbody_channel="web")
    order["item"]["items"][0]["custcol_gift"] = "yes"
    path = f"/salesOrder/{api.create('/salesOrder', order)}"
    api.make(path, "itemFulfillment")
    invoice = api.make(path, "invoice")
    assert invoice["custbody_channel"] == "web"
    assert invoice["item"]["items"][0]["custcol_gift"] == "yes"


def test_bill_reads_back_with_where_it_came_from():
    api = open_account()
    _, path = invoiced(api, 1)
    body = api.get(path, expandSubResources="true").json()
    assert body["createdFrom"]["id"] == "1001"
    assert body["createdFrom"]["refName"].startswith("SO")
    assert body["status"] == {"id": "A", "refName": "Open"}
    assert body["item"]["items"][0]["orderLine"] == 1


def test_customer_with_bills_alone_cannot_be_deleted():
    api = open_account()
    body = several_lines(api, 1)
    del body["orderStatus"]
    api.create("/creditMemo", body)
    answer = api.write("DELETE", "/customer/101")
    assert "dependent records" in detail_of(answer)["detail"]


def test_oneworld_payment_belongs_to_its_customers_subsidiary():
    api = open_account(one_world=True)
    customer = api.simulator.add_customer(companyName="Acme", subsidiary={"id": "1"})
    second = api.simulator.add_subsidiary("Second company")
    body = {"customer": {"id": customer}, "payment": 5}
    key = api.create("/customerPayment", body)
    assert api.kept("customerPayment", key)["subsidiary"] == {"id": "1"}
    answer = api.post("/customerPayment", {**body, "subsidiary": {"id": second}})
    assert detail_of(answer)["o:errorPath"] == "customer"


def test_what_is_open_of_an_invoice_is_read_by_query():
    api = open_account()
    _, path = invoiced(api, 2)
    api.make(path, "customerPayment", {"payment": 5})
    rows = api.rows(
        "SELECT foreignamountunpaid AS open, foreignamountpaid AS paid "
        "FROM transaction WHERE type = 'CustInvc'"
    )
    assert rows == [{"open": "15", "paid": "5"}]
