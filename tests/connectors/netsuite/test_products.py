"""Products out of NetSuite: what belongs together, and how a reading goes on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from integrations.connectors.errors import RecordMissing, RequestRefused
from integrations.connectors.netsuite import suiteql
from tests.connectors.netsuite.test_simulated import connector, vendor

__all__ = ["vendor"]

OPTIONS = {"matrix_options": "Color=custitem_color"}


@pytest.fixture
def at(vendor):
    """Have the account make what follows so long ago; without it, now."""

    def set_clock(ago: timedelta | None = None) -> None:
        then = datetime.now(UTC) - (ago or timedelta(0))
        vendor.now = real if ago is None else lambda: then

    real = vendor.now
    return set_clock


@pytest.fixture
def one_second(vendor):
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    vendor.now = lambda: now


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(suiteql, "PAGE", 2)


def read(since: str = "", **options):
    return list(connector(options=options).changes("product", since))


def skus(found) -> list[str]:
    return [sku for one, _ in found for sku in one.skus]


def test_rows_of_one_second_are_neither_skipped_nor_repeated(
    vendor, one_second, small_pages
):
    for number in range(7):
        vendor.add_item(f"SKU-{number}")
    found = read()
    assert sorted(skus(found)) == sorted(
        [
            *(f"SKU-{number}" for number in range(7)),
            *("Unlisted product", "Goods not returned"),
        ]
    )


def test_a_reading_that_was_cut_short_goes_on_behind_its_last_page(
    vendor, one_second, small_pages
):
    for number in range(5):
        vendor.add_item(f"SKU-{number}")
    whole = read()
    cursors = [cursor for _, cursor in whole]
    place = cursors.index(next(x for x in cursors if x != cursors[0]))
    rest = read(cursors[place])
    assert skus(rest) == skus(whole)[place + 1 :]


def test_the_next_reading_begins_before_the_last_change(vendor, at):
    at(timedelta(hours=5))
    vendor.add_item("OLD")
    at()
    vendor.add_item("NEW")
    *_, (_, cursor) = read()
    assert cursor.startswith("since ")
    at(timedelta(minutes=70))
    vendor.add_item("SAVED-BEFORE-SEEN-AFTER")
    at()
    again = read(cursor)
    assert "SAVED-BEFORE-SEEN-AFTER" in skus(again) and "NEW" in skus(again)
    assert "OLD" not in skus(again)


def test_when_nothing_changed_the_place_stays(vendor, at):
    vendor.add_item("A")
    *_, (_, cursor) = read()
    assert read("since 2099-01-01T00:00:00") == []
    assert [x for _, x in read(cursor)][-1] == cursor


def test_the_first_reading_leaves_inactive_items_out_later_ones_tell(vendor, at):
    vendor.add_item("GONE", inactive=True)
    vendor.add_item("HERE")
    first = read()
    assert "GONE" not in skus(first) and "HERE" in skus(first)
    vendor.change_item("HERE", isInactive=True)
    later = {one.skus: one.payload for one, _ in read(first[-1][1])}
    assert later["HERE",]["inactive"] is True


@pytest.fixture
def family(vendor, at) -> str:
    vendor.add_custom_field("custitem_color")
    at(timedelta(hours=9))
    parent = vendor.add_item("TEE", name="T-shirt", matrixType={"id": "PARENT"})
    for color in ("Red", "Blue"):
        vendor.add_item(
            f"TEE : TEE-{color.upper()}",
            name=f"T-shirt {color}",
            matrixType={"id": "CHILD"},
            parent={"id": parent},
            custitem_color=color,
            upc=f"{color}-1",
            weight=Decimal("0.2"),
            weightUnit={"id": "3"},
        )
    at()
    return parent


def test_a_family_is_read_whole_when_one_child_changed(vendor, family):
    *_, (_, cursor) = read(**OPTIONS)
    assert family not in [one.key for one, _ in read(cursor, **OPTIONS)]
    vendor.change_item("TEE : TEE-RED", upcCode="9")
    [found] = [one for one, _ in read(cursor, **OPTIONS) if one.key == family]
    assert found.skus == ("TEE-RED", "TEE-BLUE")
    assert found.payload["option_names"] == ["Color"]
    red, blue = found.payload["variants"]
    assert (red["barcode"], red["option_values"]) == ("9", ["Red"])
    assert (blue["weight"], blue["weight_unit"]) == ("0.2", "kg")
    assert found.payload["title"] == "T-shirt" and not found.payload["inactive"]


def test_an_inactive_parent_makes_its_children_inactive(vendor, family):
    vendor.change_item("TEE", isInactive=True)
    found = connector(options=OPTIONS).fetch("product", family)
    assert found.payload["inactive"] is True
    assert all(one["inactive"] for one in found.payload["variants"])
    assert found.changed_at is not None


def test_children_without_named_options_differ_by_their_sku(vendor, family):
    found = connector().fetch("product", family)
    assert found.payload["option_names"] == ["Variant"]
    told = [one["option_values"] for one in found.payload["variants"]]
    assert told == [["TEE-RED"], ["TEE-BLUE"]]


def test_empty_fields_are_left_out(vendor, at):
    item = vendor.add_item("BARE")
    [variant] = connector().fetch("product", item).payload["variants"]
    assert variant.keys() == {"item_id", "sku", "title", "inactive", "stocked"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"item_columns": "weight"}, "“weight”"),
        ({"item_columns": "weight=weight; DROP"}, "Columns of items"),
        ({"matrix_options": "Color="}, "Options of matrix items"),
        ({"item_columns": "hs_code=custitem_unknown"}, "custitem_unknown"),
    ],
)
def test_an_option_that_cannot_be_read_is_named(vendor, at, options, words):
    vendor.add_item("A")
    with pytest.raises(RequestRefused, match=words):
        read(**options)


@pytest.mark.parametrize("key", ["999999", "abc"])
def test_an_item_that_is_not_there_is_missing(vendor, at, key):
    with pytest.raises(RecordMissing):
        connector().fetch("product", key)
