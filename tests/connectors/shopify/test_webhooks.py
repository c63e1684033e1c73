import base64
import hashlib
import hmac
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.connectors.errors import (
    BadSignature,
    TopicUnsupported,
    UnreadablePayload,
)
from integrations.connectors.shopify import described
from integrations.connectors.shopify.connector import Shopify
from tests.connectors.line import Surroundings, account
from tests.connectors.shopify.conftest import FACTS, SHOP, order, sample

BODY = b'{"id": 1}'


def signed(body: bytes = BODY, secret: str = "hush-canary", **changes: str) -> dict:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": "w-1",
        "X-Shopify-Event-Id": "e-1",
        "X-Shopify-Triggered-At": "2026-11-20T10:00:00Z",
    }
    return headers | changes


def connector(**credentials: str) -> Shopify:
    facts = {**FACTS, "credentials": credentials}
    return Shopify(account(**facts), Surroundings().services())


def test_signed_delivery_shows_its_head(shopify):
    head = shopify.verify_webhook(signed(), BODY)
    assert head.delivery_id == "w-1"
    assert head.topic == "orders/create"
    assert (head.event_id, head.api_version) == ("e-1", "2026-10")


def test_header_names_may_be_in_any_case(shopify):
    lower = {name.lower(): value for name, value in signed().items()}
    assert shopify.verify_webhook(lower, BODY).topic == "orders/create"


def test_delivery_without_an_id_is_known_by_its_bytes(shopify):
    headers = signed()
    del headers["X-Shopify-Webhook-Id"]
    head = shopify.verify_webhook(headers, BODY)
    assert head.delivery_id == hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(secret="guess"),
        signed(body=b'{"id": 2}'),
        {**signed(), "X-Shopify-Hmac-Sha256": ""},
        {**signed(), "X-Shopify-Hmac-Sha256": "é" * 44},
        {**signed(), "X-Shopify-Shop-Domain": "other.myshopify.com"},
        {**signed(), "X-Shopify-Shop-Domain": ""},
    ],
)
def test_delivery_that_is_not_ours_is_refused(shopify, headers):
    with pytest.raises(BadSignature):
        shopify.verify_webhook(headers, BODY)


def test_f40_old_and_new_secret_are_both_good():
    both = connector(webhook_secret="new", webhook_secret_previous="old")
    for secret in ("new", "old"):
        assert both.verify_webhook(signed(secret=secret), BODY)


def test_app_credentials_sign_deliveries_too():
    app = connector(client_id="c", client_secret="app-secret")
    assert app.verify_webhook(signed(secret="app-secret"), BODY)


def test_connection_without_any_secret_takes_nothing():
    with pytest.raises(BadSignature):
        connector().verify_webhook(signed(secret=""), BODY)


def test_events_headers_without_x_are_read(shopify):
    kept = ("Topic", "Hmac-Sha256", "Webhook-Id")
    headers = {f"shopify-{n.lower()}": signed()[f"X-Shopify-{n}"] for n in kept}
    assert shopify.verify_webhook(headers, BODY).delivery_id == "w-1"


def test_order_sample_is_read_by_its_global_id(shopify):
    found = shopify.read_webhook(
        "orders/create", sample("shopify-webhook-orders-create")
    )
    assert found.entity == "order"
    assert found.key == "820982911946154508"
    assert found.label == "#9999"
    assert found.party == "John Smith"
    assert found.email == "jon@example.com"
    assert found.amount == Decimal("404.95")
    assert found.currency == "USD"
    assert found.changed_at == datetime(2022, 1, 1, tzinfo=UTC)
    assert found.skus[0] == "SKU2006-001"


def test_customer_inside_an_order_may_have_no_dates(shopify):
    found = shopify.source_object("customer", order()["customer"])
    assert found.key == "115310627314723954"
    assert found.changed_at is None
    assert found.label == "John Smith"


def test_customer_sample_is_read(shopify):
    body = sample("shopify-webhook-customers-create")
    found = shopify.read_webhook("customers/create", body)
    assert found.key == "706405506930370084"
    assert found.email == "bob@biller.com"


def test_wrapped_rest_order_is_unwrapped(shopify):
    body = sample("shopify-rest-order-refunded-discounted")
    assert shopify.read_webhook("orders/updated", body).label == "#1001"


def test_other_topics_are_named(shopify):
    with pytest.raises(TopicUnsupported, match="themes/publish"):
        shopify.read_webhook("themes/publish", b"{}")


GID = b'"admin_graphql_api_id": "gid://shopify/Order/1"'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no proper JSON"),
        (b"not json", "no proper JSON"),
        (b'{"total_price": NaN}', "no proper JSON"),
        (b'{"id": 1, "id": 2}', "'id' appears twice"),
        (b"[1]", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply|no proper JSON"),
        (b"{}", "Order id"),
        (b'{"admin_graphql_api_id": "gid://shopify/Customer/1"}', "Order id"),
        (b'{"admin_graphql_api_id": 7}', "Order id"),
        (b'{"id": true}', "Order id"),
        (b"{" + GID + b', "updated_at": "yesterday"}', "updated_at"),
        (b"{" + GID + b', "updated_at": 5}', "updated_at"),
        (b"{" + GID + b', "total_price": "a lot"}', "total_price"),
        (b"{" + GID + b', "total_price": "NaN"}', "total_price"),
        (b"{" + GID + b', "total_price": 1e400}', "out of all bounds"),
        (b"{" + GID + b', "line_items": {}}', "line_items"),
        (b"{" + GID + b', "line_items": [1]}', "line_items"),
    ],
)
def test_f61_poison_is_named_and_never_a_crash(shopify, body, words):
    with pytest.raises(UnreadablePayload, match=words):
        shopify.read_webhook("orders/create", body)


def test_f61_half_characters_and_nul_do_not_reach_columns(shopify):
    body = b"{" + GID + b', "name": "#1\\u0000\\ud800", "customer": {"first_name": 5}}'
    found = shopify.read_webhook("orders/create", body)
    found.label.encode()
    assert "\x00" not in found.label
    assert found.party == "5"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
    ),
    max_leaves=8,
)
NAMES = ("id", "name", "updated_at", "total_price", "customer", "line_items", "email")


# Drawing deep JSON is slow on a busy machine, which is no fault of the reader.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)))
def test_f61_any_json_is_read_or_named_unreadable(payload):
    payload["admin_graphql_api_id"] = "gid://shopify/Order/1"
    try:
        found = described.order(payload)
    except UnreadablePayload:
        return
    assert found.key == "1"
