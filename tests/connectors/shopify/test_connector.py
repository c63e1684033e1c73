from decimal import Decimal
from urllib.parse import parse_qs

import pytest

from integrations.connectors.base import Found
from integrations.connectors.errors import (
    AccessRefused,
    LimitReached,
    PermissionMissing,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
    ServerFault,
)
from integrations.connectors.registry import connector_class
from integrations.connectors.shopify.connector import Shopify
from tests.connectors.line import account
from tests.connectors.shopify.conftest import FACTS, SHOP

LEVEL = {
    "inventoryItemId": "gid://shopify/InventoryItem/1",
    "locationId": "gid://shopify/Location/2",
    "quantity": Decimal("5"),
}


def said(line, data: object, **extensions: object) -> None:
    body = {"data": data, **({"extensions": extensions} if extensions else {})}
    line.reply(body=body, X_Shopify_API_Version="2026-10")


def failed(line, code: str, **extensions: object) -> None:
    error = {"message": f"It is {code}", "extensions": {"code": code, **extensions}}
    line.reply(body={"errors": [error]})


def test_registry_knows_the_connector():
    assert connector_class("shopify") is Shopify


@pytest.mark.parametrize(
    "bad",
    ["shop.example.com", "myshopify.com", "a.b.myshopify.com", "x.myshopify.com/y"],
)
def test_only_a_shops_own_host_is_an_account(bad):
    assert Shopify.account_problem(bad)
    assert Shopify.account_problem(SHOP) == ""


def test_request_goes_to_the_pinned_version_with_the_token(shopify, line):
    said(line, {"shop": {"name": "x"}})
    shopify.probe()
    request = line.sent[0]
    assert request.url == f"https://{SHOP}/admin/api/2026-10/graphql.json"
    assert request.headers["X-Shopify-Access-Token"] == "shpat_canary"


def test_f42_answer_of_another_version_is_refused(shopify, line):
    line.reply(body={"data": {}}, X_Shopify_API_Version="2027-01")
    with pytest.raises(RequestRefused, match="2027-01") as caught:
        shopify.probe()
    assert caught.value.code == "API_VERSION"


def test_bad_token_is_an_access_problem(shopify, line):
    line.reply(401, {"errors": "[API] Invalid API key or access token"})
    with pytest.raises(AccessRefused, match="Invalid API key"):
        shopify.probe()


@pytest.mark.parametrize("status", [402, 423, 430])
def test_shop_that_is_frozen_or_locked_says_so(shopify, line, status):
    line.reply(status, b"")
    with pytest.raises(AccessRefused, match="Shopify"):
        shopify.probe()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("MAX_COST_EXCEEDED", RequestRefused),
        ("BAD_REQUEST", RequestRefused),
        ("A_CODE_OF_TOMORROW", RequestRefused),
        ("INTERNAL_SERVER_ERROR", ServerFault),
        ("SHOP_INACTIVE", AccessRefused),
    ],
)
def test_error_with_status_200_is_never_a_success(shopify, line, code, kind):
    failed(line, code, requestId="req-7")
    with pytest.raises(kind) as caught:
        shopify.probe()
    assert caught.value.code == code
    assert caught.value.request_id == "req-7"


def test_missing_scope_is_named(shopify, line):
    failed(line, "ACCESS_DENIED", requiredAccess="`read_customers` access scope.")
    with pytest.raises(PermissionMissing, match="read_customers"):
        shopify.probe()


def throttled(line, available: int) -> None:
    status = {"currentlyAvailable": available, "restoreRate": 100}
    cost = {"requestedQueryCost": 752, "throttleStatus": status}
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    line.reply(body={"errors": [error], "extensions": {"cost": cost}})


def test_f37_throttled_query_waits_until_the_bucket_is_full_enough(shopify, line, naps):
    throttled(line, available=452)
    said(line, {"shop": {}})
    shopify.probe()
    assert naps == [3.0]


