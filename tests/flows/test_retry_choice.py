"""How a person wants a record retried: where it begins, by which mapping, taken back."""

import pytest

from errorqueue import services as queue
from errorqueue.failures import Refused, RetryChoice, Start
from errorqueue.models import FailedRecord
from integrations.models import Attempt, AuditEntry, Flow, InboxEvent, SyncRecord
from integrations.sync import preflight
from mappings import services as mappings
from mappings.models import MappingDocument
from tests.flows.test_ledger import newer
from tests.flows.test_orders import post_order
from tests.flows.test_preflight import REFUSED, failed

__all__ = ["failed", "post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State


@pytest.fixture(autouse=True)
def _forget():
    preflight.memory.clear()


@pytest.fixture
def refused(post_order, netsuite, drain, order_line):
    """An order that NetSuite refused once, for a reason of its own."""
    netsuite.fail_next(400, body=REFUSED, path="salesOrder")
    post_order(number=7)
    drain()
    return order_line("#7")


def publish_with_memo(text):
    """Publish a version in which every order gets this memo; return the one before."""
    document = MappingDocument.objects.get(slug="shopify-order")
    before = document.published()
    draft = mappings.new_draft(document, None)
    row = draft.rows.get(target="memo")
    row.kind, row.source, row.template, row.transforms = "template", "", text, []
    row.save()
    mappings.publish(draft, None)
    return before


def record_of(line):
    return SyncRecord.objects.get(pk=line.object_id)


def test_one_click_maps_anew_with_the_version_in_force(refused, netsuite, drain):
    publish_with_memo("second version")
    queue.retry(refused)
    drain()
    [sent] = netsuite.orders.values()
    assert sent["memo"] == "second version"


def test_what_was_sent_is_sent_again_to_the_letter(refused, netsuite, drain):
    publish_with_memo("second version")
    queue.retry(refused, choice=RetryChoice(Start.SENT))
    drain()
    [sent] = netsuite.orders.values()
    assert sent.get("memo") != "second version"
    first, second = Attempt.objects.filter(record=record_of(refused)).order_by("number")
    assert (first.digest, first.mapping_id) == (second.digest, second.mapping_id)


def test_what_was_never_sent_is_mapped(failed, netsuite, drain):
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    queue.retry(failed, choice=RetryChoice(Start.SENT))
    drain()
    assert len(netsuite.orders) == 1


def test_a_pinned_version_maps_once_and_is_forgotten(refused, netsuite, drain, shopify):
    old = publish_with_memo("second version")
    queue.retry(refused, choice=RetryChoice(version=old.pk))
    record = record_of(refused)
    assert record.retry_version_id == old.pk
    drain()
    [sent] = netsuite.orders.values()
    assert sent.get("memo") != "second version"
    record.refresh_from_db()
    assert record.state == State.DELIVERED
    assert (record.retry_start, record.retry_version_id) == ("", None)


def test_a_choice_survives_a_temporary_failure(refused, netsuite, drain, let_pass):
    old = publish_with_memo("second version")
    netsuite.fail_next(503, path="salesOrder")
    queue.retry(refused, choice=RetryChoice(version=old.pk))
    drain()
    let_pass(60)
    drain()
    [sent] = netsuite.orders.values()
    assert sent.get("memo") != "second version"


def test_a_newer_version_of_the_source_drops_the_choice(refused):
    record = record_of(refused)
    queue.retry(refused, choice=RetryChoice(Start.SENT))
    newer(record, note="changed")
    record.refresh_from_db()
    assert (record.retry_start, record.retry_version_id) == ("", None)


def test_a_version_of_another_document_is_refused_with_a_remedy(refused):
    other = MappingDocument.objects.get(slug="shopify-customer").published()
    with pytest.raises(Refused, match="Choose one of the versions"):
        queue.retry(refused, choice=RetryChoice(version=other.pk))
    refused.refresh_from_db()
    assert refused.status == FailedRecord.Status.FAILED
    assert record_of(refused).state == State.FAILED


def test_look_first_adopts_what_agrees_and_sends_nothing(
    post_order, netsuite, drain, order_line
):
    """F30: the answer was lost and the tries are used up."""
    netsuite.fail_next(lost=True, path="salesOrder")
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600])
    post_order(number=8)
    drain()
    line = order_line("#8")
    Attempt.objects.filter(outcome=Attempt.Outcome.UNKNOWN).update(
        outcome=Attempt.Outcome.FAILED
    )
    sent = [call for call in netsuite.journal if call.method == "POST"]
    posts = [call for call in sent if call.path.endswith("/salesOrder")]
    queue.retry(line, choice=RetryChoice(Start.LOOK))
    drain()
    again = [call for call in netsuite.journal if call.path.endswith("/salesOrder")]
    assert len([call for call in again if call.method == "POST"]) == len(posts)
    assert record_of(line).state == State.DELIVERED
    line.refresh_from_db()
    assert line.status == FailedRecord.Status.RESOLVED


