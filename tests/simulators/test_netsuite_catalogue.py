"""Stock, prices and items, as a console reads them."""

from decimal import Decimal

import pytest

from tests.simulators.netsuite_client import (
    detail_of,
    open_account,
    order_for,
)

CHANGED = (
    "SELECT itemid, TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS moved "
    "FROM item WHERE lastmodifieddate >= TO_TIMESTAMP(?, 'YYYY-MM-DD HH24:MI:SS') "
    "ORDER BY lastmodifieddate, id"
)
PRICES = (
    "SELECT pricelevel, currency, quantity, unitprice FROM pricing WHERE item = ? "
    "ORDER BY currency, pricelevel, quantity"
)


def test_each_location_has_its_own_stock():
    api = open_account()
    item = api.simulator.add_item("MUG")
    other = api.simulator.add_location("Outlet")
    api.simulator.set_stock("MUG", "Main warehouse", 7)
    api.simulator.set_stock("MUG", "Outlet", Decimal("2.5"))
    for table in ("aggregateitemlocation", "inventoryitemlocations"):
        rows = api.rows(
            f"SELECT item, location, quantityavailable FROM {table} ORDER BY location"
        )
        assert rows == [
            {"item": item, "location": "1", "quantityavailable": "7"},
            {"item": item, "location": other, "quantityavailable": "2.5"},
        ]


def test_table_of_plain_items_knows_no_assemblies():
    api = open_account()
    api.simulator.add_item("SET", kind="assemblyItem")
    api.simulator.set_stock("SET", "Main warehouse", 3)
    assert api.rows("SELECT item FROM inventoryitemlocations") == []
    assert len(api.rows("SELECT item FROM aggregateitemlocation")) == 1


@pytest.mark.parametrize("table", ["inventorybalance", "itemprice"])
def test_tables_that_only_some_accounts_have_are_refused_or_read(table):
    api = open_account()
    query = f"SELECT item FROM {table} WHERE item > 0"
    answer = api.ask(query)
    assert f"Record '{table}' was not found." in detail_of(answer)["detail"]
    assert api.rows("SELECT itemid FROM item WHERE itemid = ?", table) == []
    api.simulator.refused_tables = frozenset({"pricing"})
    assert api.rows(query) == []
    assert api.ask("SELECT item FROM pricing").status_code == 400


def test_cursor_over_changes_of_stock():
    api = open_account()
    for sku in ("A", "B"):
        api.simulator.add_item(sku)
        api.simulator.set_stock(sku, "1", 1)
    api.clock.tick(minutes=10)
    api.simulator.set_stock("B", "1", 2)
    rows = api.rows(
        "SELECT i.itemid, l.quantityavailable FROM aggregateitemlocation l "
        "JOIN item i ON i.id = l.item WHERE l.lastquantityavailablechange >= "
        "TO_TIMESTAMP(?, 'YYYY-MM-DD HH24:MI:SS')",
        "2026-03-26 09:31:00",
    )
    assert rows == [{"itemid": "B", "quantityavailable": "2"}]


def test_stock_that_moved_does_not_make_its_item_modified():
    api = open_account()
    api.simulator.add_item("MUG")
    api.clock.tick(minutes=10)
    api.simulator.set_stock("MUG", "1", 5)
    assert api.rows(CHANGED, "2026-03-26 09:22:00") == []
    api.simulator.change_item("MUG", displayName="Mug")
    assert api.rows(CHANGED, "2026-03-26 09:22:00") == [
        {"itemid": "MUG", "moved": "2026-03-26 09:31:00"}
    ]


def test_item_goes_inactive_and_comes_back():
    api = open_account()
    api.simulator.add_item("MUG")
    query = "SELECT isinactive FROM item WHERE itemid = 'MUG'"
    for inactive, letter in ((True, "T"), (False, "F")):
        api.simulator.change_item("MUG", isInactive=inactive)
        assert api.rows(query) == [{"isinactive": letter}]


def test_child_of_a_matrix_names_its_parent():
    api = open_account()
    parent = api.simulator.add_item("SHIRT")
    api.simulator.add_item("SHIRT-RED")
    api.simulator.change_item("SHIRT-RED", parent={"id": parent})
    rows = api.rows("SELECT itemid FROM item WHERE parent = ?", parent)
    assert rows == [{"itemid": "SHIRT-RED"}]


