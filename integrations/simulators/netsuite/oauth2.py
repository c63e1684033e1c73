"""OAuth 2.0 client credentials with a certificate (Oracle section_162755359851)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite import exactjson
from integrations.simulators.netsuite.audit import LoginFailed
from integrations.simulators.netsuite.switches import Switches

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
TOKEN_LIFE = 3600
SCOPES = frozenset({"rest_webservices", "restlets", "suite_analytics"})
_RSA_ALGORITHMS = frozenset({"PS256", "PS384", "PS512"})
_CURVES = {256: "ES256", 384: "ES384", 521: "ES512"}
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST = timedelta(days=730)
_MOST_CERTIFICATES = 5

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class GrantRefused(Exception):
    """The token endpoint says no; `error` is one of the words of RFC 6749."""

    def __init__(self, error: str, subject: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.subject = subject


@dataclass
class Certificate:
    """One certificate of the M2M set-up page."""

    client_id: str
    key: PublicKey
    valid_from: datetime
    valid_until: datetime
    revoked: bool = False

    @property
    def algorithms(self) -> frozenset[str]:
        if isinstance(self.key, rsa.RSAPublicKey):
            return _RSA_ALGORITHMS
        return frozenset({_CURVES[self.key.curve.key_size]})

    def is_good(self, now: datetime) -> bool:
        return not self.revoked and self.valid_from <= now < self.valid_until


@dataclass
class IssuedToken:
    client_id: str
    certificate_id: str
    scopes: frozenset[str]
    expires_at: datetime


@dataclass
class TokenDesk:
    """Issues access tokens for signed assertions and knows which are good."""

    switches: Switches
    certificates: dict[str, Certificate] = field(default_factory=dict)
    issued: dict[str, IssuedToken] = field(default_factory=dict)
    closed: bool = False

    def register(self, client_id: str, certificate_id: str, public_pem: str) -> None:
        """Add a certificate; raise ValueError where the set-up page would refuse."""
        now = self.switches.now()
        known = self.certificates.get(certificate_id)
        if known and known.revoked:
            raise ValueError("a revoked certificate cannot be used again")
        active = [
            one
            for key, one in self.certificates.items()
            if one.client_id == client_id and one.is_good(now) and key != certificate_id
        ]
        if len(active) >= _MOST_CERTIFICATES:
            raise ValueError("at most five active certificates per integration")
        self.certificates[certificate_id] = _read_certificate(
            client_id, public_pem, now
        )

    def check(self, bearer: str, scope: str) -> None:
        """Accept an access token for one kind of service or raise LoginFailed."""
        token = self.issued.get(bearer)
        if token is None:
            raise LoginFailed("token_rejected")
        if self.switches.now() >= token.expires_at:
            raise LoginFailed("token_expired", token.client_id)
        certificate = self.certificates.get(token.certificate_id)
        if certificate is None or certificate.revoked:
            raise LoginFailed("token_rejected", token.client_id)
        if scope not in token.scopes:
            raise LoginFailed("scope_mismatch", token.client_id)

    def answer(self, request: Request) -> Response:
        """Answer the token endpoint; raise GrantRefused."""
        form = _read_form(request)
        if form.get("grant_type") != "client_credentials":
            known = bool(form.get("grant_type"))
            raise GrantRefused("unsupported_grant_type" if known else "invalid_request")
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            raise GrantRefused("invalid_request")
        if not form.get("client_assertion"):
            raise GrantRefused("invalid_request")
        if self.closed:
            raise GrantRefused("invalid_grant")
        certificate_id, claims = self._verified(form["client_assertion"])
        self._check_claims(claims, request)
        body = {
            "access_token": self._issue(certificate_id, claims),
            "expires_in": TOKEN_LIFE,
            "token_type": "Bearer",
        }
        return Response(200, exactjson.dumps(body), dict(_JSON))

    def refusal(self, refused: GrantRefused) -> Response:
        """Write the endpoint's error answer."""
        status, headers = 400, dict(_JSON)
        if refused.error == "invalid_client":
            status = self.switches.invalid_client_status
        if status == 401:
            headers["WWW-Authenticate"] = f'Basic realm="{self.switches.realm}"'
        body = {"error": refused.error, "error_description": refused.error}
        return Response(status, exactjson.dumps(body), headers)

    def _verified(self, assertion: str) -> tuple[str, dict[str, Any]]:
        """Return certificate id and claims of an assertion whose signature holds."""
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.InvalidTokenError:
            raise GrantRefused("invalid_request") from None
        certificate_id = str(header.get("kid", ""))
        certificate = self.certificates.get(certificate_id)
        if certificate is None or not certificate.is_good(self.switches.now()):
            raise GrantRefused("invalid_client", certificate_id)
        if header.get("alg") not in certificate.algorithms:
            raise GrantRefused("invalid_client", certificate_id)
        try:
            claims = jwt.decode(
                assertion,
                certificate.key,
                algorithms=sorted(certificate.algorithms),
                options=_SIGNATURE_ONLY,
            )
        except jwt.InvalidTokenError:
            raise GrantRefused("invalid_client", certificate_id) from None
        if claims.get("iss") != certificate.client_id:
            raise GrantRefused("invalid_client", certificate_id)
        return certificate_id, claims

    def _check_claims(self, claims: dict[str, Any], request: Request) -> None:
        client = claims["iss"]
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int) or not isinstance(expires, int):
            raise GrantRefused("invalid_grant", client)
        now = self.switches.now().timestamp()
        if not 0 < expires - issued <= 3600 or not issued - 300 <= now < expires:
            raise GrantRefused("invalid_grant", client)
        given = claims.get("aud")
        audiences = set(given) if isinstance(given, list) else {given}
        if not audiences & self._own_addresses(request):
            raise GrantRefused("invalid_grant", client)
        scopes = read_scopes(claims.get("scope"))
        if not scopes or not scopes <= SCOPES:
            raise GrantRefused("invalid_scope", client)

    def _own_addresses(self, request: Request) -> set[str]:
        host = self.switches.account_host
        return {
            f"{request.scheme}://{request.host}{TOKEN_PATH}",
            f"https://{host}.suitetalk.api.netsuite.com{TOKEN_PATH}",
            f"https://{host}.restlets.api.netsuite.com{TOKEN_PATH}",
        }

    def _issue(self, certificate_id: str, claims: dict[str, Any]) -> str:
        now = self.switches.now().replace(microsecond=0)
        expires_at = now + timedelta(seconds=TOKEN_LIFE)
        scopes = read_scopes(claims["scope"])
        token = jwt.encode(
            {
                "sub": "3;7",
                "aud": [claims["iss"], self.switches.realm],
                "scope": sorted(scopes),
                "iss": "https://system.netsuite.com",
                "oit": int(now.timestamp()),
                "iat": int(now.timestamp()),
                "exp": int(expires_at.timestamp()),
                "jti": str(uuid4()),
            },
            _server_key(),
            algorithm="RS256",
            headers={"kid": "s.SYSTEM.2026_1"},
        )
        self.issued[token] = IssuedToken(
            claims["iss"], certificate_id, scopes, expires_at
        )
        return token


