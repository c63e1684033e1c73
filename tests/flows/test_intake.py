import base64
import hashlib
import hmac
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, connections
from django.test import Client
from django_q.models import OrmQ
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errorqueue import failpoints
from errorqueue.models import FailedRecord
from integrations.connectors.base import SourceObject
from integrations.inbox import doors
from integrations.models import (
    Connection,
    Credential,
    Flow,
    InboxEvent,
    SyncRecord,
    inbox,
)
from integrations.models.message import send
from integrations.sync.accounts import set_credential
from integrations.tasks import drain_inbox

pytestmark = pytest.mark.django_db(transaction=True)

HOOK = "/hooks/shopify/"


@pytest.fixture
def secret(keys):
    return keys.DEMO_SHOPIFY_CLIENT_SECRET


@pytest.fixture(autouse=True)
def _nothing_remembered():
    doors.forget_all()


@pytest.fixture
def strike(tmp_path, monkeypatch):
    """Arm a failpoint: the next one who comes by raises."""
    monkeypatch.setattr(failpoints, "_folder", str(tmp_path))
    return lambda place: (tmp_path / place).write_text("raise")


def signed(body: bytes, secret: str, topic="orders/create", delivery="d-1", **more):
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": "northwind-outdoor.myshopify.com",
        "X-Shopify-Webhook-Id": delivery,
        "X-Shopify-Api-Version": "2026-10",
        **more,
    }


def post(body: bytes, headers: dict[str, str], path=HOOK, client=None):
    return (client or Client()).post(
        path, data=body, content_type="application/json", headers=headers
    )


def sample(name: str) -> bytes:
    from tests.flows.conftest import SAMPLES

    return (SAMPLES / name).read_bytes()


def test_a_signed_delivery_is_kept_byte_for_byte(demo, secret):
    body = sample("shopify-webhook-orders-create.2026-04.json")
    assert post(body, signed(body, secret)).status_code == 202
    event = InboxEvent.objects.get()
    assert event.raw == body
    assert event.headers["X-Shopify-Topic"] == "orders/create"


def test_a_wrong_signature_is_refused_and_leaves_nothing(demo, secret):
    body = b'{"id": 1}'
    headers = signed(body, "another secret")
    assert post(body, headers).status_code == 401
    assert post(body + b" ", signed(body, secret)).status_code == 401
    assert post(body, {}).status_code == 401
    assert not InboxEvent.objects.exists()


def test_the_old_secret_still_works_during_a_rotation(demo, secret, admin_user):
    shop = Connection.objects.get(slug="shopify")
    set_credential(shop, "client_secret", "a fresh secret", admin_user)
    for number, key in enumerate((secret, "a fresh secret")):
        body = json.dumps({"id": number}).encode()
        assert post(body, signed(body, key, delivery=f"r{number}")).status_code == 202
    assert post(b"{}", signed(b"{}", "guess")).status_code == 401


def test_unknown_connection_and_other_methods_are_told_so(demo, secret):
    assert post(b"{}", signed(b"{}", secret), path="/hooks/nobody/").status_code == 404
    assert Client().get(HOOK).status_code == 405


def test_a_body_over_the_limit_is_refused_and_one_below_is_kept(demo, secret, settings):
    limit = settings.HOOK_BODY_LIMIT
    large = b'{"note": "' + b"x" * (limit - 12) + b'"}'
    assert len(large) == limit
    assert post(large, signed(large, secret)).status_code == 202
    body = large + b" "
    assert post(body, signed(body, secret, delivery="d-2")).status_code == 413


def test_f53_fifty_parallel_posts_of_one_delivery_leave_one_row(demo, secret):
    body = sample("shopify-rest-order-refunded-discounted.2026-07.json")
    statuses = []

    def knock() -> None:
        try:
            statuses.append(post(body, signed(body, secret)).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=knock) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 50
    assert InboxEvent.objects.count() == 1


def test_f57_a_replay_under_a_new_id_has_no_effect(demo, secret, netsuite, drain):
    body = sample("shopify-rest-order-refunded-discounted.2026-07.json")
    for sku in ("IPOD2008GREEN", "IPOD2008RED", "IPOD2008BLACK"):
        netsuite.add_item(sku)
    post(body, signed(body, secret))
    drain()
    post(body, signed(body, secret, delivery="other"))
    drain()
    assert len(netsuite.orders) == 1
    first, replay = InboxEvent.objects.order_by("pk")
    assert "replay of delivery d-1" in replay.reason
    assert "replay" not in first.reason