def test_prices_are_read_by_currency_level_and_quantity():
    api = open_account()
    item = api.simulator.add_item("MUG", price=Decimal("12.50"))
    level = api.simulator.add_price_level("Online")
    api.simulator.set_price("MUG", "11.00", level="Online")
    api.simulator.set_price("MUG", "11.90", currency="EUR")
    api.simulator.set_price("MUG", "10.00", quantity=10)
    assert [tuple(row.values()) for row in api.rows(PRICES, item)] == [
        ("1", "1", "0", "12.5"),
        ("1", "1", "10", "10"),
        (level, "1", "0", "11"),
        ("1", "2", "0", "11.9"),
    ]


def test_price_that_is_set_again_replaces_the_older_one_and_modifies_the_item():
    api = open_account()
    item = api.simulator.add_item("MUG", price=Decimal("12.50"))
    api.clock.tick(minutes=10)
    api.simulator.set_price("MUG", "13.00")
    assert [row["unitprice"] for row in api.rows(PRICES, item)] == ["13"]
    assert [row["itemid"] for row in api.rows(CHANGED, "2026-03-26 09:22:00")] == [
        "MUG"
    ]


def test_price_of_something_unknown_cannot_be_set():
    api = open_account()
    api.simulator.add_item("MUG")
    for call in (
        {"sku": "NONE"},
        {"sku": "MUG", "currency": "XXX"},
        {"sku": "MUG", "level": "None"},
    ):
        with pytest.raises(LookupError):
            api.simulator.set_price(price=1, **call)


def test_matrix_is_written_and_read_over_rest():
    api = open_account()
    item = api.simulator.add_item("MUG")
    line = {"currencyPage": {"id": "2"}, "priceLevel": {"id": "1"}, "price": 9.5}
    lines = {"items": [line, {**line, "quantity": {"value": 5}, "price": 9}]}
    path = f"/inventoryItem/{item}"
    assert api.patch(path, {"price": lines}).status_code == 204
    assert api.patch(path, {"price": {"items": [line]}}).status_code == 204
    shown = api.get(path, expandSubResources="true").json()["price"]["items"]
    assert [(one["quantity"]["value"], one["price"]) for one in shown] == [
        (0, 9.5),
        (5, 9),
    ]
    assert shown[0]["priceLevelName"] == "Base Price"
    answer = api.patch(path, {"price": {"items": [{"priceLevel": {"id": "1"}}]}})
    assert detail_of(answer)["o:errorPath"] == "price.items[2].price"


@pytest.mark.parametrize(
    ("changes", "quantity", "total"),
    [
        ({}, 1, "12.50"),
        ({}, 10, "100.00"),
        ({"currency": {"id": "2"}}, 2, "23.80"),
    ],
    ids=["base", "many pieces", "another currency"],
)
def test_order_takes_the_price_of_its_currency_and_quantity(changes, quantity, total):
    api = open_account()
    order_for(api)
    api.simulator.set_price("MUG", "12.50")
    api.simulator.set_price("MUG", "10.00", quantity=10)
    api.simulator.set_price("MUG", "11.90", currency="EUR")
    item = {"id": api.simulator.store.holder("item", "MUG").id}
    lines = {"items": [{"item": item, "quantity": quantity}]}
    key = api.create("/salesOrder", order_for(api, item=lines, **changes))
    assert api.kept("salesOrder", key)["total"] == Decimal(total)


def test_order_in_a_currency_without_a_price_needs_a_rate():
    api = open_account()
    order_for(api)
    api.simulator.set_price("MUG", "12.50")
    item = {"id": api.simulator.store.holder("item", "MUG").id}
    order = order_for(api, item={"items": [{"item": item}]}, currency={"id": "3"})
    answer = api.post("/salesOrder", order)
    assert detail_of(answer)["o:errorPath"] == "item.items[0].amount"


def test_role_without_items_sees_neither_stock_nor_prices():
    api = open_account()
    api.simulator.add_item("MUG", price=Decimal(1))
    api.simulator.set_stock("MUG", "1", 1)
    api.simulator.role_permissions.discard("item")
    for table in ("aggregateitemlocation", "inventoryitemlocations", "pricing"):
        assert api.rows(f"SELECT item FROM {table}") == []


def test_accounts_are_found_by_their_number():
    api = open_account()
    key = api.simulator.add_account("Checking", "1000")
    rows = api.rows(
        "SELECT id, accountsearchdisplayname AS name FROM account WHERE acctnumber = ?",
        "1000",
    )
    assert rows == [{"id": key, "name": "Checking"}]
