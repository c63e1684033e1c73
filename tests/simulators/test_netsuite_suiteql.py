from datetime import timedelta
from decimal import Decimal

import pytest

from tests.simulators.netsuite_client import (
    RECORD,
    SUITEQL,
    detail_of,
    open_account,
    order_for,
)


def account_with_order(**changes):
    api = open_account()
    api.create("/salesOrder", order_for(api, **changes))
    return api


def test_query_without_the_transient_preference_is_refused():
    api = open_account()
    answer = api.session.post(SUITEQL, json={"q": "SELECT id FROM item"})
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorHeader"] == "Prefer"


def test_item_is_found_by_sku_with_text_values():
    api = open_account()
    key = api.simulator.add_item("MUG-1", name="Mug", upc="4006381333931")
    rows = api.rows(
        "SELECT id, itemid, displayname, itemtype, externalid, upccode, isinactive "
        "FROM item WHERE itemid = ?",
        "MUG-1",
    )
    assert rows == [
        {
            "id": key,
            "itemid": "MUG-1",
            "displayname": "Mug",
            "itemtype": "InvtPart",
            "upccode": "4006381333931",
            "isinactive": "F",
        }
    ]


def test_special_items_have_their_types():
    rows = open_account().rows("SELECT itemid, itemtype FROM item ORDER BY itemid")
    assert {row["itemid"]: row["itemtype"] for row in rows} == {
        "Additional fee": "OthCharge",
        "Discount": "Discount",
        "Import duty": "OthCharge",
        "Sales tax": "TaxItem",
        "Marketplace tax": "TaxItem",
        "Shopify gift card": "GiftCert",
        "Shopify tip": "OthCharge",
        "Unlisted product": "NonInvtPart",
        "Goods not returned": "NonInvtPart",
        "Refunded shipping": "OthCharge",
        "Refund adjustment": "OthCharge",
        "Refund difference": "OthCharge",
    }


def test_customer_is_found_by_lowered_email():
    api = open_account()
    key = api.create("/customer", {"companyName": "Acme", "email": "Ada@Example.com"})
    query = "SELECT id, isperson FROM customer WHERE LOWER(email) = ?"
    assert api.rows(query, "ada@example.com") == [{"id": key, "isperson": "F"}]


def test_order_is_found_by_external_id_with_its_status_letter():
    api = account_with_order(orderStatus={"id": "B"})
    rows = api.rows(
        "SELECT id, status, entity, otherrefnum, foreigntotal FROM transaction "
        "WHERE type = 'SalesOrd' AND externalid = ?",
        "shopify-s-order-1",
    )
    assert rows == [
        {
            "id": "1001",
            "status": "B",
            "entity": "101",
            "otherrefnum": "#1001",
            "foreigntotal": "19.9",
        }
    ]


def test_lines_of_a_sale_are_negative():
    api = account_with_order()
    rows = api.rows(
        "SELECT tl.item, tl.quantity, tl.foreignamount, tl.rate "
        "FROM transactionline tl JOIN transaction t ON tl.transaction = t.id "
        "WHERE t.externalid = ? AND tl.mainline = 'F' AND tl.taxline = 'F'",
        "shopify-s-order-1",
    )
    assert [(row["quantity"], row["foreignamount"], row["rate"]) for row in rows] == [
        ("-2", "-19.9", "9.95")
    ]


def test_sums_are_exact():
    api = open_account()
    for cents in ("0.1", "0.2"):
        order = order_for(api, externalId=f"o-{cents[-1]}")
        order["item"]["items"][0] |= {"quantity": 1, "rate": float(cents)}
        api.create("/salesOrder", order)
    rows = api.rows("SELECT SUM(foreigntotal) AS amount FROM transaction")
    assert rows == [{"amount": "0.3"}]


def test_amounts_compare_as_numbers():
    api = account_with_order()
    query = "SELECT id FROM transaction WHERE foreigntotal > ?"
    assert len(api.rows(query, 9)) == 1
    assert api.rows(query, 100) == []


def test_changed_record_shows_its_new_state():
    api = account_with_order()
    query = "SELECT otherrefnum FROM transaction"
    assert api.rows(query) == [{"otherrefnum": "#1001"}]
    api.patch("/salesOrder/eid:shopify-s-order-1", {"otherRefNum": "#1002"})
    assert api.rows(query) == [{"otherrefnum": "#1002"}]
    api.write("DELETE", "/salesOrder/eid:shopify-s-order-1")
    assert api.rows(query) == []


