"""Values that must not be shown, and where access tokens are kept."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

# The secrets that this process opened last, so that its log can be kept free of them.
MOST_OPENED = 100
_opened: dict[str, "Secret"] = {}
_opening = threading.Lock()


class Secret(str):
    """A secret that prints as stars; read it with `reveal`."""

    __slots__ = ()

    def __new__(cls, value: str = "") -> "Secret":
        secret = super().__new__(cls, value)
        with _opening:
            _opened.pop(secret, None)
            _opened[secret] = secret
            if len(_opened) > MOST_OPENED:
                del _opened[next(iter(_opened))]
        return secret

    def __repr__(self) -> str:
        return "'•••'"

    def __str__(self) -> str:
        return "•••"

    def __format__(self, spec: str) -> str:
        return "•••"

    def reveal(self) -> str:
        return str.__str__(self)


def opened_secrets() -> tuple[Secret, ...]:
    """Return the secrets that this process has opened lately."""
    with _opening:
        return tuple(_opened.values())


@dataclass(frozen=True)
class AccessToken:
    """A token with the moment it ends, in UTC."""

    value: Secret
    expires_at: datetime


class TokenStore(Protocol):
    """Keeps one access token per connection for all workers."""

    def get(self, fetch: Callable[[], AccessToken]) -> Secret:
        """Return a token that is still good, fetched once for all who ask."""

    def forget(self, token: Secret) -> None:
        """Drop `token` when the vendor refuses it, so that the next ask fetches."""
