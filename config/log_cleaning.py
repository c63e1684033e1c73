"""Secrets and personal data out of log lines, whoever wrote them.

What is kept of requests and answers was starred where it was made
(connectors/redaction.py). This is the net below: it stars every secret that this
process has opened or was set up with, what stands under a secret name, and what is
personal by its shape or belongs to the record in hand.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

from errorqueue.masking import HIDDEN, hidden, hidden_tree
from integrations.connectors.redaction import (
    GUARDED,
    STARS,
    is_secret_name,
    star,
)
from integrations.connectors.secret import (
    Secret,
    opened_secrets,
)

UNCLEAN = "(This could not be cleaned of secrets, so it is not shown.)"
# Shorter values are parts of other words.
SHORTEST = 3
# Without one of these a text is a word: a slug, a number, a state.
_TELLING = re.compile(r"""[\s=@:"'<%+/]""")
_PEM = re.compile(r"-----BEGIN [^-]+-----.*?(-----END [^-]+-----|$)", re.DOTALL)
_USER = re.compile(r"(\w+://)[^\s/@]+@")
_SCHEME = re.compile(r"\b(Bearer|Basic|OAuth|Token) +[\w+/.=~\-]{8,}", re.IGNORECASE)
_NAMED = re.compile(
    rf"""\b((?=[\w\-]*{GUARDED})[\w\-]+)(["']\s*:\s*|=)"""
    r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"'&,;})\]]+)""",
    re.IGNORECASE,
)
# Without quotes only headers have a colon; "credentials: see …" is a sentence.
_HEADER = re.compile(
    rf"\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w\-]*{GUARDED}[\w\-]*)"
    r": *[^\r\n]+",
    re.IGNORECASE,
)
# Where settings keep what nobody may read; parts of a setting are named with dots.
_OWN = (
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "FIELD_KEYS",
    "EMAIL_HOST_PASSWORD",
    "METRICS_TOKEN",
    "DATABASES.default.PASSWORD",
)


def clean_tree(value: Any, personal: str = "") -> Any:
    """Clean every text of a line; `personal` is a pattern of what is hidden anywhere."""
    if isinstance(value, Mapping):
        return {str(name): _entry(str(name), value[name], personal) for name in value}
    if isinstance(value, list | tuple):
        return [clean_tree(one, personal) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(value, personal)


def _entry(name: str, value: Any, personal: str) -> Any:
    # A claim's token is a number that only grows.
    if is_secret_name(name) and not isinstance(value, int):
        return STARS
    return clean_tree(value, personal)


def clean(said: Any, personal: str = "") -> str:
    """Return a text without secrets and personal data; never raises."""
    try:
        # Keys first: one that is opened is starred line by line, and so in parts.
        text = star(_PEM.sub(STARS, str(said)), (*opened_secrets(), *own_secrets()))
        text = re.sub(personal, HIDDEN, text) if personal else text
        return hidden(_without_named(text)) if _TELLING.search(text) else text
    except Exception:
        return UNCLEAN


def _without_named(text: str) -> str:
    """Star passwords in addresses and whatever stands under a secret name."""
    text = _HEADER.sub(rf"\1: {STARS}", text)
    text = _SCHEME.sub(rf"\1 {STARS}", text)
    if "@" in text:
        text = _USER.sub(rf"\1{STARS}@", text)
    # Most lines have neither, and this looks at every word.
    has_names = "=" in text or '"' in text or "'" in text
    return _NAMED.sub(_star_named, text) if has_names else text


def _star_named(match: re.Match[str]) -> str:
    name, sign, value = match.groups()
    quote = value[0] if value[0] in "\"'" else ""
    return f"{name}{sign}{quote}{STARS}{quote}"


def own_secrets() -> tuple[Secret, ...]:
    """Return the secrets that this installation was set up with."""
    if not settings.configured:
        return ()
    return _as_secrets(tuple(value for place in _OWN for value in _set_at(place)))


@lru_cache(maxsize=4)
def _as_secrets(values: tuple[str, ...]) -> tuple[Secret, ...]:
    return tuple(Secret(value) for value in values if value)


def _set_at(place: str) -> Iterator[str]:
    first, *deeper = place.split(".")
    found: Any = getattr(settings, first, "")
    for name in deeper:
        found = found.get(name, "")
    yield from found if isinstance(found, list | tuple) else [found]


def personal_values(subjects: Iterable[Any]) -> str:
    """Return a pattern of what is personal in these records; asks no database."""
    found: set[str] = set()
    for subject in subjects:
        known = vars(subject)
        found |= {known.get("party", ""), known.get("email", "")}
        for payload in (known.get("source"), known.get("edited")):
            found |= set(_hidden_in(payload, hidden_tree(payload)))
    forms = {form for one in found for form in (one, repr(one)[1:-1])}
    long_enough = (form for form in forms if len(form) >= SHORTEST)
    whole = "|".join(map(re.escape, sorted(long_enough, key=len, reverse=True)))
    return rf"(?<!\w)(?:{whole})(?!\w)" if whole else ""


def _hidden_in(tree: Any, masked: Any) -> Iterator[str]:
    """Yield the texts of a tree that its masked copy hides whole."""
    if isinstance(tree, Mapping):
        for name in tree:
            yield from _hidden_in(tree[name], masked[name])
    elif isinstance(tree, list | tuple) and isinstance(masked, list):
        for one, other in zip(tree, masked, strict=True):
            yield from _hidden_in(one, other)
    elif isinstance(tree, str) and masked == HIDDEN:
        yield tree
