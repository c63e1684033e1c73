"""F42: deliveries in another API version than the one their connection is set to."""

import pytest
from django.core import mail

from errorqueue.models import Alert, FailedRecord
from integrations.models import Connection, SyncRecord
from integrations.simulators.shopify.simulator import ShopifySimulator
from tests.flows.test_orders import order, post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


def told() -> list[str]:
    return [alert.title for alert in Alert.objects.filter(closed_at=None)]


def fall_forward(shopify: ShopifySimulator) -> None:
    """Let the version of every subscription end, so that a later one is served."""
    for subscription in shopify.webhooks.subscriptions:
        subscription.api_version = "2026-10"
    shopify.versions = ["2027-01", "2027-04"]


def test_f42_a_delivery_in_another_version_is_read_and_told_once(
    post_order, shopify, drain
):
    post_order(number=4201)
    drain()
    assert told() == []
    fall_forward(shopify)
    for number in (4202, 4203, 4204):
        post_order(number=number)
        drain()
    first = "Shopify (Northwind Outdoor) delivers orders/create in API version 2027-01"
    assert first in told() and len(told()) == len(mail.outbox)
    assert len(set(told())) == len(told())
    assert not FailedRecord.objects.exists()
    states = SyncRecord.objects.values_list("state", flat=True)
    assert set(states) == {SyncRecord.State.DELIVERED}


def test_f42_the_right_version_ends_it(post_order, shopify, drain):
    fall_forward(shopify)
    post_order(number=4211)
    drain()
    assert any("orders/create" in title for title in told())
    Connection.objects.filter(slug="shopify").update(api_version="2027-01")
    post_order(number=4212)
    drain()
    assert not any("orders/create" in title for title in told())


def test_f42_what_the_other_version_writes_differently_is_named_by_its_field(
    shopify, demo, drain, netsuite
):
    fall_forward(shopify)
    changed = order(number=4221)
    changed["line_items"][0]["price"] = {"amount": "249.00"}
    shopify.place_order(changed)
    shopify.deliver_due()
    drain()
    line = FailedRecord.objects.open().first()
    assert line is not None and "price" in f"{line.what} {line.why} {line.problems}"
    assert netsuite.orders == {}
