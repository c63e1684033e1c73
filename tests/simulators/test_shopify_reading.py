from datetime import timedelta

import pytest

from tests.simulators.shopify_shop import Shop

CHANGED = """
query Changed($after: String, $search: String) {
  orders(first: 2, after: $after, query: $search, sortKey: UPDATED_AT) {
    nodes { name updatedAt }
    pageInfo { hasNextPage endCursor }
  }
}
"""


@pytest.fixture
def shop() -> Shop:
    return Shop()


def names(found):
    return [order["name"] for order in found["orders"]["nodes"]]


def place_each_minute(shop, count):
    for number in range(1001, 1001 + count):
        shop.place(number)
        shop.clock.tick(minutes=1)


def test_pages_follow_one_another_until_the_last(shop):
    place_each_minute(shop, 5)
    seen, after = [], None
    for _ in range(3):
        found = shop.data(CHANGED, {"after": after})
        seen += names(found)
        after = found["orders"]["pageInfo"]["endCursor"]
    assert seen == ["#1001", "#1002", "#1003", "#1004", "#1005"]
    assert found["orders"]["pageInfo"]["hasNextPage"] is False


def test_order_changed_while_paging_moves_to_the_end(shop):
    place_each_minute(shop, 4)
    first = shop.data(CHANGED)
    shop.simulator.update_order("#1001", note="hurry")
    after = first["orders"]["pageInfo"]["endCursor"]
    second = shop.data(CHANGED, {"after": after})
    third = shop.data(CHANGED, {"after": second["orders"]["pageInfo"]["endCursor"]})
    assert names(second) + names(third) == ["#1003", "#1004", "#1001"]


def test_orders_are_found_by_time_of_change(shop):
    place_each_minute(shop, 3)
    found = shop.data(CHANGED, {"search": "updated_at:>='2026-11-20T15:01:00Z'"})
    assert names(found) == ["#1002", "#1003"]
    assert found["orders"]["nodes"][0]["updatedAt"] == "2026-11-20T15:01:00Z"


def test_orders_of_one_second_are_told_apart_by_id(shop):
    for number in (1003, 1001, 1002):
        shop.place(number)
    first = shop.data(CHANGED)
    rest = shop.data(CHANGED, {"after": first["orders"]["pageInfo"]["endCursor"]})
    assert names(first) + names(rest) == ["#1001", "#1002", "#1003"]


def test_unknown_filter_is_ignored_with_a_warning(shop):
    shop.place()
    body = shop.ask(CHANGED, {"search": "colour:red"}).json()
    assert len(body["data"]["orders"]["nodes"]) == 1
    warning = body["extensions"]["search"][0]["warnings"][0]
    assert warning["field"] == "colour"


@pytest.mark.parametrize("arguments", ["", "(first: 251)", '(first: 1, after: "x")'])
def test_page_out_of_range_is_a_bad_request(shop, arguments):
    error = shop.errors(f"{{ orders{arguments} {{ nodes {{ id }} }} }}")[0]
    assert error["extensions"]["code"] == "BAD_REQUEST"


def test_old_orders_need_a_scope_of_their_own(shop):
    shop.place(1001, created_at=shop.clock() - timedelta(days=61))
    shop.place(1002, created_at=shop.clock() - timedelta(days=59))
    query = "{ orders(first: 5) { nodes { name } } }"
    assert names(shop.data(query)) == ["#1002"]
    shop.simulator.add_token("shpat_all", ["read_orders", "read_all_orders"])
    assert names(shop.data(query, token="shpat_all")) == ["#1001", "#1002"]


def test_orders_are_counted(shop):
    place_each_minute(shop, 3)
    query = '{ ordersCount(query: "updated_at:>2026-11-20T15:00:00Z") { count } }'
    assert shop.data(query)["ordersCount"]["count"] == 2


def test_order_shows_money_without_trailing_noughts(shop):
    order = shop.place(1001, [("A", "Bag", "20.00", 1)], shipping=[])
    found = shop.data(
        "query Q($id: ID!) { order(id: $id) { totalPriceSet "
        "{ shopMoney { amount currencyCode } } createdAt } }",
        {"id": order["admin_graphql_api_id"]},
    )["order"]
    assert order["total_price"] == "20.00"
    assert found["totalPriceSet"]["shopMoney"] == {
        "amount": "20.0",
        "currencyCode": "USD",
    }
    assert order["created_at"] == "2026-11-20T10:00:00-05:00"
    assert found["createdAt"] == "2026-11-20T15:00:00Z"


def test_order_shows_lines_discounts_terms_and_buyer(shop):
    shop.simulator.add_product("A", "Bag", "20.00", stock=5)
    order = shop.place(
        1001,
        [("A", "Bag", "20.00", 2)],
        order_discount="5.00",
        company=True,
        payment_terms=30,
        shipping_discount="5.00",
    )
    found = shop.data(
        """query Q($id: ID!) { order(id: $id) {
          displayFinancialStatus discountCodes
          purchasingEntity { ... on PurchasingCompany { company { id } } }
          paymentTerms { dueInDays }
          shippingLines(first: 3) { nodes { discountedPriceSet {
            shopMoney { amount } } } }
          discountApplications(first: 5) { nodes {
            ... on DiscountCodeApplication { code }
            value { ... on PricingPercentageValue { percentage } } } }
          lineItems(first: 5) { nodes { sku quantity variant { sku }
            discountAllocations { allocatedAmountSet { shopMoney { amount } } } } }
        } }""",
        {"id": order["admin_graphql_api_id"]},
    )["order"]
    line = found["lineItems"]["nodes"][0]
    allocated = line["discountAllocations"][0]["allocatedAmountSet"]["shopMoney"]
    assert found["displayFinancialStatus"] == "PENDING"
    assert found["discountCodes"] == ["WELCOME", "FREESHIP"]
    assert found["purchasingEntity"]["company"]["id"].startswith("gid://shopify/Comp")
    assert found["paymentTerms"] == {"dueInDays": 30}
    assert found["discountApplications"]["nodes"][1]["value"] == {"percentage": 100.0}
    assert (line["variant"]["sku"], allocated["amount"]) == ("A", "5.0")
    shipping = found["shippingLines"]["nodes"][0]["discountedPriceSet"]
    assert shipping["shopMoney"]["amount"] == "0.0"


