"""Encryption of credentials: several keys read, the newest writes.

Each text is sealed together with its context (which connection, which credential),
so a value copied to another row does not open there.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from integrations.connectors.base import Secret


class SealBroken(Exception):
    """A stored credential cannot be read with the keys of WAYBILL_FIELD_KEYS."""


def seal(context: str, value: str) -> str:
    return _keys().encrypt(f"{context}\n{value}".encode()).decode()


def unseal(context: str, sealed: str) -> Secret:
    """Open a sealed text; raise SealBroken for a wrong key or a moved row."""
    try:
        head, _, value = _keys().decrypt(sealed.encode()).decode().partition("\n")
    except InvalidToken as error:
        raise SealBroken from error
    if head != context:
        raise SealBroken(f"This value was sealed for {head!r}, not for {context!r}.")
    return Secret(value)


def reseal(sealed: str) -> str:
    """Encrypt with the newest key; raise SealBroken when no key opens it."""
    try:
        return _keys().rotate(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBroken from error


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])
