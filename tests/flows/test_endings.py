"""How lines close by themselves, and the proof each one keeps."""

import pytest

from errorqueue import preflight as queue_preflight
from errorqueue import services as queue
from errorqueue.models import FailedRecord, LineKey
from integrations.models import Flow, InboxEvent, SyncRecord
from integrations.sync import preflight
from mappings import services as mappings
from mappings.models import MappingDocument
from tests.flows.test_ledger import newer
from tests.flows.test_orders import post_order
from tests.flows.test_preflight import failed

__all__ = ["failed", "post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

Ending = FailedRecord.Ending


@pytest.fixture(autouse=True)
def _forget():
    preflight.memory.clear()


def closed(reference):
    line = FailedRecord.objects.get(reference=reference)
    assert line.status == FailedRecord.Status.RESOLVED and line.settled_at
    return line


def record_of(reference):
    return SyncRecord.objects.get(label=reference)


def test_a_later_try_that_succeeds_keeps_ids_version_and_time(
    post_order, netsuite, drain, let_pass
):
    netsuite.fail_next(503, path="salesOrder")
    post_order(number=1)
    drain()
    let_pass(30)
    drain()
    line, record = closed("#1"), record_of("#1")
    assert line.ending == Ending.DELIVERED and line.settled_by is None
    for fact in (record.target_id, record.external_id, "version 1", "UTC"):
        assert fact in line.settled_how
    assert line.keys.filter(name=LineKey.Name.TARGET_ID, value=record.target_id)
    assert line.keys.filter(name=LineKey.Name.EXTERNAL_ID, value=record.external_id)


def test_the_external_id_is_known_before_anything_was_sent(failed):
    key = failed.keys.get(name=LineKey.Name.EXTERNAL_ID).value
    record = record_of("#1")
    assert record.external_id == ""
    assert key == f"{record.flow.source.namespace}-order-{record.source_key}"


def test_what_a_person_retried_is_theirs(failed, netsuite, drain, admin_user):
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    queue.retry(failed, admin_user)
    drain()
    line = closed("#1")
    assert (line.ending, line.settled_by) == (Ending.RETRIED, admin_user)


def test_a_refused_content_that_was_mended_at_the_source(failed, netsuite, drain):
    lines = [dict(failed.subject.source["line_items"][0], sku="TENT-2P")]
    newer(record_of("#1"), line_items=lines)
    drain()
    line = closed("#1")
    assert line.ending == Ending.AT_SOURCE
    assert (
        "version 2" in line.settled_how and "version 1 had failed" in line.settled_how
    )
    assert "Shopify" in line.settled_how


def test_another_failure_that_a_newer_version_overtook(
    post_order, netsuite, drain, let_pass
):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[3600])
    netsuite.fail_next(503, path="salesOrder")
    post_order(number=1)
    drain()
    newer(record_of("#1"), note="later")
    drain()
    line = closed("#1")
    assert line.ending == Ending.NEWER
    assert "Overtaken by a newer version" in line.settled_how


def test_a_lost_answer_found_by_the_next_try(post_order, netsuite, drain, let_pass):
    """F30"""
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[60])
    netsuite.fail_next(lost=True, path="salesOrder")
    post_order(number=1)
    drain()
    let_pass(100)
    drain()
    line = closed("#1")
    assert line.ending == Ending.THERE
    [stands] = netsuite.orders.values()
    assert stands["id"] in line.settled_how


def test_a_rule_that_keeps_it_out_is_named(failed, drain):
    document = MappingDocument.objects.get(slug="shopify-order")
    draft = mappings.new_draft(document, None)
    draft.exclusions.create(name="Hammocks", when="name = '#1'", position=99)
    mappings.publish(draft, None)
    queue.retry(failed)
    drain()
    line = closed("#1")
    assert line.ending == Ending.BY_RULE
    assert "Hammocks" in line.settled_how and "version 1" in line.settled_how


def test_there_and_the_same_can_be_undone(
    post_order, netsuite, drain, admin_user, order_line
):
    """A person may know better than a comparison of contents."""
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600])
    netsuite.fail_next(lost=True, path="salesOrder")
    post_order(number=1)
    drain()
    queue_preflight.check(order_line("#1"))
    line = closed("#1")
    action = line.actions.get(verb="adopt")
    assert action.by is None and action.undo
    from errorqueue.undo import take_back

    take_back(action, admin_user, within=None)
    line.refresh_from_db()
    record = record_of("#1")
    assert (line.status, line.ending) == (FailedRecord.Status.FAILED, "")
    assert (record.state, record.target_id) == (SyncRecord.State.FAILED, "")
    queue.retry(line, admin_user)
    drain()
    assert len(netsuite.orders) == 1
    assert record_of("#1").state == SyncRecord.State.DELIVERED


def test_a_delivery_that_is_read_at_last_says_what_became_of_it(
    demo, shopify, drain, monkeypatch
):
    shopify.webhooks.fire("orders/create", {"id": "no order"}, "e-1")
    shopify.deliver_due()
    drain()
    line = FailedRecord.objects.open().get()
    shopify.webhooks.fire("nobody/wants", {"id": 5}, "e-2")
    InboxEvent.objects.filter(pk=line.object_id).update(topic="nobody/wants")
    queue.retry(line)
    drain()
    line.refresh_from_db()
    assert line.ending == Ending.BY_RULE
    assert "nobody/wants" in line.settled_how