def test_transactions_are_read_beside_the_order(shop):
    order = shop.place(
        1001, [("A", "Bag", "20.00", 1)], shipping=[], gift_card_tender="5.00"
    )
    found = shop.data(
        "query Q($id: ID!) { order(id: $id) { transactions { gateway kind status "
        "amountSet { shopMoney { amount } } } } }",
        {"id": order["admin_graphql_api_id"]},
    )["order"]["transactions"]
    assert "transactions" not in order
    assert [
        (x["gateway"], x["kind"], x["amountSet"]["shopMoney"]["amount"]) for x in found
    ] == [("gift_card", "SALE", "5.0"), ("shopify_payments", "SALE", "15.0")]


def test_status_unknown_to_the_client_is_passed_on(shop):
    shop.place()
    shop.simulator.update_order(1001, fulfillment_status="fulfillment_not_required")
    found = shop.data("{ orders(first: 1) { nodes { displayFulfillmentStatus } } }")
    assert found["orders"]["nodes"][0] == {
        "displayFulfillmentStatus": "FULFILLMENT_NOT_REQUIRED"
    }


def test_customers_are_read_one_by_one_and_by_change(shop):
    shop.simulator.create_customer("ada@example.com", first_name="Ada")
    shop.clock.tick(hours=1)
    made = shop.simulator.create_customer("bob@example.com", first_name="Bob")
    one = shop.data(
        "query Q($id: ID!) { customer(id: $id) { displayName "
        "defaultEmailAddress { emailAddress } defaultAddress { city } } }",
        {"id": made["admin_graphql_api_id"]},
    )["customer"]
    assert one["displayName"] == "Bob Doe"
    assert one["defaultEmailAddress"] == {"emailAddress": "bob@example.com"}
    found = shop.data(
        '{ customers(first: 5, query: "updated_at:>=2026-11-20T16:00:00Z") '
        "{ nodes { firstName } } }"
    )
    assert found["customers"]["nodes"] == [{"firstName": "Bob"}]


def test_app_without_approval_sees_orders_without_names(shop):
    shop.place()
    shop.simulator.webhooks.hides_private_data = True
    found = shop.data(
        "{ orders(first: 1) { nodes { email customer { id email firstName } "
        "shippingAddress { name city } } } }"
    )["orders"]["nodes"][0]
    assert found["email"] is None
    assert found["customer"]["id"].startswith("gid://shopify/Customer/")
    assert found["customer"]["email"] is None
    assert found["shippingAddress"] == {"name": None, "city": "Portland"}


def test_sku_is_found_whatever_its_case_and_may_stand_twice(shop):
    shop.simulator.add_product("BAG-1", "Bag", "20.00", stock=5)
    shop.simulator.add_product("BAG-1", "Bag again", "21.00", stock=1)
    shop.simulator.add_product("BAG-10", "Big bag", "30.00")
    found = shop.data(
        '{ productVariants(first: 5, query: "sku:bag-1") '
        "{ nodes { sku inventoryItem { sku tracked } } } "
        'inventoryItems(first: 5, query: "sku:\\"BAG-10\\"") { nodes { sku } } }'
    )
    assert [x["sku"] for x in found["productVariants"]["nodes"]] == ["BAG-1", "BAG-1"]
    assert found["inventoryItems"]["nodes"] == [{"sku": "BAG-10"}]


def test_locations_say_whether_they_are_in_use(shop):
    shop.simulator.store.location("Closed depot").active = False
    query = "{ locations(first: 5%s) { nodes { name isActive } } }"
    assert shop.data(query % "")["locations"]["nodes"] == [
        {"name": "Main warehouse", "isActive": True}
    ]
    found = shop.data(query % ", includeInactive: true")["locations"]["nodes"]
    assert [x["isActive"] for x in found] == [True, False]


NODES = """
query Some($ids: [ID!]!) {
  nodes(ids: $ids) { id ... on Order { name } ... on Customer { firstName } }
}
"""


def test_objects_are_read_by_their_ids_and_what_is_not_there_is_null(shop):
    placed = shop.place(1001)
    ids = [placed["admin_graphql_api_id"], "gid://shopify/Order/5"]
    found = shop.data(NODES, {"ids": ids})["nodes"]
    assert found == [{"id": ids[0], "name": "#1001"}, None]


def test_an_order_of_long_ago_is_null_without_the_scope(shop):
    placed = shop.place(1001, created_at=shop.clock() - timedelta(days=61))
    ids = {"ids": [placed["admin_graphql_api_id"]]}
    assert shop.data(NODES, ids)["nodes"] == [None]


def test_so_many_ids_cost_so_many_points_and_no_more_than_250_are_taken(shop):
    ids = [f"gid://shopify/Order/{number}" for number in range(251)]
    body = shop.ask(NODES, {"ids": ids[:250]}).json()
    assert body["extensions"]["cost"]["requestedQueryCost"] == 250
    error = shop.ask(NODES, {"ids": ids}).json()["errors"][0]
    assert error["extensions"]["code"] == "BAD_REQUEST"
