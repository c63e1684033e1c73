"""Records made from another one: once, however often and in whatever state."""

import pytest

from integrations.connectors.errors import (
    PermissionMissing,
    RecordConflict,
    RecordRejected,
    TimedOut,
)
from tests.connectors.netsuite.test_simulated import KEY, netsuite, order, vendor

__all__ = ["netsuite", "order", "vendor"]

SHIPMENT = "shopify-demo-fulfillment-1"


@pytest.fixture
def order_id(netsuite, order) -> str:
    ready = {**order, "orderStatus": {"id": "B"}}
    return netsuite.create("salesOrder", ready, KEY).target_id


def shipment(order_id: str, quantity: int = 2) -> dict:
    return {
        "createdFrom": {"type": "salesOrder", "id": order_id},
        "shipStatus": {"id": "C"},
        "memo": None,
        "item": {"items": [{"orderLine": 1, "quantity": quantity}]},
    }


def made(vendor) -> list[dict]:
    return vendor.stored("itemFulfillment")


def test_a_record_is_made_from_another_one(netsuite, vendor, order_id):
    written = netsuite.create("itemFulfillment", shipment(order_id), SHIPMENT)
    [found] = made(vendor)
    assert (found["id"], found["externalId"]) == (written.target_id, SHIPMENT)
    assert found["createdFrom"]["id"] == order_id
    assert not written.adopted


@pytest.mark.parametrize("quantity", [1, 2])
def test_f30_a_repeat_finds_the_one_that_was_made(netsuite, vendor, order_id, quantity):
    """Also when the first took all: then NetSuite refuses for want of lines."""
    vendor.fail_next(lost=True, path="!transform")
    with pytest.raises(TimedOut):
        netsuite.create("itemFulfillment", shipment(order_id, quantity), SHIPMENT)
    [found] = made(vendor)
    assert netsuite.find_written("itemFulfillment", SHIPMENT) == found["id"]
    again = netsuite.create("itemFulfillment", shipment(order_id, quantity), SHIPMENT)
    assert again.adopted and again.target_id == found["id"]
    assert len(made(vendor)) == 1


def test_another_record_under_the_same_key_is_a_conflict(netsuite, vendor, order_id):
    netsuite.create("itemFulfillment", shipment(order_id, 1), SHIPMENT)
    with pytest.raises(RecordConflict) as caught:
        netsuite.create("itemFulfillment", shipment(order_id, 2), SHIPMENT)
    assert list(caught.value.fields) == ["item.items[0]"]


def test_one_made_from_another_order_is_a_conflict(netsuite, vendor, order, order_id):
    ready = {**order, "orderStatus": {"id": "B"}, "otherRefNum": "#2"}
    other = netsuite.create("salesOrder", ready, f"{KEY}2").target_id
    netsuite.create("itemFulfillment", shipment(order_id), SHIPMENT)
    with pytest.raises(RecordConflict) as caught:
        netsuite.create("itemFulfillment", shipment(other), SHIPMENT)
    assert list(caught.value.fields) == ["createdFrom"]


def test_a_refusal_that_left_nothing_behind_stays_a_refusal(netsuite, order_id):
    with pytest.raises(RecordRejected, match="only 2 left"):
        netsuite.create("itemFulfillment", shipment(order_id, 3), SHIPMENT)


def test_an_origin_that_was_deleted_is_named_and_not_made_again(netsuite, order_id):
    with pytest.raises(RecordRejected) as caught:
        netsuite.create("itemFulfillment", shipment("9999"), SHIPMENT)
    assert "deleted it there" in caught.value.fields["createdFrom.id"]


def test_a_missing_permission_is_that_of_the_record_to_be_made(
    netsuite, vendor, order_id
):
    vendor.fail_as("ROLE_PERMISSION", path="!transform")
    with pytest.raises(PermissionMissing) as caught:
        netsuite.create("itemFulfillment", shipment(order_id), SHIPMENT)
    assert "Sales Order" not in str(caught.value)
