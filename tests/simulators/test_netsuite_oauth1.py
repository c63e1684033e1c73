import pytest
import requests
from requests_oauthlib import OAuth1

from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.netsuite.oauth1 import signature
from tests.simulators.netsuite_client import (
    RECORD,
    SERVER_TIME,
    SUITEQL,
    Clock,
    detail_of,
    session_for,
)

SUITETALK = "https://123456-sb1.suitetalk.api.netsuite.com/services/rest"
PUBLISHED = [
    (
        "POST",
        f"{SUITETALK}/query/v1/suiteql?limit=1000&offset=0",
        "pBO0SowgkCmyQVld8s5FC/7oOrQGUSsLlYujWvFvqHc=",
    ),
    (
        "PUT",
        f"{SUITETALK}/record/v1/salesOrder/eid:SHOP-1001",
        "JI8yboNdf/lTTJ+hu17cuh4iS0qC2FHEwSy1tvsrOX8=",
    ),
    (
        "GET",
        "https://123456-sb1.restlets.api.netsuite.com/app/site/hosting/restlet.nl"
        "?script=customscript_demo&deploy=customdeploy_demo",
        "sGaC6UbQG+qswUKrIH+ys14wcNgm2hQ1C8Vi8dVSHmk=",
    ),
]
PUBLISHED_PARTS = {
    "oauth_consumer_key": "CK-demo",
    "oauth_token": "TK-demo",
    "oauth_nonce": "abcdef123456",
    "oauth_timestamp": "1700000000",
    "oauth_signature_method": "HMAC-SHA256",
    "oauth_version": "1.0",
}


def signed(**changes):
    """Return an auth object, with other secrets or a fixed nonce where wanted."""
    settings = {
        "client_key": "CK-demo",
        "client_secret": "CS-demo",
        "resource_owner_key": "TK-demo",
        "resource_owner_secret": "TS-demo",
        "realm": "123456_SB1",
        "signature_method": "HMAC-SHA256",
        **changes,
    }
    fixed = {
        name: settings.pop(name) for name in ("nonce", "timestamp") if name in settings
    }
    auth = OAuth1(**settings)
    for name, value in fixed.items():
        setattr(auth.client, name, value)
    return auth


def account(**switches):
    simulator = NetSuiteSimulator(**switches)
    simulator.add_token("CK-demo", "CS-demo", "TK-demo", "TS-demo")
    return simulator, session_for(simulator)


def last_code(simulator):
    return simulator.audit_trail[-1].code


@pytest.mark.parametrize(("method", "url", "expected"), PUBLISHED)
def test_hand_computed_signature_equals_the_published_one(method, url, expected):
    assert signature(method, url, PUBLISHED_PARTS, "CS-demo", "TS-demo") == expected


def test_published_signature_opens_the_account_at_its_time():
    clock = Clock()
    simulator, session = account(now=clock)
    clock.tick(seconds=1700000000 - clock().timestamp())
    parts = {
        **PUBLISHED_PARTS,
        "realm": "123456_SB1",
        "oauth_signature": PUBLISHED[0][2],
    }
    quoted = ", ".join(
        f'{name}="{requests.utils.quote(value, safe="")}"'
        for name, value in parts.items()
    )
    answer = session.post(
        PUBLISHED[0][1],
        json={"q": "SELECT dummy FROM dual"},
        headers={"Authorization": f"OAuth {quoted}", "Prefer": "transient"},
    )
    assert answer.status_code == 200
    assert answer.json()["items"] == [{"links": [], "dummy": "X"}]


def test_signed_request_with_query_parameters_is_accepted():
    _, session = account()
    answer = session.post(
        SUITEQL,
        params={"limit": "10", "offset": "0"},
        json={"q": "SELECT id FROM currency"},
        headers={"Prefer": "transient"},
        auth=signed(),
    )
    assert answer.status_code == 200


def test_query_changed_after_signing_is_refused():
    simulator, session = account()
    request = requests.Request("GET", SERVER_TIME + "?a=1", auth=signed()).prepare()
    request.url = request.url.replace("a=1", "a=2")
    answer = session.send(request)
    assert answer.status_code == 401
    assert last_code(simulator) == "InvalidSignature"


def test_external_id_in_the_address_is_signed_too():
    _, session = account()
    answer = session.get(f"{RECORD}/customer/eid:no-such", auth=signed())
    assert answer.status_code == 404


