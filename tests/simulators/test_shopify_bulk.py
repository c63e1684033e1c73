"""Bulk operations: their life, their lines, their files, and the sixth of them."""

import json

import pytest
import requests

from integrations.simulators.transport import SimulatorAdapter
from tests.simulators.shopify_life import LifeShop

FIELDS = """
  id status type errorCode createdAt completedAt objectCount rootObjectCount fileSize
  url partialDataUrl query
"""
RUN = (
    """
mutation Run($query: String!, $grouped: Boolean) {
  bulkOperationRunQuery(query: $query, groupObjects: $grouped) {
    bulkOperation {"""
    + FIELDS
    + """}
    userErrors { field message code }
  }
}
"""
)
IMPORT = (
    """
mutation Import($mutation: String!, $path: String!) {
  bulkOperationRunMutation(mutation: $mutation, stagedUploadPath: $path) {
    bulkOperation {"""
    + FIELDS
    + """}
    userErrors { field message code }
  }
}
"""
)
POLL = "query ($id: ID!) { bulkOperation(id: $id) {" + FIELDS + "} }"
CANCEL = """
mutation Cancel($id: ID!) {
  bulkOperationCancel(id: $id) {
    bulkOperation { status }
    userErrors { field message }
  }
}
"""
STAGE = """
mutation Stage($input: [StagedUploadInput!]!) {
  stagedUploadsCreate(input: $input) {
    stagedTargets { url resourceUrl parameters { name value } }
    userErrors { field message }
  }
}
"""
PRODUCTS = """
{ products { edges { node { id title
  variants { edges { node { id sku inventoryItem { tracked } } } } } } } }
"""
SET_STOCK = """
mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { field message code }
  }
}
"""
PRICE = """
mutation Price($productId: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $productId, variants: $variants) {
    productVariants { sku price }
    userErrors { field message code }
  }
}
"""


@pytest.fixture
def shop() -> LifeShop:
    return LifeShop()


def run(shop, query=PRODUCTS, grouped=False):
    asked = {"query": query, "grouped": grouped}
    return shop.ask_all(RUN, asked)["bulkOperationRunQuery"]


def poll(shop, operation):
    return shop.ask_all(POLL, {"id": operation["id"]})["bulkOperation"]


def finished(shop, answer):
    assert answer["userErrors"] == []
    shop.clock.tick(seconds=3)
    return poll(shop, answer["bulkOperation"])


def lines_at(shop, url):
    response = shop.session.get(url)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/jsonl"
    return [json.loads(line) for line in response.text.splitlines()]


def stage(shop, filename="stock.jsonl"):
    wanted = {
        "resource": "BULK_MUTATION_VARIABLES",
        "filename": filename,
        "mimeType": "text/jsonl",
        "httpMethod": "POST",
    }
    answer = shop.ask_all(STAGE, {"input": [wanted]})["stagedUploadsCreate"]
    assert answer["userErrors"] == []
    (target,) = answer["stagedTargets"]
    values = {row["name"]: row["value"] for row in target["parameters"]}
    return target["url"], values


def upload(shop, rows):
    url, values = stage(shop)
    body = "".join(json.dumps(row) + "\n" for row in rows)
    response = shop.session.post(url, data=values, files={"file": body})
    assert response.status_code == 201
    assert values["key"] in response.text
    return values["key"]


def bring_in(shop, mutation, path):
    asked = {"mutation": mutation, "path": path}
    return shop.ask_all(IMPORT, asked)["bulkOperationRunMutation"]


def code(answer):
    assert answer["bulkOperation"] is None
    (error,) = answer["userErrors"]
    return error["code"]


def test_operation_is_created_runs_and_completes_by_the_clock(shop):
    made = run(shop)["bulkOperation"]
    assert (made["status"], made["type"]) == ("CREATED", "QUERY")
    assert (made["objectCount"], made["rootObjectCount"]) == ("0", "0")
    assert made["url"] is made["fileSize"] is made["completedAt"] is None
    assert made["query"] == PRODUCTS
    shop.clock.tick(seconds=1)
    assert poll(shop, made)["status"] == "RUNNING"
    shop.clock.tick(seconds=1)
    done = poll(shop, made)
    assert done["status"] == "COMPLETED"
    assert done["completedAt"] == "2026-11-20T15:00:02Z"
    assert (done["errorCode"], done["partialDataUrl"]) == (None, None)


def test_counts_and_sizes_are_texts(shop):
    done = finished(shop, run(shop))
    assert (done["objectCount"], done["rootObjectCount"]) == ("4", "2")
    body = shop.session.get(done["url"]).content
    assert done["fileSize"] == str(len(body))


def test_children_carry_their_parent_and_follow_in_no_group(shop):
    rows = lines_at(shop, finished(shop, run(shop))["url"])
    assert ["__parentId" in row for row in rows] == [False, False, True, True]
    products = {row["title"]: row["id"] for row in rows[:2]}
    variants = {row["sku"]: row["__parentId"] for row in rows[2:]}
    assert variants == {"BAG": products["Bag"], "MUG": products["Mug"]}
    assert "variants" not in rows[0]
    assert rows[2]["inventoryItem"] == {"tracked": True}


