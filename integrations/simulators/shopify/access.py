"""Apps, their secrets and tokens, and the token endpoint.

Refusals of the token endpoint are HTML pages with status 400, the reason in the
title, as Shopify sends them ("400 - Oauth error invalid_request").
"""

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Any

from integrations.simulators.base import Request, Response

TOKEN_SECONDS = 86399
NO_ACCESS = {
    "errors": (
        "[API] Invalid API key or access token (unrecognized login or wrong password)"
    )
}
REFUSALS = {
    "application_cannot_be_found": (
        "Could not find Shopify API application with api_key {client_id}"
    ),
    "invalid_request": "The request is missing a required parameter or is malformed.",
    "unsupported_grant_type": "The grant type is not supported.",
    "shop_not_permitted": "Client credentials cannot be performed on this shop.",
    "app_not_installed": "The application is not installed on this shop.",
}
Clock = Callable[[], datetime]


@dataclass
class App:
    """An app on this shop; the first secret that stands is the one that signs."""

    client_id: str
    secrets: list[str]
    scopes: frozenset[str]
    permitted: bool = True

    def grants(self, scope: str) -> bool:
        """Say whether a scope is held; writing includes reading."""
        return _holds(self.scopes, scope)


@dataclass(frozen=True)
class Token:
    value: str
    app: App
    secret: str
    scopes: frozenset[str]
    expires_at: datetime | None = None

    def grants(self, scope: str) -> bool:
        """Say whether a scope is held; writing includes reading."""
        return _holds(self.scopes, scope)


def _holds(scopes: frozenset[str], scope: str) -> bool:
    return scope in scopes or scope.replace("read_", "write_", 1) in scopes


@dataclass
class Access:
    """Who may call, and with what."""

    now: Clock
    apps: dict[str, App] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    revoked: bool = False

    def add_app(
        self,
        client_id: str,
        client_secret: str,
        scopes: Iterable[str],
        permitted: bool = True,
    ) -> App:
        app = App(client_id, [client_secret], frozenset(scopes), permitted)
        self.apps[client_id] = app
        return app

    def add_token(
        self, value: str, scopes: Iterable[str], app: App | None = None
    ) -> Token:
        """Add a permanent token of an app made in the admin before 2026."""
        app = app or self.standard_app()
        token = Token(value, app, app.secrets[0], frozenset(scopes))
        self.tokens[value] = token
        return token

    def standard_app(self) -> App:
        """Return the first app, made up if there is none."""
        if not self.apps:
            self.add_app("legacy-custom-app", "shpss_legacy", ())
        return next(iter(self.apps.values()))

    def rotate_secret(self, secret: str, app: App | None = None) -> None:
        """Add a secret; the oldest goes on signing until it is revoked."""
        (app or self.standard_app()).secrets.append(secret)

    def revoke_secret(self, secret: str, app: App | None = None) -> None:
        """Withdraw a secret, and every token that was minted with it."""
        (app or self.standard_app()).secrets.remove(secret)
        self.tokens = {k: t for k, t in self.tokens.items() if t.secret != secret}

    def token_of(self, request: Request) -> Token | None:
        """Return the token of a request, if it is good now."""
        token = self.tokens.get(request.headers.get("X-Shopify-Access-Token", ""))
        if token is None or self.revoked:
            return None
        if token.expires_at and token.expires_at <= self.now():
            return None
        return token

    def issue(self, request: Request) -> Response:
        """Answer the client-credentials grant."""
        asked = _asked(request)
        client_id, secret = asked.get("client_id", ""), asked.get("client_secret", "")
        app = self.apps.get(client_id)
        reason = self._refusal(asked, app)
        if app is None or reason:
            return refuse(reason, client_id)
        token = Token(
            f"shpat_{secrets.token_hex(16)}",
            app,
            secret,
            app.scopes,
            self.now() + timedelta(seconds=TOKEN_SECONDS),
        )
        self.tokens[token.value] = token
        scope = ",".join(sorted(app.scopes))
        return Response(
            200,
            {
                "access_token": token.value,
                "scope": scope,
                "expires_in": TOKEN_SECONDS,
            },
        )

    def _refusal(self, asked: dict[str, str], app: App | None) -> str:
        if asked.get("grant_type") != "client_credentials":
            return "unsupported_grant_type"
        if app is None:
            return "application_cannot_be_found"
        if asked.get("client_secret") not in app.secrets:
            return "invalid_request"
        if not app.permitted:
            return "shop_not_permitted"
        return "app_not_installed" if self.revoked else ""


def _asked(request: Request) -> dict[str, str]:
    """Read the grant, form-encoded or as JSON; both are in use."""
    if "json" not in request.headers.get("Content-Type", ""):
        return request.form()
    try:
        body: Any = request.json()
    except json.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def refuse(reason: str, client_id: str = "") -> Response:
    """Return Shopify's error page for a refused grant."""
    title = f"400 - Oauth error {reason}"
    text = escape(REFUSALS[reason].format(client_id=client_id))
    page = (
        f"<!DOCTYPE html><html><head><title>{title}</title></head>"
        f"<body>Oauth error {reason}: {text}</body></html>"
    )
    return Response(400, page, {"Content-Type": "text/html; charset=utf-8"})
