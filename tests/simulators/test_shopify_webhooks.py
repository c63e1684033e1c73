import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta

import pytest
import requests

from tests.simulators.shopify_shop import HOOK, Shop


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.simulator.subscribe("orders/create", HOOK)
    return shop


def signature(secret, body):
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def fail(shop, times):
    shop.receiver.answers = [500] * times


def run_out_the_clock(shop, tries=12):
    for _ in range(tries):
        shop.simulator.deliver_due()
        due = shop.simulator.webhooks.next_due_at()
        if due is None:
            return
        shop.clock.at = due


def test_delivery_carries_all_headers_and_the_body(shop):
    order = shop.place()
    assert shop.simulator.deliver_due() == 1
    url, body, headers = shop.receiver.got[0]
    assert url == HOOK
    assert json.loads(body) == order
    assert headers["X-Shopify-Topic"] == "orders/create"
    assert headers["X-Shopify-Shop-Domain"] == "waybill-demo.myshopify.com"
    assert headers["X-Shopify-API-Version"] == "2026-10"
    assert headers["X-Shopify-Triggered-At"] == "2026-11-20T15:00:00.000000000Z"
    assert headers["X-Shopify-Webhook-Id"]
    assert headers["X-Shopify-Event-Id"]
    assert headers["Content-Type"] == "application/json"


def test_signature_covers_the_raw_body(shop):
    shop.place(note="Grüße")
    shop.simulator.deliver_due()
    _, body, headers = shop.receiver.got[0]
    assert headers["X-Shopify-Hmac-Sha256"] == signature("shpss_first", body)


def test_oldest_standing_secret_goes_on_signing_after_rotation(shop):
    shop.simulator.rotate_secret("shpss_second")
    shop.place(1001)
    shop.simulator.deliver_due()
    shop.simulator.revoke_secret("shpss_first")
    shop.place(1002)
    shop.simulator.deliver_due()
    for secret, (_, body, headers) in zip(
        ("shpss_first", "shpss_second"), shop.receiver.got, strict=True
    ):
        assert headers["X-Shopify-Hmac-Sha256"] == signature(secret, body)


def test_one_act_has_one_event_id_and_many_webhook_ids(shop):
    for topic in ("customers/create", "orders/paid"):
        shop.simulator.subscribe(topic, HOOK)
    shop.place()
    shop.simulator.deliver_due()
    headers = [h for _, _, h in shop.receiver.got]
    assert shop.receiver.topics() == [
        "customers/create",
        "orders/create",
        "orders/paid",
    ]
    assert len({h["X-Shopify-Event-Id"] for h in headers}) == 1
    assert len({h["X-Shopify-Webhook-Id"] for h in headers}) == 3


def test_failed_delivery_is_tried_eight_times_more_over_four_hours(shop):
    fail(shop, 20)
    begun = shop.clock()
    shop.place()
    run_out_the_clock(shop)
    delivery = shop.simulator.webhooks.log[0]
    assert delivery.tries == 9
    assert delivery.status == "failed"
    assert abs(shop.clock() - begun - timedelta(hours=4)) < timedelta(seconds=1)


def test_pauses_between_retries_grow(shop):
    fail(shop, 20)
    shop.place()
    moments = []
    for _ in range(9):
        moments.append(shop.clock())
        shop.simulator.deliver_due()
        shop.clock.at = shop.simulator.webhooks.next_due_at() or shop.clock.at
    pauses = [b - a for a, b in zip(moments, moments[1:], strict=False)]
    assert len(pauses) == 8
    assert all(
        abs(later - 2 * earlier) < timedelta(seconds=1)
        for earlier, later in zip(pauses, pauses[1:], strict=False)
    )


def test_time_scale_presses_the_retries():
    shop = Shop(time_scale=3600)
    shop.simulator.subscribe("orders/create", HOOK)
    fail(shop, 20)
    begun = shop.clock()
    shop.place()
    run_out_the_clock(shop)
    assert abs(shop.clock() - begun - timedelta(seconds=4)) < timedelta(seconds=0.1)


@pytest.mark.parametrize(
    "answer", [301, 302, 404, 500, requests.ConnectTimeout("slow"), OSError("gone")]
)
def test_anything_but_2xx_is_a_failure(shop, answer):
    shop.receiver.answers = [answer]
    shop.place()
    shop.simulator.deliver_due()
    assert shop.simulator.webhooks.log[0].status == "due"
    run_out_the_clock(shop)
    assert shop.simulator.webhooks.log[0].status == "delivered"
    assert shop.simulator.webhooks.log[0].tries == 2


def test_retry_carries_the_payload_of_the_first_try(shop):
    fail(shop, 1)
    shop.place(1001)
    shop.simulator.deliver_due()
    shop.simulator.update_order(1001, note="changed since")
    run_out_the_clock(shop)
    (_, first, _), (_, second, _) = shop.receiver.got
    assert first == second


def test_subscription_is_dropped_silently_when_all_retries_failed(shop):
    fail(shop, 20)
    shop.place()
    run_out_the_clock(shop)
    assert shop.simulator.webhooks.subscriptions == []
    shop.place(1002)
    assert shop.simulator.deliver_due() == 0


def test_subscription_that_works_in_between_is_kept(shop):
    shop.receiver.answers = [500, 200, *[500] * 20]
    shop.place(1001)
    shop.simulator.deliver_due()
    shop.place(1002)
    run_out_the_clock(shop)
    log = shop.simulator.webhooks.log
    assert [x.status for x in log] == ["failed", "delivered"]
    assert len(shop.simulator.webhooks.subscriptions) == 1


