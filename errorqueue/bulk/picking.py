"""Chooses the lines of a run once, in order of arrival."""

import time

from django.db import transaction
from django.db.models import Q

from errorqueue import failpoints
from errorqueue.bulk.running import CANARY, lines_of
from errorqueue.models import BulkItem, BulkRun, FailedRecord

State = BulkRun.State
BATCH = 1000


def pick(run: BulkRun, ends_at: float) -> None:
    """Write items down, a thousand at a time, until all are chosen or time is up."""
    while run.state == State.PICKING and time.monotonic() < ends_at:
        _pick_batch(run)


@transaction.atomic
def _pick_batch(run: BulkRun) -> None:
    """Choose the next thousand; the place where it stopped is kept with them."""
    locked = BulkRun.objects.select_for_update().get(pk=run.pk)
    run.state, run.total, run.note = locked.state, locked.total, locked.note
    run.picked_until = locked.picked_until
    if run.state != State.PICKING:
        return
    lines = list(_next(run))
    BulkItem.objects.bulk_create(
        [_item(run, line, run.total + place) for place, line in enumerate(lines)],
        ignore_conflicts=True,
    )
    run.total += len(lines)
    if len(lines) < BATCH:
        run.picked_until = ""
        _begin(run)
    else:
        run.picked_until = f"{lines[-1].first_failed_at.isoformat()} {lines[-1].pk}"
    run.save(update_fields=["total", "picked_until", "state", "note"])
    failpoints.hit("bulk.pick")


def _begin(run: BulkRun) -> None:
    """Go on with all that was chosen, unless it is more than a person confirmed."""
    more = 0 if run.by_id is None or run.chosen else run.total - run.plan["count"]
    if more > 0:
        run.state = State.PAUSED
        run.note = (
            f"{more:,} more match by now than were shown. Resume takes all "
            f"{run.total:,}; cancel leaves them as they are."
        )
        return
    run.state = State.CANARY if _needs_canary(run) else State.RUNNING


def _next(run: BulkRun) -> "list[FailedRecord]":
    found = lines_of(run).order_by("first_failed_at", "pk")
    if run.picked_until:
        moment, _, pk = run.picked_until.partition(" ")
        later = Q(first_failed_at__gt=moment)
        found = found.filter(later | Q(first_failed_at=moment, pk__gt=int(pk)))
    return list(found.only("pk", "first_failed_at")[:BATCH])


def _item(run: BulkRun, line: FailedRecord, position: int) -> BulkItem:
    is_canary = run.with_canary and position < CANARY
    return BulkItem(run=run, line=line, position=position, is_canary=is_canary)


def _needs_canary(run: BulkRun) -> bool:
    return run.with_canary and run.total > CANARY
