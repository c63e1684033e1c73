import pytest

from tests.simulators.shopify_shop import HOOK, Shop

CREATE = """
mutation Watch($topic: WebhookSubscriptionTopic!, $wanted: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $wanted) {
    webhookSubscription { id topic uri apiVersion { handle } }
    userErrors { field message }
  }
}
"""
LIST = "{ webhookSubscriptions(first: 10) { nodes { id topic uri } } }"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def watch(shop, topic="ORDERS_CREATE", uri=HOOK, **more):
    wanted = {"uri": uri, **more.pop("wanted", {})}
    answer = shop.data(CREATE, {"topic": topic, "wanted": wanted}, **more)
    return answer["webhookSubscriptionCreate"]


def test_subscription_is_made_in_the_version_of_the_request(shop):
    made = watch(shop, version="2026-07")["webhookSubscription"]
    assert made["topic"] == "ORDERS_CREATE"
    assert made["apiVersion"] == {"handle": "2026-07"}
    shop.place()
    shop.simulator.deliver_due()
    assert shop.receiver.got[0][2]["X-Shopify-API-Version"] == "2026-07"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "Address can't be blank"),
        ("http://a.example/", "Address protocol http:// is not supported"),
        ("ftp://a.example/", "Address is invalid"),
    ],
)
def test_bad_address_is_a_user_error_without_code(shop, uri, message):
    answer = watch(shop, uri=uri)
    assert answer["webhookSubscription"] is None
    assert answer["userErrors"] == [
        {"field": ["webhookSubscription", "uri"], "message": message}
    ]


def test_same_address_for_a_topic_is_taken(shop):
    watch(shop)
    answer = watch(shop)
    assert answer["userErrors"][0]["message"] == (
        "Address for this topic has already been taken"
    )
    assert watch(shop, topic="ORDERS_UPDATED")["userErrors"] == []


def test_unknown_topic_is_an_invalid_variable(shop):
    error = shop.errors(CREATE, {"topic": "PAYOUTS_PAID", "wanted": {"uri": HOOK}})[0]
    assert error["extensions"]["code"] == "INVALID_VARIABLE"


def test_topic_needs_the_scope_of_its_data(shop):
    shop.simulator.add_token("shpat_narrow", ["read_products"])
    answer = watch(shop, token="shpat_narrow")
    assert "do not have permission" in answer["userErrors"][0]["message"]


def test_plain_http_can_be_allowed_for_a_demo_on_one_machine(shop):
    shop.simulator.allows_http_webhooks = True
    assert watch(shop, uri="http://127.0.0.1:8000/hooks/")["userErrors"] == []


def test_list_shows_only_the_apps_own_subscriptions(shop):
    other = shop.simulator.add_app("other", "secret", ["read_orders"])
    shop.simulator.subscribe("orders/create", "https://other.example/", app=other)
    watch(shop)
    nodes = shop.data(LIST)["webhookSubscriptions"]["nodes"]
    assert [x["uri"] for x in nodes] == [HOOK]


def test_each_app_signs_with_its_own_secret(shop):
    other = shop.simulator.add_app("other", "secret", ["read_orders"])
    shop.simulator.subscribe("orders/create", "https://other.example/", app=other)
    watch(shop)
    shop.place()
    shop.simulator.deliver_due()
    signed = {h["X-Shopify-Hmac-Sha256"] for _, _, h in shop.receiver.got}
    assert len(signed) == 2


def test_deleted_subscription_gets_nothing_more(shop):
    made = watch(shop)["webhookSubscription"]["id"]
    delete = """mutation Drop($id: ID!) { webhookSubscriptionDelete(id: $id) {
      deletedWebhookSubscriptionId userErrors { field message } } }"""
    first = shop.data(delete, {"id": made})["webhookSubscriptionDelete"]
    second = shop.data(delete, {"id": made})["webhookSubscriptionDelete"]
    assert first == {"deletedWebhookSubscriptionId": made, "userErrors": []}
    assert second["userErrors"][0]["message"] == "Webhook subscription does not exist"
    shop.place()
    assert shop.simulator.deliver_due() == 0


def test_moved_subscription_delivers_to_the_new_address(shop):
    made = watch(shop)["webhookSubscription"]["id"]
    move = """mutation Move($id: ID!, $wanted: WebhookSubscriptionInput!) {
      webhookSubscriptionUpdate(id: $id, webhookSubscription: $wanted) {
        webhookSubscription { uri } userErrors { message } } }"""
    new = f"{HOOK}-new"
    assert shop.data(move, {"id": made, "wanted": {"uri": new}})
    shop.place()
    shop.simulator.deliver_due()
    assert shop.receiver.got[0][0] == new


def test_named_subscription_with_chosen_fields(shop):
    watch(shop, wanted={"name": "erp", "includeFields": ["id", "updated_at"]})
    shop.place()
    shop.simulator.deliver_due()
    _, body, headers = shop.receiver.got[0]
    assert headers["X-Shopify-Name"] == "erp"
    assert body.startswith(b'{"id":')
    assert b"email" not in body
