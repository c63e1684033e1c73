"""Privacy webhooks: taken in like any delivery, carried out, settled with a receipt."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from errorqueue import people, services
from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.inbox.reopening import reopen_known, unread
from integrations.models import (
    AuditEntry,
    Connection,
    Gap,
    GapCheck,
    GapSweep,
    InboxEvent,
    PrivacyPart,
    PrivacyRequest,
    SyncRecord,
)
from integrations.sync import audit
from integrations.sync.privacy import answering, redacting
from mappings.models import GoldenSample, MappingDocument, Scenario
from tests.flows.test_erasing import CANARIES, canary, traces_of
from tests.flows.test_intake import post, signed
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import order_of

__all__ = ["canary", "post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State, Records = PrivacyRequest.State, SyncRecord.State
ZEB = "zeb@canary.example"
SHOP = "northwind-outdoor.myshopify.com"


@pytest.fixture
def ada(db):
    return User.objects.create_superuser("ada")


@pytest.fixture
def demand(demo, shopify, drain):
    """Have the shop send a demand, and let the workers do what they do about it."""

    def send(topic, customer="", **options):
        shopify.demand(topic, customer)
        shopify.deliver_due()
        drain()
        return PrivacyRequest.objects.first()

    return send


def look_again(drain):
    PrivacyRequest.objects.update(look_at=database_time())
    drain()
    return PrivacyRequest.objects.first()


def due_in(days):
    due = database_time() + timedelta(days=days)
    PrivacyRequest.objects.update(due_at=due)


def alerts():
    found = Alert.objects.filter(closed_at=None, key__startswith="privacy")
    return sorted(found.values_list("key", flat=True))


# Taking in


def test_f92_a_customer_is_erased_everywhere_and_the_books_add_up(
    canary, post_order, drain, let_pass, demand, netsuite, ada
):
    post_order(number=1)
    netsuite.fail_next(503, path="salesOrder")
    canary(2)
    drain()
    let_pass(30)
    drain()
    canary(3, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    line = FailedRecord.objects.open().get()
    people.comment(line, "Zebulon Quackenbush rang twice.", ada)
    services.exclude(line, ada, "no longer sold")
    before = {one.pk: (one.amount, one.currency) for one in SyncRecord.objects.all()}
    others = order_of(1).source
    assert {word for _, word in traces_of()} == set(CANARIES)

    request = demand("customers/redact", ZEB)

    assert (request.state, request.said) == (
        State.DONE,
        "Everything that was found is erased.",
    )
    assert traces_of() == []
    after = {one.pk: (one.amount, one.currency) for one in SyncRecord.objects.all()}
    assert after == before
    assert order_of(1).source == others, "nobody else lost anything"
    counts = request.receipt["counts"]
    assert counts["Records"] == 3 and counts["Tries"] >= 3
    assert {one["source"].split()[0] for one in request.receipt["keys"]} == {
        "order",
        "customer",
    }
    assert (request.customer, request.email, request.words) == ("990000", "", [])
    noted = AuditEntry.objects.filter(subject="privacy request").order_by("pk")
    assert [one.verb for one in noted] == ["received", "done"]
    erased = AuditEntry.objects.filter(verb="erased")
    assert {one.detail for one in erased} == {f"on request {request}"}
    audit.seal()
    assert audit.verify().broken == ""


def test_a_wrong_signature_is_answered_401_and_leaves_nothing(demo, keys):
    body = json.dumps({"shop_domain": SHOP}).encode()
    assert post(body, signed(body, "guess", topic="shop/redact")).status_code == 401
    assert not PrivacyRequest.objects.exists() and not InboxEvent.objects.exists()


def test_a_repeat_is_one_request_and_every_delivery_of_it_is_emptied(
    canary, drain, demand, keys, shopify
):
    canary(2)
    drain()
    shopify.webhooks.duplicate(2)
    request = demand("customers/redact", ZEB)
    assert PrivacyRequest.objects.count() == 1 and request.state == State.DONE
    body = json.dumps(
        {"shop_domain": SHOP, "customer": {"id": 990000, "email": ZEB, "phone": None}}
    ).encode()  # other orders, so another demand
    secret = keys.DEMO_SHOPIFY_CLIENT_SECRET
    for number in range(2):
        headers = signed(body, secret, topic="customers/redact", delivery=f"r{number}")
        assert post(body, headers).status_code == 202
    drain()
    later = PrivacyRequest.objects.first()
    assert PrivacyRequest.objects.count() == 2 and later.state == State.DONE
    assert len(later.deliveries) == 2
    assert traces_of((ZEB,)) == []


def test_a_data_request_is_entered_once_and_its_replay_is_emptied(
    canary, drain, demand, keys, ada
):
    canary(2)
    drain()
    request = demand("customers/data_request", ZEB)
    answering.settle(request.pk, ada, "by the shop's own mailbox")
    body = json.dumps(
        {
            "shop_domain": SHOP,
            "customer": {"id": 990000, "email": ZEB, "phone": None},
            "data_request": {"id": int(request.mark)},
        }
    ).encode()
    secret = keys.DEMO_SHOPIFY_CLIENT_SECRET
    post(body, signed(body, secret, topic="customers/data_request", delivery="again"))
    drain()
    assert PrivacyRequest.objects.count() == 1
    replay = InboxEvent.objects.get(delivery_id="again")
    assert "asked before" in replay.reason and replay.raw == b""
    request.refresh_from_db()
    assert request.look_at is None and request.state == State.DONE


def test_a_signed_demand_of_another_shop_erases_nothing(canary, drain, keys):
    canary(2)
    drain()
    body = b'{"shop_id": 1, "shop_domain": "other-shop.myshopify.com"}'
    secret = keys.DEMO_SHOPIFY_CLIENT_SECRET
    assert post(body, signed(body, secret, topic="shop/redact")).status_code == 202
    drain()
    assert not PrivacyRequest.objects.exists()
    line = FailedRecord.objects.open().get()
    assert "nothing of it is erased" in line.why
    assert order_of(2).source


def test_what_an_older_version_set_aside_is_read_also_weeks_later(demo, drain):
    event = InboxEvent.objects.create(
        connection=Connection.objects.get(slug="shopify"),
        delivery_id="d-1",
        topic="shop/redact",
        body=json.dumps({"shop_domain": SHOP}).encode(),
        digest="x",
        received_at=database_time() - timedelta(days=20),
        state=InboxEvent.State.NOT_WANTED,
        reason=unread("shop/redact"),
    )
    assert reopen_known() == 1
    drain()
    event.refresh_from_db()
    request = PrivacyRequest.objects.get()
    assert event.state == InboxEvent.State.PROCESSED
    assert request.due_at == event.received_at + timedelta(days=30)


def test_the_version_of_a_demand_is_nothing_to_be_told_of(demand, shopify, post_order):
    post_order(number=1, email="jane@example.com")
    shopify.webhooks.of_settings[1].api_version = "2026-01"
    demand("customers/redact", "jane@example.com")
    assert not Alert.objects.filter(key__startswith="version:").exists()


# Waiting


def test_what_is_under_way_is_waited_for_and_then_erased(
    canary, drain, demand, netsuite, order_line
):
    canary(3, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    request = demand("customers/redact", ZEB)
    assert request.state == State.WAITING
    assert "1 record under way" in request.said and alerts() == []
    assert set(CANARIES) == {word for _, word in traces_of()}
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    order_line("#3").subject.enqueue()
    drain()
    assert order_of(3).state == Records.DELIVERED
    assert look_again(drain).state == State.DONE
    assert traces_of() == []


def test_people_hear_of_it_a_week_before_and_it_is_done_two_days_before(
    canary, drain, demand
):
    canary(3, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    request = demand("customers/redact", ZEB)
    due_in(6)
    assert look_again(drain).state == State.WAITING
    assert alerts() == [f"privacy-soon:{request.pk}"]
    told = Alert.objects.get(key=f"privacy-soon:{request.pk}")
    assert "1 record under way" in told.text and told.kind == Alert.Kind.DEADLINE
    due_in(1.9)
    assert look_again(drain).state == State.DONE
    assert order_of(3).state == Records.EXCLUDED
    assert traces_of() == [] and alerts() == []
    assert not FailedRecord.objects.open().exists()


def test_a_record_that_is_being_sent_is_left_alone_even_then(canary, drain, demand):
    canary(3)
    drain()
    SyncRecord.objects.filter(label="#3").update(state=Records.RUNNING)
    request = demand("customers/redact", ZEB)
    due_in(-1)
    request = look_again(drain)
    assert request.state == State.WAITING and "being sent" in request.said
    expected = [f"privacy-overdue:{request.pk}", f"privacy-soon:{request.pk}"]
    assert alerts() == expected
    SyncRecord.objects.filter(label="#3").update(state=Records.DELIVERED)
    assert look_again(drain).state == State.DONE
    assert alerts() == []


def test_an_order_from_after_the_demand_is_not_meant(canary, drain, demand):
    canary(2, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    demand("customers/redact", ZEB)
    canary(4, lines=[("KNIFE-PRO", "Knife", "44.00", 1)])
    drain()
    due_in(1)
    assert look_again(drain).state == State.DONE
    assert order_of(2).state == Records.EXCLUDED and not order_of(2).source
    assert order_of(4).state != Records.EXCLUDED and order_of(4).source


def test_a_second_demand_that_names_a_newer_order_is_another_request(
    canary, drain, demand
):
    canary(2, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    first = demand("customers/redact", ZEB)
    assert demand("customers/redact", ZEB) == first
    canary(4)
    drain()
    second = demand("customers/redact", ZEB)
    assert second != first and PrivacyRequest.objects.count() == 2
    due_in(1)
    look_again(drain)
    assert not PrivacyRequest.objects.filter(done_at=None).exists()
    assert traces_of() == [] and not order_of(4).source


def test_a_shop_that_is_taken_out_twice_is_meant_until_the_second_time(
    canary, drain, demand
):
    canary(2, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    first = demand("shop/redact")
    canary(4)
    drain()
    assert demand("shop/redact") == first
    due_in(1)
    assert look_again(drain).state == State.DONE
    assert traces_of() == []


def test_a_data_request_of_the_same_customer_is_answered_first(
    canary, drain, demand, ada
):
    canary(2)
    drain()
    asked = demand("customers/data_request", ZEB)
    request = demand("customers/redact", ZEB)
    assert request.state == State.WAITING and str(asked) in request.said
    answering.settle(asked.pk, ada, "by post")
    assert look_again(drain).state == State.DONE
    assert not PrivacyPart.objects.exists()
    assert traces_of() == []


def test_before_the_deadline_the_file_goes_and_its_request_says_so(
    canary, drain, demand
):
    canary(2)
    drain()
    asked = demand("customers/data_request", ZEB)
    demand("customers/redact", ZEB)
    due_in(1)
    assert look_again(drain).state == State.DONE
    asked.refresh_from_db()
    assert asked.state == State.DONE and "before the file was sent" in asked.said
    assert not PrivacyPart.objects.exists() and alerts() == []


# Elsewhere


def test_what_hangs_on_no_record_is_found_by_its_words(
    canary, drain, demand, keys, shopify
):
    canary(2)
    drain()
    body = json.dumps({"id": 5, "order_id": 1, "email": ZEB.upper()}).encode()
    secret = keys.DEMO_SHOPIFY_CLIENT_SECRET
    post(body, signed(body, secret, topic="fulfillments/create"))
    drain()
    document = MappingDocument.objects.first()
    held = {"customer": {"admin_graphql_api_id": "gid://shopify/Customer/990000"}}
    GoldenSample.objects.create(document=document, name="his", source=held)
    other = {"customer": {"admin_graphql_api_id": "gid://shopify/Customer/99000"}}
    GoldenSample.objects.create(document=document, name="not his", source=other)
    Alert.objects.create(
        key="missing:1",
        title="1 customer missing",
        text="They could not be fetched: Zebulon Quackenbush.",
        raised_at=database_time(),
        try_at=database_time(),
        closed_at=database_time(),
    )
    customer = SyncRecord.objects.get(flow__source_entity="customer")
    now = database_time()
    sweep = GapSweep.objects.create(kind=GapSweep.Kind.RECENT, asked_at=now)
    check = GapCheck.objects.create(
        sweep=sweep,
        flow=customer.flow,
        since=now,
        until=now,
        try_at=now,
        phase_at=now,
        ended_at=now,
    )
    gap = Gap.objects.create(
        check_of=check,
        flow=customer.flow,
        kind=Gap.Kind.MISSING,
        source_key=customer.source_key,
        label="Zebulon Quackenbush",
        changed_at=now,
        found_at=now,
    )
    request = demand("customers/redact", ZEB)
    assert request.state == State.DONE, request.said
    assert InboxEvent.objects.get(topic="fulfillments/create").raw == b""
    assert [one.name for one in GoldenSample.objects.all()] == ["not his"]
    told = Alert.objects.get(key="missing:1")
    assert told.text == "They could not be fetched: erased."
    gap.refresh_from_db()
    assert str(gap) == "990000"
    assert request.receipt["counts"]["Golden samples"] == 1
    assert traces_of() == []


def test_what_people_made_by_hand_is_named_and_left_to_them(canary, drain, demand, ada):
    canary(2)
    drain()
    Scenario.objects.create(
        slug="own", name="Own case", group="own", source_system="shopify",
        source_entity="order", key="own", what="x", expected="y",
        source={"email": ZEB},
    )  # fmt: skip
    request = demand("customers/redact", ZEB)
    assert request.state == State.PERSON
    assert request.receipt["left"] == ["Acceptance scenario “Own case”"]
    assert alerts() == [f"privacy:{request.pk}"]
    Scenario.objects.filter(slug="own").delete()
    answering.settle(request.pk, ada, "the scenario was deleted")
    request.refresh_from_db()
    assert (request.state, request.done_by, request.words) == (State.DONE, ada, [])
    assert alerts() == [] and traces_of() == []


def test_a_whole_shop_is_erased_and_another_keeps_its_own(
    canary, post_order, drain, demand, monkeypatch
):
    monkeypatch.setattr(redacting, "BATCH", 2)
    post_order(number=1, email="someone@example.com")
    canary(2)
    drain()
    sums = {one.pk: one.amount for one in SyncRecord.objects.all()}
    shop = Connection.objects.get(slug="shopify")
    other = InboxEvent.objects.create(
        connection=Connection.objects.get(slug="netsuite"),
        delivery_id="n-1",
        body=b"someone@example.com",
        digest="x",
        received_at=database_time(),
        state=InboxEvent.State.NOT_WANTED,
    )
    request = demand("shop/redact")
    assert request.state == State.DONE, request.said
    assert {one.pk: one.amount for one in SyncRecord.objects.all()} == sums
    ours = SyncRecord.objects.filter(flow__source=shop)
    assert not any(one.source or one.email or one.party for one in ours)
    assert request.receipt["counts"]["Records"] == ours.count() == 4
    assert not any(one.raw for one in InboxEvent.objects.filter(connection=shop))
    other.refresh_from_db()
    assert other.raw == b"someone@example.com"
    assert traces_of() == []
