"""Shopify's two ways to log in: the app's own credentials, or a lasting token."""

from functools import partial

from integrations.connectors.auth import (
    HeaderLogin,
    Login,
    TokenLogin,
    token_from,
    ungated,
)
from integrations.connectors.base import (
    Account,
    AuthMethod,
    Services,
    Setting,
)
from integrations.connectors.errors import AccessRefused, RequestRefused
from integrations.connectors.http import ApiClient
from integrations.connectors.secret import (
    AccessToken,
    Secret,
)
from integrations.connectors.shopify.errors import token_error_for

HEADER = "X-Shopify-Access-Token"
TOKEN_PATH = "/admin/oauth/access_token"  # noqa: S105 (an address)

APP_CREDENTIALS = AuthMethod(
    "client_credentials",
    "App from the Dev Dashboard (recommended)",
    (
        Setting("client_id", "Client ID"),
        Setting("client_secret", "Client secret", secret=True),
    ),
)
STORED_TOKEN = AuthMethod(
    "stored_token",
    "Custom app made in the shop's admin before 2026",
    (
        Setting("access_token", "Admin API access token", secret=True, help="shpat_…"),
        Setting(
            "webhook_secret",
            "API secret key",
            secret=True,
            help="Signs the deliveries of this app.",
        ),
    ),
    warning=(
        "Shopify has made no new apps of this kind since 2026-01-01. Existing ones "
        "keep working."
    ),
)


def login_for(account: Account, base_url: str, services: Services) -> Login:
    """Return what signs the requests of this account; raises RequestRefused."""
    if account.auth_method == STORED_TOKEN.kind:
        return HeaderLogin(HEADER, credential(account, "access_token"))
    if account.auth_method == APP_CREDENTIALS.kind:
        fetch = partial(fetch_token, account, base_url, services)
        return TokenLogin(HEADER, "", services.tokens, fetch)
    raise RequestRefused(
        f"Shopify has no log-in named {account.auth_method!r}.", sent=False
    )


def credential(account: Account, name: str) -> Secret:
    """Return one credential; raises AccessRefused when nobody has set it."""
    found = account.credentials.get(name)
    if not found:
        raise AccessRefused(
            f"The credential {name} of this connection is not set.", sent=False
        )
    return found


def fetch_token(account: Account, base_url: str, services: Services) -> AccessToken:
    """Ask for a token of 24 hours; raises AccessRefused."""
    client = ApiClient(
        "Shopify",
        base_url,
        ungated(services),
        error_for=token_error_for,
        secrets=tuple(account.credentials.values()),
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": credential(account, "client_id").reveal(),
        "client_secret": credential(account, "client_secret").reveal(),
    }
    return token_from(client.request("POST", TOKEN_PATH, form=form).mapping())
