import threading
from datetime import timedelta

import pytest
from django.db import connections

from errorqueue.clock import database_time
from integrations.connectors.errors import AccessRefused
from integrations.connectors.secret import (
    AccessToken,
    Secret,
)
from integrations.models import Connection, Token
from integrations.sync.tokens import DatabaseTokens


@pytest.fixture
def account(transactional_db):
    return Connection.objects.create(
        name="Account",
        slug="account",
        system="netsuite",
        account_id="1",
        namespace="n",
        auth_method="tba",
    )


def fetched(calls, value="token-1", seconds=3600):
    def fetch() -> AccessToken:
        calls.append(value)
        return AccessToken(Secret(value), database_time() + timedelta(seconds=seconds))

    return fetch


def test_a_token_is_fetched_once_and_kept_encrypted(account):
    calls = []
    tokens = DatabaseTokens(account)
    assert tokens.get(fetched(calls)).reveal() == "token-1"
    assert tokens.get(fetched(calls)).reveal() == "token-1"
    assert calls == ["token-1"]
    assert "token-1" not in Token.objects.get().sealed


def test_a_token_in_its_last_minute_is_fetched_anew(account):
    tokens, calls = DatabaseTokens(account), []
    tokens.get(fetched(calls, "short", seconds=30))
    assert tokens.get(fetched(calls, "fresh")).reveal() == "fresh"


def test_forgetting_drops_only_the_refused_token(account):
    tokens, calls = DatabaseTokens(account), []
    tokens.get(fetched(calls, "one"))
    tokens.forget(Secret("another"))
    assert tokens.get(fetched(calls, "two")).reveal() == "one"
    tokens.forget(Secret("one"))
    assert tokens.get(fetched(calls, "two")).reveal() == "two"


def test_a_failed_fetch_lets_the_next_one_try_at_once(account):
    def refuse() -> AccessToken:
        raise AccessRefused

    tokens = DatabaseTokens(account)
    with pytest.raises(AccessRefused):
        tokens.get(refuse)
    assert tokens.get(fetched([])).reveal() == "token-1"


def test_many_workers_asking_at_once_fetch_one_token(account):
    calls, found = [], []

    def ask() -> None:
        try:
            found.append(DatabaseTokens(account).get(fetched(calls)).reveal())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["token-1"]
    assert found == ["token-1"] * 8
