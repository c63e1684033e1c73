"""Item fulfilments, read from a played account in the order of their changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integrations.connectors.errors import (
    RecordMissing,
    RequestRefused,
    UnreadablePayload,
)
from integrations.connectors.netsuite import fulfillments
from tests.connectors.netsuite.test_simulated import connector, netsuite, vendor

__all__ = ["netsuite", "vendor"]
AT = datetime(2026, 3, 26, 16, 21, tzinfo=UTC)
ORDER = "shopify-demo-order-6001"


@pytest.fixture
def shipped(vendor):
    """Ship one piece of a new order at a moment; returns the fulfilment's id."""
    vendor.time_zone = "America/Phoenix"  # seven hours behind, all the year
    item = vendor.add_item("TENT-2P", name="Tent")
    customer = vendor.add_customer(companyName="Acme")
    numbers = iter(range(6001, 7000))

    def ship(at=AT, **changes):
        number = next(numbers)
        order = vendor.seeder.record(
            "salesOrder",
            {
                "entity": {"id": customer},
                "externalId": f"shopify-demo-order-{number}",
                "otherRefNum": f"#{number}",
                "orderStatus": {"id": "B"},
                "item": {
                    "items": [
                        {
                            "item": {"id": changes.pop("item", item)},
                            "quantity": 2,
                            "rate": 10,
                            "location": {"id": "1"},
                        }
                    ]
                },
            },
        )
        changes.setdefault("shipStatus", {"id": "C"})
        key = vendor.make("salesOrder", order, "itemFulfillment", **changes)
        touch(vendor, key, at)
        return key

    return ship


def touch(vendor, key, at):
    """Let a fulfilment have changed last at a moment."""
    store = vendor.store
    store.put(replace(store.records["itemFulfillment"][key], modified_at=at))
    store.changed["itemFulfillment", key] = AT - timedelta(days=400)


def run(netsuite, since=""):
    """Read to the end; returns what was found and the cursor of the next run."""
    found = list(netsuite.changes("fulfillment", since))
    cursor = found[-1][1] if found else since
    return found, netsuite.rest("fulfillment", cursor)


def ids(found):
    return [one.payload["id"] for one, _ in found]


def test_a_fulfilment_is_read_with_all_that_it_holds(netsuite, vendor, shipped):
    method = vendor.add_ship_item("Pigeon post")
    packages = [{"packageTrackingNumber": one} for one in ("T1", "T2")]
    key = shipped(shipMethod={"id": method}, package={"items": packages})
    [(found, _)], _ = run(netsuite)
    assert found.key == f"{key}-1"
    assert found.tracking == ("T1", "T2") and found.skus == ("TENT-2P",)
    assert found.label.endswith("of #6001")
    assert found.changed_at == AT
    payload = dict(found.payload)
    [line] = payload.pop("lines")
    assert (line["sku"], line["quantity"]) == ("TENT-2P", 2)
    assert payload["ship_method"] == "Pigeon post"
    assert payload["location"] == "Main warehouse"
    assert payload["tracking_numbers"] == ["T1", "T2"]
    assert payload["order"]["external_id"] == ORDER
    assert netsuite.derived("fulfillment", found.payload) == {
        "order_namespace": "shopify-demo",
        "order_id": "6001",
        "came_from_shop": False,
    }


def test_what_is_not_shipped_is_not_read(netsuite, shipped):
    shipped(shipStatus={"id": "B"})
    assert run(netsuite) == ([], "1970-01-01T00:00:00")


def test_the_first_run_leaves_what_was_shipped_long_ago(netsuite, shipped):
    shipped(AT - timedelta(days=90))
    newest = shipped(AT)
    found, rest = run(netsuite)
    assert ids(found) == [newest]
    assert rest == local(AT)


def local(at):
    """Return a moment as the account tells it."""
    return f"{at - timedelta(hours=7):%Y-%m-%dT%H:%M:%S}"


def test_nothing_shipped_yet_forgets_nothing_that_comes(netsuite, shipped):
    _, rest = run(netsuite)
    first = shipped(AT - timedelta(days=2))
    second = shipped(AT)
    assert ids(run(netsuite, rest)[0]) == [first, second]


def test_rows_of_one_second_are_all_read_whatever_the_page(
    netsuite, shipped, monkeypatch
):
    monkeypatch.setattr(fulfillments, "PAGE", 3)
    keys = [shipped(AT) for _ in range(8)]
    found, rest = run(netsuite)
    assert ids(found) == keys
    assert rest == local(AT)
    cursors = list(dict.fromkeys(cursor for _, cursor in found))
    assert cursors == ["", *(f"{local(AT)}#{keys[n]}" for n in (2, 5, 7))]


