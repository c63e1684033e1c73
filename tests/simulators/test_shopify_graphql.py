import pytest

from tests.simulators.shopify_shop import Shop

SHOP = "{ shop { name } }"
WIDE = "{ orders(first: 250) { nodes { lineItems(first: 10) { nodes { id } } } } }"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def cost(answer):
    return answer.json()["extensions"]["cost"]


@pytest.mark.parametrize("version", ["2026-01", "2026-04", "2026-07", "2026-10"])
def test_standing_version_answers_under_its_own_name(shop, version):
    answer = shop.ask(SHOP, version=version)
    assert answer.headers["X-Shopify-API-Version"] == version
    assert answer.headers["X-Request-Id"]


def test_old_version_falls_forward_to_the_oldest_standing_one(shop):
    answer = shop.ask(SHOP, version="2025-10")
    assert answer.status_code == 200
    assert answer.headers["X-Shopify-API-Version"] == "2026-01"


def test_pinned_version_falls_forward_once_it_is_retired(shop):
    shop.simulator.versions.remove("2026-01")
    answer = shop.ask(SHOP, version="2026-01")
    assert answer.headers["X-Shopify-API-Version"] == "2026-04"


@pytest.mark.parametrize("version", ["2027-04", "latest"])
def test_version_that_never_was_is_not_found(shop, version):
    assert shop.ask(SHOP, version=version).status_code == 404


def test_shop_describes_itself(shop):
    found = shop.data(
        "{ shop { id name myshopifyDomain currencyCode ianaTimezone "
        "plan { displayName } } }"
    )["shop"]
    assert found["id"].startswith("gid://shopify/Shop/")
    assert found["myshopifyDomain"] == "waybill-demo.myshopify.com"
    assert found["currencyCode"] == "USD"
    assert found["ianaTimezone"] == "America/New_York"


def test_code_on_a_plain_user_error_is_a_validation_error(shop):
    error = shop.errors(
        "mutation Watch { webhookSubscriptionDelete(id: 1) { userErrors { code } } }"
    )[0]
    assert error["message"] == "Field 'code' doesn't exist on type 'UserError'"
    assert error["extensions"] == {
        "code": "undefinedField",
        "typeName": "UserError",
        "fieldName": "code",
    }
    assert error["path"] == [
        "mutation Watch",
        "webhookSubscriptionDelete",
        "userErrors",
        "code",
    ]


def test_unknown_argument_is_named(shop):
    error = shop.errors("{ orders(first: 1, page: 2) { nodes { id } } }")[0]
    assert error["message"] == "Field 'orders' doesn't accept argument 'page'"
    assert error["extensions"]["code"] == "argumentNotAccepted"


def test_unreadable_query_is_answered_in_a_200(shop):
    assert "Syntax Error" in shop.errors("{ shop {")[0]["message"]


def test_missing_query_is_a_bad_request(shop):
    answer = shop.session.post(
        f"{shop.url}/admin/api/2026-10/graphql.json",
        data=b"not json",
        headers={"X-Shopify-Access-Token": "shpat_permanent"},
    )
    assert answer.status_code == 400
    assert answer.json()["errors"]["query"] == "Required parameter missing or invalid"


def test_variable_of_wrong_type_lists_its_problems(shop):
    error = shop.errors(
        "query Q($n: Int!, $id: ID!) { order(id: $id) { id } "
        "orders(first: $n) { nodes { id } } }",
        {"n": "many"},
    )
    assert [e["extensions"]["code"] for e in error] == ["INVALID_VARIABLE"] * 2
    assert error[0]["extensions"]["problems"][0]["path"] == []
    assert error[1]["extensions"]["problems"] == [
        {"path": [], "explanation": "Expected value to not be null"}
    ]


