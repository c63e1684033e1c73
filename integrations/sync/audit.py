"""The audit trail: what was noted is sealed into a chain, and the chain is checked.

Each seal is the SHA-256 over the seal before it and over its entries in order, so an
entry that was changed, deleted or moved afterwards breaks its seal, and a seal that
was taken out breaks the next one.
"""

import hashlib
import math
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from errorqueue.clock import database_time
from integrations.connectors import exact
from integrations.models import AuditEntry, AuditSeal, AuditWalk
from integrations.sync.stopping import is_stopping
from mappings.changes import STEPS, Change

# Transactions that noted something and have not ended yet get so long to do so.
SETTLED = timedelta(seconds=5)
BLOCK = 1000
# What one call seals at most: at that pace it is never behind for long.
MOST_BLOCKS = 200

note = AuditEntry.objects.note
entry = AuditEntry.objects.entry
note_many = AuditEntry.objects.note_many


def keep_change(change: Change, by: Any) -> None:
    """Note one field of a mapping that was changed, in words with both values."""
    what = " ".join(word for word in (change.part, change.field) if word)
    values = f"{change.before!r} → {change.after!r}" if change.field else change.after
    detail = f"{what}: {values}" if what and values else what or values
    AuditEntry.objects.note_change(
        change.subject, change.subject_id, change.verb, detail, by
    )


def writers_of(subject: str, subject_ids: Collection[int]) -> set[int]:
    """Return the keys of the people who changed something, not of who only signed."""
    noted = AuditEntry.objects.filter(
        subject=subject, subject_id__in=subject_ids, by__isnull=False
    )
    return set(noted.exclude(verb__in=STEPS).order_by().values_list("by", flat=True))


def written_by(subject: str, by: Any) -> QuerySet[Any, int]:
    """Choose the keys of what a person changed; to sign something changes nothing."""
    noted = AuditEntry.objects.filter(subject=subject, by=by.pk)
    return noted.exclude(verb__in=STEPS).order_by().values_list("subject_id", flat=True)


@dataclass(frozen=True)
class Place:
    """A seal of the chain and its digest, and what was found whole up to it."""

    seal: int = 0
    digest: str = ""
    seals: int = 0
    entries: int = 0

    def behind(self, link: AuditSeal) -> "Place":
        """Return the place one whole seal further."""
        entries = self.entries + link.entries
        return Place(link.pk, link.digest, self.seals + 1, entries)


BEGINNING = Place()


@dataclass(frozen=True)
class Verdict:
    """What a walk along the chain found; `broken` says the first fault in words.

    A walk whose time was up is not complete and goes on behind its `place`.
    """

    place: Place
    unsealed: int
    broken: str = ""
    is_complete: bool = True

    @property
    def seals(self) -> int:
        return self.place.seals

    @property
    def entries(self) -> int:
        return self.place.entries


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


def verify(place: Place = BEGINNING, seconds: float = math.inf) -> Verdict:
    """Walk the chain behind `place` and stop at the first broken seal.

    When the time is up or the worker is to stop, the walk ends at a whole seal.
    """
    ends_at = time.monotonic() + seconds
    links = AuditSeal.objects.filter(pk__gt=place.seal).order_by("pk")
    for link in links.iterator(chunk_size=BLOCK):
        entries = list(AuditEntry.objects.filter(seal=link).order_by("pk"))
        broken = _fault(link, place.digest, entries)
        if broken:
            return Verdict(place, _unsealed(), broken)
        place = place.behind(link)
        if time.monotonic() >= ends_at or is_stopping():
            return Verdict(place, _unsealed(), is_complete=False)
    return Verdict(place, _unsealed())


def place_of(seal: int) -> Place:
    """Return the place of a seal, to walk from there; raises AuditSeal.DoesNotExist."""
    return Place(seal, AuditSeal.objects.get(pk=seal).digest)


def verify_on(seconds: float) -> Verdict:
    """Go on with the walk where its last piece ended, for so long.

    What ended, well or at a broken seal, starts at the beginning the next time.
    """
    walk, _ = AuditWalk.objects.get_or_create(pk=1)
    begun = Place(walk.seal, walk.digest, walk.seals, walk.entries)
    found = verify(begun, seconds)
    kept = BEGINNING if found.broken or found.is_complete else found.place
    AuditWalk.objects.filter(pk=walk.pk).update(**asdict(kept))
    return found


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
