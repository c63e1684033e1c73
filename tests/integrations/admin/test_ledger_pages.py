from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from page_builders import make_record

from errorqueue.clock import database_time
from integrations.admin.flow_form import FlowForm
from integrations.models import (
    Attempt,
    CachedLookup,
    Flow,
    InboxEvent,
    Link,
    Slot,
    SyncRecord,
)
from mappings.models import MappingVersion

LIST = reverse("admin:integrations_syncrecord_changelist")


def page_of(row):
    name = f"admin:integrations_{row._meta.model_name}_change"
    return reverse(name, args=[row.pk])


def listed(client, model, **query):
    address = reverse(f"admin:integrations_{model}_changelist")
    return client.get(address, query).content.decode()


def make_attempt(record, **changes):
    columns = {
        "record": record,
        "number": 1,
        "token": 1,
        "version": 1,
        "started_at": database_time(),
        "external_id": "shopify-tea-order-1001",
        "payload": {"otherRefNum": "#1001"},
        "outcome": "failed",
        "message": "poNum is missing",
        "exchanges": [
            {
                "method": "POST",
                "url": "https://books.example/salesOrder",
                "request": '{"a": 1}',
                "status": 400,
                "response": '{"title": "<b>bad</b>"}',
                "milliseconds": 120,
                "request_id": "req-77",
                "error": "",
            }
        ],
    }
    return Attempt.objects.create(**columns | changes)


@pytest.fixture
def event(shop):
    return InboxEvent.objects.create(
        connection=shop,
        delivery_id="d-1",
        topic="orders/create",
        body=b'{"note": "<script>alert(1)</script>"}',
        headers={"X-Topic": "orders/create"},
        digest="0" * 64,
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
        state="quarantined",
        reason="This is no order.",
    )


@pytest.mark.parametrize(
    "words",
    ["#1001", "1001", "ada@example.com", "7001001", "shopify-tea-order-7001001"],
)
def test_records_are_found_by_what_people_know(operator, flow, words):
    make_record(flow, source_key="7001001")
    make_record(
        flow, source_key="2", label="#2002", party="Bob", email="b@b.example", skus="X"
    )
    page = listed(operator, "syncrecord", q=words)
    assert "Ada Lovelace" in page
    assert "Bob" not in page


def test_the_list_says_what_a_held_record_waits_for(operator, flow, record):
    held = make_record(
        flow,
        source_key="2",
        label="#2002",
        state="held",
        hold="record",
        held_on=record,
        hold_until=datetime(2026, 11, 22, 12, tzinfo=UTC),
    )
    assert "waits for Order #1001, until 22 Nov 2026, 12:00" in listed(
        operator, "syncrecord"
    )
    page = operator.get(page_of(held)).content.decode()
    assert f'href="{page_of(record)}"' in page


def test_the_list_says_when_a_waiting_record_goes_again(operator, record):
    due = datetime(2026, 11, 22, 12, tzinfo=UTC)
    SyncRecord.objects.update(due_at=due, tries=3)
    assert "next try 22 Nov 2026, 12:00, 3 so far" in listed(operator, "syncrecord")


def test_needs_a_person_shows_failed_and_held_records_only(operator, flow, record):
    make_record(flow, source_key="2", party="Bob", state="failed")
    page = listed(operator, "syncrecord", tab="person")
    assert "Bob" in page
    assert "Ada Lovelace" not in page


def test_a_delivered_record_links_to_the_vendors_page(operator, record):
    SyncRecord.objects.update(state="delivered", target_id="4711")
    link = 'href="https://books.example/salesOrder?id=4711"'
    assert link in listed(operator, "syncrecord")
    assert link in operator.get(page_of(record)).content.decode()


def test_the_ledger_page_opens_without_readable_credentials(operator, record, netsuite):
    netsuite.credentials.create(name="x", sealed="broken", set_at=database_time())
    SyncRecord.objects.update(state="delivered", target_id="4711")
    assert operator.get(page_of(record)).status_code == 200


def test_a_record_shows_its_tries_payloads_and_failed_lines(operator, failed):
    make_attempt(failed)
    page = operator.get(page_of(failed)).content.decode()
    assert "poNum is missing" in page
    assert "POST https://books.example/salesOrder" in page
    assert "req-77" in page
    assert "&lt;b&gt;bad&lt;/b&gt;" in page and "<b>bad" not in page
    assert "ERR-" in page and "has no purchase order number" in page
    assert "19.90 EUR" in page


@pytest.mark.parametrize(
    ("state", "offered"),
    [("held", True), ("failed", True), ("excluded", True), ("delivered", False)],
)
def test_try_now_is_offered_where_it_makes_sense(operator, record, state, offered):
    SyncRecord.objects.update(state=state)
    page = operator.get(page_of(record)).content.decode()
    assert ("Try now" in page) == offered


def test_edit_and_retry_needs_an_open_line_in_the_error_queue(operator, failed, flow):
    held = make_record(flow, source_key="2", state="held", hold="connection")
    assert "Edit and retry" in operator.get(page_of(failed)).content.decode()
    assert "Edit and retry" not in operator.get(page_of(held)).content.decode()


