"""A line to a vendor that a test writes down beforehand."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from requests.adapters import BaseAdapter

from integrations.connectors.base import (
    Account,
    Exchange,
    Services,
)
from integrations.connectors.secret import (
    AccessToken,
    Secret,
)

Reply = tuple[int, dict[str, str], bytes] | Exception


class Line(BaseAdapter):
    """Answers requests from a list, and keeps what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Reply] = []
        self.sent: list[requests.PreparedRequest] = []

    def reply(self, status: int = 200, body: Any = b"", **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies.append((status, named, raw))

    def break_off(self, error: Exception) -> None:
        self.replies.append(error)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        self.sent.append(request)
        assert self.replies, f"nobody expected {request.method} {request.url}"
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return _response(request, *reply)

    def close(self) -> None:
        """Nothing is open."""

    def body(self, index: int = -1) -> Any:
        return json.loads(self.sent[index].body or b"null")


def _response(
    request: requests.PreparedRequest, status: int, headers: dict[str, str], raw: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = raw
    response.headers.update(headers)
    response.url = request.url or ""
    response.request = request
    return response


class Tokens:
    """One token at a time, as the token store of a connection keeps it."""

    def __init__(self) -> None:
        self.token: Secret | None = None
        self.fetched = 0

    def get(self, fetch: Callable[[], AccessToken]) -> Secret:
        if self.token is None:
            self.token = fetch().value
            self.fetched += 1
        return self.token

    def forget(self, token: Secret) -> None:
        if token == self.token:
            self.token = None


@dataclass
class Surroundings:
    """The services of a test: what was recorded, and who held a slot when."""

    tokens: Any = field(default_factory=Tokens)
    exchanges: list[Exchange] = field(default_factory=list)
    gates: int = 0
    inside: bool = False
    timeout: float = 30.0

    @contextmanager
    def gate(self) -> Any:
        assert not self.inside, "a request waits for a slot while it holds one"
        self.gates += 1
        self.inside = True
        try:
            yield
        finally:
            self.inside = False

    def services(self) -> Services:
        return Services(
            tokens=self.tokens,
            record=self.exchanges.append,
            gate=self.gate,
            timeout=self.timeout,
        )


def fresh_token(value: str = "token-canary-1") -> AccessToken:
    return AccessToken(Secret(value), datetime.now(UTC) + timedelta(hours=1))


def account(**changes: Any) -> Account:
    facts: dict[str, Any] = {
        "key": "test",
        "namespace": "shopify-demo",
        "account_id": "123456_SB1",
        "base_url": "https://123456-sb1.suitetalk.api.netsuite.com",
        "api_version": "",
        "auth_method": "tba",
        "credentials": {},
        "options": {},
    }
    facts.update(changes)
    secrets = {name: Secret(value) for name, value in facts["credentials"].items()}
    return Account(**{**facts, "credentials": secrets})
