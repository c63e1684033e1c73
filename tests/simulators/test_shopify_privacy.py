import json

import pytest
import requests

from tests.simulators.shopify_shop import HOOK, Shop


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.simulator.set_privacy_address(HOOK)
    return shop


def last(shop):
    shop.simulator.deliver_due()
    _, body, headers = shop.receiver.got[-1]
    return headers["X-Shopify-Topic"], json.loads(body)


def test_a_data_request_names_customer_orders_and_its_own_number(shop):
    order = shop.place(email="jane@example.com")
    shop.simulator.request_data("jane@example.com")
    topic, body = last(shop)
    assert topic == "customers/data_request"
    assert body["customer"]["email"] == "jane@example.com"
    assert body["orders_requested"] == [order["id"]]
    assert body["shop_domain"] == shop.simulator.store.shop
    first = body["data_request"]["id"]
    shop.simulator.request_data(order["customer"]["id"])
    assert last(shop)[1]["data_request"]["id"] == first + 1


def test_erasures_of_a_customer_and_of_a_shop(shop):
    order = shop.place(email="jane@example.com")
    shop.simulator.redact_customer("jane@example.com")
    topic, body = last(shop)
    assert (topic, body["orders_to_redact"]) == ("customers/redact", [order["id"]])
    shop.simulator.redact_shop()
    topic, body = last(shop)
    assert (topic, set(body)) == ("shop/redact", {"shop_id", "shop_domain"})


def test_addresses_of_the_settings_are_shown_to_no_api_and_never_removed(shop):
    shop.receiver.answers = [500] * 9
    shop.simulator.redact_shop()
    for _ in range(9):
        shop.simulator.deliver_due()
        shop.clock.tick(hours=4)
    query = "{ webhookSubscriptions(first: 50) { nodes { topic } } }"
    assert shop.data(query)["webhookSubscriptions"]["nodes"] == []
    assert len(shop.simulator.webhooks.of_settings) == 3
    shop.simulator.set_privacy_address("")
    assert shop.simulator.webhooks.of_settings == []


def test_what_nobody_knows_is_refused(shop):
    with pytest.raises(KeyError):
        shop.simulator.redact_customer("nobody@example.com")
    with pytest.raises(ValueError, match="a demand is one of"):
        shop.simulator.demand("orders/create")


def test_a_script_sends_one(shop):
    shop.place(email="jane@example.com")
    asked = {"topic": "customers/redact", "customer": "jane@example.com"}
    url = f"{shop.url}/_simulator/privacy"
    answer: requests.Response = shop.session.post(url, json=asked)
    assert answer.status_code == 200 and last(shop)[0] == "customers/redact"
    assert shop.session.post(url, json={"topic": "x"}).status_code == 400
    assert shop.session.post(url, json={"what": "x"}).status_code == 400