_JSON = {"Content-Type": "application/json"}
_SIGNATURE_ONLY: Any = {
    "verify_aud": False, "verify_exp": False, "verify_iat": False,
    "verify_nbf": False, "verify_iss": False,
}  # fmt: skip


def read_scopes(scope: Any) -> frozenset[str]:
    """Read the scope claim: a list as in Oracle's sample, or text with commas."""
    if isinstance(scope, list):
        return frozenset(str(one) for one in scope)
    return frozenset(str(scope or "").replace(",", " ").split())


def _read_form(request: Request) -> dict[str, str]:
    media = request.headers.get("Content-Type", "").partition(";")[0].strip()
    if media != "application/x-www-form-urlencoded":
        raise GrantRefused("invalid_request")
    return request.form()


def _read_certificate(client_id: str, pem: str, now: datetime) -> Certificate:
    starts, ends = now - timedelta(days=1), now + _LONGEST
    if "BEGIN CERTIFICATE" in pem:
        signed = x509.load_pem_x509_certificate(pem.encode())
        starts, ends = signed.not_valid_before_utc, signed.not_valid_after_utc
        key: Any = signed.public_key()
    else:
        key = load_pem_public_key(pem.encode())
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in (3072, 4096):
            raise ValueError("RSA keys must have 3072 or 4096 bits")
    elif not isinstance(key, ec.EllipticCurvePublicKey) or (
        key.curve.key_size not in _CURVES
    ):
        raise ValueError("use RSA, or EC with 256, 384 or 521 bits")
    return Certificate(client_id, key, starts, min(ends, now + _LONGEST))


@lru_cache(maxsize=1)
def _server_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
