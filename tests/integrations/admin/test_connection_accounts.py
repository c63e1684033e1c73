import pytest
from django.contrib.auth.models import User

from errorqueue.alerts import raise_alert
from errorqueue.clock import database_time
from errorqueue.models import Alert
from integrations.connectors.base import CheckLine, CheckResult
from integrations.connectors.errors import AccessRefused, ConnectionFailed
from integrations.models import Connection, Credential, SyncRecord, Token
from integrations.sync import accounts
from integrations.sync.addresses import base_url_problem


@pytest.fixture
def anna(db):
    return User.objects.create_user("anna")


def stored(connection):
    return {item.name: item.open().reveal() for item in connection.credentials.all()}


def fill(connection, by):
    accounts.set_credential(connection, "client_id", "abc", by)
    accounts.set_credential(connection, "private_key", "-----KEY-----", by)


def test_a_credential_is_kept_encrypted_with_who_set_it(netsuite, anna):
    accounts.set_credential(netsuite, "client_id", "abc-secret", anna)
    kept = Credential.objects.get()
    assert kept.set_by == anna
    assert "abc-secret" not in kept.sealed
    assert stored(netsuite) == {"client_id": "abc-secret"}


def test_rotated_webhook_secret_stays_on_as_the_previous_one(shop, anna):
    accounts.set_credential(shop, "webhook_secret", "old", anna)
    accounts.set_credential(shop, "webhook_secret", "new", anna)
    assert stored(shop) == {"webhook_secret": "new", "webhook_secret_previous": "old"}


def test_entering_the_same_secret_again_keeps_the_previous_one(shop, anna):
    for value in ("old", "new", "new"):
        accounts.set_credential(shop, "client_secret", value, anna)
    assert stored(shop)["client_secret_previous"] == "old"


def test_other_credentials_leave_no_previous_value_behind(netsuite, anna):
    accounts.set_credential(netsuite, "client_id", "old", anna)
    accounts.set_credential(netsuite, "client_id", "new", anna)
    assert stored(netsuite) == {"client_id": "new"}


def test_an_unreadable_old_secret_does_not_block_a_new_one(shop, anna):
    accounts.set_credential(shop, "client_secret", "old", anna)
    shop.credentials.update(sealed="broken")
    accounts.set_credential(shop, "client_secret", "new", anna)
    assert stored(shop) == {"client_secret": "new"}


def test_the_token_of_the_old_credentials_is_dropped(netsuite, anna):
    Token.objects.create(connection=netsuite, sealed="x", expires_at=database_time())
    accounts.set_credential(netsuite, "client_id", "new", anna)
    assert not Token.objects.exists()


def test_clearing_says_whether_there_was_a_credential(netsuite, anna):
    accounts.set_credential(netsuite, "client_id", "abc", anna)
    assert accounts.clear_credential(netsuite, "client_id")
    assert not accounts.clear_credential(netsuite, "client_id")


def test_check_names_missing_credentials_without_calling(
    netsuite, vendors, monkeypatch
):
    monkeypatch.setattr(vendors.Books, "answer", AssertionError("was called"))
    result = accounts.check(netsuite)
    assert [line.text for line in result.lines] == [
        "Client id is not set.",
        "Private key is not set.",
    ]


def test_check_puts_a_refusal_in_words_and_pauses_nothing(
    netsuite, anna, vendors, monkeypatch
):
    fill(netsuite, anna)
    refusal = AccessRefused("NetSuite does not know this certificate.")
    monkeypatch.setattr(vendors.Books, "answer", refusal)
    (line,) = accounts.check(netsuite).lines
    assert not line.good
    assert line.text == "NetSuite does not know this certificate."
    assert "Set the credentials again" in line.remedy
    netsuite.refresh_from_db()
    assert netsuite.is_ready


def test_check_of_an_unreachable_vendor_says_where_to_look(
    netsuite, anna, vendors, monkeypatch
):
    fill(netsuite, anna)
    monkeypatch.setattr(vendors.Books, "answer", ConnectionFailed())
    (line,) = accounts.check(netsuite).lines
    assert "base URL" in line.remedy


