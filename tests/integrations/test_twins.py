"""One account under two names is found out, however it is written."""

import pytest

from integrations.models import Connection
from integrations.sync.twins import twin_among

pytestmark = pytest.mark.django_db  # a new connection asks the database for the time


def connection(environment: str, account_id: str, base_url: str = "") -> Connection:
    return Connection(
        name=environment,
        system="netsuite",
        environment=environment,
        account_id=account_id,
        base_url=base_url,
    )


@pytest.mark.parametrize(
    ("account_id", "base_url"),
    [
        ("123456_RP", ""),
        (" 123456-rp ", ""),
        ("9", "https://123456-rp.suitetalk.api.netsuite.com"),
        ("9", "https://123456-RP.SuiteTalk.api.netsuite.com./"),
        ("9", "https://123456-rp.suitetalk.api.netsuite.com:443//"),
    ],
)
def test_the_same_account_is_found(account_id, base_url):
    live = connection("production", "123456_RP")
    asked = connection("sandbox", account_id, base_url)
    assert twin_among(asked, [live]) is live
    assert twin_among(live, [asked]) is asked


@pytest.mark.parametrize(
    ("account_id", "base_url"),
    [
        ("123456_SB1", ""),
        ("9", "https://123456-rp.suitetalk.api.netsuite.com:8443"),
        ("9", "https://[broken"),
    ],
)
def test_another_account_is_no_twin(account_id, base_url):
    live = connection("production", "123456_RP")
    assert twin_among(connection("sandbox", account_id, base_url), [live]) is None


def test_two_connections_of_one_environment_may_share_an_account():
    live = connection("production", "123456_RP")
    assert twin_among(connection("production", "123456_RP"), [live]) is None