def test_stock_is_read_per_location():
    api = open_account()
    item = api.simulator.add_item("MUG")
    api.simulator.set_stock("MUG", "Main warehouse", 7)
    query = (
        "SELECT item, location, quantityavailable, quantityonhand, "
        "TO_CHAR(lastquantityavailablechange, 'YYYY-MM-DD') AS changed "
        "FROM aggregateitemlocation WHERE item IN (?, ?) AND quantityavailable > 0"
    )
    expected = {"item": item, "location": "1", "changed": "2026-03-26"}
    levels = {"quantityavailable": "7", "quantityonhand": "7"}
    assert api.rows(query, item, "999") == [{**expected, **levels}]
    api.simulator.set_stock("MUG", "1", Decimal("2.5"))
    assert api.rows(query, item, "999")[0]["quantityavailable"] == "2.5"


def test_stock_of_something_unknown_cannot_be_set():
    with pytest.raises(LookupError):
        open_account().simulator.set_stock("NONE", "Main warehouse", 1)


def test_lists_can_be_read():
    api = open_account()
    symbols = api.rows("SELECT symbol FROM currency ORDER BY id")
    assert [row["symbol"] for row in symbols] == ["USD", "EUR", "GBP", "CAD"]
    names = api.rows("SELECT id, itemid FROM shipitem WHERE itemid = 'DHL Express'")
    assert names == [{"id": "3", "itemid": "DHL Express"}]
    assert api.rows("SELECT name FROM location") == [{"name": "Main warehouse"}]
    assert api.rows("SELECT name FROM subsidiary") == [{"name": "Parent company"}]


def test_dates_come_in_account_time_and_display_format():
    api = account_with_order()
    rows = api.rows(
        "SELECT lastmodifieddate AS shown, trandate, "
        "TO_CHAR(lastmodifieddate, 'YYYY-MM-DD\"T\"HH24:MI:SS') AS exact, "
        "TO_CHAR(SYSDATE, 'YYYY-MM-DD HH24:MI:SS') AS now FROM transaction"
    )
    assert rows == [
        {
            "shown": "3/26/2026",
            "trandate": "3/26/2026",
            "exact": "2026-03-26T09:21:00",
            "now": "2026-03-26 09:21:00",
        }
    ]


def test_dates_compare_with_to_timestamp():
    api = account_with_order()
    query = (
        "SELECT id FROM transaction WHERE lastmodifieddate >= "
        "TO_TIMESTAMP(?, 'YYYY-MM-DD HH24:MI:SS')"
    )
    assert len(api.rows(query, "2026-03-26 09:21:00")) == 1
    assert api.rows(query, "2026-03-26 09:21:01") == []


def test_display_text_is_read_with_builtin_df():
    api = account_with_order()
    rows = api.rows(
        "SELECT BUILTIN.DF(t.status) AS status, BUILTIN.DF(t.entity) AS customer "
        "FROM transaction t"
    )
    assert rows == [{"status": "Sales Order : Pending Approval", "customer": "CUST1"}]


def test_keys_are_lower_case_and_expressions_are_numbered():
    api = open_account()
    row = api.rows("SELECT COUNT(*), MIN(id) AS firstCurrency FROM currency")[0]
    assert row == {"expr1": "4", "firstcurrency": "1"}


def test_pages_have_totals_and_links():
    api = open_account()
    first = api.ask("SELECT id FROM currency ORDER BY id", limit=3, offset=0).json()
    assert (first["count"], first["hasMore"], first["totalResults"]) == (3, True, 4)
    links = {link["rel"]: link["href"] for link in first["links"]}
    assert links["next"] == f"{SUITEQL}?limit=3&offset=3"
    last = api.ask("SELECT id FROM currency ORDER BY id", limit=3, offset=3).json()
    assert (last["count"], last["hasMore"], last["offset"]) == (1, False, 3)
    assert [item["id"] for item in last["items"]] == ["4"]


@pytest.mark.parametrize("paging", [{"limit": 1001}, {"limit": 10, "offset": 5}])
def test_paging_outside_the_rules_is_refused(paging):
    answer = open_account().ask("SELECT id FROM currency", **paging)
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorCode"] == "INVALID_PARAMETER"


def test_page_by_key_with_fetch_first():
    api = open_account()
    query = "SELECT id FROM currency WHERE id > ? ORDER BY id FETCH FIRST 2 ROWS ONLY"
    assert [row["id"] for row in api.rows(query, "1")] == ["2", "3"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("SELECT foo FROM item", "Field 'foo' not found."),
        ("SELECT i.foo FROM item i", "Field 'foo' not found."),
        ("SELECT id FROM absent", "Record 'absent' was not found."),
        ("SELECT id FROM item LIMIT 5", "Invalid or unsupported search"),
        ("SELECT id FROM [item]", "Invalid or unsupported search"),
        ("DELETE FROM item", "Invalid or unsupported search"),
        ("SELECT id FROM item; SELECT 1", "Invalid or unsupported search"),
        ("SELECT id FROM item WHERE", "Invalid or unsupported search"),
        ("SELECT strftime('%Y') FROM dual", "Invalid or unsupported search"),
        ("SELECT name FROM sqlite_master", "Invalid or unsupported search"),
        ('SELECT id FROM "rows_customer"', "Invalid or unsupported search"),
    ],
)
def test_query_outside_the_dialect_is_a_search_error(query, text):
    answer = open_account().ask(query)
    assert answer.status_code == 400
    assert answer.json()["title"] == "Invalid search query."
    assert f"Search error occurred: {text}" in detail_of(answer)["detail"]
    assert detail_of(answer)["o:errorCode"] == "USER_ERROR"


