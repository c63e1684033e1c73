"""Would it pass now: the answers, and that asking changes nothing anywhere."""

from datetime import timedelta

import pytest
from django.db import connection as db

from errorqueue import preflight as queue_preflight
from errorqueue import services as queue
from errorqueue.bulk import running
from errorqueue.clock import database_time
from errorqueue.failures import Light, Preflight
from errorqueue.models import Action, BulkRun, FailedRecord, LineKey
from errorqueue.workbench import workbench_of
from integrations.models import (
    Attempt,
    Connection,
    Flow,
    Link,
    Schedule,
    SlotWait,
    SyncRecord,
)
from integrations.sync import flows, preflight, schedules, slots
from mappings import services as mappings
from mappings.models import MappingDocument
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
# As NetSuite words what a rule of the account refuses.
REFUSED = (
    '{"title": "Bad Request", "status": 400, "o:errorDetails": [{"detail": "Error '
    'while accessing a resource. The period is closed.", "o:errorCode": "USER_ERROR"}]}'
)


@pytest.fixture(autouse=True)
def _forget():
    preflight.memory.clear()


@pytest.fixture
def failed(post_order, drain, order_line):
    """An order with a SKU that NetSuite does not have."""
    post_order(number=1, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    return order_line("#1")


@pytest.fixture
def writes(netsuite):
    """Every request so far that could have changed a record of the account."""

    def count() -> list[str]:
        return [
            f"{call.method} {call.path}"
            for call in netsuite.journal
            if call.method != "GET" and "/record/v1/" in call.path
        ]

    return count


def ledger():
    rows = SyncRecord.objects.order_by("pk").values_list(
        "pk", "state", "token", "tries"
    )
    return list(rows), Attempt.objects.count(), Link.objects.count()


def test_what_still_fails_is_red_and_names_field_and_value(failed, writes):
    before, written = ledger(), writes()
    found = queue_preflight.check(failed)
    assert found.light == Light.RED
    assert "HAMMOCK-XL" in found.note
    assert found.problems[0].target.startswith("item.items[0].item")
    failed.refresh_from_db()
    assert (failed.preflight, failed.is_open) == ("red", True)
    assert failed.preflight_at is not None and "HAMMOCK-XL" in failed.preflight_note
    assert (ledger(), writes()) == (before, written)


def test_what_was_mended_is_green_and_then_passes(failed, netsuite, writes, drain):
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    before, written = ledger(), writes()
    assert queue_preflight.check(failed).light == Light.GREEN
    assert (ledger(), writes()) == (before, written)
    assert netsuite.orders == {}
    queue.retry(failed)
    drain()
    failed.refresh_from_db()
    assert failed.status == FailedRecord.Status.RESOLVED
    assert len(netsuite.orders) == 1


def test_a_miss_is_asked_again_after_moments(failed, netsuite, monkeypatch):
    assert queue_preflight.check(failed).light == Light.RED
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    monkeypatch.setattr(preflight, "MISSED_FOR", 0.0)
    preflight.memory.clear()
    assert queue_preflight.check(failed).light == Light.GREEN


def test_many_records_of_one_cause_share_their_look_ups(post_order, drain, netsuite):
    for number in (1, 2, 3):
        post_order(number=number, lines=[("HAMMOCK-XL", "Hammock", "89.00", 1)])
    drain()
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    lines = list(FailedRecord.objects.open())
    assert len(lines) == 3
    queue_preflight.check(lines[0])
    asked = len(netsuite.journal)
    for line in lines[1:]:
        assert queue_preflight.check(line).light == Light.GREEN
    assert len(netsuite.journal) - asked <= 4  # each: is it there, under our id


def test_what_is_there_and_the_same_closes_by_itself_with_proof(
    post_order, drain, netsuite, let_pass, order_line, writes
):
    """F30: the answer was lost, the order stands there."""
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600])
    netsuite.fail_next(lost=True, path="salesOrder")
    post_order(number=2)
    drain()
    line, written = order_line("#2"), writes()
    [stands] = netsuite.orders.values()
    found = queue_preflight.check(line)
    assert (found.light, found.is_same) == (Light.GREEN, True)
    line.refresh_from_db()
    assert line.status == FailedRecord.Status.RESOLVED
    assert line.ending == FailedRecord.Ending.THERE
    assert stands["id"] in line.settled_how and "no difference" in line.settled_how
    assert stands["externalId"] in line.settled_how
    record = SyncRecord.objects.get(label="#2")
    assert (record.state, record.target_id) == (State.DELIVERED, stands["id"])
    assert Link.objects.filter(target_id=stands["id"]).exists()
    assert line.keys.filter(name=LineKey.Name.TARGET_ID, value=stands["id"]).exists()
    assert writes() == written
    let_pass(700)
    drain()
    assert len(netsuite.orders) == 1


def test_another_record_under_our_id_is_red(failed, netsuite, writes):
    record = SyncRecord.objects.get(label="#1")
    item = netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    customer = netsuite.stored("customer")[0]["id"]
    line = {"item": {"id": item}, "quantity": 7, "rate": 1, "price": {"id": "-1"}}
    other = {
        "entity": {"id": customer},
        "otherRefNum": "SOMETHING ELSE",
        "externalId": f"{record.flow.source.namespace}-order-{record.source_key}",
        "item": {"items": [line]},
    }
    with netsuite.lock:
        netsuite.seeder.record("salesOrder", other)
    written = writes()
    found = queue_preflight.check(failed)
    assert found.light == Light.RED and not found.is_same
    assert {"otherRefNum", "item.items[0]"} <= {one.target for one in found.problems}
    assert writes() == written and FailedRecord.objects.open().exists()


