import logging
import ssl
from decimal import Decimal

import pytest
from requests import exceptions as faults
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from integrations.connectors import http
from integrations.connectors.auth import TokenLogin
from integrations.connectors.errors import (
    AccessRefused,
    ConnectionFailed,
    LimitReached,
    PermissionMissing,
    RecordMissing,
    RequestRefused,
    ServerFault,
    TimedOut,
)
from integrations.connectors.http import ApiClient
from integrations.connectors.secret import (
    Secret,
)
from tests.connectors.line import fresh_token

URL = "https://vendor.example"


@pytest.fixture
def client(line, around) -> ApiClient:
    return ApiClient("Vendor", URL, around.services(), secrets=(Secret("canary-7"),))


def unreachable() -> Exception:
    reason = NewConnectionError(None, "refused")
    return faults.ConnectionError(MaxRetryError(None, "/", reason))


def test_json_fractions_arrive_as_decimals(client, line):
    line.reply(body=b'{"price": 0.10}')
    assert client.request("GET", "/price").data == {"price": Decimal("0.10")}


def test_decimals_leave_digit_for_digit(client, line):
    line.reply(204)
    client.request("POST", "/x", json={"rate": Decimal("19.90")})
    assert line.sent[0].body == b'{"rate": 19.90}'
    assert line.sent[0].headers["Content-Type"] == "application/json"


def test_every_try_passes_the_gate_and_is_recorded(client, line, around, naps):
    line.break_off(unreachable())
    line.reply(body={"ok": True}, X_Request_Id="r-1")
    client.request("GET", "/x")
    assert around.gates == 2
    assert [exchange.status for exchange in around.exchanges] == [None, 200]
    assert around.exchanges[1].request_id == "r-1"


def test_f29_refused_connection_was_not_sent_and_is_tried_twice(client, line, naps):
    line.break_off(unreachable())
    line.break_off(unreachable())
    with pytest.raises(ConnectionFailed) as caught:
        client.request("POST", "/x", json={})
    assert caught.value.sent is False
    assert len(line.sent) == 2


def test_f29_connect_timeout_was_not_sent(client, line, naps):
    slow = ConnectTimeoutError("slow")
    for _ in range(2):
        line.break_off(faults.ConnectTimeout(MaxRetryError(None, "/", slow)))
    with pytest.raises(ConnectionFailed) as caught:
        client.request("GET", "/x")
    assert caught.value.sent is False


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.ReadTimeout(ReadTimeoutError(None, "/", "slow")), TimedOut),
        (faults.ConnectionError(ReadTimeoutError(None, "/", "slow")), TimedOut),
        (
            faults.ConnectionError(ProtocolError("x", ConnectionResetError())),
            ConnectionFailed,
        ),
        (faults.ChunkedEncodingError("cut"), ServerFault),
    ],
)
def test_f29_break_after_sending_is_unknown_and_not_repeated(client, line, fault, kind):
    line.break_off(fault)
    with pytest.raises(kind) as caught:
        client.request("POST", "/x", json={})
    assert caught.value.sent is True
    assert len(line.sent) == 1


def test_f29_earlier_failure_does_not_colour_a_later_one(client, line, naps):
    line.break_off(unreachable())
    line.break_off(faults.ReadTimeout("slow"))
    with pytest.raises(TimedOut) as caught:
        client.request("POST", "/x", json={})
    assert caught.value.sent is True


def test_f33_html_page_with_status_200_is_no_success(client, line):
    line.reply(200, b"<html>Down for maintenance</html>", Content_Type="text/html")
    with pytest.raises(ServerFault) as caught:
        client.request("POST", "/x", json={})
    assert caught.value.sent is True


def test_f33_json_that_breaks_off_is_no_success(client, line):
    line.reply(200, b'{"id": "1", "na')
    with pytest.raises(ServerFault):
        client.request("GET", "/x")


def test_f35_bad_certificate_stops_the_connection(client, line):
    broken = ssl.SSLCertVerificationError("hostname mismatch")
    line.break_off(faults.SSLError(MaxRetryError(None, "/", broken)))
    with pytest.raises(AccessRefused) as caught:
        client.request("GET", "/x")
    assert caught.value.code == "CERTIFICATE"
    assert len(line.sent) == 1