def test_refused_log_in_shows_only_the_general_message():
    simulator, session = account()
    answer = session.get(SERVER_TIME, auth=signed(client_secret="wrong"))
    assert answer.status_code == 401
    assert detail_of(answer)["o:errorCode"] == "INVALID_LOGIN"
    assert detail_of(answer)["detail"].startswith("Invalid login attempt.")
    assert "InvalidSignature" not in answer.text
    assert last_code(simulator) == "InvalidSignature"
    assert simulator.audit_trail[-1].subject == "TK-demo"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"realm": "123456_sb1"}, "token_rejected"),
        ({"realm": "654321"}, "token_rejected"),
        ({"resource_owner_secret": "wrong"}, "InvalidSignature"),
        ({"client_key": "unknown"}, "consumer_key_unknown"),
        ({"resource_owner_key": "unknown"}, "token_rejected"),
        ({"signature_method": "HMAC-SHA1"}, "UnknownAlgorithm"),
        ({"nonce": "abc12"}, "nonce_rejected"),
        ({"nonce": "a" * 65}, "nonce_rejected"),
        ({"timestamp": "1700000000"}, "InvalidTimestamp"),
        ({"timestamp": "soon"}, "InvalidTimestamp"),
    ],
)
def test_wrong_part_is_refused_with_its_audit_code(changes, code):
    simulator, session = account()
    answer = session.get(SERVER_TIME, auth=signed(**changes))
    assert answer.status_code == 401
    assert last_code(simulator) == code


def test_header_without_required_fields_is_refused():
    simulator, session = account()
    header = {"Authorization": 'OAuth realm="123456_SB1", oauth_token="TK-demo"'}
    assert session.get(SERVER_TIME, headers=header).status_code == 401
    assert last_code(simulator) == "MissingTokenPassportRequiredFields"


def test_wrong_version_is_refused():
    simulator, session = account()
    request = requests.Request("GET", SERVER_TIME, auth=signed()).prepare()
    header = request.headers["Authorization"]
    text = header.decode() if isinstance(header, bytes) else header
    request.headers["Authorization"] = text.replace('"1.0"', '"1.1"')
    assert session.send(request).status_code == 401
    assert last_code(simulator) == "VersionRejected"


def test_signed_request_cannot_be_sent_twice():
    simulator, session = account()
    request = requests.Request("GET", SERVER_TIME, auth=signed()).prepare()
    assert session.send(request).status_code == 200
    assert session.send(request).status_code == 401
    assert last_code(simulator) == "nonce_used"


@pytest.mark.parametrize(("seconds", "status"), [(-299, 200), (299, 200), (302, 401)])
def test_timestamp_may_be_five_minutes_off(seconds, status):
    clock = Clock()
    _, session = account(now=clock)
    stamp = str(int(clock().timestamp()) + seconds)
    answer = session.get(SERVER_TIME, auth=signed(timestamp=stamp))
    assert answer.status_code == status


def stamped(clock, **changes):
    return signed(timestamp=str(int(clock().timestamp())), **changes)


def test_five_failures_lock_the_user_for_half_an_hour():
    clock = Clock()
    simulator, session = account(now=clock)
    for _ in range(5):
        session.get(SERVER_TIME, auth=stamped(clock, client_secret="wrong"))
    assert session.get(SERVER_TIME, auth=stamped(clock)).status_code == 401
    assert last_code(simulator) == "temporary_locked"
    clock.tick(minutes=30)
    assert session.get(SERVER_TIME, auth=stamped(clock)).status_code == 200


def test_success_between_failures_prevents_the_lock():
    _, session = account()
    for secret in ("wrong", "wrong", "CS-demo", "wrong", "wrong", "wrong"):
        session.get(SERVER_TIME, auth=signed(client_secret=secret))
    assert session.get(SERVER_TIME, auth=signed()).status_code == 200


def test_blocked_integration_is_refused():
    simulator, session = account()
    simulator.block_integration("CK-demo")
    assert session.get(SERVER_TIME, auth=signed()).status_code == 401
    assert last_code(simulator) == "consumer_key_refused"


def test_release_2027_1_takes_no_new_integration_but_the_old_one_works():
    simulator, session = account()
    simulator.release = "2027.1"
    with pytest.raises(ValueError, match=r"2027\.1"):
        simulator.add_token("CK-new", "secret", "TK-new", "secret")
    simulator.add_token("CK-demo", "CS-demo", "TK-second", "TS-second")
    assert session.get(SERVER_TIME, auth=signed()).status_code == 200


def test_release_2028_1_refuses_token_based_authentication():
    simulator, session = account()
    simulator.release = "2028.1"
    assert session.get(SERVER_TIME, auth=signed()).status_code == 401
    assert last_code(simulator) == "FeatureDisabled"


def test_f49_sandbox_refresh_wipes_tokens():
    simulator, session = account()
    simulator.refresh_sandbox()
    assert session.get(SERVER_TIME, auth=signed()).status_code == 401
    assert last_code(simulator) == "consumer_key_unknown"


def test_f50_another_account_on_the_same_vendor_is_refused():
    _, session = account()
    url = SERVER_TIME.replace("123456-sb1", "654321")
    assert session.get(url, auth=signed()).status_code == 401


def test_revoked_access_does_not_lock_the_user_out_afterwards():
    simulator, session = account()
    simulator.revoke_access()
    statuses = {session.get(SERVER_TIME, auth=signed()).status_code for _ in range(6)}
    simulator.restore_access()
    assert statuses == {401}
    assert session.get(SERVER_TIME, auth=signed()).status_code == 200
