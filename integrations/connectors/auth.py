"""How requests are signed. Every try of a request is signed afresh."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from requests import PreparedRequest
from requests.auth import AuthBase

from integrations.connectors.base import (
    Services,
)
from integrations.connectors.errors import ServerFault
from integrations.connectors.secret import (
    AccessToken,
    Secret,
    TokenStore,
)


class Login(AuthBase):
    """Signs requests of one account; this one leaves them as they are."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def ready(self) -> None:
        """Get what signing needs; called before a slot is taken."""

    def renew(self) -> bool:
        """Drop what the vendor refused; say whether a fresh one can be had."""
        return False

    def secrets(self) -> tuple[Secret, ...]:
        """Return what must never be kept, besides the account's credentials."""
        return ()


class HeaderLogin(Login):
    """Puts a lasting secret into a header."""

    def __init__(self, header: str, secret: Secret) -> None:
        self.header = header
        self.secret = secret

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers[self.header] = self.secret.reveal()
        return request


class TokenLogin(Login):
    """Puts a short-lived token into a header, fetched once for all workers."""

    def __init__(
        self,
        header: str,
        prefix: str,
        tokens: TokenStore,
        fetch: Callable[[], AccessToken],
    ) -> None:
        self.header = header
        self.prefix = prefix
        self.tokens = tokens
        self.fetch = fetch
        self.token = Secret()

    def ready(self) -> None:
        self.token = self.tokens.get(self.fetch)

    def renew(self) -> bool:
        self.tokens.forget(self.token)
        return True

    def secrets(self) -> tuple[Secret, ...]:
        return (self.token,)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers[self.header] = self.prefix + self.token.reveal()
        return request


def token_from(answer: Mapping[str, Any]) -> AccessToken:
    """Read the answer of a token endpoint; raises ServerFault."""
    try:
        seconds = int(answer["expires_in"])
        value = Secret(str(answer["access_token"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ServerFault("The answer to the log-in holds no access token.") from error
    return AccessToken(value, datetime.now(UTC) + timedelta(seconds=seconds))


def ungated(services: Services) -> Services:
    """Return the services for a token request, which takes no slot of its own.

    Everybody who holds a slot may be waiting for this very token, so a token that
    waited for a slot would wait for them all. One is asked for at a time; NetSuite
    counts REST, SOAP and RESTlet requests, and names the token address among none.
    """
    return replace(services, gate=nullcontext)