def test_children_follow_their_parent_when_grouping_is_asked_for(shop):
    rows = lines_at(shop, finished(shop, run(shop, grouped=True))["url"])
    assert ["__parentId" in row for row in rows] == [False, True, False, True]
    assert [row["__parentId"] for row in rows[1::2]] == [row["id"] for row in rows[::2]]


def test_more_than_a_page_comes_in_one_file(shop):
    for number in range(300):
        shop.simulator.add_product(f"S-{number}", "Small", "1.00")
    query = "{ productVariants { edges { node { id sku } } } }"
    done = finished(shop, run(shop, query))
    assert done["objectCount"] == "302"
    assert len(lines_at(shop, done["url"])) == 302
    errors = shop.errors("{ productVariants { nodes { id } } }")
    assert "first or last" in errors[0]["message"]


def test_query_sees_the_shop_as_it_is_when_it_runs(shop):
    made = run(shop, "{ orders { edges { node { id name } } } }")
    shop.order(1001)
    rows = lines_at(shop, finished(shop, made)["url"])
    assert [row["name"] for row in rows] == ["#1001"]


def test_operation_that_finds_nothing_has_no_file(shop):
    done = finished(shop, run(shop, "{ orders { edges { node { id } } } }"))
    assert (done["status"], done["objectCount"], done["url"]) == (
        "COMPLETED",
        "0",
        None,
    )


def test_address_of_a_result_expires_after_seven_days(shop):
    done = finished(shop, run(shop))
    shop.clock.tick(days=6, hours=23)
    assert shop.session.get(done["url"]).status_code == 200
    shop.clock.tick(hours=2)
    gone = shop.session.get(done["url"])
    assert gone.status_code == 400
    assert "ExpiredToken" in gone.text


def test_result_is_fetched_without_a_token_of_the_shop(shop):
    done = finished(shop, run(shop))
    stranger = requests.Session()
    stranger.mount("https://", SimulatorAdapter(shop.simulator))
    assert stranger.get(done["url"]).status_code == 200
    other = done["url"].replace("-final", "").rpartition("/")[0] + "/00-final"
    assert stranger.get(other).status_code == 404


def test_sixth_operation_of_a_kind_is_refused_with_the_five(shop):
    five = [run(shop)["bulkOperation"]["id"] for _ in range(5)]
    answer = run(shop)
    assert answer == {
        "bulkOperation": None,
        "userErrors": [
            {
                "field": None,
                "message": "A bulk query operation for this app and shop is already "
                f"in progress: {', '.join(five)}.",
                "code": "OPERATION_IN_PROGRESS",
            }
        ],
    }
    path = upload(shop, [{}])
    assert bring_in(shop, SET_STOCK, path)["userErrors"] == []
    shop.clock.tick(seconds=3)
    assert run(shop)["userErrors"] == []


def test_other_apps_have_five_of_their_own(shop):
    other = shop.simulator.add_app("other", "shpss_other", ["read_products"])
    shop.simulator.add_token("shpat_other", ["read_products"], other)
    for _ in range(5):
        run(shop)
    asked = {"query": PRODUCTS}
    answer = shop.data(RUN, asked, token="shpat_other")["bulkOperationRunQuery"]
    assert answer["userErrors"] == []
    made = answer["bulkOperation"]
    assert poll(shop, made) is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ shop { id } }", "Bulk queries must contain at least one connection."),
        ("", "Invalid bulk query: syntax error, unexpected end of file"),
        (
            "{ orders { edges { node { id fulfillmentOrders { edges { node { id "
            "lineItems { edges { node { id } } } } } } } } } }",
            "Bulk queries cannot contain connections with a nesting depth greater "
            "than 2.",
        ),
    ],
)
def test_query_that_cannot_be_run_in_bulk_is_a_typed_error(shop, query, message):
    answer = run(shop, query)
    assert answer["userErrors"] == [
        {"field": ["query"], "message": message, "code": "INVALID"}
    ]


def test_cancelled_operation_stops_a_moment_later(shop):
    made = run(shop)["bulkOperation"]
    answer = shop.ask_all(CANCEL, {"id": made["id"]})["bulkOperationCancel"]
    assert answer == {"bulkOperation": {"status": "CANCELING"}, "userErrors": []}
    shop.clock.tick(seconds=5)
    assert poll(shop, made)["status"] == "CANCELED"
    again = shop.ask_all(CANCEL, {"id": made["id"]})["bulkOperationCancel"]
    assert "canceled" in again["userErrors"][0]["message"]


def test_failed_operation_leaves_a_partial_file_and_a_code(shop):
    shop.simulator.fail_next_bulk("TIMEOUT")
    done = finished(shop, run(shop))
    assert (done["status"], done["errorCode"], done["url"]) == (
        "FAILED",
        "TIMEOUT",
        None,
    )
    assert len(lines_at(shop, done["partialDataUrl"])) == 2