def test_try_now_makes_a_held_record_due(operator, record):
    SyncRecord.objects.update(state="held", hold="connection")
    address = reverse("admin:integrations_syncrecord_try", args=[record.pk])
    assert operator.get(address).status_code == 405
    operator.post(address)
    record.refresh_from_db()
    assert (record.state, record.hold) == ("waiting", "")


def test_try_now_twice_tells_the_second_person(operator, failed):
    address = reverse("admin:integrations_syncrecord_try", args=[failed.pk])
    operator.post(address)
    answer = operator.post(address, follow=True)
    assert "moment ago" in answer.content.decode()


def test_the_ledger_costs_the_same_for_one_record_or_thirty(operator, flow, record):
    def cost():
        with CaptureQueriesContext(database) as queries:
            assert operator.get(LIST).status_code == 200
        return len(queries)

    cost()
    alone = cost()
    for number in range(30):
        make_record(
            flow,
            source_key=f"n{number}",
            state="held",
            hold="record",
            held_on=record,
            target_id="9",
        )
    assert cost() == alone


def test_a_quarantined_delivery_shows_reason_headers_and_body_as_text(operator, event):
    page = operator.get(page_of(event)).content.decode()
    assert "This is no order." in page
    assert "It could not be read." in page
    assert "X-Topic" in page
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "This is no order." in listed(operator, "inboxevent", tab="person")


def test_a_body_that_is_no_text_is_shown_all_the_same(operator, event):
    InboxEvent.objects.update(body=b"\xff\xfe\x00{")
    page = operator.get(page_of(event)).content.decode()
    assert "\\xff\\xfe" in page


def test_the_inbox_list_counts_records_of_a_delivery(operator, event, record):
    SyncRecord.objects.update(event=event)
    link = f"/admin/integrations/syncrecord/?event__id__exact={event.pk}"
    page = listed(operator, "inboxevent")
    assert link in page
    assert "Ada Lovelace" in operator.get(link).content.decode()


def test_flows_show_their_counts_and_the_version_in_force(integrator, flow, record):
    make_record(flow, source_key="2", state="failed")
    page = listed(integrator, "flow")
    assert "Orders v1" in page
    assert f"?flow__id__exact={flow.pk}&amp;state__exact=failed" in page


def test_flows_are_turned_off_and_on_by_action(integrator, flow):
    address = reverse("admin:integrations_flow_changelist")
    for verb, wanted in (("turn_off", False), ("turn_on", True)):
        integrator.post(address, {"action": verb, "_selected_action": [flow.pk]})
        flow.refresh_from_db()
        assert flow.is_enabled is wanted


def test_a_flow_without_a_published_mapping_stays_off(integrator, flow, version):
    MappingVersion.objects.update(state="retired")
    flow.is_enabled = False
    flow.save()
    address = reverse("admin:integrations_flow_changelist")
    chosen = {"action": "turn_on", "_selected_action": [flow.pk]}
    page = integrator.post(address, chosen, follow=True).content.decode()
    assert "has no published version yet" in page
    flow.refresh_from_db()
    assert not flow.is_enabled


def flow_fields(flow, **changes):
    fields = {
        "name": flow.name,
        "slug": flow.slug,
        "is_enabled": "on",
        "source": flow.source_id,
        "source_entity": "order",
        "target": flow.target_id,
        "target_record": "salesOrder",
        "mode": "create",
        "lane": "interactive",
        "mapping": flow.mapping_id,
        "priority": "5",
        "poll_minutes": "0",
        "hold_hours": "24",
        "breaker_percent": "80",
        "breaker_least": "20",
        "breaker_minutes": "10",
        "retry_schedule": "1, 2, 30",
        "dependencies-TOTAL_FORMS": "0",
        "dependencies-INITIAL_FORMS": "0",
    }
    return fields | changes


def test_waits_between_tries_are_written_as_seconds(integrator, flow):
    integrator.post(page_of(flow), flow_fields(flow))
    flow.refresh_from_db()
    assert flow.retry_schedule == [1, 2, 30]
    assert 'value="1, 2, 30"' in integrator.get(page_of(flow)).content.decode()
    page = integrator.post(page_of(flow), flow_fields(flow, retry_schedule="soon"))
    assert "Write whole seconds" in page.content.decode()


def test_a_sandbox_shop_cannot_feed_real_books(integrator, flow):
    flow.target.environment = "production"
    flow.target.save()
    page = integrator.post(page_of(flow), flow_fields(flow)).content.decode()
    assert "Test data must not reach real books." in page


def test_a_mapping_of_other_records_is_refused(integrator, flow):
    other = flow_fields(flow, source_entity="refund")
    page = integrator.post(page_of(flow), other).content.decode()
    assert "This document maps shopify order to netsuite salesOrder" in page


def test_the_ends_of_a_used_flow_are_fixed(integrator, flow, record):
    page = integrator.get(page_of(flow)).content.decode()
    assert 'name="target"' not in page
    assert integrator.post(page_of(flow), flow_fields(flow)).status_code == 302


