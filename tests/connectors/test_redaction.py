import json

from hypothesis import given
from hypothesis import strategies as st

from integrations.connectors import redaction
from integrations.connectors.secret import (
    Secret,
)

JSON = {"Content-Type": "application/json"}


def test_f100_headers_are_kept_by_allow_list():
    headers = {"Authorization": "Bearer canary", "X-Odd": "canary", "Date": "today"}
    kept = redaction.dump(headers, b"", ())
    assert "canary" not in kept
    assert "Date: today" in kept
    assert "Authorization: •••" in kept


def test_f100_secret_looking_names_are_starred_at_any_depth():
    body = {"a": [{"access_token": "canary"}, {"clientSecret": {"x": "canary"}}]}
    body["client_assertion"] = "canary"
    body["sku"] = "TENT-2P"
    kept = redaction.dump(JSON, json.dumps(body).encode(), ())
    assert "canary" not in kept
    assert "TENT-2P" in kept


def test_f100_secret_in_broken_json_is_starred():
    body = b'{"access_token":"canary\\"rest","sku":"A-1","password":"canary2'
    kept = redaction.dump(JSON, body, ())
    assert "canary" not in kept
    assert "A-1" in kept


def test_f100_form_fields_are_starred():
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"grant_type=client_credentials&client_secret=canary&client_assertion=canary"
    kept = redaction.dump(headers, body, ())
    assert "canary" not in kept
    assert "grant_type=client_credentials" in kept


def test_f100_secret_in_an_address_is_starred():
    url = "https://user:canary@x.example/p?key=canary&token=canary&sku=A%2F1"
    assert redaction.clean_url(url) == "https://x.example/p?key=•••&token=•••&sku=A%2F1"


def test_f100_key_text_is_starred_line_by_line_and_escaped():
    key = Secret("-----BEGIN KEY-----\ncanarycanary\nmorecanary\n-----END KEY-----")
    kept = redaction.star(json.dumps({"m": key.reveal()}) + " morecanary", [key])
    assert "canary" not in kept


def test_short_credentials_do_not_star_whole_texts():
    assert redaction.star("order 1 of 10", [Secret("1")]) == "order 1 of 10"


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=6), st.text())
def test_f100_literal_secret_never_survives(value, around):
    secret = Secret(f"canary{value}")
    body = json.dumps({"note": around + secret.reveal()}).encode()
    kept = redaction.dump(JSON, body, [secret])
    assert secret.reveal() not in kept
    assert json.dumps(secret.reveal())[1:-1] not in kept


def test_kept_text_is_cut_at_32_kb():
    kept = redaction.dump(JSON, b'{"note": "' + "é".encode() * 100_000 + b'"}', ())
    assert len(kept.encode()) <= 32 * 1024
    assert kept.endswith("… (cut)")