def test_f37_long_wait_is_left_to_the_caller(shopify, line, naps):
    throttled(line, available=52)
    with pytest.raises(LimitReached) as caught:
        shopify.probe()
    assert caught.value.retry_after == 7.0
    assert naps == []


def test_wrong_variable_is_named_by_its_path(shopify, line):
    problem = {"path": ["input", "name"], "explanation": "is not known"}
    failed(line, "INVALID_VARIABLE", problems=[problem])
    with pytest.raises(RequestRefused) as caught:
        shopify.upsert("inventoryLevel", LEVEL, "k")
    assert caught.value.fields == {"input.name": "is not known"}


def test_answer_without_data_is_no_success(shopify, line):
    line.reply(body={"data": None})
    with pytest.raises(ServerFault):
        shopify.probe()


def held(line, quantity: int) -> None:
    level = {"quantities": [{"quantity": quantity}]}
    item = {"sku": "TENT", "tracked": True, "inventoryLevel": level}
    said(line, {"inventoryItem": item, "location": {"name": "X", "isActive": True}})


def test_stock_says_what_the_level_held_with_a_new_key_each_call(shopify, line):
    for _ in range(2):
        held(line, 3)
        said(line, {"inventorySetQuantities": {"userErrors": []}})
        shopify.upsert("inventoryLevel", LEVEL, "netsuite-inventory-5-6")
    first, second = (line.body(index)["variables"] for index in (1, 3))
    level = first["input"]["quantities"][0]
    assert level["quantity"] == 5
    assert level["changeFromQuantity"] == 3
    assert first["once"] != second["once"]


def test_quick_second_try_of_stock_repeats_its_key(shopify, line, naps):
    held(line, 3)
    throttled(line, available=700)
    said(line, {"inventorySetQuantities": {"userErrors": []}})
    shopify.upsert("inventoryLevel", LEVEL, "k")
    assert line.body(1) == line.body(2)


@pytest.mark.parametrize("quantity", ["2.5", "many", None, "NaN", "Infinity"])
def test_stock_that_is_no_whole_number_is_not_sent(shopify, line, quantity):
    with pytest.raises(RecordRejected):
        shopify.upsert("inventoryLevel", {**LEVEL, "quantity": quantity}, "k")
    assert line.sent == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_INVENTORY_ITEM", ReferenceUnknown),
        ("INVALID_LOCATION", ReferenceUnknown),
        ("PRODUCT_DOES_NOT_EXIST", ReferenceUnknown),
        ("INVALID_QUANTITY_TOO_HIGH", RecordRejected),
        ("IDEMPOTENCY_CONCURRENT_REQUEST", ServerFault),
        (None, RecordRejected),
    ],
)
def test_user_error_names_the_field(shopify, line, code, kind):
    path = ["input", "quantities", "0", "inventoryItemId"]
    error = {"field": path, "message": "Not found.", "code": code}
    held(line, 3)
    said(line, {"inventorySetQuantities": {"userErrors": [error]}})
    with pytest.raises(RecordRejected if kind is RecordRejected else kind) as caught:
        shopify.upsert("inventoryLevel", LEVEL, "k")
    assert type(caught.value) is kind
    assert caught.value.fields == {"inventoryItemId": "Not found."}


def page(nodes: list[dict], cursor: str | None = None) -> dict:
    info = {"hasNextPage": cursor is not None, "endCursor": cursor}
    return {"nodes": nodes, "pageInfo": info}


def test_sku_search_is_sifted_and_paged(shopify, line):
    one = {"id": "gid://shopify/InventoryItem/1", "sku": 'T"1'}
    near = {**one, "id": "gid://shopify/InventoryItem/2", "sku": 'T"1-XL'}
    still = {**one, "id": "gid://shopify/InventoryItem/3"}
    said(line, {"inventoryItems": page([one, near], "c1")})
    said(line, {"inventoryItems": page([still])})
    assert shopify.find("inventoryItem", "sku", 'T"1') == [
        Found(one["id"], 'T"1'),
        Found(still["id"], 'T"1'),
    ]
    assert line.body(0)["variables"]["search"] == 'sku:"T\\"1"'
    assert line.body(1)["variables"]["after"] == "c1"


