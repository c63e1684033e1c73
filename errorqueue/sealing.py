"""Encryption of what must be read again: several keys read, the newest writes.

Each text is sealed together with its context (whose it is, what it is), so a value
copied to another row does not open there.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBroken(Exception):
    """A stored secret cannot be read with the keys of WAYBILL_FIELD_KEYS."""


def seal(context: str, value: str) -> str:
    """Encrypt a text with the newest key; it opens with the same context only."""
    return _keys().encrypt(f"{context}\n{value}".encode()).decode()


def unseal(context: str, sealed: str) -> str:
    """Open a sealed text; raise SealBroken for a wrong key or a moved row."""
    try:
        head, _, value = _keys().decrypt(sealed.encode()).decode().partition("\n")
    except InvalidToken as error:
        raise SealBroken from error
    if head != context:
        raise SealBroken(f"This value was sealed for {head!r}, not for {context!r}.")
    return value


def reseal(sealed: str) -> str:
    """Encrypt with the newest key; raise SealBroken when no key opens it."""
    try:
        return _keys().rotate(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBroken from error


def is_current(sealed: str) -> bool:
    """Say whether the newest key opens it."""
    try:
        Fernet(settings.FIELD_KEYS[0]).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])