def test_f98_check_with_unreadable_credentials_names_the_key_setting(netsuite, anna):
    fill(netsuite, anna)
    netsuite.credentials.update(sealed="broken")
    (line,) = accounts.check(netsuite).lines
    assert "WAYBILL_FIELD_KEYS" in line.remedy


@pytest.mark.parametrize("state", ["refused", "refreshed"])
def test_a_good_check_resumes_after_a_refusal(record, netsuite, anna, state):
    fill(netsuite, anna)
    netsuite.move(state, "log-in refused")
    SyncRecord.objects.update(state="held", hold="connection", hold_reason="refused")
    raise_alert(f"access:{netsuite.pk}", "Refused", "Refused")
    assert accounts.check(netsuite).is_good
    netsuite.refresh_from_db()
    record.refresh_from_db()
    assert netsuite.is_ready
    assert (record.state, record.hold, record.hold_reason) == ("waiting", "", "")
    assert not Alert.objects.filter(closed_at=None).exists()


def test_a_bad_check_leaves_a_refused_connection_refused(
    netsuite, anna, vendors, monkeypatch
):
    fill(netsuite, anna)
    netsuite.move(Connection.State.REFUSED, "log-in refused")
    bad = CheckResult((CheckLine(True, "Log-in works."), CheckLine(False, "No role.")))
    monkeypatch.setattr(vendors.Books, "answer", bad)
    accounts.check(netsuite)
    netsuite.refresh_from_db()
    assert netsuite.state == Connection.State.REFUSED


def test_a_good_check_does_not_undo_a_persons_pause(netsuite, anna):
    fill(netsuite, anna)
    accounts.pause(netsuite, anna, "stock-taking")
    assert accounts.check(netsuite).is_good
    netsuite.refresh_from_db()
    assert netsuite.state == Connection.State.PAUSED


def test_pause_keeps_reason_and_person_and_calls_off_the_probe(netsuite, anna):
    Connection.objects.update(probe_at=database_time())
    assert accounts.pause(netsuite, anna, "stock-taking")
    assert not accounts.pause(netsuite, anna, "again")
    netsuite.refresh_from_db()
    assert netsuite.state_reason == "stock-taking (anna)"
    assert netsuite.probe_at is None


def test_resume_leaves_records_that_wait_for_others_alone(record, netsuite, anna):
    accounts.pause(netsuite, anna, "stock-taking")
    SyncRecord.objects.update(state="held", hold="record")
    assert accounts.resume(netsuite)
    record.refresh_from_db()
    assert record.state == SyncRecord.State.HELD


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "http://123456.suitetalk.api.netsuite.com",
        "https://suitetalk.api.netsuite.com.evil.example",
        "https://evilsuitetalk.api.netsuite.com",
        "https://suitetalk.api.netsuite.com@evil.example",
    ],
)
def test_production_calls_only_the_vendors_hosts(netsuite, settings, address):
    settings.PRODUCTION = True
    settings.EXTRA_VENDOR_HOSTS = []
    netsuite.base_url = address
    assert base_url_problem(netsuite).startswith("Base URL:")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://123456.suitetalk.api.netsuite.com",
        "https://123456.SUITETALK.api.netsuite.com/services",
        "https://proxy.example:8443",
    ],
)
def test_production_accepts_vendor_and_listed_hosts(netsuite, settings, address):
    settings.PRODUCTION = True
    settings.EXTRA_VENDOR_HOSTS = ["proxy.example"]
    netsuite.base_url = address
    assert base_url_problem(netsuite) == ""


def test_outside_production_any_web_address_will_do(netsuite, settings):
    settings.PRODUCTION = False
    netsuite.base_url = "http://127.0.0.1:9000"
    assert base_url_problem(netsuite) == ""
    netsuite.base_url = "ftp://127.0.0.1"
    assert "no web address" in base_url_problem(netsuite)