def test_missing_scope_fails_the_operation(shop):
    shop.simulator.add_token("shpat_poor", ["read_locations"])
    answer = shop.data(RUN, {"query": PRODUCTS}, token="shpat_poor")
    done = finished(shop, answer["bulkOperationRunQuery"])
    assert (done["status"], done["errorCode"]) == ("FAILED", "ACCESS_DENIED")


def test_end_of_an_operation_is_told_in_lower_case(shop):
    shop.listen("bulk_operations/finish")
    made = run(shop)["bulkOperation"]
    shop.clock.tick(seconds=3)
    assert shop.heard() == [
        (
            "bulk_operations/finish",
            {
                "admin_graphql_api_id": made["id"],
                "completed_at": "2026-11-20T10:00:03-05:00",
                "created_at": "2026-11-20T10:00:00-05:00",
                "error_code": None,
                "status": "completed",
                "type": "query",
            },
        )
    ]


def test_bulk_operations_cost_no_points_for_their_rows(shop):
    extensions = shop.ask(RUN, {"query": PRODUCTS}, token="shpat_everything").json()[
        "extensions"
    ]
    assert extensions["cost"]["actualQueryCost"] <= 11


def test_mutation_runs_once_for_each_line_of_the_file(shop):
    place = shop.simulator.store.locations[0].gid
    rows = [
        {
            "key": f"key-{sku}",
            "input": {
                "name": "available",
                "reason": "correction",
                "quantities": [
                    {
                        "inventoryItemId": shop.simulator.find_variant(sku).item_gid,
                        "locationId": place,
                        "quantity": pieces,
                        "changeFromQuantity": expected,
                    }
                ],
            },
        }
        for sku, pieces, expected in (("BAG", 25, 10), ("MUG", 30, 9))
    ]
    done = finished(shop, bring_in(shop, SET_STOCK, upload(shop, rows)))
    assert (done["type"], done["status"], done["objectCount"]) == (
        "MUTATION",
        "COMPLETED",
        "2",
    )
    first, second = lines_at(shop, done["url"])
    assert first["__lineNumber"] == 0
    assert first["data"]["inventorySetQuantities"]["userErrors"] == []
    (error,) = second["data"]["inventorySetQuantities"]["userErrors"]
    assert error["code"] == "CHANGE_FROM_QUANTITY_STALE"
    assert shop.simulator.available("BAG") == 25
    assert shop.simulator.available("MUG") == 10


def test_line_that_does_not_fit_spoils_its_own_result_only(shop):
    variant = shop.simulator.find_variant("BAG")
    product = shop.simulator.store.products[variant.product_id]
    good = {
        "productId": product.gid,
        "variants": [{"id": variant.gid, "price": "9.99"}],
    }
    done = finished(shop, bring_in(shop, PRICE, upload(shop, [{"variants": 1}, good])))
    first, second = lines_at(shop, done["url"])
    assert first["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
    assert second["data"]["productVariantsBulkUpdate"]["productVariants"] == [
        {"sku": "BAG", "price": "9.99"}
    ]
    assert second["__lineNumber"] == 1


def test_file_that_was_never_uploaded_is_not_found(shop):
    _, values = stage(shop)
    assert code(bring_in(shop, PRICE, values["key"])) == "NO_SUCH_FILE"


@pytest.mark.parametrize(
    ("mutation", "expected"),
    [
        ("mutation { not real syntax", "INVALID_MUTATION"),
        ("{ shop { id } }", "INVALID_MUTATION"),
        (IMPORT, None),
    ],
)
def test_mutation_that_cannot_be_run_in_bulk_is_refused(shop, mutation, expected):
    assert code(bring_in(shop, mutation, upload(shop, [{}]))) == expected


def test_upload_needs_the_parameters_it_was_given(shop):
    url, values = stage(shop)
    strange = {**values, "x-goog-signature": "0"}
    refused = shop.session.post(url, data=strange, files={"file": "{}\n"})
    assert refused.status_code == 403
    nowhere = {**values, "key": "tmp/elsewhere.jsonl"}
    refused = shop.session.post(url, data=nowhere, files={"file": "{}\n"})
    assert refused.status_code == 403


def test_downloads_can_be_made_to_fail(shop):
    done = finished(shop, run(shop))
    shop.simulator.fail_next(503, path="bulk-operation-outputs")
    assert shop.session.get(done["url"]).status_code == 503
    assert shop.session.get(done["url"]).status_code == 200


def test_time_and_failure_of_operations_by_control(shop):
    shop.control("bulk", {"seconds": 60, "code": "INTERNAL_SERVER_ERROR"})
    made = run(shop)["bulkOperation"]
    shop.clock.tick(seconds=59)
    assert poll(shop, made)["status"] == "RUNNING"
    shop.clock.tick(seconds=1)
    assert poll(shop, made)["errorCode"] == "INTERNAL_SERVER_ERROR"
    state = shop.session.get(f"{shop.url}/_simulator/state").json()
    assert state["bulk_operations"] == [
        {"id": made["id"], "type": "QUERY", "status": "FAILED"}
    ]
    assert shop.control("bulk", {"seconds": "soon"}).status_code == 400
