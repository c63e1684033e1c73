"""NetSuite's two ways to log in: OAuth 2.0 with a certificate, and tokens (TBA)."""

import time
import uuid
from functools import partial

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from requests import PreparedRequest
from requests_oauthlib.oauth1_auth import OAuth1

from integrations.connectors.auth import Login, TokenLogin, token_from, ungated
from integrations.connectors.base import (
    Account,
    AuthMethod,
    Services,
    Setting,
)
from integrations.connectors.errors import AccessRefused, RequestRefused
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite.errors import token_error_for
from integrations.connectors.secret import (
    AccessToken,
    Secret,
)

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105 (an address)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# NetSuite refuses assertions of 60 minutes and more.
ASSERTION_SECONDS = 3000
SMALLEST_RSA_BITS = 3072
EC_ALGORITHMS = {256: "ES256", 384: "ES384", 521: "ES512"}

CERTIFICATE = AuthMethod(
    "oauth2_certificate",
    "OAuth 2.0 with a certificate (recommended)",
    (
        Setting(
            "client_id",
            "Client ID",
            help="Of the integration record, with Client Credentials enabled.",
        ),
        Setting(
            "certificate_id",
            "Certificate ID",
            help="From Setup > Integration > OAuth 2.0 Client Credentials (M2M) Setup.",
        ),
        Setting(
            "private_key",
            "Private key",
            secret=True,
            multiline=True,
            longest_days=730,  # of its certificate
            help="PEM text of the key behind the certificate: RSA of 3072 or 4096 "
            "bits, or EC with curve P-256, P-384 or P-521.",
        ),
    ),
)
TOKENS = AuthMethod(
    "tba",
    "Token-based authentication (TBA)",
    (
        Setting("consumer_key", "Consumer key", secret=True),
        Setting("consumer_secret", "Consumer secret", secret=True),
        Setting("token_id", "Token ID", secret=True),
        Setting("token_secret", "Token secret", secret=True),
    ),
    warning=(
        "NetSuite creates no new TBA integrations from release 2027.1, and support "
        "of existing ones ends not before release 2028.1. Move to OAuth 2.0 with a "
        "certificate before that."
    ),
)


def realm(account_id: str) -> str:
    """Return the account id as NetSuite's own pages show it: `123456_SB1`."""
    return account_id.upper().replace("-", "_")


def login_for(account: Account, base_url: str, services: Services) -> Login:
    """Return what signs the requests of this account; raises RequestRefused."""
    if account.auth_method == TOKENS.kind:
        return SignedLogin(account)
    if account.auth_method == CERTIFICATE.kind:
        fetch = partial(fetch_token, account, base_url, services)
        return TokenLogin("Authorization", "Bearer ", services.tokens, fetch)
    raise RequestRefused(
        f"NetSuite has no log-in named {account.auth_method!r}.", sent=False
    )


class SignedLogin(Login):
    """Signs each try with a new nonce and timestamp (OAuth 1.0a, HMAC-SHA256)."""

    def __init__(self, account: Account) -> None:
        self.oauth = OAuth1(  # type: ignore[no-untyped-call]
            credential(account, "consumer_key").reveal(),
            client_secret=credential(account, "consumer_secret").reveal(),
            resource_owner_key=credential(account, "token_id").reveal(),
            resource_owner_secret=credential(account, "token_secret").reveal(),
            realm=realm(account.account_id),
            signature_method="HMAC-SHA256",
        )

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        signed: PreparedRequest = self.oauth(request)
        for name, value in signed.headers.items():
            # oauthlib leaves bytes behind, which nobody else expects.
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            signed.headers[name] = text
        return signed


def credential(account: Account, name: str) -> Secret:
    """Return one credential; raises AccessRefused when nobody has set it."""
    found = account.credentials.get(name)
    if not found:
        raise AccessRefused(
            f"The credential {name} of this connection is not set.", sent=False
        )
    return found


def fetch_token(account: Account, base_url: str, services: Services) -> AccessToken:
    """Ask for an access token; raises AccessRefused."""
    url = base_url + TOKEN_PATH
    client = ApiClient(
        "NetSuite",
        base_url,
        ungated(services),
        error_for=token_error_for,
        secrets=tuple(account.credentials.values()),
    )
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion(account, url),
    }
    return token_from(client.request("POST", TOKEN_PATH, form=form).mapping())


def assertion(account: Account, audience: str) -> str:
    """Sign who is asking with the private key of the certificate."""
    key = private_key(credential(account, "private_key"))
    now = int(time.time())
    claims = {
        "iss": credential(account, "client_id").reveal(),
        "scope": ["rest_webservices"],
        "aud": audience,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
        "jti": str(uuid.uuid4()),
    }
    kid = credential(account, "certificate_id").reveal()
    return jwt.encode(claims, key, algorithm(key), headers={"kid": kid})


def private_key(pem: Secret) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """Open the private key; raises AccessRefused for one NetSuite does not take."""
    try:
        key = load_pem_private_key(pem.reveal().strip().encode(), password=None)
    except (ValueError, TypeError) as error:
        raise AccessRefused(
            "The private key of this connection is no readable PEM text.", sent=False
        ) from error
    if isinstance(key, RSAPrivateKey) and key.key_size >= SMALLEST_RSA_BITS:
        return key
    if isinstance(key, EllipticCurvePrivateKey) and key.key_size in EC_ALGORITHMS:
        return key
    raise AccessRefused(
        "NetSuite takes RSA keys of 3072 or 4096 bits and EC keys of 256, 384 or "
        "521 bits; the private key of this connection is another one.",
        sent=False,
    )


def algorithm(key: RSAPrivateKey | EllipticCurvePrivateKey) -> str:
    """Return the signature that NetSuite takes from a key; RS256 it does not."""
    return "PS256" if isinstance(key, RSAPrivateKey) else EC_ALGORITHMS[key.key_size]
