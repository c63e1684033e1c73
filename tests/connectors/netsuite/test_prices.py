"""Prices read by SuiteQL: whole once a day, else behind the place reached before."""

from datetime import timedelta
from decimal import Decimal

import pytest

from integrations.connectors.errors import RecordMissing, RequestRefused
from integrations.connectors.netsuite import places, prices, suiteql
from tests.connectors.netsuite import test_simulated
from tests.connectors.netsuite.test_simulated import connector

vendor = test_simulated.vendor
SKUS = ("TENT", "MUG", "LAMP")


@pytest.fixture
def netsuite(vendor):
    """An account with three items that cost something, changed in one second."""
    second = vendor.now().replace(microsecond=0)
    vendor.add_price_level("List Price")
    for place, sku in enumerate(SKUS):
        vendor.add_item(sku, price=Decimal(10 + place))
        vendor.set_price(sku, 20 + place, level="List Price")
        modified(vendor, sku, second)
    return vendor


def modified(account, sku, at):
    """Say when an item was saved last."""
    item = account.store.holder("item", sku)
    item.modified_at = at
    account.store.put(item)


def read(since=""):
    return list(connector().changes("price", since))


def read_to_the_end(since=""):
    """Return what is read, and the cursor of the next poll."""
    found = read(since)
    last = found[-1][1] if found else since
    return [one.label for one, _ in found], connector().rest("price", last)


def test_an_item_brings_the_prices_of_all_its_levels(netsuite):
    tent = read()[0][0]
    assert (tent.entity, tent.label, tent.skus) == ("price", "TENT in USD", ("TENT",))
    assert (tent.amount, tent.currency) == (Decimal(10), "USD")
    assert tent.payload["prices"] == {"Base Price": 10, "List Price": 20}
    assert isinstance(tent.amount, Decimal)


def test_each_currency_is_an_object_of_its_own(netsuite):
    netsuite.set_price("TENT", "9.5", currency="EUR")
    labels, _ = read_to_the_end()
    assert labels == ["TENT in USD", "TENT in EUR", "MUG in USD", "LAMP in USD"]


def test_quantity_breaks_and_inactive_items_are_left_out(netsuite):
    netsuite.set_price("TENT", 8, quantity=10)
    netsuite.change_item("MUG", isInactive=True)
    found = {one.label: one.amount for one, _ in read()}
    assert found == {"TENT in USD": 10, "LAMP in USD": 12}


def test_a_child_of_a_matrix_goes_by_its_own_sku(netsuite):
    netsuite.add_item("TENT : TENT-RED", price=Decimal(11))
    assert read()[-1][0].payload["sku"] == "TENT-RED"


def test_two_prices_of_one_level_are_both_told():
    rows = [
        {"item_id": "1", "name": "TENT", "level_name": "Base Price", "price": price}
        for price in ("10", "10.0", "11")
    ]
    found = next(iter(prices._payloads(rows)))
    assert found["prices"] == {"Base Price": [Decimal(10), Decimal(11)]}


@pytest.mark.parametrize("page", [2, 3, 4, 5, 1000])
def test_rows_of_one_second_are_read_once_each_page_by_page(
    netsuite, monkeypatch, page
):
    monkeypatch.setattr(suiteql, "PAGE", page)
    labels, rest = read_to_the_end()
    assert labels == ["TENT in USD", "MUG in USD", "LAMP in USD"]
    assert read_to_the_end(rest)[0] == labels


def test_a_reading_that_was_cut_goes_on_behind_what_was_taken_over(netsuite):
    netsuite.set_price("MUG", 9, currency="EUR")
    for since in ("", read_to_the_end()[1]):
        everything = read(since)
        for place, (_, cursor) in enumerate(everything):
            rest = [one.label for one, _ in read(cursor)]
            taken = [one.label for one, _ in everything[: place + 1]]
            assert set(taken) | set(rest) == {one.label for one, _ in everything}
            assert len(taken) + len(rest) - len(everything) <= 1


def test_only_what_changed_lately_is_read_again(netsuite):
    for sku in SKUS:
        modified(netsuite, sku, netsuite.now() - timedelta(hours=2))
    labels, rest = read_to_the_end()
    assert len(labels) == 3
    assert read_to_the_end(rest) == ([], rest)
    netsuite.set_price("TENT", 11)
    labels, later = read_to_the_end(rest)
    assert labels == ["TENT in USD"]
    assert later >= rest
    assert read_to_the_end(later) == (labels, later)


def test_what_becomes_visible_late_is_not_passed_by(netsuite):
    _, rest = read_to_the_end()
    modified(netsuite, "MUG", netsuite.now() - timedelta(minutes=30))
    assert "MUG in USD" in read_to_the_end(rest)[0]


def test_all_is_read_once_a_day(netsuite):
    long_ago = netsuite.now() - timedelta(days=3)
    for sku in SKUS[:2]:
        modified(netsuite, sku, long_ago)
    _, rest = read_to_the_end()
    assert len(read(rest)) == 1
    yesterday = str(places.Place("new", "2026-01-01", places.read(rest).mark))
    labels, after = read_to_the_end(yesterday)
    assert len(labels) == 3
    assert after == rest


def test_the_place_of_rest_stays_however_often_nothing_is_new(netsuite):
    _, rest = read_to_the_end()
    assert connector().rest("price", rest) == rest
    assert connector().rest("price", "") == ""
    assert connector().rest("inventory", "17") == ""


def test_a_cursor_of_something_else_is_refused(netsuite):
    with pytest.raises(RequestRefused, match="no place to read on"):
        read("201")


def test_an_account_without_items_begins_anew(vendor):
    assert read() == []


def test_one_price_is_read_alone(netsuite):
    item = netsuite.store.holder("item", "MUG").id
    found = connector().fetch("price", f"{item}-1")
    assert (found.key, found.amount) == (f"{item}-1", Decimal(11))
    # Without a time it would count as nothing new.
    assert found.changed_at is not None
    with pytest.raises(RecordMissing, match="no price in this currency"):
        connector().fetch("price", f"{item}-2")


def test_the_other_table_is_asked_where_the_first_is_not_shown(netsuite):
    netsuite.refused_tables = frozenset({"pricing"})
    assert len(read()) == 3


def test_an_account_without_a_table_of_prices_says_what_to_switch_on(netsuite):
    netsuite.refused_tables = frozenset({"pricing", "itemprice"})
    with pytest.raises(RequestRefused, match="Switch on Multiple Prices"):
        read()