def test_duplicate_comes_under_the_same_ids(shop):
    shop.simulator.webhooks.duplicate(2)
    shop.place()
    shop.simulator.deliver_due()
    ids = {h["X-Shopify-Webhook-Id"] for _, _, h in shop.receiver.got}
    assert len(shop.receiver.got) == 3
    assert len(ids) == 1


def test_lost_delivery_never_comes_and_stands_in_the_log(shop):
    shop.simulator.webhooks.lose_next()
    shop.place(1001)
    shop.place(1002)
    shop.simulator.deliver_due()
    assert [json.loads(b)["name"] for _, b, _ in shop.receiver.got] == ["#1002"]
    assert [x.status for x in shop.simulator.webhooks.log] == ["lost", "delivered"]


def test_update_may_overtake_the_creation(shop):
    shop.simulator.subscribe("orders/updated", HOOK)
    shop.simulator.webhooks.reorder()
    shop.place()
    assert shop.simulator.deliver_due() == 0
    shop.clock.tick(seconds=5)
    shop.simulator.update_order(1001, note="ring")
    shop.simulator.deliver_due()
    assert shop.receiver.topics() == ["orders/updated", "orders/create"]


def test_payload_without_private_data(shop):
    shop.simulator.webhooks.hides_private_data = True
    order = shop.place(email="secret.person@example.com")
    shop.simulator.deliver_due()
    body = json.loads(shop.receiver.got[0][1])
    assert b"secret.person" not in shop.receiver.got[0][1]
    assert body["customer"]["id"] == order["customer"]["id"]
    assert body["total_price"] == order["total_price"]


def test_old_version_still_has_a_checkout_id(shop):
    shop.simulator.subscribe("orders/create", f"{HOOK}/old", version="2026-01")
    shop.place()
    shop.simulator.deliver_due()
    new, old = (json.loads(body) for _, body, _ in shop.receiver.got)
    assert "checkout_id" in old
    assert "checkout_id" not in new


def test_retired_version_falls_forward_in_deliveries(shop):
    shop.simulator.subscribe("orders/updated", HOOK, version="2026-01")
    shop.simulator.versions.remove("2026-01")
    shop.place()
    shop.simulator.update_order(1001, note="x")
    shop.simulator.deliver_due()
    assert shop.receiver.got[-1][2]["X-Shopify-API-Version"] == "2026-04"


def test_cancelling_fires_two_topics_and_gives_stock_back(shop):
    shop.simulator.add_product("BAG", "Bag", "20.00", stock=10)
    for topic in ("orders/updated", "orders/cancelled"):
        shop.simulator.subscribe(topic, HOOK)
    shop.place(1001, [("BAG", "Bag", "20.00", 4)])
    assert shop.simulator.available("BAG") == 6
    shop.simulator.cancel_order("#1001")
    shop.simulator.deliver_due()
    assert shop.receiver.topics()[1:] == ["orders/updated", "orders/cancelled"]
    assert shop.simulator.available("BAG") == 10


def test_editing_fires_a_bare_difference_and_the_whole_order(shop):
    for topic in ("orders/updated", "orders/edited"):
        shop.simulator.subscribe(topic, HOOK)
    shop.place(1001, [("BAG", "Bag", "20.00", 4)], shipping=[])
    shop.simulator.edit_order(1001, {"BAG": 1})
    shop.simulator.deliver_due()
    updated, edited = (json.loads(body) for _, body, _ in shop.receiver.got[1:])
    assert updated["total_price"] == "80.00"
    assert updated["current_total_price"] == "20.00"
    removal = {"id": updated["line_items"][0]["id"], "delta": 3}
    assert edited["order_edit"]["line_items"] == {
        "additions": [],
        "removals": [removal],
    }


def test_customers_fire_their_own_topics(shop):
    for topic in ("customers/create", "customers/update"):
        shop.simulator.subscribe(topic, HOOK)
    shop.simulator.create_customer("ada@example.com", first_name="Ada")
    shop.clock.tick(minutes=1)
    shop.simulator.update_customer("ada@example.com", last_name="King")
    shop.simulator.deliver_due()
    made, changed = (json.loads(body) for _, body, _ in shop.receiver.got)
    assert shop.receiver.topics() == ["customers/create", "customers/update"]
    assert changed["last_name"] == "King"
    assert changed["updated_at"] > made["updated_at"]


def test_same_order_cannot_be_placed_twice(shop):
    shop.place(1001)
    with pytest.raises(ValueError, match="#1001 stands already"):
        shop.place(1001)


def test_served_simulator_delivers_by_itself(shop):
    arrived = threading.Event()
    shop.simulator.post = lambda url, body, headers: arrived.set() or 200
    shop.simulator.start()
    try:
        shop.place()
        assert arrived.wait(5)
    finally:
        shop.simulator.stop()
    assert shop.simulator.webhooks.log[0].status == "delivered"


def test_real_posting_does_not_follow_redirects(monkeypatch, shop):
    seen = {}

    class Answer:
        status_code = 302

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    def post(url, **options):
        seen.update(options, url=url)
        return Answer()

    monkeypatch.setattr(requests, "post", post)
    real = Shop().simulator
    real.webhooks.post = type(real)().webhooks.post
    assert real.post(HOOK, b"{}", {}) == 302
    assert seen["allow_redirects"] is False
    assert seen["timeout"] == (1.0, 5.0)
