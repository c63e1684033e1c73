import socketserver
import threading
import time
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import requests
from requests_oauthlib import OAuth1

from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.netsuite.faults import NAMED
from tests.simulators.netsuite_client import (
    RECORD,
    SERVER_TIME,
    detail_of,
    open_account,
    order_for,
)


def at_once(count, act):
    """Run `act` in several threads and return the results."""
    results = []
    barrier = threading.Barrier(count)

    def run():
        barrier.wait()
        results.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_f37_request_over_the_allowance_is_refused_with_the_odd_body():
    api = open_account(allowance=2)
    api.simulator.latency = 0.3
    answers = at_once(4, lambda: api.session.get(SERVER_TIME))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 2
    body = refused[0].json()
    assert (body["title"], body["status"]) == ("Bad Request", 429)
    assert body["o:errorCode"] == "USER_ERROR"
    assert body["o:errorDetails"] == [
        {
            "detail": "Concurrent request limit exceeded. Request blocked.",
            "o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED",
        }
    ]
    assert "Retry-After" not in refused[0].headers
    assert api.simulator.over_allowance == 2
    assert api.simulator.most_in_flight == 2
    assert api.simulator.in_flight == 0


def test_requests_within_the_allowance_all_pass():
    api = open_account(allowance=4)
    api.simulator.latency = 0.1
    answers = at_once(4, lambda: api.session.get(SERVER_TIME))
    assert {answer.status_code for answer in answers} == {200}
    assert api.simulator.over_allowance == 0


def test_token_requests_do_not_count():
    api = open_account(allowance=1)
    api.simulator.latency = 0.2
    answers = at_once(3, lambda: api.ask_for_token())
    assert {answer.status_code for answer in answers} == {200}
    assert api.simulator.over_allowance == 0


def test_refusals_may_name_a_wait():
    api = open_account(allowance=0, retry_after=3)
    assert api.session.get(SERVER_TIME).headers["Retry-After"] == "3"


def test_f38_overload_may_look_like_a_bad_log_in():
    api = open_account(allowance=0, overload_looks_like_bad_login=True)
    answer = api.session.get(SERVER_TIME)
    assert answer.status_code == 401
    assert detail_of(answer)["o:errorCode"] == "INVALID_LOGIN"
    assert api.simulator.audit_trail == []


def test_f30_lost_answer_after_the_commit_leaves_the_record():
    api = open_account()
    order = order_for(api)
    api.simulator.fail_next(lost=True)
    with pytest.raises(requests.exceptions.ReadTimeout):
        api.post("/salesOrder", order)
    assert "shopify-s-order-1" in api.simulator.orders
    assert api.simulator.journal[-1].status is None


def test_f29_lost_request_before_the_commit_leaves_nothing():
    api = open_account()
    order = order_for(api)
    api.simulator.fail_next(504, lost=True)
    with pytest.raises(requests.exceptions.ReadTimeout):
        api.post("/salesOrder", order)
    assert api.simulator.orders == {}


def test_fault_waits_for_its_path():
    api = open_account()
    api.simulator.fail_as("UNEXPECTED_ERROR", path="/salesOrder")
    assert api.session.get(SERVER_TIME).status_code == 200
    assert api.post("/salesOrder", order_for(api)).status_code == 500


def test_fault_without_a_path_is_not_used_up_by_a_log_in():
    api = open_account()
    api.simulator.fail_next(429)
    assert api.ask_for_token().status_code == 200
    assert api.session.get(SERVER_TIME).status_code == 429
    api.simulator.fail_next(503, path="/oauth2/")
    assert api.ask_for_token().status_code == 503


