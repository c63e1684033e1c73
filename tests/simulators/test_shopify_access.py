import pytest

from tests.simulators.shopify_shop import SCOPES, Shop

SHOP = "{ shop { name } }"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_client_credentials_give_a_token_for_a_day(shop):
    answer = shop.log_in().json()
    assert answer["expires_in"] == 86399
    assert answer["scope"] == ",".join(sorted(SCOPES))
    assert answer["access_token"].startswith("shpat_")
    assert shop.data(SHOP, token=answer["access_token"])


def test_credentials_are_taken_as_json_too(shop):
    answer = shop.session.post(
        f"{shop.url}/admin/oauth/access_token",
        json={
            "grant_type": "client_credentials",
            "client_id": "client",
            "client_secret": "shpss_first",
        },
    )
    assert answer.status_code == 200


def test_token_stops_working_when_its_time_is_up(shop):
    token = shop.log_in().json()["access_token"]
    shop.clock.tick(seconds=86398)
    assert shop.ask(SHOP, token=token).status_code == 200
    shop.clock.tick(seconds=1)
    assert shop.ask(SHOP, token=token).status_code == 401


def test_permanent_token_outlives_a_year(shop):
    shop.clock.tick(days=400)
    assert shop.ask(SHOP).status_code == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_id": "other"}, "application_cannot_be_found"),
        ({"client_secret": "wrong"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_refused_log_in_is_a_page_with_the_reason_as_title(shop, changes, reason):
    answer = shop.log_in(**changes)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/html")
    assert f"<title>400 - Oauth error {reason}</title>" in answer.text


def test_app_of_another_organisation_is_not_permitted(shop):
    shop.simulator.add_app("foreign", "secret", SCOPES, permitted=False)
    answer = shop.log_in(client_id="foreign", client_secret="secret")
    assert answer.status_code == 400
    assert (
        "Oauth error shop_not_permitted: "
        "Client credentials cannot be performed on this shop." in answer.text
    )


@pytest.mark.parametrize("token", ["", "shpat_unknown"])
def test_bad_token_gets_the_documented_text(shop, token):
    answer = shop.ask(SHOP, token=token)
    assert answer.status_code == 401
    assert answer.json() == {
        "errors": "[API] Invalid API key or access token "
        "(unrecognized login or wrong password)"
    }
    assert answer.headers["X-Shopify-API-Version"] == "2026-10"


def test_revoked_access_refuses_calls_and_log_ins_until_restored(shop):
    token = shop.log_in().json()["access_token"]
    shop.simulator.revoke_access()
    assert shop.ask(SHOP, token=token).status_code == 401
    assert "app_not_installed" in shop.log_in().text
    shop.simulator.restore_access()
    assert shop.ask(SHOP, token=token).status_code == 200


def test_revoked_secret_takes_its_tokens_along(shop):
    old = shop.log_in().json()["access_token"]
    shop.simulator.rotate_secret("shpss_second")
    new = shop.log_in(client_secret="shpss_second").json()["access_token"]
    shop.simulator.revoke_secret("shpss_first")
    assert shop.ask(SHOP, token=old).status_code == 401
    assert shop.ask(SHOP, token=new).status_code == 200


def test_missing_scope_is_a_graphql_error_in_a_200(shop):
    shop.simulator.add_token("shpat_narrow", ["read_products"])
    error = shop.errors("{ orders(first: 1) { nodes { id } } }", token="shpat_narrow")[
        0
    ]
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert error["extensions"]["requiredAccess"] == "`read_orders` access scope."
    assert error["extensions"]["documentation"].startswith("https://")
    assert error["path"] == ["orders"]


def test_order_without_customer_scope_comes_with_a_null_customer(shop):
    shop.place()
    shop.simulator.add_token("shpat_orders", ["read_orders"])
    body = shop.ask(
        "{ orders(first: 1) { nodes { name customer { id } } } }", token="shpat_orders"
    ).json()
    assert body["data"]["orders"]["nodes"] == [{"name": "#1001", "customer": None}]
    assert body["errors"][0]["path"] == ["orders", "nodes", 0, "customer"]


def test_writing_scope_includes_reading(shop):
    assert shop.data("{ inventoryItems(first: 1) { nodes { id } } }")


def test_installation_lists_its_scopes(shop):
    found = shop.data("{ currentAppInstallation { accessScopes { handle } } }")
    handles = [x["handle"] for x in found["currentAppInstallation"]["accessScopes"]]
    assert handles == sorted(SCOPES)
