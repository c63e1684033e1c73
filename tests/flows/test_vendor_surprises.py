"""What vendors and the people at them do unasked, walked through the real path."""

import copy
import json
from functools import reduce
from itertools import product

import pytest
from django.core import mail

from errorqueue.models import FailedRecord
from integrations.management.demo.keys import new_keys
from integrations.models import Attempt, Connection, Flow, InboxEvent, SyncRecord
from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.sync import accounts
from tests.flows.conftest import HOOK
from tests.flows.test_intake import post, signed
from tests.flows.test_ledger import newer
from tests.flows.test_orders import order, post_order
from tests.flows.test_protocol import order_of, target

__all__ = ["post_order", "target"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def slow_tries(demo):
    """Let the waits between tries be longer than any machine is slow."""
    Flow.objects.update(retry_schedule=[50, 50, 50])


State = SyncRecord.State


def writes(vendor):
    calls = (call for call in vendor.journal if "/record/v1/" in call.path)
    return [call for call in calls if call.method in ("POST", "PUT", "PATCH")]


# F45: success that does not say what it made


def test_f45_a_success_without_an_id_is_looked_up_and_not_sent_again(
    post_order, netsuite, drain, let_pass, slow_tries
):
    netsuite.fail_as("SUCCESS_WITHOUT_ID", path="/salesOrder")
    post_order(number=8001)
    drain()
    record = order_of(8001)
    assert record.state != State.DELIVERED
    assert record.attempts.get().outcome == Attempt.Outcome.UNKNOWN
    let_pass(60)
    drain()
    assert order_of(8001).state == State.DELIVERED
    assert len(netsuite.orders) == 1


# F47: a record that a person has open


@pytest.mark.parametrize("refusal", ["RCRD_HAS_BEEN_CHANGED", "WORKFLOW_LOCK"])
def test_f47_a_record_that_a_person_is_changing_is_read_and_sent_again(
    post_order, netsuite, drain, let_pass, slow_tries, refusal
):
    post_order(number=8011)
    drain()
    newer(
        SyncRecord.objects.get(flow__slug="shopify-customers"), first_name="Anneliese"
    )
    netsuite.fail_as(refusal, path="/customer", times=2)
    drain()
    line = FailedRecord.objects.open().get()
    assert (line.kind, line.status) == ("temporary", FailedRecord.Status.WAITING)
    for _ in range(2):
        let_pass(60)
        drain()
    [customer] = netsuite.customers.values()
    assert customer["firstName"] == "Anneliese"
    assert not FailedRecord.objects.open().exists()


def test_f47_a_record_that_stays_locked_is_handed_to_a_person(
    post_order, netsuite, drain, let_pass, slow_tries
):
    post_order(number=8012)
    drain()
    [customer] = netsuite.customers.values()
    netsuite.lock_record("customer", customer["id"])
    newer(
        SyncRecord.objects.get(flow__slug="shopify-customers"), first_name="Anneliese"
    )
    for _ in range(5):
        drain()
        let_pass(60)
    line = FailedRecord.objects.open().get()
    assert line.status == FailedRecord.Status.FAILED
    assert "locked" in line.why
    assert Connection.objects.get(slug="netsuite").is_ready


# F49: the sandbox is refreshed


def test_f49_after_a_refresh_orders_go_with_the_ids_of_the_new_sandbox(
    post_order, netsuite, drain, let_pass, target, keys, admin_user
):
    post_order(number=8021)
    drain()
    netsuite.refresh_sandbox()
    item = netsuite.store.holder("item", "TENT-2P")
    netsuite.store.remove(item, netsuite.now())
    moved = netsuite.add_item("TENT-2P", name="Two-person tent")
    accounts.mark_refreshed(target, admin_user)
    post_order(number=8022)
    drain()
    assert len(netsuite.orders) == 1
    netsuite.add_certificate("client", "fresh", keys.DEMO_NETSUITE_CERTIFICATE)
    accounts.set_credential(target, "client_id", "client", admin_user)
    accounts.set_credential(target, "certificate_id", "fresh", admin_user)
    assert accounts.check(target).is_good
    drain()
    assert order_of(8022).state == State.DELIVERED
    sent = netsuite.orders[order_of(8022).external_id]
    assert sent["item"]["items"][0]["item"]["id"] == moved != item.id


# F50: secrets of another account


def test_f50_credentials_of_another_account_send_nothing_anywhere(
    post_order, netsuite, drain, target, admin_user
):
    other, others = NetSuiteSimulator(account_id="777777"), new_keys()
    other.add_certificate(
        others.DEMO_NETSUITE_CLIENT_ID,
        others.DEMO_NETSUITE_CERTIFICATE_ID,
        others.DEMO_NETSUITE_CERTIFICATE,
    )
    for name, value in {
        "client_id": others.DEMO_NETSUITE_CLIENT_ID,
        "certificate_id": others.DEMO_NETSUITE_CERTIFICATE_ID,
        "private_key": others.DEMO_NETSUITE_PRIVATE_KEY,
    }.items():
        accounts.set_credential(target, name, value, admin_user)
    result = accounts.check(target)
    assert not result.is_good and result.lines[0].remedy
    post_order(number=8031)
    drain()
    target.refresh_from_db()
    assert target.state == Connection.State.REFUSED
    assert order_of(8031).state == State.HELD
    assert writes(netsuite) == writes(other) == []
    assert len(mail.outbox) == 1


# F58: our own write comes back


def test_f58_our_own_stock_comes_back_as_an_event_and_is_not_sent_on(
    demo, shopify, netsuite, drain
):
    shopify.subscribe("inventory_levels/update", HOOK)
    netsuite.set_stock("TENT-2P", "Main warehouse", 17)
    sent = []
    for _ in range(4):
        Flow.objects.filter(slug="netsuite-inventory").update(
            is_enabled=True, polled_at=None
        )
        drain()
        shopify.deliver_due()
        drain()
        sent.append(sum("inventorySet" in call.request for call in shopify.journal))
    echoes = InboxEvent.objects.filter(topic="inventory_levels/update")
    assert {event.state for event in echoes} == {InboxEvent.State.NOT_WANTED}
    assert sent[0] > 0 and set(sent) == {sent[0]}
    assert writes(netsuite) == []


# F60: one giant order


def test_f60_a_giant_order_keeps_no_other_waiting_and_ends_in_words_or_done(
    post_order, netsuite, shopify, drain, target
):
    giant = order(number=8061, email="giant@example.com")
    [line] = giant["line_items"]
    giant["line_items"] = [copy.deepcopy(line) for _ in range(3_000)]
    for number, one in enumerate(giant["line_items"]):
        one["id"] += number
    shopify.place_order(giant)
    shopify.deliver_due()
    for number in (8062, 8063):
        post_order(number=number, email=f"c{number}@example.com")
    drain()
    assert order_of(8062).state == order_of(8063).state == State.DELIVERED
    giant = order_of(8061)
    line = FailedRecord.objects.filter(reference="#8061").first()
    assert giant.state == State.DELIVERED or (line and line.why and line.remedy)


# F43: the source changes its shape, one field at a time


@pytest.fixture
def send(demo, keys):
    """Let the shop send an order in which one field is not what it was."""

    def knock(number, path, value):
        changed = order(number=number)
        *way, last = (int(one) if one.isdecimal() else one for one in path.split("."))
        holder = reduce(lambda found, name: found[name], way, changed)
        if value is None:
            del holder[last]
        else:
            holder[last] = value
        body = json.dumps(changed).encode()
        secret = keys.DEMO_SHOPIFY_CLIENT_SECRET
        head = signed(body, secret, delivery=f"m-{number}")
        assert post(body, head).status_code == 202

    return knock


def end_of(number):
    """Say how a delivery ended: its state, and what people are told."""
    event = InboxEvent.objects.get(delivery_id=f"m-{number}")
    if event.state != InboxEvent.State.PROCESSED:
        return event.state, event.reason
    record = SyncRecord.objects.get(event=event, flow__slug="shopify-orders")
    line = FailedRecord.objects.open().about(record).first()
    return record.state, f"{line.kind} {line.why} {line.problems}" if line else ""


NEEDED = (
    *("admin_graphql_api_id", "name", "currency", "total_price", "updated_at"),
    *("processed_at", "email", "note", "line_items", "shipping_lines", "tax_lines"),
    *("billing_address", "shipping_address", "customer", "total_tax"),
    *("line_items.0.sku", "line_items.0.quantity", "line_items.0.price"),
    *("line_items.0.tax_lines", "line_items.0.discount_allocations"),
    *("billing_address.country_code", "shipping_address.zip"),
    *("shipping_address.address1", "customer.admin_graphql_api_id"),
)
# What an order may lack; whatever else is missing is asked for.
MAY_LACK = {
    *("admin_graphql_api_id", "updated_at", "processed_at", "email", "note"),
    *("tax_lines", "billing_address", "shipping_address", "total_tax"),
    *("line_items.0.tax_lines", "line_items.0.discount_allocations"),
    *("billing_address.country_code", "shipping_address.zip"),
    *("shipping_address.address1", "customer.admin_graphql_api_id"),
}


def test_f43_a_field_of_another_type_is_named_and_never_sent(send, netsuite, drain):
    cells = {8100 + n: one for n, one in enumerate(product(NEEDED, ([1], {"a": 1})))}
    for number, (path, value) in cells.items():
        send(number, path, value)
    drain()
    for number, (path, _) in cells.items():
        state, said = end_of(number)
        assert state in ("quarantined", State.FAILED), path
        assert path.split(".")[-1] in said.lower() and "internal" not in said, path
    assert netsuite.orders == {}


def test_f43_a_missing_field_is_named_unless_an_order_may_lack_it(
    send, netsuite, drain
):
    cells = {8200 + n: path for n, path in enumerate(NEEDED)}
    for number, path in cells.items():
        send(number, path, None)
    drain()
    delivered = {cells[n] for n in cells if end_of(n)[0] == State.DELIVERED}
    assert delivered == MAY_LACK
    for number in cells:
        state, said = end_of(number)
        assert state == State.DELIVERED or (said and "internal" not in said)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("currency", "XXB"),
        ("billing_address.country_code", "ZY"),
        ("line_items.0.sku", "NO-SUCH-SKU"),
        ("shipping_lines.0.title", "By balloon"),
    ],
)
def test_f43_a_value_nobody_knows_is_never_mapped_to_a_default(
    send, netsuite, drain, path, value
):
    send(8301, path, value)
    drain()
    state, said = end_of(8301)
    assert state == State.FAILED and value in said
    assert netsuite.orders == {}


# F48: the books say no


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("CLOSED_PERIOD", "accounting period"),
        ("SUBSIDIARY_ACCOUNT", "selected subsidiary"),
        ("SUBSIDIARY_MISMATCH", "subsidiary 3"),
    ],
)
def test_f48_what_the_books_refuse_goes_to_a_person_at_once_and_is_tried_once(
    post_order, netsuite, drain, let_pass, refusal, words
):
    netsuite.fail_as(refusal, path="/salesOrder")
    post_order(number=8401)
    drain()
    let_pass(7200)
    drain()
    line = FailedRecord.objects.open().get()
    assert (line.kind, line.status) == ("data", FailedRecord.Status.FAILED)
    assert words in line.why and line.remedy
    assert order_of(8401).attempts.count() == 1
