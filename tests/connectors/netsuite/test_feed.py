"""Pushes of the change feed: who signed them, and what they want read."""

import hashlib
import hmac
import json

import pytest

from integrations.connectors.errors import BadSignature, UnreadablePayload
from integrations.connectors.netsuite.connector import NetSuite
from integrations.connectors.notices import Noticed
from tests.connectors.line import Surroundings, account

SECRET = "feed-secret"
STAMP = "1774542060"
EVENT = {
    "id": "e-1",
    "record": "inventoryItem",
    "record_id": "201",
    "sku": "MUG",
    "change": "stock",
    "location": "1",
    "at": "2026-03-26T16:21:00Z",
}


def push(*events: dict, **changes) -> bytes:
    told = {"version": 1, "account": "123456_SB1", "source": "user_event"}
    told |= {"sent_at": "2026-03-26T16:21:00Z", "events": list(events or [EVENT])}
    return json.dumps({**told, **changes}).encode()


def signed(body: bytes, secret: str = SECRET, stamp: str = STAMP, **more) -> dict:
    text = stamp.encode() + b"." + body
    digest = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    named = {"X-Waybill-Delivery": "d-1", "X-Waybill-Timestamp": stamp}
    return {**named, "X-Waybill-Signature": f"sha256={digest}", **more}


def connector(**credentials: str) -> NetSuite:
    given = credentials or {"webhook_secret": SECRET}
    return NetSuite(account(credentials=given), Surroundings().services())


def test_a_signed_push_is_a_delivery_named_by_its_signature():
    body = push()
    headers = signed(body)
    head = connector().verify_webhook(headers, body)
    assert head.delivery_id == headers["X-Waybill-Signature"]
    assert (head.topic, head.event_id) == ("changes", "d-1")
    lower = {name.lower(): value for name, value in headers.items()}
    assert connector().verify_webhook(lower, body) == head


def test_f57_a_captured_push_under_another_id_is_the_same_delivery():
    body = push()
    again = signed(body, **{"X-Waybill-Delivery": "another"})
    first = connector().verify_webhook(signed(body), body)
    assert connector().verify_webhook(again, body).delivery_id == first.delivery_id


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Waybill-Signature": ""},
        {"X-Waybill-Signature": "sha256="},
        {"X-Waybill-Signature": "sha256=é"},
        signed(push(), secret="guess"),
        signed(push(), **{"X-Waybill-Timestamp": "1774542061"}),
        signed(push() + b" "),
    ],
)
def test_f55_a_push_that_is_not_ours_is_refused(headers):
    with pytest.raises(BadSignature):
        connector().verify_webhook(headers, push())


def test_a_connection_without_a_secret_takes_no_push():
    body = push()
    with pytest.raises(BadSignature):
        connector(token_id="x").verify_webhook(signed(body, secret=""), body)


@pytest.mark.parametrize("secret", [SECRET, "older"])
def test_both_secrets_open_while_one_is_changed(secret):
    both = connector(webhook_secret=SECRET, webhook_secret_previous="older")
    body = push()
    assert both.verify_webhook(signed(body, secret=secret), body)


def test_a_copy_of_the_account_is_refused_by_name():
    """A sandbox refresh copies the script with its secret and its address."""
    body = push(account="123456_SB2")
    with pytest.raises(BadSignature, match="123456_SB2, not 123456_SB1"):
        connector().verify_webhook(signed(body), body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 5000])
def test_what_cannot_be_read_is_let_in_to_be_quarantined(body):
    assert connector().verify_webhook(signed(body), body).topic == "changes"
    with pytest.raises(UnreadablePayload):
        connector().read_notices("changes", body)


def test_each_item_is_named_once():
    more = {**EVENT, "change": "edit"}
    other = {**EVENT, "record_id": "202", "change": "create"}
    found = connector().read_notices("changes", push(EVENT, more, other))
    assert [one for one in found if one.entity == "inventory"] == [
        Noticed("inventory", "201"),
        Noticed("inventory", "202"),
    ]


@pytest.mark.parametrize("change", ["delete", "a change of tomorrow"])
def test_a_change_that_leaves_nothing_to_read_is_passed_over(change):
    assert connector().read_notices("changes", push({**EVENT, "change": change})) == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (push(version=2), "version 2"),
        (push(events=[]), "no list of events"),
        (push(events={}), "no list of events"),
        (push(events=["x"]), r"events\[0\].change"),
        (push(EVENT, {**EVENT, "record_id": 201}), r"events\[1\].record_id is 201"),
        (push({**EVENT, "record_id": "1 OR 1=1"}), r"events\[0\].record_id"),
        (push({**EVENT, "record_id": "²"}), r"events\[0\].record_id"),
        (push({**EVENT, "change": None}), r"events\[0\].change"),
    ],
)
def test_a_push_of_another_shape_names_what_is_wrong(body, words):
    with pytest.raises(UnreadablePayload, match=words):
        connector().read_notices("changes", body)