def test_f36_redirect_is_not_followed(client, line):
    line.reply(302, Location="https://elsewhere.example/steal")
    with pytest.raises(RequestRefused) as caught:
        client.request("GET", "/x")
    assert caught.value.code == "REDIRECT"
    assert len(line.sent) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (403, PermissionMissing),
        (404, RecordMissing),
        (429, LimitReached),
        (500, ServerFault),
        (503, ServerFault),
    ],
)
def test_status_alone_names_the_error(client, line, status, kind):
    line.reply(status, b"<html>", X_Request_Id="r-9")
    with pytest.raises(kind) as caught:
        client.request("GET", "/x")
    assert caught.value.status == status
    assert caught.value.request_id == "r-9"


def test_f37_short_wait_is_kept_outside_the_gate(client, line, around, monkeypatch):
    line.reply(429, Retry_After="2")
    line.reply(body={})
    held = []
    monkeypatch.setattr(http.time, "sleep", lambda s: held.append((s, around.inside)))
    client.request("GET", "/x")
    assert held == [(2.0, False)]


def test_f37_second_refusal_is_left_to_the_caller(client, line, naps):
    line.reply(429, Retry_After="1")
    line.reply(429, Retry_After="1")
    with pytest.raises(LimitReached) as caught:
        client.request("GET", "/x")
    assert caught.value.retry_after == 1.0
    assert naps == [1.0]


@pytest.mark.parametrize("headers", [{}, {"Retry_After": "60"}])
def test_long_or_unnamed_wait_is_not_sat_out(client, line, naps, headers):
    line.reply(429, **headers)
    with pytest.raises(LimitReached):
        client.request("GET", "/x")
    assert naps == []


def test_retry_after_may_be_a_date(client, line):
    line.reply(503, Retry_After="Fri, 31 Dec 2099 23:59:59 GMT")
    with pytest.raises(ServerFault) as caught:
        client.request("GET", "/x")
    assert caught.value.retry_after > 60


@pytest.fixture
def token_client(line, around) -> ApiClient:
    values = iter(["token-canary-1", "token-canary-2", "token-canary-3"])
    login = TokenLogin(
        "Authorization",
        "Bearer ",
        around.tokens,
        lambda: fresh_token(next(values)),
    )
    return ApiClient("Vendor", URL, around.services(), login=login)


def test_refused_token_is_fetched_anew_once(token_client, line, around):
    line.reply(401)
    line.reply(body={"ok": 1})
    token_client.request("GET", "/x")
    sent = [request.headers["Authorization"] for request in line.sent]
    assert sent == ["Bearer token-canary-1", "Bearer token-canary-2"]
    assert around.tokens.fetched == 2


def test_second_refused_token_ends_the_call(token_client, line, around):
    line.reply(401)
    line.reply(401)
    with pytest.raises(AccessRefused):
        token_client.request("GET", "/x")
    assert around.tokens.fetched == 2


def test_lasting_credentials_are_not_tried_twice(client, line):
    line.reply(401)
    with pytest.raises(AccessRefused):
        client.request("GET", "/x")
    assert len(line.sent) == 1


def test_f100_no_secret_in_errors_exchanges_or_log(line, around, caplog):
    caplog.set_level(logging.DEBUG)
    login = TokenLogin("Authorization", "Bearer ", around.tokens, fresh_token)
    client = ApiClient(
        "Vendor",
        URL,
        around.services(),
        login=login,
        secrets=(Secret("canary-7"),),
        error_for=lambda answer: RequestRefused(answer.text, fields={"x": answer.text}),
    )
    line.reply(400, b"you sent canary-7 with token-canary-1", X_Echo="canary-7")
    with pytest.raises(RequestRefused) as caught:
        client.request("GET", "/x", params={"access_token": "q", "a": "canary-7"})
    kept = f"{caught.value} {caught.value.fields} {around.exchanges} {caplog.text}"
    assert "canary" not in kept
    assert "you sent ••• with •••" in kept


def test_log_names_path_status_and_vendor_id(client, line, caplog):
    caplog.set_level(logging.INFO)
    line.reply(body={}, X_N_OperationId="op-5")
    client.request("GET", "/records", params={"email": "a@example.com"})
    assert "GET https://vendor.example/records 200" in caplog.text
    assert "op-5" in caplog.text
    assert "example.com/records?" not in caplog.text


def test_real_session_ignores_its_surroundings():
    session = http.new_session()
    assert session.trust_env is False
    assert session.verify is True