def test_slots_show_who_holds_them_and_leave_idle_ones_out(integrator, netsuite):
    later = database_time() + timedelta(minutes=1)
    Slot.objects.create(
        connection=netsuite, number=1, holder="host:1", lease_until=later
    )
    Slot.objects.create(connection=netsuite, number=2)
    Slot.objects.create(connection=netsuite, number=9, holder="above the allowance")
    page = listed(integrator, "slot")
    assert "host:1" in page and "1 in use, 4 free" in page
    assert "above the allowance" not in page


def test_chosen_look_ups_are_forgotten(admin_client, netsuite):
    found = CachedLookup.objects.create(
        connection=netsuite,
        record="inventoryItem",
        by="itemid",
        value="TEA-1",
        target_id="9",
        found_at=database_time() - timedelta(hours=3),
    )
    assert "3\xa0hours" in listed(admin_client, "cachedlookup")
    address = reverse("admin:integrations_cachedlookup_changelist")
    admin_client.post(address, {"action": "forget", "_selected_action": [found.pk]})
    assert not CachedLookup.objects.exists()


def test_links_lead_to_the_vendors_page(operator, shop, netsuite):
    Link.objects.create(
        source_connection=shop,
        source_entity="order",
        source_id="1001",
        target_connection=netsuite,
        target_record="salesOrder",
        target_id="4711",
        external_id="shopify-tea-order-1001",
        made_at=database_time(),
    )
    assert "https://books.example/salesOrder?id=4711" in listed(operator, "link")


def test_an_attempt_shows_what_went_over_the_line(operator, record):
    attempt = make_attempt(record, outcome="unknown")
    page = operator.get(page_of(attempt)).content.decode()
    assert "Unknown: settled by look-up" in page
    assert "req-77" in page
    assert "poNum is missing" in listed(operator, "attempt", tab="person")


@pytest.mark.parametrize(
    "model",
    ["connection", "flow", "inboxevent", "syncrecord", "attempt", "link", "slot"],
)
def test_every_list_and_its_needs_tab_opens(admin_client, record, event, model):
    make_attempt(record)
    for query in ({}, {"tab": "person"}, {"q": "1001"}):
        address = reverse(f"admin:integrations_{model}_changelist")
        assert admin_client.get(address, query).status_code in (200, 302)


def test_saving_a_flow_leaves_the_cursor_of_its_poll_alone(
    integrator, flow, monkeypatch
):
    def poll_meanwhile(form, source, target):
        Flow.objects.update(cursor="newer")

    monkeypatch.setattr(FlowForm, "_refuse_ends", poll_meanwhile)
    integrator.post(page_of(flow), flow_fields(flow, priority="3"))
    flow.refresh_from_db()
    assert (flow.priority, flow.cursor) == (3, "newer")


@pytest.mark.parametrize("model", ["flow", "inboxevent"])
def test_other_lists_cost_the_same_for_few_or_many(admin_client, flow, event, model):
    address = reverse(f"admin:integrations_{model}_changelist")

    def cost():
        with CaptureQueriesContext(database) as queries:
            assert admin_client.get(address).status_code == 200
        return len(queries)

    cost()
    alone = cost()
    for number in range(9):
        flow.pk, flow.name, flow.slug = None, f"Flow {number}", f"flow-{number}"
        flow.save(force_insert=True)
        event.pk, event.delivery_id = None, f"more-{number}"
        event.save(force_insert=True)
        make_record(flow, event=event)
    assert cost() == alone


def test_try_now_leaves_a_delivered_record_alone(operator, record):
    SyncRecord.objects.update(state="delivered")
    address = reverse("admin:integrations_syncrecord_try", args=[record.pk])
    answer = operator.post(address, follow=True)
    assert "is delivered already" in answer.content.decode()
    record.refresh_from_db()
    assert record.state == "delivered"


def test_later_pages_of_a_long_list_open(operator, record):
    Attempt.objects.bulk_create(
        Attempt(record=record, number=n, token=1, version=1, started_at=record.due_at)
        for n in range(100, 160)
    )
    address = "/admin/integrations/attempt/"
    assert operator.get(f"{address}?p=2").status_code == 200
    assert operator.get(f"{address}?p=9").status_code == 302


def test_the_list_of_attempts_leaves_none_out(operator, flow, monkeypatch):
    monkeypatch.setattr("integrations.admin.attempt.MOST_RECORDS", 1)
    for number in range(3):
        make_attempt(make_record(flow, source_key=str(number)), message=f"try {number}")
    page = listed(operator, "attempt")
    assert [f"try {number}" in page for number in range(3)] == [True] * 3


def test_attempts_are_narrowed_by_kind_without_reading_all_of_them(operator, record):
    make_attempt(record, number=1, kind="data", message="poNum is missing")
    make_attempt(record, number=2, kind="temporary", message="no answer")
    with CaptureQueriesContext(database) as queries:
        answer = operator.get("/admin/integrations/attempt/?kind=data")
    page = answer.content.decode()
    assert "poNum is missing" in page and "no answer" not in page
    assert not any("DISTINCT" in query["sql"] for query in queries)
