"""What Waybill closed by itself, a person can open again; or the page says why not."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from errorqueue import services as queue
from errorqueue.models import Action, FailedRecord
from errorqueue.undo import FINAL, WITHIN_A_DAY, TooLate, take_back
from integrations.models import AuditEntry, Flow, InboxEvent, Link, SyncRecord
from integrations.sync import preflight
from mappings import services as mappings
from mappings.models import MappingDocument
from tests.errorqueue.pages import page_of, text_of
from tests.flows.test_endings import closed, record_of
from tests.flows.test_ledger import newer
from tests.flows.test_orders import post_order
from tests.flows.test_preflight import failed

__all__ = ["failed", "post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

Ending, Status, State = FailedRecord.Ending, FailedRecord.Status, SyncRecord.State


@pytest.fixture(autouse=True)
def _forget():
    preflight.memory.clear()


@pytest.fixture
def ada(db):
    return User.objects.create_superuser("ada")


@pytest.fixture
def browser(ada):
    client = Client()
    client.force_login(ada)
    return client


def press_undo(browser, line):
    """Press the button that the page of the line shows."""
    page = browser.get(page_of(line, "change/"))
    assert "Take it back" in page.content.decode()
    action = line.actions.get(verb="close")
    assert f'name="action" value="{action.pk}"' in page.content.decode()
    told = text_of(page)
    assert line.settled_how in told, "the proof stands on the page"
    browser.post(page_of(line, "undo/"), {"action": action.pk})
    line.refresh_from_db()
    return told


def reopened(line, reference):
    assert (line.status, line.ending, line.settled_how) == (Status.FAILED, "", "")
    assert record_of(reference).state == State.FAILED
    assert AuditEntry.objects.filter(
        subject_id=line.object_id, verb="reopened", by__isnull=False
    )


def test_one_that_was_fixed_at_the_source_opens_again_and_goes_once_more(
    failed, netsuite, drain, browser, ada
):
    lines = [dict(failed.subject.source["line_items"][0], sku="TENT-2P")]
    newer(record_of("#1"), line_items=lines)
    drain()
    line = closed("#1")
    assert line.ending == Ending.AT_SOURCE
    assert "newest version once more" in press_undo(browser, line)
    reopened(line, "#1")
    [stands] = netsuite.orders.values()
    queue.retry(line, ada)
    drain()
    assert list(netsuite.orders.values()) == [stands]
    record = record_of("#1")
    assert (record.state, record.target_id) == (State.DELIVERED, stands["id"])


def test_one_that_a_newer_version_overtook_opens_again(
    post_order, netsuite, drain, browser
):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[3600])
    netsuite.fail_next(503, path="salesOrder")
    post_order(number=1)
    drain()
    newer(record_of("#1"), note="later")
    drain()
    line = closed("#1")
    assert line.ending == Ending.NEWER
    press_undo(browser, line)
    reopened(line, "#1")
    assert record_of("#1").target_id, "whoever needs it still finds it there"


def test_one_found_by_the_next_try_is_not_ours_any_more(
    post_order, netsuite, drain, let_pass, browser, ada
):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[60])
    netsuite.fail_next(lost=True, path="salesOrder")
    post_order(number=1)
    drain()
    let_pass(100)
    drain()
    line = closed("#1")
    assert line.ending == Ending.THERE
    assert Link.objects.filter(target_record="salesOrder").exists()
    press_undo(browser, line)
    reopened(line, "#1")
    assert record_of("#1").target_id == ""
    assert not Link.objects.filter(target_record="salesOrder").exists()
    queue.retry(line, ada)
    drain()
    assert len(netsuite.orders) == 1 and record_of("#1").state == State.DELIVERED


def test_one_that_a_rule_keeps_out_can_go_by_the_earlier_mapping(
    failed, netsuite, drain, browser, ada
):
    document = MappingDocument.objects.get(slug="shopify-order")
    before = document.published()
    draft = mappings.new_draft(document, None)
    draft.exclusions.create(name="Hammocks", when="name = '#1'", position=99)
    mappings.publish(draft, None)
    queue.retry(failed)
    drain()
    line = closed("#1")
    assert line.ending == Ending.BY_RULE
    assert "change the rule first" in press_undo(browser, line)
    reopened(line, "#1")
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    queue.retry(line, ada, choice=queue.RetryChoice(version=before.pk))
    drain()
    assert record_of("#1").state == State.DELIVERED and len(netsuite.orders) == 1


def test_a_delivery_that_no_flow_takes_is_quarantined_again(
    demo, shopify, drain, browser
):
    shopify.webhooks.fire("orders/create", {"id": "no order"}, "e-1")
    shopify.deliver_due()
    drain()
    line = FailedRecord.objects.open().get()
    InboxEvent.objects.filter(pk=line.object_id).update(topic="nobody/wants")
    queue.retry(line)
    drain()
    line.refresh_from_db()
    press_undo(browser, line)
    assert line.status == Status.FAILED
    event = InboxEvent.objects.get(pk=line.object_id)
    assert event.state == InboxEvent.State.QUARANTINED


def test_a_later_delivery_cannot_be_taken_back_and_the_page_says_why(
    post_order, netsuite, drain, let_pass, browser
):
    netsuite.fail_next(503, path="salesOrder")
    post_order(number=1)
    drain()
    let_pass(30)
    drain()
    line = closed("#1")
    assert line.ending == Ending.DELIVERED
    page = browser.get(page_of(line, "change/"))
    assert "Take it back" not in page.content.decode()
    assert FINAL[Ending.DELIVERED] in text_of(page)


def test_what_moved_on_since_stays_as_it_is(failed, netsuite, drain, ada):
    lines = [dict(failed.subject.source["line_items"][0], sku="TENT-2P")]
    newer(record_of("#1"), line_items=lines)
    drain()
    line = closed("#1")
    SyncRecord.objects.filter(pk=line.object_id).update(version=3)
    with pytest.raises(TooLate, match="moved on"):
        take_back(line.actions.get(verb="close"), ada)
    line.refresh_from_db()
    assert line.status == Status.RESOLVED


def test_after_a_day_the_page_says_that_the_time_is_over(
    failed, netsuite, drain, browser, ada
):
    lines = [dict(failed.subject.source["line_items"][0], sku="TENT-2P")]
    newer(record_of("#1"), line_items=lines)
    drain()
    line = closed("#1")
    action = line.actions.get(verb="close")
    Action.objects.filter(pk=action.pk).update(at=action.at - 2 * WITHIN_A_DAY)
    page = browser.get(page_of(line, "change/"))
    assert "Take it back" not in page.content.decode()
    assert "time to take this back is over" in text_of(page)
    action.refresh_from_db()
    with pytest.raises(TooLate, match="over"):
        take_back(action, ada)
