"""A record that names what it needs by its id alone: read once, then waited for."""

import pytest

from errorqueue import services as queue
from errorqueue.models import FailedRecord
from integrations.models import Connection, Dependency, Flow, InboxEvent, SyncRecord
from tests.flows.test_orders import post_order
from tests.flows.test_preflight import REFUSED

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

Status = FailedRecord.Status


@pytest.fixture
def by_id(demo) -> None:
    """Orders that know of their customer no more than the id."""
    named = Dependency.objects.filter(flow__slug="shopify-orders")
    assert named.update(source_path="customer.id") == 1
    # No try comes due while a test looks, however slow the machine is.
    Flow.objects.update(retry_schedule=[30] * 9)


@pytest.fixture
def unheard_of(by_id, post_order):
    """Place an order whose customer nobody told us of."""

    def post(**changes):
        payload = post_order(**changes)
        InboxEvent.objects.filter(topic__startswith="customers/").delete()
        return payload

    return post


def reads(shopify):
    return [call for call in shopify.journal if "WaybillCustomer" in call.request]


def line_of(entity):
    return FailedRecord.objects.open().get(entity=entity)


def test_a_record_known_by_its_id_is_read_and_goes_first(
    unheard_of, shopify, netsuite, drain
):
    unheard_of(number=1)
    drain()
    [order], [customer] = netsuite.orders.values(), netsuite.customers.values()
    assert order["entity"]["id"] == customer["id"]
    assert {record.state for record in SyncRecord.objects.all()} == {"delivered"}
    assert not FailedRecord.objects.exists()
    assert len(reads(shopify)) == 1


def test_what_the_ledger_knows_is_not_read_again(
    by_id, post_order, shopify, netsuite, drain
):
    post_order(number=2)
    drain()
    assert len(netsuite.orders) == 1
    assert reads(shopify) == []


def test_f70_behind_a_record_that_fails_it_names_the_line_that_blocks_it(
    unheard_of, netsuite, drain
):
    netsuite.fail_next(400, body=REFUSED, path="customer")
    unheard_of(number=3)
    drain()
    head, behind = line_of("customer"), line_of("order")
    assert (behind.status, behind.blocked_by) == (Status.BLOCKED, head)
    queue.retry(head)
    drain()
    assert len(netsuite.orders) == 1
    assert not FailedRecord.objects.open().exists()


def test_a_record_that_its_source_does_not_show_needs_a_person(
    unheard_of, shopify, netsuite, drain
):
    payload = unheard_of(number=4)
    customer = shopify.store.customers.copy()
    shopify.store.customers.clear()
    drain()
    line = line_of("order")
    assert (line.status, line.kind) == (Status.FAILED, "dependency")
    assert f"customer {payload['customer']['id']} of Customers to NetSuite" in line.why
    assert "back-fill" in line.remedy
    shopify.store.customers.update(customer)
    queue.retry(line)
    drain()
    assert len(netsuite.orders) == 1


def test_a_source_that_is_away_is_asked_again_and_costs_the_target_nothing(
    unheard_of, shopify, netsuite, drain, let_pass
):
    shopify.fail_next(503, times=2)
    unheard_of(number=5)
    drain()
    line = line_of("order")
    assert (line.status, line.kind) == (Status.WAITING, "temporary")
    assert "Shopify (Northwind Outdoor)" in line.why
    assert Connection.objects.get(slug="netsuite").strikes == 0
    assert Connection.objects.get(slug="shopify").strikes == 1
    for _ in range(3):
        let_pass(60)
        drain()
    assert len(netsuite.orders) == 1
    assert not FailedRecord.objects.open().exists()


def test_a_source_that_people_paused_is_not_called(
    unheard_of, shopify, netsuite, drain, let_pass
):
    Connection.objects.filter(slug="shopify").update(state="paused")
    unheard_of(number=6)
    drain()
    assert "is not in use right now" in line_of("order").why
    assert reads(shopify) == []
    Connection.objects.filter(slug="shopify").update(state="ready")
    let_pass(60)
    drain()
    assert len(netsuite.orders) == 1