def test_look_first_sends_what_is_not_there(refused, netsuite, drain):
    queue.retry(refused, choice=RetryChoice(Start.LOOK))
    drain()
    assert len(netsuite.orders) == 1
    assert record_of(refused).state == State.DELIVERED


def test_a_retry_is_taken_back_until_it_begins(refused, admin_user, drain, netsuite):
    queue.retry(refused, admin_user, choice=RetryChoice(Start.SENT))
    record = record_of(refused)
    assert record.state == State.WAITING
    assert record.take_back(admin_user) is True
    record.refresh_from_db()
    assert (record.state, record.retry_start) == (State.FAILED, "")
    assert record.take_back(admin_user) is False
    assert AuditEntry.objects.get(verb="retry undone").by == admin_user
    drain()
    assert netsuite.orders == {}


def test_a_retry_that_began_cannot_be_taken_back(refused, drain, netsuite):
    queue.retry(refused)
    record = record_of(refused)
    SyncRecord.objects.filter(pk=record.pk).update(state=State.RUNNING)
    assert record.take_back() is False
    SyncRecord.objects.filter(pk=record.pk).update(state=State.WAITING)
    drain()
    assert record.take_back() is False
    assert record_of(refused).state == State.DELIVERED


def test_a_retry_that_failed_for_a_moment_cannot_be_taken_back(
    refused, drain, netsuite
):
    netsuite.fail_next(503, path="salesOrder")
    queue.retry(refused)
    drain()
    record = record_of(refused)
    assert record.state == State.WAITING
    assert record.take_back() is False


def test_an_exclusion_by_a_person_is_undone_and_a_rule_stays(refused, admin_user):
    queue.exclude(refused, admin_user, "Sold twice")
    record = record_of(refused)
    assert record.include(admin_user) is True
    record.refresh_from_db()
    assert (record.state, record.exclusion) == (State.FAILED, "")
    assert record.include(admin_user) is False
    SyncRecord.objects.filter(pk=record.pk).update(
        state=State.EXCLUDED, exclusion="Rule: Test order"
    )
    assert record.include(admin_user) is False
    assert AuditEntry.objects.filter(verb="exclusion undone").count() == 1


def test_a_quarantined_delivery_is_queued_excluded_and_taken_back(
    demo, shopify, drain, admin_user
):
    shopify.webhooks.fire("orders/create", {"id": "no order"}, "e-1")
    shopify.deliver_due()
    drain()
    line = FailedRecord.objects.open().get()
    event = InboxEvent.objects.get(pk=line.object_id)
    why, quarantined = event.reason, InboxEvent.State.QUARANTINED
    event.enqueue(admin_user)
    event.refresh_from_db()
    assert event.take_back(admin_user) is True
    event.refresh_from_db()
    assert (event.state, event.reason) == (quarantined, why)
    assert event.take_back(admin_user) is False
    event.exclude("Spam", admin_user)
    event.refresh_from_db()
    assert event.include(admin_user) is True
    event.refresh_from_db()
    assert (event.state, event.reason) == (quarantined, why)
    verbs = set(
        AuditEntry.objects.filter(subject="inbox").values_list("verb", flat=True)
    )
    assert {"retry undone", "exclusion undone"} <= verbs
