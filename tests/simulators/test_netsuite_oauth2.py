from datetime import timedelta

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from integrations.simulators.netsuite import NetSuiteSimulator
from tests.simulators.netsuite_client import (
    CLIENT_ID,
    SERVER_TIME,
    TOKEN_URL,
    Api,
    Clock,
    assertion,
    detail_of,
    key_pair,
    open_account,
    public_pem,
)

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=3072)


def error_of(answer):
    return answer.status_code, answer.json()["error"]


def certificate_pem(key, clock, days):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "waybill")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(clock() - timedelta(days=1))
        .not_valid_after(clock() + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


def test_signed_assertion_gets_a_token_for_an_hour():
    api = open_account()
    answer = api.ask_for_token()
    body = answer.json()
    assert answer.status_code == 200
    assert (body["expires_in"], body["token_type"]) == (3600, "Bearer")
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["scope"] == ["rest_webservices"]


@pytest.mark.parametrize("algorithm", ["PS256", "PS384", "PS512"])
def test_rsa_pss_assertions_are_accepted(algorithm):
    api = open_account()
    api.simulator.add_certificate(CLIENT_ID, "rsa", public_pem(RSA_KEY))
    text = assertion(api.clock, RSA_KEY, kid="rsa", alg=algorithm)
    assert api.ask_for_token(text).status_code == 200


def test_rs256_is_refused():
    api = open_account()
    api.simulator.add_certificate(CLIENT_ID, "rsa", public_pem(RSA_KEY))
    text = assertion(api.clock, RSA_KEY, kid="rsa", alg="RS256")
    assert error_of(api.ask_for_token(text)) == (400, "invalid_client")


@pytest.mark.parametrize(
    ("curve", "algorithm"), [(ec.SECP384R1(), "ES384"), (ec.SECP521R1(), "ES512")]
)
def test_longer_elliptic_curves_are_accepted(curve, algorithm):
    api = open_account()
    key = ec.generate_private_key(curve)
    api.simulator.add_certificate(CLIENT_ID, "ec", public_pem(key))
    text = assertion(api.clock, key, kid="ec", alg=algorithm)
    assert api.ask_for_token(text).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"kid": "unknown"}, "invalid_client"),
        ({"iss": "another-client"}, "invalid_client"),
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"exp": 1}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"scope": ["everything"]}, "invalid_scope"),
        ({"scope": []}, "invalid_scope"),
    ],
)
def test_wrong_assertion_is_refused_by_name(changes, error):
    api = open_account()
    text = assertion(api.clock, key_pair("cert-1"), **changes)
    assert error_of(api.ask_for_token(text)) == (400, error)


def test_assertion_may_live_an_hour_and_no_longer():
    api = open_account()
    now = int(api.clock().timestamp())
    key = key_pair("cert-1")
    assert api.ask_for_token(assertion(api.clock, key, exp=now + 3600)).ok
    too_long = assertion(api.clock, key, exp=now + 3601)
    assert error_of(api.ask_for_token(too_long)) == (400, "invalid_grant")


def test_assertion_signed_with_another_key_is_refused():
    api = open_account()
    text = assertion(api.clock, key_pair("another"))
    assert error_of(api.ask_for_token(text)) == (400, "invalid_client")
    assert api.simulator.audit_trail[-1].code == "invalid_client"


def test_wrong_client_may_be_answered_with_401_and_a_challenge():
    api = open_account(invalid_client_status=401)
    text = assertion(api.clock, key_pair("cert-1"), kid="unknown")
    answer = api.ask_for_token(text)
    assert error_of(answer) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="123456_SB1"'


@pytest.mark.parametrize(
    "scope", [["rest_webservices", "restlets"], "rest_webservices,restlets"]
)
def test_scope_may_be_a_list_or_text(scope):
    api = open_account()
    text = assertion(api.clock, key_pair("cert-1"), scope=scope)
    assert api.ask_for_token(text).ok


def test_token_without_the_rest_scope_opens_nothing():
    api = open_account()
    text = assertion(api.clock, key_pair("cert-1"), scope=["restlets"])
    token = api.ask_for_token(text).json()["access_token"]
    answer = api.session.get(SERVER_TIME, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("", "invalid_request"),
        ("grant_type=password", "unsupported_grant_type"),
        ("grant_type=client_credentials", "invalid_request"),
        (
            "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams"
            "%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=no.jwt",
            "invalid_request",
        ),
    ],
)
def test_incomplete_form_is_refused(form, error):
    assert error_of(open_account().post_form(form)) == (400, error)


