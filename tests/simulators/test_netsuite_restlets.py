"""RESTlets and the bulk script: docs/netsuite-script.md says what it promises."""

import json
import threading
from decimal import Decimal

import pytest

from integrations.simulators.netsuite.restlets import NAMED
from tests.simulators.netsuite_client import (
    HOST,
    SERVER_TIME,
    assertion,
    key_pair,
    open_account,
)

RESTLETS = HOST.replace("suitetalk.api", "restlets.api")
URL = f"{RESTLETS}/app/site/hosting/restlet.nl"
BULK = {"script": "customscript_waybill_bulk", "deploy": "customdeploy_waybill_bulk"}
JSON = {"Content-Type": "application/json"}


def account(**switches):
    """Return a client whose token is good for RESTlets and REST alike."""
    api = open_account(**switches)
    scopes = ["rest_webservices", "restlets"]
    text = assertion(api.clock, key_pair("cert-1"), scope=scopes)
    token = api.ask_for_token(text).json()["access_token"]
    api.session.headers["Authorization"] = f"Bearer {token}"
    return api


def call(api, method="GET", body=None, headers=JSON, url=URL, **query):
    return api.session.request(
        method,
        url,
        params={**BULK, **query},
        data=None if body is None else json.dumps(body),
        headers=headers,
    )


def stocked(api, count, location="1"):
    for number in range(count):
        sku = f"SKU-{number}"
        api.simulator.add_item(sku, price=Decimal("9.50"))
        api.simulator.set_stock(sku, location, number)


def test_stock_comes_in_rows_with_exact_numbers_as_text():
    api = account()
    item = api.simulator.add_item("MUG")
    api.simulator.set_stock("MUG", "Main warehouse", Decimal("2.50"))
    answer = call(api, what="inventory")
    assert answer.status_code == 200
    assert answer.json() == {
        "version": 1,
        "what": "inventory",
        "server_time": "2026-03-26T16:21:00Z",
        "rows": [
            {
                "item": item,
                "sku": "MUG",
                "inactive": False,
                "location": "1",
                "location_name": "Main warehouse",
                "available": "2.50",
                "on_hand": "2.50",
                "changed_at": "2026-03-26T16:21:00Z",
            }
        ],
        "next": "",
    }


def test_prices_come_with_currency_and_level():
    api = account()
    api.simulator.add_item("MUG", price=Decimal("12.50"))
    api.simulator.set_price("MUG", "11.90", currency="EUR")
    rows = call(api, what="prices").json()["rows"]
    assert [(row["currency"], row["level_name"], row["price"]) for row in rows] == [
        ("USD", "Base Price", "12.50"),
        ("EUR", "Base Price", "11.90"),
    ]


def test_cursor_walks_over_all_rows_once_though_rows_change_between():
    api = account()
    stocked(api, 7)
    api.simulator.set_stock("SKU-3", str(api.simulator.add_location("Outlet")), 9)
    seen, after = [], ""
    while True:
        answer = call(api, what="inventory", limit="2", after=after).json()
        seen += [(row["sku"], row["location"]) for row in answer["rows"]]
        api.simulator.set_stock("SKU-0", "1", len(seen))
        after = answer["next"]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 8


def test_only_what_changed_since_a_time_is_answered():
    api = account()
    stocked(api, 3)
    api.clock.tick(minutes=10)
    api.simulator.set_stock("SKU-1", "1", 8)
    rows = call(api, what="inventory", since="2026-03-26T16:30:00Z").json()["rows"]
    assert [(row["sku"], row["available"]) for row in rows] == [("SKU-1", "8")]


def test_named_skus_are_answered_and_unknown_ones_named():
    api = account()
    stocked(api, 3)
    body = {"what": "prices", "skus": ["SKU-2", "SKU-0", "NONE"]}
    answer = call(api, "POST", body).json()
    assert [row["sku"] for row in answer["rows"]] == ["SKU-0", "SKU-2"]
    assert answer["unknown"] == ["NONE"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "what:"),
        ({"what": "orders"}, "what:"),
        ({"what": "prices", "limit": "5001"}, "limit:"),
        ({"what": "prices", "since": "yesterday"}, "since:"),
        ({"what": "prices", "after": "x"}, "after:"),
    ],
)
def test_mistake_that_the_script_caught_is_an_error_inside_a_200(query, named):
    answer = call(account(), **query)
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == "BAD_REQUEST"
    assert answer.json()["error"]["message"].startswith(named)


@pytest.mark.parametrize("skus", [[], "SKU-1", ["x"] * 1001, None])
def test_list_of_skus_has_its_limits(skus):
    answer = call(account(), "POST", {"what": "prices", "skus": skus})
    assert "skus:" in answer.json()["error"]["message"]


