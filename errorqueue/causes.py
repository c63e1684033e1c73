"""Which cause a failure belongs to, and which causes count as one."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from errorqueue.clock import database_time
from errorqueue.failures import Failure, FailureKind
from errorqueue.fingerprint import fingerprint
from errorqueue.masking import without_values
from errorqueue.models import Cause, CauseMerge, FailedRecord, Watermark
from errorqueue.text import clean

User = Any
# Lines moved at once when causes are merged or parted.
BATCH = 1000
PLACED = "placed"
# A line that begins while causes are merged lands by the old rule: such are looked for
# a little longer, every so often.
LATE = timedelta(seconds=20)
EVERY = timedelta(seconds=5)
# How long one call works before it lets others have the worker.
SECONDS = 5.0


class NotMergeable(ValueError):
    """These causes cannot be merged, or not be parted again; the text says why."""


def columns_of(failure: Failure, now: datetime) -> dict[str, Any]:
    """Return what a line notes of its cause; a new cause is entered on the way.

    A cause that was merged into another one stands for that one. Counting is left to
    `tally`: a row that every failing worker writes would line them all up.
    """
    found = fingerprint(failure)
    cause, _ = Cause.objects.get_or_create(
        fingerprint=found.key,
        defaults={
            "kind": found.kind,
            "field": clean(found.field)[:200],
            "text": clean(_for_all(failure.what, failure))[:500],
            "value": "" if found.is_private else clean(found.value)[:200],
            "remedy": clean(_for_all(failure.remedy, failure)),
            "first_seen_at": now,
            "last_seen_at": now,
        },
    )
    return {
        "fingerprint": found.key,
        "cause_id": cause.merged_into_id or cause.pk,
    }


def _for_all(text: str, failure: Failure) -> str:
    """Return a text without private values: everybody reads it, of any record."""
    return without_values(text, [problem.as_dict() for problem in failure.problems])


@transaction.atomic
def merge(cause: Cause, into: Cause, by: User) -> CauseMerge:
    """Let `cause` count as `into` from now on, its lines included.

    The rule is kept in words and can be undone. Raises NotMergeable for a cause with
    itself, a circle, or one that is merged already.
    """
    _lock(cause, into)
    root = root_of(into)
    if cause.pk == root.pk:
        raise NotMergeable("A cause cannot be merged into itself: choose another one.")
    if active_merge(cause):
        raise NotMergeable(f"{cause.human_id} is merged already: undo that first.")
    made = CauseMerge.objects.create(
        cause=cause, into=root, rule=rule_of(cause, root), by=by, at=database_time()
    )
    _point_all(cause)
    return made


@transaction.atomic
def unmerge(merged: CauseMerge, by: User) -> None:
    """Part two causes again; each line goes back to its own. Raises NotMergeable."""
    undone = CauseMerge.objects.filter(pk=merged.pk, undone_at=None)
    if not undone.update(undone_at=database_time(), undone_by=by):
        raise NotMergeable("This was undone already.")
    _point_all(merged.cause)


def rule_of(cause: Cause, into: Cause) -> str:
    """Say in words which failures the merge is about."""
    kind = FailureKind(cause.kind).value
    parts = [f"of the kind “{kind}”"]
    if cause.field:
        parts.append(f"at the field {cause.field}")
    if cause.value:
        parts.append(f"with the value “{cause.value}”")
    return (
        f"Failures {' '.join(parts)} that say “{cause.text}” count as: “{into.text}”."
    )


def root_of(cause: Cause) -> Cause:
    """Follow active merges to the cause that stands for this one."""
    seen = {cause.pk}
    while (found := active_merge(cause)) and found.into_id not in seen:
        cause = found.into
        seen.add(cause.pk)
    return cause


def active_merge(cause: Cause) -> CauseMerge | None:
    active = CauseMerge.objects.filter(cause=cause, undone_at=None)
    return active.select_related("into").first()


def _lock(*causes: Cause) -> None:
    keys = sorted(cause.pk for cause in causes)
    found = Cause.objects.select_for_update(no_key=True).filter(pk__in=keys)
    list(found.order_by("pk"))


def _point_all(cause: Cause) -> None:
    """Point a cause, and all that were merged into it, at what stands for them now."""
    for one in [cause, *_below(cause)]:
        root = root_of(one)
        Cause.objects.filter(pk=one.pk).update(
            merged_into=None if root.pk == one.pk else root
        )
        one.merged_into = None if root.pk == one.pk else root


def _below(cause: Cause) -> list[Cause]:
    found: dict[int, Cause] = {}
    todo = [cause.pk]
    while todo:
        merges = CauseMerge.objects.filter(into__in=todo, undone_at=None)
        new = merges.exclude(cause__in=[cause.pk, *found]).select_related("cause")
        below = {one.cause_id: one.cause for one in new}
        found |= below
        todo = list(below)
    return list(found.values())


def has_misplaced() -> bool:
    """Say whether causes were merged or parted since all lines were in their place."""
    mark = Watermark.objects.filter(name=PLACED).first()
    if mark is None:
        return CauseMerge.objects.exists()
    if _moved_since(mark.at):
        return True
    return mark.at < database_time() - EVERY and _moved_since(mark.at - LATE)


def _moved_since(moment: datetime) -> bool:
    moved = Q(at__gte=moment) | Q(undone_at__gte=moment)
    return CauseMerge.objects.filter(moved).exists()


def place_all() -> None:
    """Bring lines under the cause that stands for them, a thousand at a time.

    What somebody holds right now, and the rest when time is up, are left for the next
    call: the mark moves only when all are placed.
    """
    began, ends_at = database_time(), time.monotonic() + SECONDS
    for merged in _merged():
        while _place_batch(merged):
            if time.monotonic() > ends_at:
                return
        if _misplaced(merged).exists():
            return
    Watermark.objects.update_or_create(name=PLACED, defaults={"at": began})


def _merged() -> list[CauseMerge]:
    """One merge of each cause that is or was merged; what it points at decides."""
    found = CauseMerge.objects.select_related("cause__merged_into")
    return list({merged.cause_id: merged for merged in found}.values())


def _misplaced(merged: CauseMerge) -> Any:
    """Lines of this cause's own fingerprint that stand somewhere else."""
    cause = merged.cause
    home = cause.merged_into_id or cause.pk
    away = FailedRecord.objects.filter(fingerprint=cause.fingerprint)
    return away.exclude(cause=home)


@transaction.atomic
def _place_batch(merged: CauseMerge) -> int:
    cause = merged.cause
    home = cause.merged_into or cause
    free = _misplaced(merged).select_for_update(skip_locked=True).order_by("pk")
    picked = list(free.values_list("pk", flat=True)[:BATCH])
    moved = FailedRecord.objects.filter(pk__in=picked)
    return moved.update(cause=home, touched_at=database_time())