EXPECTED = {
    "INVALID_LOGIN": (401, "INVALID_LOGIN", "Invalid login attempt."),
    "NONEXISTENT_ID": (404, "NONEXISTENT_ID", "The record instance does not exist."),
    "NONEXISTENT_ID_DOCUMENTED": (404, "NONEXISTENT_ID", "Record does not exist."),
    "WRONG_TRANSACTION_TYPE": (400, "USER_ERROR", "Transaction type specified is"),
    "INVALID_CONTENT": (400, "INVALID_CONTENT", "Invalid Field Value 9999"),
    "INVALID_FIELD_VALUE": (400, "USER_ERROR", "following field: customer."),
    "ALREADY_EXISTS": (400, "USER_ERROR", "This entity already exists."),
    "MISSING_FIELD": (400, "USER_ERROR", "You must enter a value for Company Name."),
    "EXCEEDED_MAX_FIELD_LENGTH": (400, "USER_ERROR", "maximum number ( 32 )"),
    "ROLE_PERMISSION": (400, "USER_ERROR", "Your current role does not have"),
    "INSUFFICIENT_PERMISSION": (403, "INSUFFICIENT_PERMISSION", "element custcol_"),
    "BETA_RECORD": (403, "INSUFFICIENT_PERMISSION", "only available as a beta record"),
    "CONCURRENCY_LIMIT_EXCEEDED": (429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent"),
    "UNEXPECTED_ERROR": (500, "UNEXPECTED_ERROR", "Error ID: "),
    "WORKFLOW_LOCK": (400, "USER_ERROR", "locked by a user defined workflow"),
    "RCRD_HAS_BEEN_CHANGED": (400, "USER_ERROR", "Record has been changed"),
    "CLOSED_PERIOD": (400, "USER_ERROR", "date range of your accounting period"),
    "SUBSIDIARY_ACCOUNT": (400, "USER_ERROR", "account cannot be used with the"),
    "SUBSIDIARY_MISMATCH": (400, "USER_ERROR", "reference key 12 for subsidiary 3."),
    "INVALID_SEARCH_QUERY": (400, "INVALID_PARAMETER", "Invalid search query."),
    "UNPARSEABLE_DATE": (400, "INVALID_PARAMETER", "Unparseable date:"),
    "NONEXISTENT_FIELD": (400, "NONEXISTENT_FIELD", "does not exist on the record"),
    "SPACES_IN_URL": (400, "USER_ERROR", "Spaces are not allowed in the URL."),
    "INVALID_REQUEST": (400, "INVALID_REQUEST", "malformed syntax"),
    "IDEMPOTENCY_ERROR": (400, "IDEMPOTENCY_ERROR", "same idempotency key"),
    "SEARCH_ERROR": (400, "USER_ERROR", "Search error occurred: Field 'foo'"),
    "ADMINISTRATOR_RECORD": (400, "USER_ERROR", "only an administrator is allowed"),
    "INVALID_FLD_VALUE": (400, "INVALID_FLD_VALUE", "Invalid date value"),
    "SCRIPT_ERROR": (400, "USER_ERROR", "Order blocked by script"),
}
PLAIN = {
    "MAINTENANCE": (503, "text/html"),
    "MAINTENANCE_AS_SUCCESS": (200, "text/html"),
    "BAD_GATEWAY": (502, "text/html"),
    "REDIRECT": (302, ""),
    "CUT_OFF": (200, "application/json"),
    "SUCCESS_WITHOUT_ID": (204, ""),
}


def test_every_named_failure_is_tested_here():
    assert EXPECTED.keys() | PLAIN.keys() == NAMED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_collected_refusal_is_played_by_name(name):
    api = open_account()
    api.simulator.fail_as(name)
    answer = api.session.get(SERVER_TIME)
    status, code, fragment = EXPECTED[name]
    assert answer.status_code == status
    assert answer.headers["Content-Type"].endswith("type=error")
    assert detail_of(answer)["o:errorCode"] == code
    assert fragment in detail_of(answer)["detail"]
    assert api.session.get(SERVER_TIME).status_code == 200


@pytest.mark.parametrize("name", PLAIN)
def test_answer_that_is_no_refusal_is_played_by_name(name):
    api = open_account()
    api.simulator.fail_as(name)
    answer = api.session.get(SERVER_TIME, allow_redirects=False)
    status, media = PLAIN[name]
    assert answer.status_code == status
    assert media in answer.headers.get("Content-Type", "")


def test_unknown_failure_is_a_mistake_of_the_caller():
    with pytest.raises(KeyError):
        NetSuiteSimulator().fail_as("NO_SUCH_THING")


def test_each_post_is_in_the_journal_with_a_masked_log_in():
    api = open_account()
    api.post("/customer", {"companyName": "Acme"})
    call = api.simulator.journal[-1]
    assert (call.method, call.path) == ("POST", "/services/rest/record/v1/customer")
    assert (call.status, call.request) == (204, '{"companyName": "Acme"}')
    assert call.headers["Authorization"] == "Bearer •••"


class _ThreadingServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served():
    """Yield a simulator and its address on a real socket."""
    simulator = NetSuiteSimulator(allowance=3)
    simulator.add_token("CK", "CS", "TK", "TS")
    server = make_server("127.0.0.1", 0, simulator, _ThreadingServer, _Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield simulator, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def signed():
    return OAuth1(
        "CK", "CS", "TK", "TS", realm="123456_SB1", signature_method="HMAC-SHA256"
    )


def test_signature_holds_over_a_real_socket(served):
    simulator, root = served
    url = f"{root}/services/rest/record/v1/customer/eid:shop-1"
    answer = requests.put(url, json={"companyName": "Acme"}, auth=signed(), timeout=5)
    assert answer.status_code == 204
    assert answer.headers["Location"].startswith(root)
    assert simulator.customers["shop-1"]["companyName"] == "Acme"


def test_store_and_allowance_hold_under_threads_on_a_socket(served):
    simulator, root = served
    simulator.latency = 0.05
    url = f"{root}/services/rest/record/v1/customer"

    def post():
        body = {"companyName": "Acme", "externalId": "shop-1"}
        return requests.post(url, json=body, auth=signed(), timeout=5).status_code

    statuses = at_once(8, post)
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 400, 429}
    assert simulator.most_in_flight <= 3
    assert len(simulator.stored("customer")) == 1


def test_answer_after_the_client_gave_up_still_commits(served):
    simulator, root = served
    simulator.fail_next(latency=0.4)
    url = f"{root}/services/rest/record/v1/customer"
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(url, json={"companyName": "Acme"}, auth=signed(), timeout=0.1)
    assert simulator.stored("customer") == []
    time.sleep(0.6)
    assert len(simulator.stored("customer")) == 1


def test_unknown_service_is_not_found():
    api = open_account()
    url = RECORD.replace("record/v1", "nothing/v1")
    assert api.session.get(url).status_code == 404