def test_token_request_must_be_a_form():
    api = open_account()
    answer = api.session.post(TOKEN_URL, json={"grant_type": "client_credentials"})
    assert error_of(answer) == (400, "invalid_request")


def test_expired_bearer_is_challenged():
    api = open_account()
    assert api.session.get(SERVER_TIME).status_code == 200
    api.clock.tick(seconds=3600)
    answer = api.session.get(SERVER_TIME)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="123456_SB1", error="invalid_token", '
        'error_description="Invalid login attempt."'
    )
    assert detail_of(answer)["o:errorCode"] == "INVALID_LOGIN"


@pytest.mark.parametrize("header", ["Bearer forged", "Basic Zm9v", ""])
def test_request_without_a_good_token_is_refused(header):
    api = open_account()
    answer = api.session.get(SERVER_TIME, headers={"Authorization": header})
    assert answer.status_code == 401


def test_empty_bearer_is_an_invalid_request():
    api = open_account()
    answer = api.session.get(SERVER_TIME, headers={"Authorization": "Bearer"})
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


def test_revoked_certificate_ends_its_tokens_and_cannot_return():
    api = open_account()
    api.simulator.revoke_certificate("cert-1")
    assert api.session.get(SERVER_TIME).status_code == 401
    assert error_of(api.ask_for_token()) == (400, "invalid_client")
    with pytest.raises(ValueError, match="revoked"):
        api.simulator.add_certificate(CLIENT_ID, "cert-1", public_pem(key_pair("x")))


def test_f41_expired_certificate_gets_no_new_token():
    api = open_account()
    api.simulator.expire_certificate("cert-1")
    assert error_of(api.ask_for_token()) == (400, "invalid_client")


def test_x509_certificate_is_accepted_until_its_end():
    clock = Clock()
    api = Api(NetSuiteSimulator(now=clock), clock)
    key = key_pair("cert-1")
    api.simulator.add_certificate(CLIENT_ID, "cert-1", certificate_pem(key, clock, 30))
    assert api.ask_for_token().ok
    clock.tick(days=30)
    assert error_of(api.ask_for_token()) == (400, "invalid_client")


def test_certificate_validity_is_cut_to_two_years():
    clock = Clock()
    api = Api(NetSuiteSimulator(now=clock), clock)
    pem = certificate_pem(key_pair("cert-1"), clock, 3650)
    api.simulator.add_certificate(CLIENT_ID, "cert-1", pem)
    clock.tick(days=731)
    assert error_of(api.ask_for_token()) == (400, "invalid_client")


def test_short_rsa_key_is_refused():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(ValueError, match="3072"):
        NetSuiteSimulator().add_certificate(CLIENT_ID, "short", public_pem(key))


def test_sixth_active_certificate_is_refused():
    simulator = NetSuiteSimulator()
    for number in range(5):
        simulator.add_certificate(CLIENT_ID, f"c{number}", public_pem(key_pair("k")))
    with pytest.raises(ValueError, match="five"):
        simulator.add_certificate(CLIENT_ID, "c5", public_pem(key_pair("k")))
    simulator.revoke_certificate("c0")
    simulator.add_certificate(CLIENT_ID, "c5", public_pem(key_pair("k")))


def test_f40_two_certificates_work_side_by_side_during_a_rotation():
    api = open_account()
    api.simulator.add_certificate(CLIENT_ID, "cert-2", public_pem(key_pair("cert-2")))
    assert api.ask_for_token().ok
    assert api.ask_for_token(assertion(api.clock, key_pair("cert-2"), kid="cert-2")).ok


def test_f39_revoked_access_refuses_both_doors_until_restored():
    api = open_account()
    api.simulator.revoke_access()
    assert api.session.get(SERVER_TIME).status_code == 401
    assert error_of(api.ask_for_token()) == (400, "invalid_grant")
    api.simulator.restore_access()
    assert api.session.get(SERVER_TIME).status_code == 200


def test_f49_sandbox_refresh_wipes_certificates_and_tokens():
    api = open_account()
    api.simulator.refresh_sandbox()
    assert api.session.get(SERVER_TIME).status_code == 401
    assert error_of(api.ask_for_token()) == (400, "invalid_client")


def test_journal_keeps_no_log_in_secret():
    api = open_account()
    api.session.get(SERVER_TIME)
    token = api.session.headers["Authorization"].removeprefix("Bearer ")
    text = repr(api.simulator.journal)
    assert token not in text
    assert "client_assertion=•••" in text
    assert "eyJ" not in text
    assert "'Authorization': 'Bearer •••'" in text