def test_unused_points_are_given_back(shop):
    answer = shop.ask("{ orders(first: 100) { nodes { customer { id } } } }")
    assert cost(answer) == {
        "requestedQueryCost": 202,
        "actualQueryCost": 2,
        "throttleStatus": {
            "maximumAvailable": 2000.0,
            "currentlyAvailable": 1998,
            "restoreRate": 100.0,
        },
    }


def test_mutation_costs_ten_points(shop):
    answer = shop.ask(
        "mutation { webhookSubscriptionDelete(id: 1) { userErrors { message } } }"
    )
    assert cost(answer)["requestedQueryCost"] == 10
    assert cost(answer)["actualQueryCost"] == 10


def test_fragments_and_variables_count_like_what_they_stand_for(shop):
    answer = shop.ask(
        "query Q($n: Int = 5) { orders(first: $n) { ...page } } "
        "fragment page on OrderConnection { edges { node { ... on Order "
        "{ totalPriceSet { shopMoney { amount } } } } } pageInfo { hasNextPage } }",
    )
    assert cost(answer)["requestedQueryCost"] == 2 + 5 * (1 + 2)


def test_too_costly_query_is_refused_before_running(shop):
    error = shop.errors(WIDE)[0]
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert error["message"].startswith(
        "Query cost is 3252, which exceeds the single query max cost limit (1000)"
    )
    assert cost(shop.ask(SHOP))["throttleStatus"]["currentlyAvailable"] == 1999


def test_empty_bucket_throttles_in_a_200_and_fills_again(shop):
    shop.simulator.api.bucket(shop.simulator.access.standard_app()).level = 50
    query = "{ orders(first: 100) { nodes { id } } }"
    body = shop.ask(query).json()
    assert body["errors"][0]["message"] == "Throttled"
    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert body["extensions"]["cost"]["actualQueryCost"] is None
    assert body["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 50
    shop.clock.tick(seconds=0.52)
    assert "errors" not in shop.ask(query).json()


def test_throttling_may_come_as_429_with_retry_after(shop):
    shop.simulator.api.throttles_with_429 = True
    shop.simulator.api.bucket(shop.simulator.access.standard_app()).level = 0
    answer = shop.ask("{ orders(first: 148) { nodes { id } } }")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "2.0"


def test_each_app_has_a_bucket_of_its_own(shop):
    other = shop.simulator.add_app("other", "secret", ["read_orders"])
    shop.simulator.add_token("shpat_other", ["read_orders"], other)
    shop.simulator.api.bucket(shop.simulator.access.apps["client"]).level = 0
    assert shop.errors(SHOP)[0]["extensions"]["code"] == "THROTTLED"
    assert shop.data(SHOP, token="shpat_other")


def test_forced_internal_error_carries_the_request_id(shop):
    shop.simulator.fail_as("INTERNAL_SERVER_ERROR")
    answer = shop.ask(SHOP)
    error = answer.json()["errors"][0]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["requestId"] == answer.headers["X-Request-Id"]
    assert "data" not in answer.json()
    assert shop.data(SHOP)


def test_random_internal_errors_last_until_they_are_cleared(shop):
    shop.simulator.fail_as("INTERNAL_SERVER_ERROR", share=0.5)
    failed = sum("errors" in shop.ask(SHOP).json() for _ in range(40))
    assert 8 < failed < 32
    shop.simulator.clear_faults()
    assert shop.data(SHOP)


def test_error_after_the_fact_leaves_the_effect_standing(shop):
    shop.simulator.fail_as("INTERNAL_SERVER_ERROR", after=True)
    assert shop.errors(
        "mutation { webhookSubscriptionCreate(topic: ORDERS_CREATE, "
        'webhookSubscription: {uri: "https://a.example/"}) { userErrors { message } } }'
    )
    assert len(shop.simulator.webhooks.subscriptions) == 1


def test_http_faults_spare_the_control_pages(shop):
    shop.simulator.fail_next(503, retry_after=3)
    assert shop.session.get(f"{shop.url}/_simulator/state").status_code == 200
    answer = shop.ask(SHOP)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "3"
