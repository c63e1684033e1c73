"""Bring every stored secret under the newest key."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from errorqueue.models import Channel, Subscriber
from errorqueue.sealing import SealBroken, is_current, reseal
from integrations.models import Credential, PrivacyPart, Token

Row = Credential | Token | Subscriber | Channel | PrivacyPart
# Where each keeps what is sealed.
COLUMNS: dict[type[Row], str] = {
    Credential: "sealed",
    Token: "sealed",
    Subscriber: "sealed_secret",
    Channel: "sealed_address",
    PrivacyPart: "sealed",
}


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
    webhooks: int
    channels: int
    current: int


@transaction.atomic
def rotate() -> Rotated:
    """Seal with the newest key what an older one sealed, in one transaction.

    Safe to repeat, and safe while workers read. Raises KeyMissing, naming all
    secrets that no key opens; then nothing was changed.
    """
    stored = _stored()
    fresh = _resealed(stored)
    for row in fresh:
        row.save(update_fields=[_column(row)])
    return Rotated(
        credentials=_count(fresh, Credential),
        tokens=_count(fresh, Token),
        webhooks=_count(fresh, Subscriber),
        channels=_count(fresh, Channel),
        current=len(stored) - len(fresh),
    )


def _stored() -> list[Row]:
    ours = (Credential.objects.all(), Token.objects.exclude(sealed=""))
    found: list[Row] = []
    for rows in ours:
        locked = rows.select_for_update(of=("self",)).select_related("connection")
        found += locked.order_by("pk")
    subscribers = Subscriber.objects.exclude(sealed_secret="")  # noqa: S106 (none yet)
    found += subscribers.select_for_update().order_by("pk")
    channels = Channel.objects.exclude(sealed_address="")
    found += channels.select_for_update().order_by("pk")
    found += PrivacyPart.objects.select_for_update().order_by("pk")
    return found


def _resealed(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that an older key sealed, each sealed anew."""
    old = [row for row in rows if not is_current(getattr(row, _column(row)))]
    broken = []
    for row in old:
        column = _column(row)
        try:
            setattr(row, column, reseal(getattr(row, column)))
        except SealBroken:
            broken.append(_name(row))
    if broken:
        raise KeyMissing(broken)
    return old


def _column(row: Row) -> str:
    return COLUMNS[type(row)]


def _name(row: Row) -> str:
    heads = {Subscriber: "Webhook", Channel: "Channel", PrivacyPart: "Privacy file:"}
    return f"{heads.get(type(row), '')} {row}".strip()


def _count(rows: list[Row], kind: type[Row]) -> int:
    return sum(isinstance(row, kind) for row in rows)
