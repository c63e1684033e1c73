"""The story of one order: found by whatever somebody has, told over all systems."""

import copy
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection as database
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from errorqueue import people, services
from errorqueue.models import FailedRecord
from integrations.inbox.services import read
from integrations.models import (
    AuditEntry,
    Flow,
    InboxEvent,
    RecordKey,
    SyncRecord,
)
from integrations.models.account import keyless_of
from integrations.sync import finding, story
from integrations.sync.drain import Drain
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

SEARCH = reverse("admin:story_search")


@pytest.fixture
def olga(demo, client):
    user = User.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name="Operators"))
    client.force_login(user)
    return user


@pytest.fixture
def mended(post_order, netsuite, drain, order_line, olga, monkeypatch):
    """An order that failed for a SKU, was fixed and asked again by olga."""
    # One thread, and orders first: the order is begun before its customer, and waits.
    monkeypatch.setattr(Drain, "_threads", 1)
    Flow.objects.filter(source_entity="customer").update(priority=F("priority") + 100)
    payload = post_order(number=1002, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    line = order_line("#1002")
    people.comment(line, "The catalogue team adds it today.", olga)
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    services.retry(line, olga, "It is there now.")
    drain()
    return payload


def order_of(number="#1002"):
    return story.records().get(label=number, flow__source_entity="order")


def told(record):
    return [one.entry for one in story.story_of(record).lines]


def said(record):
    return [entry.what for entry in told(record)]


def test_it_tells_the_whole_way_in_its_order(mended, olga):
    record = order_of()
    line = FailedRecord.objects.get()
    whats = said(record)
    expected = [
        "Sent orders/create",
        "Entered the ledger as version 1",
        "Held: customer",
        "is in NetSuite",
        "Mapped with",
        "Try 1 failed",
        f"{line.human_id} opened in the error queue",
        "olga wrote",
        "olga asked for a retry",
        f"delivered it as sales order {record.target_id}",
        f"{line.human_id} closed",
    ]
    places = [
        next(place for place, what in enumerate(whats) if words in what)
        for words in expected
    ]
    # Reading the delivery and entering the ledger are one moment.
    assert places == sorted(places), list(zip(expected, places, strict=True))


def test_one_sentence_says_where_it_stands(mended):
    record = order_of()
    sentence = story.story_of(record).sentence
    assert sentence.startswith(
        f"Order #1002 is in NetSuite (Northwind) as sales order {record.target_id} since "
    )
    assert sentence.endswith("; two tries, one retry by olga.")


def test_a_retry_is_told_once_and_not_by_the_trail_again(mended):
    assert AuditEntry.objects.filter(verb="retry asked").count() == 1
    asked = [what for what in said(order_of()) if "asked" in what.lower()]
    assert asked == ["olga asked for a retry"]


@pytest.mark.parametrize("number", ["#7", "7"])
def test_a_failed_order_says_who_must_look(post_order, netsuite, drain, number, demo):
    post_order(number=7, lines=[("NOPE", "Nope", "1.00", 1)])
    drain()
    record = finding.find(number).only_record
    line = FailedRecord.objects.get()
    sentence = story.story_of(story.records().get(pk=record.pk)).sentence
    assert "needs a person since" in sentence and line.human_id in sentence


def test_what_it_waited_for_is_related(mended):
    customer = SyncRecord.objects.get(flow__source_entity="customer")
    related = {one.record.pk: one.how for one in story.story_of(order_of()).related}
    assert related == {customer.pk: "it waited for this"}


def test_a_long_wait_is_named_with_what_was_waited_for(mended):
    record = order_of()
    held = AuditEntry.objects.filter(verb="held", subject_id=record.pk)
    before = held.get().at
    hours = timedelta(hours=3, minutes=12)
    held.update(at=F("at") - hours)
    InboxEvent.objects.update(
        received_at=F("received_at") - hours, processed_at=F("processed_at") - hours
    )
    SyncRecord.objects.update(created_at=F("created_at") - hours)
    assert held.get().at < before
    gaps = [one.gap for one in story.story_of(order_of()).lines if one.gap]
    customer = SyncRecord.objects.get(flow__source_entity="customer")
    name = str(customer)
    assert gaps == [f"waited 3 h 12 min for {name[:1].lower()}{name[1:]}"]


def test_a_repeated_delivery_is_part_of_the_story(mended):
    first = InboxEvent.objects.get(topic="orders/create")
    repeated = InboxEvent.objects.create(
        connection=first.connection,
        delivery_id="again",
        topic=first.topic,
        body=first.raw,
        digest=first.digest,
        received_at=first.received_at,
    )
    read(InboxEvent.objects.get(pk=repeated.pk))
    details = [entry.detail for entry in told(order_of())]
    assert "Delivery again" in details
    assert any(first.delivery_id in one and "replay" in one for one in details)


def seen_again(record, **changes):
    """What the source shows of a record now, in a version of its own."""
    payload = copy.deepcopy(record.source) | changes
    payload["updated_at"] = "2099-01-01T10:00:00+00:00"
    flow = record.flow
    return keyless_of(flow.source).source_object(flow.source_entity, payload)


def test_a_newer_version_is_told(mended, drain):
    customer = SyncRecord.objects.get(flow__source_entity="customer")
    found = seen_again(customer, last_name="Newname")
    SyncRecord.objects.remember(customer.flow, found)
    drain()
    whats = said(story.records().get(pk=customer.pk))
    assert "A newer version came in" in whats
    assert sum("delivered it as" in what for what in whats) == 2


# Found by whatever somebody has


def test_every_name_of_an_order_leads_to_it(mended, client):
    record = order_of()
    line = FailedRecord.objects.get()
    words = [
        "#1002",
        "1002",
        " #1002 ",
        "HAMMOCK-XL",
        "hammock-xl",
        record.target_id,
        record.external_id,
        record.source_key,
        f"gid://shopify/Order/{record.source_key}",
    ]
    for word in words:
        answer = client.get(SEARCH, {"q": word})
        assert answer.status_code == 302, word
        assert answer.url == reverse("admin:story_record", args=[record.pk]), word
    for word in (record.email, record.email.upper(), line.human_id, f"err-{line.pk}"):
        found = finding.find(word)
        assert record.pk in {one.pk for one in found.records}, word
        assert line.pk in {one.pk for one in found.lines}, word
    event = InboxEvent.objects.get(topic="orders/create")
    assert {one.label for one in finding.find(event.delivery_id).records} >= {"#1002"}
    by_cause = finding.find(f"CAUSE-{line.cause_id}")
    assert [one.pk for one in by_cause.causes] == [line.cause_id]


def test_a_shipped_order_is_found_by_its_tracking_number(mended):
    record = SyncRecord.objects.get(label="#1002")
    numbers = {"tracking_number": "1Z99AA1", "tracking_numbers": ["1Z99AA1", "1Z99AA2"]}
    found = seen_again(record, fulfillments=[numbers])
    SyncRecord.objects.remember(record.flow, found)
    for word in ("1Z99AA1", "1z99aa2"):
        assert finding.find(word).only_record == record
    record.refresh_from_db()
    assert (record.version, record.state) == (1, "delivered")  # nothing is sent again


@pytest.mark.parametrize(
    "odd",
    ["x", {"a": 1}, [None, 7, {"tracking_numbers": "1"}], [{"tracking_number": {}}]],
)
def test_an_odd_shipment_never_stops_an_order(mended, odd):
    record = SyncRecord.objects.get(label="#1002")
    assert seen_again(record, fulfillments=odd).tracking == ()


def test_keys_are_written_once(mended):
    record = SyncRecord.objects.get(label="#1002")
    keys = RecordKey.objects.filter(record=record)
    before = sorted(keys.values_list("name", "value"))
    assert ("sku", "hammock-xl") in before
    SyncRecord.objects.remember(record.flow, seen_again(record))
    assert sorted(keys.values_list("name", "value")) == before


def test_a_netsuite_number_is_asked_for_on_a_click(mended, netsuite, client, olga):
    [sent] = netsuite.orders.values()
    number = sent["tranId"]
    page = client.get(SEARCH, {"q": number})
    assert "Nothing here is known by" in page.content.decode()
    assert "Ask NetSuite" in page.content.decode()
    answer = client.post(SEARCH, {"q": number})
    assert answer.status_code == 302
    assert answer.url == reverse("admin:story_record", args=[order_of().pk])
    nothing = client.post(SEARCH, {"q": "SO-none"})
    assert "know no document with the number" in nothing.content.decode()


def test_netsuite_away_is_said_and_breaks_nothing(mended, netsuite, client, olga):
    netsuite.fail_next(500, times=20)
    page = client.post(SEARCH, {"q": "SO-none"})
    assert "NetSuite (Northwind) could not be asked." in page.content.decode()


@pytest.mark.parametrize("word", ["", "  ", "\x00", "%", "_", "#", "'; --", "x" * 5000])
def test_odd_words_find_nothing_and_break_nothing(mended, client, word):
    assert client.get(SEARCH, {"q": word}).status_code == 200


# Pages


def test_pages_ask_the_same_questions_however_long_the_story(mended, client):
    record = order_of()
    address = reverse("admin:story_record", args=[record.pk])
    client.get(address)
    with CaptureQueriesContext(database) as short:
        client.get(address)
    line = FailedRecord.objects.get()
    olga = User.objects.get(username="olga")
    for number in range(60):
        people.comment(line, f"Word {number}", olga)
        AuditEntry.objects.note(record, "edited", "failed", "failed", by=olga)
    with CaptureQueriesContext(database) as long:
        page = client.get(address)
    assert "Word 59" in page.content.decode()
    assert len(long) == len(short) <= 32


def test_a_very_long_story_is_cut_to_its_newest_lines(mended, client):
    record = order_of()
    olga = User.objects.get(username="olga")
    for _ in range(story.MOST + 5):
        AuditEntry.objects.note(record, "read again", "failed", "failed", by=olga)
    told_of = story.story_of(record)
    assert told_of.is_cut and len(told_of.lines) == story.MOST
    address = reverse("admin:story_record", args=[record.pk])
    assert "The newest 500 lines are shown" in client.get(address).content.decode()


def test_the_page_leads_to_both_systems_and_to_the_queue(mended, client):
    record = order_of()
    page = client.get(reverse("admin:story_record", args=[record.pk])).content.decode()
    assert "Open in NetSuite" in page and "Open in Shopify" in page
    line = FailedRecord.objects.get()
    assert reverse("admin:errorqueue_failedrecord_change", args=[line.pk]) in page
    of_line = client.get(reverse("admin:story_line", args=[line.pk]))
    assert of_line.url == reverse("admin:story_record", args=[record.pk])


def test_who_may_not_see_records_sees_neither_box_nor_story(mended, client):
    signer = User.objects.create_user("sia", is_staff=True)
    signer.groups.add(Group.objects.get(name="Signers"))
    client.force_login(signer)
    assert "story-word" not in client.get("/admin/").content.decode()
    record = SyncRecord.objects.get(label="#1002")
    for address in (SEARCH, reverse("admin:story_record", args=[record.pk])):
        assert client.get(address, {"q": "1002"}).status_code == 403


def test_who_may_not_see_payloads_sees_no_personal_fields(mended, client, olga):
    record = order_of()
    people.comment(FailedRecord.objects.get(), f"Mailed {record.email}.", olga)
    flora = User.objects.create_user("flora", is_staff=True)
    flora.groups.add(Group.objects.get(name="Finance reviewers"))
    client.force_login(flora)
    address = reverse("admin:story_record", args=[record.pk])
    found = client.get(SEARCH, {"q": "HAMMOCK-XL", "all": "1"})
    for page in (client.get(address), found):
        assert page.status_code == 200
        assert record.email not in page.content.decode()
    assert "/integrations/inboxevent/" not in client.get(address).content.decode()


def test_payload_text_is_shown_without_markup(mended, client, olga):
    line = FailedRecord.objects.get()
    people.comment(line, "<script>alert(1)</script>", olga)
    page = client.get(reverse("admin:story_record", args=[order_of().pk]))
    assert "<script>alert(1)" not in page.content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.content.decode()