def test_location_is_found_by_name(shopify, line):
    shelf = {"id": "gid://shopify/Location/1", "name": "Main Shelf", "isActive": True}
    said(line, {"locations": page([shelf, {**shelf, "name": "Other"}])})
    found = shopify.find("location", "name", "main shelf")
    assert found == [Found(shelf["id"], "Main Shelf")]


@pytest.mark.parametrize(
    "call",
    [
        lambda shopify: shopify.find("product", "colour", "red"),
        lambda shopify: shopify.upsert("theme", {}, "k"),
        lambda shopify: shopify.create("order", {}, "k"),
        lambda shopify: shopify.fetch("theme", "1"),
        lambda shopify: shopify.changes("order", ""),
        lambda shopify: shopify.source_object("theme", {}),
    ],
)
def test_what_the_connector_does_not_do_is_said_and_not_sent(shopify, line, call):
    with pytest.raises(RequestRefused) as caught:
        call(shopify)
    assert caught.value.sent is False
    assert line.sent == []


def checked(line, scopes: list[str], domain: str = SHOP) -> None:
    shop = {"name": "Northwind", "myshopifyDomain": domain, "currencyCode": "USD"}
    granted = [{"handle": scope} for scope in scopes]
    data = {"shop": shop, "currentAppInstallation": {"accessScopes": granted}}
    said(line, data)


def test_check_names_the_scope_that_is_missing(shopify, line):
    checked(line, ["read_orders", "write_inventory", "read_locations"])
    bad = [one for one in shopify.check().lines if not one.good]
    assert [one.text for one in bad] == ["The app may not read customers."]
    assert "read_customers" in bad[0].remedy


def test_check_takes_write_for_read_and_stock_as_optional(shopify, line):
    checked(line, ["write_orders", "write_customers"])
    assert shopify.check().is_good


def test_f50_check_finds_credentials_of_another_shop(shopify, line):
    checked(line, ["read_orders", "read_customers"], "other.myshopify.com")
    result = shopify.check()
    assert not result.is_good
    assert "other.myshopify.com" in result.lines[0].text


def test_check_says_that_the_log_in_is_refused(shopify, line):
    line.reply(401, {"errors": "[API] Invalid API key or access token"})
    assert not shopify.check().is_good


APP = {"client_id": "cid-canary", "client_secret": "csec-canary"}


def app(around) -> Shopify:
    facts = {**FACTS, "auth_method": "client_credentials", "credentials": APP}
    return Shopify(account(**facts), around.services())


def test_app_asks_for_a_token_first(line, around):
    line.reply(body={"access_token": "shpat_day", "scope": "x", "expires_in": 86399})
    said(line, {"shop": {}})
    app(around).probe()
    form = parse_qs(line.sent[0].body.decode())
    assert form["grant_type"] == ["client_credentials"]
    assert line.sent[1].headers["X-Shopify-Access-Token"] == "shpat_day"


def test_f100_nothing_kept_holds_a_secret(line, around):
    line.reply(body={"access_token": "shpat_day", "scope": "x", "expires_in": 86399})
    line.reply(body={"errors": "shpat_day and csec-canary"}, X_Odd="shpat_day")
    with pytest.raises(ServerFault):
        app(around).probe()
    kept = repr(around.exchanges)
    assert "canary" not in kept
    assert "shpat_day" not in kept


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"Oauth error shop_not_permitted: Client credentials",
            "different organisations",
        ),
        (b'{"error": "app_not_installed"}', "not installed"),
        (b'{"error": "invalid_client"}', "invalid_client"),
        (b"<html>", "client id or secret"),
    ],
)
def test_refused_app_is_told_why(line, around, body, words):
    line.reply(400, body)
    with pytest.raises(AccessRefused, match=words):
        app(around).probe()