def test_a_run_that_was_cut_short_goes_on_behind_its_last_page(
    netsuite, shipped, monkeypatch
):
    monkeypatch.setattr(fulfillments, "PAGE", 3)
    keys = [shipped(AT) for _ in range(8)]
    found, _ = run(netsuite, f"{local(AT)}#{keys[2]}")
    assert ids(found) == keys[3:]


def test_a_row_that_changes_during_paging_is_read_as_it_stands_then(
    netsuite, vendor, shipped, monkeypatch
):
    monkeypatch.setattr(fulfillments, "PAGE", 2)
    keys = [shipped(AT + timedelta(seconds=n)) for n in range(6)]
    changes = netsuite.changes("fulfillment", local(AT - timedelta(hours=1)))
    found = [next(changes) for _ in range(2)]
    later = AT + timedelta(minutes=1)
    # One that was read, and one that was not: both move to the end.
    touch(vendor, keys[0], later)
    touch(vendor, keys[4], later)
    found += list(changes)
    assert ids(found) == [*keys[:4], keys[5], keys[0], keys[4]]


def test_a_row_that_is_seen_late_is_read_by_the_overlap(netsuite, vendor, shipped):
    shipped(AT)
    _, rest = run(netsuite)
    late = shipped(AT - timedelta(minutes=10))
    assert late in ids(run(netsuite, rest)[0])


def test_a_fulfilment_from_two_locations_is_one_object_for_each(
    netsuite, vendor, shipped
):
    east = vendor.add_location("East")
    key = shipped()
    record = vendor.store.records["itemFulfillment"][key]
    [line] = record.values["item"]["items"]
    second = {**line, "line": 2, "location": {"id": east}, "quantity": 1}
    record.values["item"]["items"].append(second)
    touch(vendor, key, AT)
    found, _ = run(netsuite)
    assert [one.key for one, _ in found] == [f"{key}-1", f"{key}-{east}"]
    assert [one.payload["location"] for one, _ in found] == ["Main warehouse", "East"]


def test_a_child_of_a_matrix_item_has_its_own_sku(netsuite, vendor, shipped):
    child = vendor.add_item("SHIRT : SHIRT-RED-M", name="Shirt")
    shipped(item=child)
    [(found, _)], _ = run(netsuite)
    assert found.skus == ("SHIRT-RED-M",)


def test_an_account_that_hides_the_shipping_method_goes_without(
    netsuite, vendor, shipped, monkeypatch
):
    shipped()
    asked = fulfillments._METHODS.replace("t.shipmethod", "t.shipmethodx")
    monkeypatch.setattr(fulfillments, "_METHODS", asked)
    [(found, _)], _ = run(netsuite)
    assert found.payload["ship_method"] == ""


def test_one_is_read_alone(netsuite, vendor, shipped):
    key = shipped(AT - timedelta(days=90))
    assert netsuite.fetch("fulfillment", f"{key}-1").payload["id"] == key
    with pytest.raises(RecordMissing, match="deleted"):
        netsuite.fetch("fulfillment", f"{key}-7")
    with pytest.raises(RequestRefused, match="no id|not the id"):
        netsuite.fetch("fulfillment", "nonsense")


def test_an_echo_and_a_foreign_order_are_told_apart(netsuite):
    def derived(own="", order=""):
        payload = {"external_id": own, "order": {"external_id": order}}
        return netsuite.derived("fulfillment", payload)

    own = derived("shopify-demo-fulfillment-9", ORDER)
    assert own["came_from_shop"]
    assert not derived("shopify-other-fulfillment-9", ORDER)["came_from_shop"]
    assert not derived("WMS-9", ORDER)["came_from_shop"]
    assert derived(order="WEB-77")["order_namespace"] == ""
    assert derived()["order_id"] == ""


def test_what_cannot_be_read_is_named(netsuite):
    with pytest.raises(UnreadablePayload, match="no lines"):
        netsuite.source_object("fulfillment", {"id": "1"})
    with pytest.raises(UnreadablePayload, match="last_modified"):
        netsuite.source_object("fulfillment", {"id": "1", "lines": []})


def test_a_role_that_sees_nothing_is_not_an_error(vendor):
    assert run(connector())[0] == []


def test_the_page_of_a_fulfilment_is_that_of_its_record(vendor):
    real = connector(base_url="", account_id="123456_SB1")
    page = "https://123456-sb1.app.netsuite.com/app/accounting/transactions/itemship.nl"
    assert real.record_url("fulfillment", "5001-1") == f"{page}?id=5001"