def test_text_in_quotes_is_never_taken_for_the_dialect():
    api = open_account()
    api.simulator.add_item("LIMIT 5 [x] FETCH FIRST 1 ROWS ONLY")
    query = (
        "SELECT itemid FROM item WHERE itemid = 'LIMIT 5 [x] FETCH FIRST 1 ROWS ONLY'"
    )
    assert len(api.rows(query)) == 1


@pytest.mark.parametrize("params", [[], ["a", "b"]])
def test_number_of_parameters_must_match(params):
    answer = open_account().ask("SELECT id FROM item WHERE itemid = ?", *params)
    assert detail_of(answer)["o:errorQueryParam"] == "params"


def test_parameter_is_never_read_as_sql():
    api = open_account()
    assert api.rows("SELECT id FROM item WHERE itemid = ?", "' OR '1'='1") == []


def test_conditions_combine():
    api = open_account()
    rows = api.rows(
        "SELECT id FROM customer WHERE externalid IS NULL AND (id <> 1 OR id >= 1)"
    )
    assert rows == []
    api.create("/customer", {"companyName": "Acme"})
    query = "SELECT UPPER(companyname) AS name FROM customer WHERE phone IS NULL"
    assert api.rows(query) == [{"name": "ACME"}]


@pytest.mark.parametrize(
    ("permission", "table"),
    [("customer", "customer"), ("salesOrder", "transaction"), ("item", "item")],
)
def test_role_without_permission_sees_no_rows_and_no_error(permission, table):
    api = account_with_order()
    query = f"SELECT id FROM {table}"
    assert api.rows(query)
    api.simulator.role_permissions.discard(permission)
    assert api.rows(query) == []


def test_role_without_workbook_permission_cannot_query():
    api = open_account()
    api.simulator.role_permissions.discard("suiteql")
    assert api.ask("SELECT id FROM item").status_code == 403


def test_f46_look_up_right_after_a_create_may_find_nothing():
    api = open_account(query_lag=60)
    api.clock.tick(seconds=120)
    api.create("/customer", {"companyName": "Acme", "externalId": "a"})
    query = "SELECT id FROM customer WHERE externalid = 'a'"
    assert api.rows(query) == []
    assert api.get("/customer/eid:a").status_code == 200
    api.clock.tick(seconds=61)
    assert len(api.rows(query)) == 1


def test_f67_look_up_may_match_two_customers():
    api = open_account()
    for _ in range(2):
        api.create("/customer", {"companyName": "Acme", "email": "a@example.com"})
    query = "SELECT id FROM customer WHERE email = ?"
    assert len(api.rows(query, "a@example.com")) == 2


def test_record_of_another_address_is_not_touched_by_queries():
    api = open_account()
    assert api.session.get(f"{RECORD}/../../query/v1/other").status_code == 404
    assert api.session.get(SUITEQL, headers={"Prefer": "transient"}).status_code == 405


def test_time_zone_of_the_account_decides_the_order_date():
    api = open_account()
    api.clock.moment = api.clock.moment.replace(hour=3) + timedelta(0)
    api.log_in()
    api.create("/salesOrder", order_for(api))
    assert api.rows("SELECT trandate FROM transaction") == [{"trandate": "3/25/2026"}]


def test_item_shows_what_shops_and_customs_ask_for():
    api = open_account()
    api.simulator.add_custom_field("custitem_color")
    parent = api.simulator.add_item("TEE", matrixType={"id": "PARENT"})
    api.simulator.add_item(
        "TEE : RED",
        matrixType={"id": "CHILD"},
        parent={"id": parent},
        custitem_color="Red",
        weight=Decimal("0.2"),
        weightUnit={"id": "3"},
        countryOfManufacture="PT",
    )
    rows = api.rows(
        "SELECT weight, BUILTIN.DF(weightunit) AS unit, countryofmanufacture AS made, "
        "custitem_color AS color, matrixtype FROM item WHERE parent = ?",
        parent,
    )
    assert rows == [
        {
            "weight": "0.2",
            "unit": "kg",
            "made": "PT",
            "color": "Red",
            "matrixtype": "CHILD",
        }
    ]
