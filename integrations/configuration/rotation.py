"""Bring every stored secret under the newest key."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from integrations.models import Credential, Token
from integrations.models.vault import SealBroken, reseal

Row = TypeVar("Row", Credential, Token)


class KeyMissing(Exception):
    """Stored secrets cannot be read with the keys of WAYBILL_FIELD_KEYS."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"{', '.join(names)}: no key of WAYBILL_FIELD_KEYS opens this. Add the key "
            "it was sealed with behind the newest one and run again."
        )


@dataclass(frozen=True)
class Rotated:
    """How many secrets were sealed anew, and how many needed nothing."""

    credentials: int
    tokens: int
    current: int


@transaction.atomic
def rotate() -> Rotated:
    """Seal with the newest key what an older one sealed, in one transaction.

    Safe to repeat, and safe while workers read. Raises KeyMissing, naming all
    secrets that no key opens; then nothing was changed.
    """
    credentials = _stored(Credential.objects.all())
    tokens = _stored(Token.objects.exclude(sealed=""))
    fresh = _resealed([*credentials, *tokens])
    for row in fresh:
        row.save(update_fields=["sealed"])
    done = sum(isinstance(row, Credential) for row in fresh)
    total = len(credentials) + len(tokens)
    return Rotated(done, len(fresh) - done, total - len(fresh))


def _stored(rows: QuerySet[Row]) -> list[Row]:
    locked = rows.select_for_update(of=("self",)).select_related("connection")
    return list(locked.order_by("pk"))


def _resealed(rows: Iterable[Credential | Token]) -> list[Credential | Token]:
    """Return the rows that an older key sealed, each sealed anew."""
    old = [row for row in rows if not _is_current(row.sealed)]
    broken = []
    for row in old:
        try:
            row.sealed = reseal(row.sealed)
        except SealBroken:
            broken.append(str(row))
    if broken:
        raise KeyMissing(broken)
    return old


def _is_current(sealed: str) -> bool:
    """Say whether the newest key opens it."""
    try:
        Fernet(settings.FIELD_KEYS[0]).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True