def test_answer_stays_below_the_limit_of_ten_megabytes():
    api = account(restlet_bytes=1000)
    stocked(api, 20)
    answer = call(api, what="inventory").json()
    assert 0 < len(answer["rows"]) < 20
    assert answer["next"]


def test_script_ends_when_its_units_are_used_up():
    api = account(restlet_units=0)
    stocked(api, 1)
    answer = call(api, what="inventory")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "SSS_USAGE_LIMIT_EXCEEDED"


def test_f37_too_many_at_once_is_a_400_with_a_code_of_its_own():
    api = account(allowance=0)
    answer = call(api, what="inventory")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {
            "code": "SSS_REQUEST_LIMIT_EXCEEDED",
            "message": "Request limit exceeded.",
        }
    }
    assert api.simulator.over_allowance == 1


def test_restlets_and_rest_share_one_allowance():
    api = account(allowance=1)
    api.simulator.latency = 0.3
    slow = threading.Thread(target=lambda: api.session.get(SERVER_TIME))
    slow.start()
    while not api.simulator.in_flight:
        pass
    answer = call(api, what="inventory")
    slow.join()
    assert answer.json()["error"]["code"] == "SSS_REQUEST_LIMIT_EXCEEDED"


def test_token_without_the_scope_is_no_good_here():
    api = open_account()
    answer = call(api, what="inventory")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "INVALID_LOGIN_ATTEMPT"
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    assert api.simulator.audit_trail[-1].code == "scope_mismatch"
    assert api.session.get(SERVER_TIME).status_code == 200


def test_overload_may_look_like_a_bad_log_in_here_too():
    api = account(allowance=0, overload_looks_like_bad_login=True)
    answer = call(api, what="inventory")
    assert answer.json()["error"]["code"] == "INVALID_LOGIN_ATTEMPT"


def test_script_that_is_not_deployed_is_refused():
    api = account()
    answer = call(api, script="customscript_other", what="inventory")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "SSS_INVALID_SCRIPTLET_ID"
    api.simulator.undeployed_scripts = frozenset({BULK["script"]})
    assert call(api, what="inventory").status_code == 400


def test_errors_are_text_for_who_does_not_send_json():
    answer = call(account(), headers={}, script="none")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.startswith("error code: SSS_INVALID_SCRIPTLET_ID\n")


def test_form_is_no_body_for_a_restlet():
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert call(account(), "POST", {}, headers=headers).status_code == 415


def test_wrong_domain_is_forbidden():
    url = URL.replace("restlets.api", "suitetalk.api")
    assert call(account(), url=url, what="inventory").status_code == 403


def test_other_methods_are_not_answered():
    assert call(account(), "DELETE", what="inventory").status_code == 405


def test_role_without_items_reads_no_rows():
    api = account()
    stocked(api, 1)
    api.simulator.role_permissions.discard("item")
    assert call(api, what="inventory").json()["rows"] == []


EXPECTED = {
    "SSS_REQUEST_LIMIT_EXCEEDED": (400, "SSS_REQUEST_LIMIT_EXCEEDED"),
    "SSS_USAGE_LIMIT_EXCEEDED": (400, "SSS_USAGE_LIMIT_EXCEEDED"),
    "SSS_TIME_LIMIT_EXCEEDED": (400, "SSS_TIME_LIMIT_EXCEEDED"),
    "SSS_INVALID_SCRIPTLET_ID": (400, "SSS_INVALID_SCRIPTLET_ID"),
    "INVALID_LOGIN_ATTEMPT": (401, "INVALID_LOGIN_ATTEMPT"),
    "INVALID_RETURN_DATA_FORMAT": (400, "INVALID_RETURN_DATA_FORMAT"),
    "RESTLET_SCRIPT_ERROR": (400, "UNEXPECTED_ERROR"),
    "RESTLET_CAUGHT_ERROR": (200, "UNEXPECTED_ERROR"),
}


def test_every_named_failure_of_restlets_is_tested_here():
    assert EXPECTED.keys() | {"RESTLET_SERVER_ERROR"} == NAMED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_failure_of_a_restlet_is_played_by_name(name):
    api = account()
    api.simulator.fail_as(name, path="restlet.nl")
    assert api.session.get(SERVER_TIME).status_code == 200
    answer = call(api, what="inventory")
    assert (answer.status_code, answer.json()["error"]["code"]) == EXPECTED[name]
    assert call(api, what="inventory").status_code == 200


def test_error_of_the_script_is_json_inside_a_text():
    api = account()
    api.simulator.fail_as("RESTLET_SCRIPT_ERROR")
    message = call(api, what="inventory").json()["error"]["message"]
    assert json.loads(message)["type"] == "error.SuiteScriptError"


def test_server_error_of_a_restlet_is_no_json():
    api = account()
    api.simulator.fail_as("RESTLET_SERVER_ERROR")
    answer = call(api, what="inventory")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/html")
