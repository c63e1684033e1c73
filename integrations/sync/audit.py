"""The audit trail: what was noted is sealed into a chain, and the chain is checked.

Each seal is the SHA-256 over the seal before it and over its entries in order, so an
entry that was changed, deleted or moved afterwards breaks its seal, and a seal that
was taken out breaks the next one.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction

from errorqueue.clock import database_time
from integrations.connectors import exact
from integrations.models import AuditEntry, AuditSeal

# Transactions that noted something and have not ended yet get so long to do so.
SETTLED = timedelta(seconds=5)
BLOCK = 1000
# What one call seals at most: at that pace it is never behind for long.
MOST_BLOCKS = 200

note = AuditEntry.objects.note
entry = AuditEntry.objects.entry
note_many = AuditEntry.objects.note_many


@dataclass(frozen=True)
class Verdict:
    """What a walk along the chain found; `broken` says the first fault in words."""

    seals: int
    entries: int
    unsealed: int
    broken: str = ""


def seal() -> int:
    """Seal what was noted until some seconds ago; return how many entries.

    Several processes may call it at once: a chain has one end, and only one of them
    can add to it.
    """
    sealed = 0
    for _ in range(MOST_BLOCKS):
        try:
            count = _seal_block()
        except IntegrityError:  # another process was first
            break
        sealed += count
        if count < BLOCK:
            break
    return sealed


@transaction.atomic
def _seal_block() -> int:
    last = AuditSeal.objects.select_for_update().order_by("-pk").first()
    now = database_time()
    waiting = AuditEntry.objects.filter(seal=None, at__lt=now - SETTLED)
    entries = list(waiting.order_by("pk")[:BLOCK])
    if not entries:
        return 0
    previous = last.digest if last else ""
    made = AuditSeal.objects.create(
        previous=previous,
        digest=digest_of(previous, entries),
        entries=len(entries),
        sealed_at=now,
    )
    AuditEntry.objects.filter(pk__in=[one.pk for one in entries]).update(seal=made)
    return len(entries)


def digest_of(previous: str, entries: Iterable[AuditEntry]) -> str:
    """Return the digest of a block that follows the seal `previous`."""
    total = hashlib.sha256(previous.encode())
    for entry in entries:
        total.update(b"\n" + _canonical(entry).encode())
    return total.hexdigest()


def _canonical(entry: AuditEntry) -> str:
    columns = {
        field.attname: getattr(entry, field.attname)
        for field in AuditEntry._meta.concrete_fields
        if field.name not in ("seal", "at")
    }
    return exact.dumps({**columns, "at": entry.at.isoformat()}, sort_keys=True)


def verify() -> Verdict:
    """Walk the chain from its beginning and stop at the first broken seal."""
    previous, seals, checked = "", 0, 0
    for link in AuditSeal.objects.order_by("pk").iterator(chunk_size=BLOCK):
        entries = list(AuditEntry.objects.filter(seal=link).order_by("pk"))
        broken = _fault(link, previous, entries)
        if broken:
            return Verdict(seals, checked, _unsealed(), broken)
        previous, seals, checked = link.digest, seals + 1, checked + len(entries)
    return Verdict(seals, checked, _unsealed())


def _fault(link: AuditSeal, previous: str, entries: list[AuditEntry]) -> str:
    where = f"Seal {link.pk} of {link.sealed_at:%Y-%m-%d %H:%M}"
    if link.previous != previous:
        return f"{where} does not follow the seal before it: a seal is missing."
    if len(entries) != link.entries:
        return f"{where} covers {link.entries} entries, but {len(entries)} are there."
    if digest_of(previous, entries) != link.digest:
        first, last = entries[0].pk, entries[-1].pk
        return f"{where} is broken: an entry from {first} to {last} was changed."
    return ""


def _unsealed() -> int:
    return AuditEntry.objects.filter(seal=None).count()
