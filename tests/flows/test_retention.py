"""Content goes by rule after its days; what is open, and every key, stays."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import F
from django.test import Client

from errorqueue.models import Action, FailedRecord
from integrations.connectors.base import SourceObject
from integrations.models import (
    Attempt,
    AuditEntry,
    Connection,
    InboxEvent,
    Link,
    PayloadRule,
    Removal,
    SyncRecord,
)
from integrations.sync import retention
from integrations.sync.schedules import DEFAULTS, JOBS
from tests.errorqueue.pages import page_of, text_of
from tests.flows.test_ledger import newer
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import creates, order_of

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State


@pytest.fixture
def browser(db):
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    return client


@pytest.fixture
def grow_old(demo):
    """Let so many days pass for what was delivered and received."""

    def pass_by(days):
        by = timedelta(days=days)
        SyncRecord.objects.update(delivered_at=F("delivered_at") - by)
        InboxEvent.objects.update(received_at=F("received_at") - by)

    return pass_by


@pytest.fixture
def rule(demo):
    return PayloadRule.objects.create(days=400)


def emptied(record):
    record.refresh_from_db()
    return record.source == {} and Removal.objects.filter(record=record).exists()


def test_without_a_rule_nothing_goes_however_old(post_order, drain, grow_old):
    post_order(number=1)
    drain()
    grow_old(10_000)
    assert retention.empty_old()
    assert order_of(1).source and not Removal.objects.exists()


def test_after_its_days_the_content_goes_and_keys_amounts_and_digests_stay(
    post_order, netsuite, drain, grow_old, rule
):
    post_order(number=1)
    drain()
    before = order_of(1)
    digests = list(before.attempts.values_list("digest", flat=True))
    body_digest = before.event.digest
    grow_old(399)
    assert retention.empty_old() and not emptied(before)
    grow_old(2)
    assert retention.empty_old()
    after = order_of(1)
    assert emptied(after) and after.edited is None
    for attempt in after.attempts.all():
        assert attempt.payload is None and attempt.exchanges == []
    assert list(after.attempts.values_list("digest", flat=True)) == digests
    assert (after.label, after.amount, after.target_id) == (
        before.label,
        before.amount,
        before.target_id,
    )
    assert Link.objects.filter(target_id=after.target_id).exists()
    after.event.refresh_from_db()
    assert after.event.raw == b"" and after.event.digest == body_digest
    assert AuditEntry.objects.filter(verb="content removed").count() >= 1
    call_command("verify_audit", verbosity=0)


def test_a_failure_that_is_open_never_expires(
    post_order, netsuite, drain, grow_old, rule
):
    post_order(number=1, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    line = FailedRecord.objects.open().get()
    grow_old(5000)
    assert retention.empty_old()
    record = order_of(1)
    assert record.source and record.event.raw and line.subject.payload
    assert not Removal.objects.filter(record=record).exists()
    assert not Removal.objects.filter(event=record.event).exists()


def test_answers_and_edits_go_from_the_closed_line(
    post_order, netsuite, drain, let_pass, grow_old, rule
):
    netsuite.fail_next(503, path="salesOrder")
    post_order(number=1)
    drain()
    let_pass(30)
    drain()
    line = FailedRecord.objects.get()
    Action.objects.create(failed=line, verb="edit", before="Jane", after="Mia")
    assert line.raw
    grow_old(401)
    retention.empty_old()
    line.refresh_from_db()
    assert line.raw == "" and line.what
    action = line.actions.get(verb="edit")
    assert (action.before, action.after) == ("", "")


def test_a_rule_of_a_connection_goes_before_the_common_one(
    post_order, drain, grow_old, rule
):
    shop = Connection.objects.get(slug="shopify")
    PayloadRule.objects.create(connection=shop, days=800)
    post_order(number=1)
    drain()
    grow_old(500)
    retention.empty_old()
    assert not emptied(order_of(1))
    grow_old(301)
    retention.empty_old()
    assert emptied(order_of(1))
    assert "800 days" in str(order_of(1).removal)


def test_the_same_news_again_is_known_and_a_newer_version_brings_content_back(
    post_order, netsuite, drain, grow_old, rule, shopify
):
    payload = post_order(number=1)
    drain()
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    source = customer.source
    grow_old(401)
    retention.empty_old()
    customer.refresh_from_db()
    assert emptied(customer)
    same = SourceObject(
        "customer", customer.source_key, source, customer.changed_at, "x"
    )
    assert customer.compare(same) == "seen before"
    newer(
        customer,
        **source | {"note": "moved house", "updated_at": "2036-01-01T00:00:00Z"},
    )
    customer.refresh_from_db()
    assert customer.source["note"] == "moved house"
    assert not Removal.objects.filter(record=customer).exists()
    drain()
    customer.refresh_from_db()
    assert customer.state == State.DELIVERED and payload


def test_what_has_no_content_is_never_sent_empty(
    post_order, netsuite, drain, grow_old, rule
):
    post_order(number=1)
    drain()
    grow_old(401)
    retention.empty_old()
    record, before = order_of(1), len(netsuite.journal)
    SyncRecord.objects.filter(pk=record.pk).update(state=State.WAITING)
    drain()
    line = FailedRecord.objects.open().get()
    assert "no content" in line.what and "400 days" in line.why
    assert "read it from the source again" in line.remedy
    assert len(netsuite.journal) == before and len(creates(netsuite)) == 1


def test_the_pages_say_what_was_removed_and_by_which_rule(
    post_order, netsuite, drain, let_pass, grow_old, rule, browser
):
    netsuite.fail_next(503, path="salesOrder")
    post_order(number=1)
    drain()
    let_pass(30)
    drain()
    grow_old(401)
    retention.empty_old()
    record = order_of(1)
    said = "Payload removed 400 days after delivery, by rule"
    attempt = record.attempts.order_by("number")[0]
    for url in (
        f"/admin/integrations/syncrecord/{record.pk}/change/",
        f"/admin/integrations/attempt/{attempt.pk}/change/",
        f"/admin/integrations/inboxevent/{record.event_id}/change/",
        page_of(FailedRecord.objects.get(), "change/"),
    ):
        assert said in text_of(browser.get(url)), url
    listed = text_of(browser.get("/admin/integrations/payloadrule/"))
    assert "every connection without a rule of its own" in listed
    assert "2 records" in listed  # the order and its customer


def test_a_killed_job_goes_on_where_it_was(
    post_order, drain, grow_old, rule, monkeypatch
):
    for number in (1, 2, 3):
        post_order(number=number)
    drain()
    grow_old(401)
    monkeypatch.setattr(retention, "BATCH", 1)
    calls, real = [], retention.empty_records

    def dies(*args):
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit
        return real(*args)

    monkeypatch.setattr(retention, "empty_records", dies)
    with pytest.raises(SystemExit):
        retention.empty_old()
    assert Removal.objects.filter(record__isnull=False).count() == 1
    assert retention.empty_old()
    records = SyncRecord.objects.all()
    assert all(emptied(record) for record in records)
    assert Removal.objects.filter(record__isnull=False).count() == records.count()


def test_rules_are_entered_on_a_page_and_audited(demo, browser):
    shop = Connection.objects.get(slug="shopify")
    add = "/admin/integrations/payloadrule/add/"
    refused = browser.post(add, {"connection": shop.pk, "days": "0"})
    assert "greater than or equal to 1" in text_of(refused)
    browser.post(add, {"connection": shop.pk, "days": "400"})
    rule = PayloadRule.objects.get()
    PayloadRule.objects.update(records_until=rule.connection.state_since)
    change = f"/admin/integrations/payloadrule/{rule.pk}/change/"
    browser.post(change, {"connection": shop.pk, "days": "90"})
    rule.refresh_from_db()
    assert (rule.days, rule.records_until) == (90, None)
    told = AuditEntry.objects.filter(subject="payload rule").order_by("pk")
    assert [one.verb for one in told] == ["added", "changed"]
    assert "400 → 90 days" in told[1].detail and told[1].by.username == "ada"
    browser.post("/admin/integrations/payloadrule/add/", {"days": "700"})
    twice = browser.post("/admin/integrations/payloadrule/add/", {"days": "800"})
    assert twice.status_code == 200, "only one rule for all others"
    assert PayloadRule.objects.filter(connection=None).count() == 1


def test_the_night_job_runs_it(post_order, drain, grow_old, rule):
    post_order(number=1)
    drain()
    grow_old(401)
    assert [name for _, name, _ in DEFAULTS].count("retention") == 1
    JOBS["retention"].run()
    assert emptied(order_of(1))
    assert Attempt.objects.filter(payload__isnull=False).count() == 0
