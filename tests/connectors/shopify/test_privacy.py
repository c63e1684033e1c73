"""What the three compliance webhooks ask, and what is no demand at all."""

import json

import pytest

from integrations.connectors.errors import TopicUnsupported, UnreadablePayload
from integrations.connectors.privacy import Wish
from integrations.connectors.shopify import privacy
from tests.connectors.shopify.conftest import SHOP

CUSTOMER = {"id": 191167, "email": "john@example.com", "phone": "555-625-1199"}
HEAD = {"shop_id": 954889, "shop_domain": SHOP}


def read(topic, **body):
    return privacy.read(topic, json.dumps({**HEAD, **body}).encode(), SHOP)


def test_the_documented_data_request_is_read():
    found = read(
        "customers/data_request",
        orders_requested=[299938, 280263, 220458],
        customer=CUSTOMER,
        data_request={"id": 9999},
    )
    assert (found.wish, found.number, found.customer) == (Wish.DATA, "9999", "191167")
    assert found.email == "john@example.com"
    assert found.orders == ("299938", "280263", "220458")


def test_the_documented_erasure_of_a_customer_is_read():
    found = read(
        "customers/redact", customer=CUSTOMER, orders_to_redact=[299938, 299938]
    )
    assert (found.wish, found.number) == (Wish.CUSTOMER, "")
    assert found.orders == ("299938",)
    assert set(found.words) == {
        'gid://shopify/Customer/191167"',
        "john@example.com",
        "555-625-1199",
    }


def test_the_erasure_of_a_shop_names_nobody():
    found = read("shop/redact")
    assert (found.wish, found.customer, found.words) == (Wish.SHOP, "", ())


def test_a_customer_without_address_is_known_by_the_id_alone():
    found = read("customers/redact", customer={"id": "7", "email": None, "phone": None})
    assert (found.email, found.orders) == ("", ())
    assert found.words == ('gid://shopify/Customer/7"',)


@pytest.mark.parametrize("email", ["@", "a", "a@b", "  ", "x y@example.com", "@b.com"])
def test_what_is_a_piece_of_many_addresses_names_nobody(email):
    found = read("customers/redact", customer={"id": 7, "email": email, "phone": "12"})
    assert found.email == "" and len(found.words) == 1


@pytest.mark.parametrize("shop", ["other-shop.myshopify.com", "", None])
def test_a_signed_demand_about_another_shop_is_not_ours(shop):
    with pytest.raises(UnreadablePayload, match="nothing of it is erased"):
        read("shop/redact", shop_domain=shop)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"customer": None},
        {"customer": []},
        {"customer": {"id": None}},
        {"customer": {"id": True}},
        {"customer": {"id": "gid"}},
        {"customer": {"id": 7}, "orders_to_redact": "all"},
        {"customer": {"id": 7}, "orders_to_redact": [{}]},
    ],
)
def test_a_demand_that_names_nobody_is_unreadable(body):
    with pytest.raises(UnreadablePayload):
        read("customers/redact", **body)


def test_other_topics_demand_nothing():
    with pytest.raises(TopicUnsupported):
        read("orders/create")


def test_the_connector_reads_demands_of_its_own_shop(shopify):
    assert set(shopify.privacy_topics) == set(privacy.TOPICS)
    body = json.dumps(HEAD).encode()
    assert shopify.read_demand("shop/redact", body).wish == Wish.SHOP
