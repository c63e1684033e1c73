from urllib.parse import parse_qs, unquote

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from integrations.connectors.errors import AccessRefused, ServerFault
from integrations.connectors.netsuite.auth import SignedLogin, realm
from integrations.connectors.netsuite.connector import NetSuite
from tests.connectors.line import account
from tests.connectors.netsuite.conftest import TBA

HOST = "https://123456-sb1.suitetalk.api.netsuite.com"
TOKEN_URL = HOST + "/services/rest/auth/oauth2/v1/token"


def header_of(method: str, url: str, login: SignedLogin) -> str:
    request = requests.Request(method, url, auth=login, headers={"Accept": "x"})
    return str(request.prepare().headers["Authorization"])


# Vectors: computed by hand by the rules of NetSuite Help Center section_1534941088.
@pytest.mark.parametrize(
    ("method", "url", "signature"),
    [
        (
            "POST",
            HOST + "/services/rest/query/v1/suiteql?limit=1000&offset=0",
            "pBO0SowgkCmyQVld8s5FC/7oOrQGUSsLlYujWvFvqHc=",
        ),
        (
            "PUT",
            HOST + "/services/rest/record/v1/salesOrder/eid:SHOP-1001",
            "JI8yboNdf/lTTJ+hu17cuh4iS0qC2FHEwSy1tvsrOX8=",
        ),
        (
            "GET",
            "https://123456-sb1.restlets.api.netsuite.com/app/site/hosting/restlet.nl"
            "?script=customscript_demo&deploy=customdeploy_demo",
            "sGaC6UbQG+qswUKrIH+ys14wcNgm2hQ1C8Vi8dVSHmk=",
        ),
    ],
)
def test_signature_equals_the_published_vector(method, url, signature):
    login = SignedLogin(account(credentials=TBA))
    login.oauth.client.nonce = "abcdef123456"
    login.oauth.client.timestamp = "1700000000"
    header = unquote(header_of(method, url, login))
    assert f'oauth_signature="{signature}"' in header
    assert header.startswith('OAuth realm="123456_SB1"')


def test_each_try_is_signed_with_a_new_nonce():
    login = SignedLogin(account(credentials=TBA))
    first, second = (header_of("GET", HOST, login) for _ in range(2))
    assert first != second


def test_realm_is_written_as_netsuite_shows_it():
    assert realm("123456-sb1") == "123456_SB1"


def pem(key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


RSA = rsa.generate_private_key(65537, 3072)


def certificate(key) -> dict[str, str]:
    text = key if isinstance(key, str) else pem(key)
    return {"client_id": "CID-1", "certificate_id": "KID-1", "private_key": text}


def make(around, key) -> NetSuite:
    credentials = certificate(key)
    method = "oauth2_certificate"
    return NetSuite(
        account(auth_method=method, credentials=credentials), around.services()
    )


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSA, "PS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ec.generate_private_key(ec.SECP521R1()), "ES512"),
    ],
)
def test_assertion_is_signed_as_netsuite_asks(line, around, key, algorithm):
    line.reply(body={"access_token": "token-canary", "expires_in": 3600})
    line.reply(body={"serverTime": "2026-11-20T10:00:00.000Z"})
    make(around, key).probe()
    form = parse_qs(line.sent[0].body.decode())
    sent = form["client_assertion"][0]
    told = jwt.decode(sent, key.public_key(), [algorithm], audience=TOKEN_URL)
    assert jwt.get_unverified_header(sent)["kid"] == "KID-1"
    assert told["iss"] == "CID-1"
    assert told["scope"] == ["rest_webservices"]
    assert told["exp"] - told["iat"] <= 3000
    assert line.sent[1].headers["Authorization"] == "Bearer token-canary"


def test_f100_token_request_is_kept_without_its_secrets(line, around):
    line.reply(body={"access_token": "token-canary", "expires_in": 3600})
    line.reply(body={"serverTime": "2026-11-20T10:00:00.000Z"})
    make(around, RSA).probe()
    kept = repr(around.exchanges)
    assertion = parse_qs(line.sent[0].body.decode())["client_assertion"][0]
    assert "token-canary" not in kept
    assert assertion not in kept
    assert "client_credentials" in kept


@pytest.mark.parametrize("status", [400, 401])
def test_f39_refused_certificate_is_an_access_problem(line, around, status):
    line.reply(status, {"error": "invalid_client", "error_description": "x"})
    with pytest.raises(AccessRefused) as caught:
        make(around, RSA).probe()
    assert caught.value.code == "invalid_client"
    assert "Login Audit Trail" in str(caught.value)


def test_f73_refused_log_in_names_a_wrong_clock(line, around):
    line.reply(400, {"error": "invalid_grant"}, Date="Fri, 01 Jan 2010 00:00:00 GMT")
    with pytest.raises(AccessRefused, match="clock of this machine is .* ahead of"):
        make(around, RSA).probe()


def test_token_endpoint_that_is_down_is_no_access_problem(line, around):
    line.reply(503, b"<html>")
    with pytest.raises(ServerFault):
        make(around, RSA).probe()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("no key at all", "no readable PEM text"),
        (rsa.generate_private_key(65537, 2048), "3072 or 4096"),
    ],
)
def test_unusable_private_key_is_named_before_anything_is_sent(
    line, around, key, words
):
    with pytest.raises(AccessRefused, match=words) as caught:
        make(around, key).probe()
    assert caught.value.sent is False
    assert line.sent == []


def test_missing_credential_is_named(line, around):
    bare = NetSuite(account(credentials={}), around.services())
    with pytest.raises(AccessRefused, match="consumer_key"):
        bare.probe()


def test_expired_token_is_fetched_once_more(line, around):
    line.reply(body={"access_token": "one", "expires_in": 3600})
    line.reply(401, {"o:errorDetails": [{"o:errorCode": "INVALID_LOGIN"}]})
    line.reply(body={"access_token": "two", "expires_in": 3600})
    line.reply(body={"serverTime": "2026-11-20T10:00:00.000Z"})
    make(around, RSA).probe()
    assert line.sent[3].headers["Authorization"] == "Bearer two"