def test_f16_an_absent_database_is_answered_503_never_2xx(demo, secret, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", away)
    response = post(b"{}", signed(b"{}", secret))
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


def test_f16_a_line_that_broke_meanwhile_costs_no_delivery(demo, secret):
    if connection.vendor != "postgresql":
        pytest.skip("an embedded database has no line")
    assert post(b"{}", signed(b"{}", secret)).status_code == 202
    connection.connection.close()
    body = b'{"id": 2}'
    assert post(body, signed(body, secret, delivery="d-2")).status_code == 202
    assert InboxEvent.objects.count() == 2


def test_f22_without_a_free_connection_the_answer_is_503(demo, secret, monkeypatch):
    def full(*args, **kwargs):
        raise OperationalError("too many clients already")

    connection.close()
    monkeypatch.setattr(connection, "get_new_connection", full)
    assert post(b"{}", signed(b"{}", secret)).status_code == 503
    monkeypatch.undo()
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize("place", ["inbox.before_commit", "inbox.after_commit"])
def test_f01_f02_a_death_around_the_commit_leaves_all_or_nothing(
    demo, secret, strike, place
):
    strike(place)
    with pytest.raises(failpoints.Struck):
        post(b"{}", signed(b"{}", secret))
    kept = place == "inbox.after_commit"
    assert InboxEvent.objects.count() == kept
    assert OrmQ.objects.count() == kept


def test_f02_the_retry_of_a_delivery_without_an_answer_has_one_effect(
    demo, secret, netsuite, drain, strike
):
    body = sample("shopify-webhook-customers-create.2026-04.json")
    headers = signed(body, secret, topic="customers/create")
    strike("inbox.before_answer")
    with pytest.raises(failpoints.Struck):
        post(body, headers)
    assert post(body, headers).status_code == 202
    drain()
    assert InboxEvent.objects.count() == 1
    assert len(netsuite.customers) == 1


def test_a_new_secret_is_in_force_at_once(demo, secret, admin_user):
    assert post(b"{}", signed(b"{}", secret)).status_code == 202
    shop = Connection.objects.get(slug="shopify")
    set_credential(shop, "client_secret", "a fresh secret", admin_user)
    body = b'{"id": 2}'
    headers = signed(body, "a fresh secret", delivery="d-2")
    assert post(body, headers).status_code == 202


def test_a_pending_bell_and_a_known_door_cost_one_message(
    demo, secret, django_assert_max_num_queries, monkeypatch
):
    sent = []
    monkeypatch.setattr(inbox, "send", lambda *parts: sent.append(send(*parts)))
    post(b"{}", signed(b"{}", secret))
    body = b'{"id": 2}'
    with django_assert_max_num_queries(0 if connection.vendor == "postgresql" else 7):
        post(body, signed(body, secret, delivery="d-2"))
    assert OrmQ.objects.count() == 1
    assert len(sent) == (2 if connection.vendor == "postgresql" else 0)


def test_an_order_leaves_with_the_wake_up_that_its_delivery_rang(
    demo, secret, netsuite
):
    body = sample("shopify-webhook-customers-create.2026-04.json")
    post(body, signed(body, secret, topic="customers/create"))
    [row] = OrmQ.objects.all()
    row.delete()
    drain_inbox()
    assert len(netsuite.customers) == 1


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=st.permutations(range(6)))
def test_f54_in_whatever_order_versions_come_the_newest_stands(demo, order):
    flow = Flow.objects.get(slug="shopify-customers")
    SyncRecord.objects.all().delete()
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for number in order:
        found = SourceObject(
            entity="customer",
            key="77",
            payload={"id": 77, "note": number},
            changed_at=start + timedelta(minutes=number),
        )
        SyncRecord.objects.remember(flow, found)
    [record] = SyncRecord.objects.all()
    assert record.source["note"] == 5
    assert record.changed_at == start + timedelta(minutes=5)


@pytest.mark.parametrize(
    "name", ["refunds-create", "fulfillments-create"], ids=["refund", "fulfilment"]
)
def test_topics_nobody_takes_are_kept_and_named(demo, secret, drain, name):
    topic = name.replace("-", "/")
    body = sample(f"shopify-webhook-{name}.2026-04.json")
    assert post(body, signed(body, secret, topic=topic)).status_code == 202
    drain()
    event = InboxEvent.objects.get()
    assert event.state == InboxEvent.State.NOT_WANTED
    assert topic in event.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"id": NaN}',
        b"\xff\xfe",
        b"null",
        b'{"a":1,"a":2}',
        b"[" * 50_000,
        b'{"id": ' + b"9" * 5000 + b"}",
        b'{"note": "\\u0000 \\ud800"}',
    ],
    ids=[
        "empty",
        "text",
        "list",
        "nan",
        "charset",
        "null",
        "twice",
        "deep",
        "digits",
        "no id",
    ],
)
def test_f61_poison_is_quarantined_with_a_reason_and_never_a_5xx(
    demo, secret, drain, body
):
    assert post(body, signed(body, secret)).status_code == 202
    drain()
    event = InboxEvent.objects.get()
    assert event.state == InboxEvent.State.QUARANTINED
    line = FailedRecord.objects.get()
    assert line.why and line.why == event.reason
    assert not SyncRecord.objects.exists()


def test_the_documented_test_order_is_kept_out_by_its_rule(demo, secret, drain):
    body = sample("shopify-webhook-orders-create.2026-04.json")
    post(body, signed(body, secret))
    drain()
    record = SyncRecord.objects.get(flow__slug="shopify-orders")
    assert record.source_key == "820982911946154508"
    assert record.state == SyncRecord.State.EXCLUDED


def test_the_documented_customer_reaches_netsuite(demo, secret, netsuite, drain):
    body = sample("shopify-webhook-customers-create.2026-04.json")
    post(body, signed(body, secret, topic="customers/create"))
    drain()
    [customer] = netsuite.customers.values()
    assert customer["email"] == "bob@biller.com"
    assert customer["externalId"].endswith("-customer-706405506930370084")


def test_the_documented_refunded_order_reaches_netsuite_to_the_cent(
    demo, secret, netsuite, drain
):
    for sku in ("IPOD2008GREEN", "IPOD2008RED", "IPOD2008BLACK"):
        netsuite.add_item(sku)
    body = sample("shopify-rest-order-refunded-discounted.2026-07.json")
    post(body, signed(body, secret))
    drain()
    [sent] = netsuite.orders.values()
    assert str(sent["total"]) == "598.94"


def test_no_secret_is_kept_in_plain_text(demo, secret):
    assert not Credential.objects.filter(sealed__contains=secret).exists()


def test_another_body_under_the_same_delivery_id_is_kept_as_well(demo, secret):
    for note in ("one", "two", "two"):
        body = b'{"note": "%s"}' % note.encode()
        assert post(body, signed(body, secret)).status_code == 202
    assert InboxEvent.objects.count() == 2