def test_an_order_behind_a_failed_customer_is_red_and_names_it(
    post_order, drain, netsuite
):
    netsuite.fail_next(400, body=REFUSED, path="customer")
    post_order(number=3)
    drain()
    customer = FailedRecord.objects.open().get(entity="customer")
    found = preflight.preflight(SyncRecord.objects.get(label="#3"))
    assert found.light == Light.RED and customer.human_id in found.note
    queue.retry(customer)
    found = preflight.preflight(SyncRecord.objects.get(label="#3"))
    assert found.light == Light.AMBER and "goes by itself" in found.note


def test_the_same_content_that_was_refused_is_amber(
    post_order, drain, netsuite, order_line
):
    netsuite.fail_next(400, body=REFUSED, path="salesOrder")
    post_order(number=4)
    drain()
    found = queue_preflight.check(order_line("#4"))
    assert found.light == Light.AMBER
    assert "same content" in found.note


def test_a_text_too_long_for_live_metadata_is_red_before_sending(
    post_order, drain, netsuite, order_line
):
    """F05: the limit is the account's own, not the mapping's."""
    post_order(number=5, lines=[("NOPE", "Typo", "10.00", 1)])
    drain()
    netsuite.add_item("NOPE", name="Typo")
    netsuite.address_line_limit = 5
    found = queue_preflight.check(order_line("#5"))
    assert found.light == Light.RED
    assert any("takes 5" in one.rule for one in found.problems)
    assert all(one.source for one in found.problems)


def test_a_paused_connection_is_not_asked(failed, netsuite):
    Connection.objects.filter(slug="netsuite").update(state=Connection.State.PAUSED)
    asked = len(netsuite.journal)
    found = queue_preflight.check(FailedRecord.objects.get(pk=failed.pk))
    assert found.light == Light.AMBER and "NetSuite" in found.note
    assert len(netsuite.journal) == asked


def test_a_flow_that_is_off_is_amber(failed):
    flows.turn_off(Flow.objects.get(slug="shopify-orders"))
    assert queue_preflight.check(failed).light == Light.AMBER


def test_an_outage_is_amber_and_no_red(failed, netsuite):
    netsuite.fail_next(503, times=9)
    found = queue_preflight.check(failed)
    assert found.light == Light.AMBER and "could not be found out" in found.note


def test_a_rule_that_keeps_it_out_is_told(failed):
    document = MappingDocument.objects.get(slug="shopify-order")
    draft = mappings.new_draft(document, None)
    draft.exclusions.create(name="Hammocks", when="name = '#1'", position=99)
    mappings.publish(draft, None)
    found = queue_preflight.check(failed)
    assert found.light == Light.GREEN and "Hammocks" in found.note


def test_a_preflight_leaves_the_reserve_to_orders(failed, netsuite):
    """F37: thousands of pre-flights must not take the slots of orders."""
    target = Connection.objects.get(slug="netsuite")
    common = target.allowance - target.reserve
    held = slots.take(target, "bulk", common, 60, Flow.Lane.BULK)
    assert len(held) == common
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "WAIT_SECONDS", 0.3)
        found = queue_preflight.check(failed)
    assert found.light == Light.AMBER and "requests at once" in found.note
    assert not SlotWait.objects.exists()
    for slot in held:
        slots.give_back(slot)


def test_a_delivery_that_nobody_can_read_has_no_preflight(demo, shopify, drain, client):
    shopify.webhooks.fire("orders/create", {"id": "no order"}, "e-1")
    shopify.deliver_due()
    drain()
    line = FailedRecord.objects.open().get()
    assert workbench_of(line) is None
    found = queue_preflight.check(line)
    assert found.light == Light.AMBER
    line.refresh_from_db()
    assert line.preflight == "amber"


def test_a_green_light_wakes_who_waits_for_it(failed, netsuite):
    later = database_time() + timedelta(days=2)
    FailedRecord.objects.filter(pk=failed.pk).update(
        snoozed_until=later, wakes_when_green=True
    )
    failed.refresh_from_db()
    queue_preflight.check(failed)
    failed.refresh_from_db()
    assert failed.snoozed_until == later
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    preflight.memory.clear()
    queue_preflight.check(failed)
    failed.refresh_from_db()
    assert failed.snoozed_until is None and not failed.wakes_when_green
    assert Action.objects.filter(failed=failed, verb="wake").exists()


def test_every_night_all_open_failures_are_looked_at(
    post_order, drain, netsuite, monkeypatch
):
    post_order(number=1, lines=[("HAMMOCK-XL", "Hammock", "89.00", 1)])
    post_order(number=2, lines=[("TENT-9P", "Tent", "89.00", 1)])
    drain()
    netsuite.add_item("TENT-9P", name="Tent")
    schedules.ensure_defaults()
    nightly = Schedule.objects.get(name="Nightly pre-flight")
    assert nightly.job in schedules.JOBS and nightly.is_enabled
    schedules.JOBS[nightly.job].run()
    schedules.JOBS[nightly.job].run()
    run = BulkRun.objects.get(verb="preflight", by=None)
    drain()
    run.refresh_from_db()
    lights = dict(FailedRecord.objects.open().values_list("reference", "preflight"))
    assert lights == {"#1": "red", "#2": "green"}
    assert run.state == BulkRun.State.DONE
    assert netsuite.orders == {}


def test_a_preflight_of_many_keeps_no_transaction_open_while_it_asks(
    failed, drain, monkeypatch
):
    """A slot's row that stayed locked would keep every other request out."""
    seen = []

    def asked(record):
        seen.append(db.in_atomic_block)
        return Preflight(Light.AMBER, "asked")

    monkeypatch.setattr(preflight, "preflight", asked)
    running.start("preflight", None, chosen=[failed.pk])
    drain()
    assert seen == [False]
