"""Secrets out of everything that is kept: requests, answers, error texts.

Headers are kept by an allow-list. In bodies, values under names that look secret
are starred, and so is every secret of the account wherever it stands.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit, urlunsplit

from integrations.connectors import exact
from integrations.connectors.secret import (
    Secret,
)

STARS = "•••"
LIMIT = 32 * 1024
SHORTEST_SECRET = 6
UNREAD = object()

KEPT_HEADERS = frozenset(
    {
        "accept",
        "content-length",
        "content-type",
        "date",
        "location",
        "prefer",
        "preference-applied",
        "retry-after",
        "user-agent",
        "www-authenticate",
        "x-n-operationid",
        "x-netsuite-propertynamevalidation",
        "x-request-id",
        "x-shopify-api-version",
    }
)
# A name with one of these in it is the name of a secret.
GUARDED = (
    r"(?:token|secret|passw|assertion|authori[sz]ation|signature|credential|cookie"
    r"|hmac|(?:api|private|consumer|access|client)[_-]?key)"
)
_SECRET_NAME = re.compile(rf"{GUARDED}|^key$", re.IGNORECASE)
_NAMED_VALUE = re.compile(
    r'("(?P<name>(?:[^"\\]|\\.)*)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s",\]}{\[]+)'
)


def dump(
    headers: Mapping[str, Any],
    body: bytes,
    secrets: Iterable[Secret],
    parsed: Any = UNREAD,
) -> str:
    """Write headers and body as text that may be kept, 32 kB at most.

    `parsed` is the JSON of the body, from whoever has read or written it already.
    """
    kind = str(headers.get("Content-Type", ""))
    lines = [f"{name}: {_header(name, value)}" for name, value in headers.items()]
    # Twice the limit is enough to star a secret that the cut would halve.
    if parsed is UNREAD or len(body) > 2 * LIMIT:
        text = clean_body(body[: 2 * LIMIT].decode("utf-8", "replace"), kind)
    else:
        text = _clean_json(parsed)
    return cut(star("\n".join(lines) + "\n\n" + text, secrets)).strip()


def _header(name: str, value: Any) -> str:
    if name.lower() not in KEPT_HEADERS:
        return STARS
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return clean_url(text) if name.lower() == "location" else text


def clean_body(text: str, kind: str) -> str:
    """Star what stands under a secret name in JSON, or in a form."""
    if "x-www-form-urlencoded" in kind:
        return _clean_pairs(text)
    try:
        return _clean_json(exact.loads(text))
    except (ValueError, RecursionError):
        return _NAMED_VALUE.sub(_star_named, text)


def _clean_json(value: Any) -> str:
    return exact.dumps(_clean_value(value), ensure_ascii=False)


def _clean_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: STARS if item and is_secret_name(name) else _clean_value(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_clean_value(item) for item in value]
    return value


def _star_named(match: re.Match[str]) -> str:
    if is_secret_name(match["name"]):
        return f'{match[1]}"{STARS}"'
    return match[0]


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Say whether a value under this name must not be kept."""
    return bool(_SECRET_NAME.search(name))


def clean_url(url: str) -> str:
    """Return an address without user, password and secret parameters."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, _clean_pairs(parts.query), ""))


def _clean_pairs(text: str) -> str:
    pairs = parse_qsl(text, keep_blank_values=True)
    return "&".join(
        f"{name}={STARS if is_secret_name(name) else quote(value, safe='')}"
        for name, value in pairs
    )


def star(text: str, secrets: Iterable[Secret]) -> str:
    """Replace every secret in a text, also where it is escaped or encoded."""
    for form in _forms(tuple(secrets)):
        text = text.replace(form, STARS)
    return text


@lru_cache(maxsize=64)
def _forms(secrets: tuple[Secret, ...]) -> list[str]:
    """Return every form of the secrets, longest first; made once for many texts."""
    found: set[str] = set()
    for secret in secrets:
        value = secret.reveal()
        whole = {
            value,
            json.dumps(value)[1:-1],
            quote(value, safe=""),
            quote_plus(value),
        }
        found |= whole | set(value.splitlines())
    long_enough = (form for form in found if len(form) >= SHORTEST_SECRET)
    return sorted(long_enough, key=len, reverse=True)


def cut(text: str, limit: int = LIMIT) -> str:
    """Shorten a text to `limit` bytes and say so."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return text
    note = "\n… (cut)"
    return raw[: limit - len(note.encode())].decode("utf-8", "ignore") + note
