"""Token-based authentication: OAuth 1.0a with HMAC-SHA256, recomputed by hand.

Rules and codes: Oracle help section_1534941088 and subsect_156935170194.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from integrations.simulators.base import Request
from integrations.simulators.netsuite.audit import LoginFailed
from integrations.simulators.netsuite.switches import Switches

CLOCK_TOLERANCE = 300
FAILURES_BEFORE_LOCK = 5
LOCK_TIME = timedelta(minutes=30)
_PART = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*')
_NONCE = re.compile(r"[A-Za-z0-9]{6,64}")
_REQUIRED = (
    "oauth_consumer_key", "oauth_token", "oauth_nonce", "oauth_timestamp",
    "oauth_signature_method", "oauth_version", "oauth_signature", "realm",
)  # fmt: skip


@dataclass
class AccessToken:
    """A token of one consumer, with the failures that lock its user out."""

    consumer_key: str
    consumer_secret: str
    secret: str
    failures: int = 0
    locked_until: datetime | None = None


@dataclass
class TokenLogin:
    """Knows the tokens of the account and checks signed requests against them."""

    switches: Switches
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    blocked_consumers: set[str] = field(default_factory=set)
    _nonces: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(
        self, consumer_key: str, consumer_secret: str, token_id: str, secret: str
    ) -> None:
        """Register a token; from release 2027.1 no new consumer is accepted."""
        known = any(t.consumer_key == consumer_key for t in self.tokens.values())
        if not known and self.switches.release_number >= (2027, 1):
            raise ValueError("no new TBA integrations from release 2027.1")
        self.tokens[token_id] = AccessToken(consumer_key, consumer_secret, secret)

    def check(self, request: Request) -> None:
        """Accept the request's signature or raise LoginFailed."""
        given = read_header(request.headers["Authorization"])
        token = self._token(given)
        subject = given["oauth_token"]
        if token.locked_until and self.switches.now() < token.locked_until:
            raise LoginFailed("temporary_locked", subject)
        try:
            self._check_parts(given)
            _check_signature(request, given, token)
            self._use_nonce(given)
        except LoginFailed as failure:
            self._count_failure(token)
            raise LoginFailed(failure.code, subject) from None
        token.failures, token.locked_until = 0, None

    def unlock(self) -> None:
        for token in self.tokens.values():
            token.failures, token.locked_until = 0, None

    def _token(self, given: dict[str, str]) -> AccessToken:
        subject = given.get("oauth_token", "")
        if not self.switches.tba_is_supported:
            raise LoginFailed("FeatureDisabled", subject)
        if any(not given.get(name) for name in _REQUIRED):
            raise LoginFailed("MissingTokenPassportRequiredFields", subject)
        if given["realm"] != self.switches.realm:
            raise LoginFailed("token_rejected", subject)
        consumer = given["oauth_consumer_key"]
        if consumer in self.blocked_consumers:
            raise LoginFailed("consumer_key_refused", subject)
        if all(token.consumer_key != consumer for token in self.tokens.values()):
            raise LoginFailed("consumer_key_unknown", subject)
        token = self.tokens.get(subject)
        if token is None or token.consumer_key != consumer:
            raise LoginFailed("token_rejected", subject)
        return token

    def _check_parts(self, given: dict[str, str]) -> None:
        if given["oauth_signature_method"] != "HMAC-SHA256":
            raise LoginFailed("UnknownAlgorithm")
        if given["oauth_version"] != "1.0":
            raise LoginFailed("VersionRejected")
        if not _NONCE.fullmatch(given["oauth_nonce"]):
            raise LoginFailed("nonce_rejected")
        stamp = given["oauth_timestamp"]
        if (
            not (stamp.isascii() and stamp.isdigit())
            or self._skew(stamp) > CLOCK_TOLERANCE
        ):
            raise LoginFailed("InvalidTimestamp")

    def _skew(self, stamp: str) -> float:
        return abs(self.switches.now().timestamp() - int(stamp))

    def _use_nonce(self, given: dict[str, str]) -> None:
        """Note a nonce as used; forget those whose time is over anyway."""
        used = (given["oauth_token"], given["oauth_nonce"], given["oauth_timestamp"])
        if used in self._nonces:
            raise LoginFailed("nonce_used")
        now = int(self.switches.now().timestamp())
        if len(self._nonces) > 10_000:
            oldest = now - 2 * CLOCK_TOLERANCE
            kept = {key: at for key, at in self._nonces.items() if at > oldest}
            self._nonces = kept
        self._nonces[used] = now

    def _count_failure(self, token: AccessToken) -> None:
        token.failures += 1
        if token.failures >= FAILURES_BEFORE_LOCK:
            token.locked_until = self.switches.now() + LOCK_TIME
            token.failures = 0


def read_header(header: str) -> dict[str, str]:
    """Read the parts of an OAuth header; raise LoginFailed for a part sent twice."""
    given: dict[str, str] = {}
    for part in header.partition(" ")[2].split(","):
        match = _PART.fullmatch(part)
        if match is None or match[1] in given:
            raise LoginFailed("parameter_rejected")
        given[match[1]] = unquote(match[2])
    return given


def signature(
    method: str, url: str, parts: dict[str, str], consumer_secret: str, secret: str
) -> str:
    """Return the base64 HMAC-SHA256 of a request (RFC 5849, 3.4)."""
    address = urlsplit(url)
    pairs = parse_qsl(address.query, keep_blank_values=True)
    pairs += [
        (name, value)
        for name, value in parts.items()
        if name not in ("realm", "oauth_signature")
    ]
    normal = "&".join(
        f"{name}={value}"
        for name, value in sorted(
            (_encode(name), _encode(value)) for name, value in pairs
        )
    )
    root = f"{address.scheme.lower()}://{_host(address.scheme, address.netloc)}"
    path = address.path or "/"
    base = "&".join(_encode(part) for part in (method.upper(), root + path, normal))
    key = f"{_encode(consumer_secret)}&{_encode(secret)}"
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _check_signature(
    request: Request, given: dict[str, str], token: AccessToken
) -> None:
    """Compare signatures, over the path as sent and as a web server decodes it."""
    query = f"?{request.query_string}" if request.query_string else ""
    paths = {request.path, quote(request.path, safe="/:!$&'()*+,;=@~%")}
    wanted = [
        signature(
            request.method,
            f"{request.scheme}://{request.host}{path}{query}",
            given,
            token.consumer_secret,
            token.secret,
        )
        for path in paths
    ]
    if not any(hmac.compare_digest(one, given["oauth_signature"]) for one in wanted):
        raise LoginFailed("InvalidSignature")


def _encode(text: str) -> str:
    return quote(text, safe="~")


def _host(scheme: str, netloc: str) -> str:
    port = {"http": ":80", "https": ":443"}.get(scheme.lower(), "")
    return netloc.lower().removesuffix(port)
