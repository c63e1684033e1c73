"""What a worker does for the bulk runs that are under way, a few seconds at a time.

A line and its item change in one transaction, so a worker that is killed leaves each
line either done and noted or untouched. A lease keeps two workers from stepping one
run; should it run out, the items' own conditions still let each line pass once.
"""

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from errorqueue import failpoints
from errorqueue.bulk import verbs
from errorqueue.bulk.following import follow
from errorqueue.bulk.picking import pick
from errorqueue.bulk.running import CANARY
from errorqueue.clock import database_time
from errorqueue.models import BulkItem, BulkRun, FailedRecord
from errorqueue.query import Unreadable
from errorqueue.services import NotOpen

log = logging.getLogger(__name__)

State = BulkRun.State
ItemState = BulkItem.State
Status = FailedRecord.Status
LEASE = timedelta(seconds=30)
# How long one call works before it lets others have the worker.
SECONDS = 5.0
# So many of a run may be under way at once: enough to keep every slot busy, few enough
# that new orders never stand behind thousands of retries.
UNDER_WAY = 100
BATCH = 20


def has_work() -> bool:
    """Say whether a run is under way."""
    return BulkRun.objects.filter(state__in=BulkRun.ACTIVE).exists()


def step_all() -> None:
    """Take every active run a little further; one that breaks stops no other.

    Each has its share of the time: a long one must not keep the others waiting.
    """
    active = list(BulkRun.objects.filter(state__in=BulkRun.ACTIVE).order_by("pk"))
    for run in active:
        if not _claim(run):
            continue
        try:
            _step(run, time.monotonic() + SECONDS / len(active))
        except Unreadable as reason:
            _give_up(run, reason)
        except Exception:
            log.exception("Bulk %s could not go on", run.pk)
        finally:
            BulkRun.objects.filter(pk=run.pk).update(lease_until=None)


def _claim(run: BulkRun) -> bool:
    now = database_time()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    mine = BulkRun.objects.filter(free, pk=run.pk, state__in=BulkRun.ACTIVE)
    return bool(mine.update(lease_until=now + LEASE))


def _give_up(run: BulkRun, reason: Unreadable) -> None:
    """End a run whose search no longer means anything: who it named is gone, say."""
    note = f"Its search cannot be read any more, so it was ended: {reason}"[:300]
    mine = BulkRun.objects.filter(pk=run.pk, state=State.PICKING)
    mine.update(state=State.CANCELLED, note=note, ended_at=database_time())
    run.items.filter(state=ItemState.WAITING).update(state=ItemState.SKIPPED, note=note)


def _step(run: BulkRun, ends_at: float) -> None:
    if run.state == State.PICKING:
        pick(run, ends_at)
    settle_items(run)
    run.refresh_from_db(fields=["state", "options"])
    if run.state == State.UNDOING:
        _go_back(run, ends_at)
    elif run.state == State.CANARY:
        _canaries(run, ends_at)
    elif run.state == State.RUNNING:
        _send(run, run.items.filter(state=ItemState.WAITING), ends_at)
    _end_if_done(run)


def settle_items(run: BulkRun) -> None:
    """See what became of the queued lines; one statement for each possible end."""
    queued = run.items.filter(state=ItemState.QUEUED)
    now = database_time()
    ended = {"settled_at": now}
    gone = [Status.RESOLVED, Status.EXCLUDED]
    queued.filter(line__status__in=gone).update(state=ItemState.DONE, **ended)
    again = queued.filter(line__last_failed_at__gte=F("queued_at"))
    again.filter(line__status=Status.FAILED).update(
        state=ItemState.FAILED, note="Failed again.", **ended
    )
    again.filter(line__status=Status.WAITING).update(
        state=ItemState.FAILED, note="Failed again; it retries by itself.", **ended
    )
    again.filter(line__status=Status.BLOCKED).update(
        state=ItemState.FAILED, note="Waits for another record now.", **ended
    )
    # Not queued any more and not failed since: a person took this one back. It is asked
    # again whether it failed: that may have happened between two statements.
    not_since = queued.filter(line__last_failed_at__lt=F("queued_at"))
    not_since.filter(line__status=Status.FAILED).update(
        state=ItemState.UNDONE, note="Taken back.", **ended
    )


def _canaries(run: BulkRun, ends_at: float) -> None:
    """Try the first ten, and as many others as it takes until some could be tried."""
    while _canary(run, ends_at) and time.monotonic() < ends_at:
        pass


def _canary(run: BulkRun, ends_at: float) -> bool:
    """Send the first ten; the rest follows when they passed.

    Says whether ten others are to be tried: of these none was, so they prove nothing.
    """
    canaries = run.items.filter(is_canary=True)
    _send(run, canaries.filter(state=ItemState.WAITING), ends_at)
    settle_items(run)
    if canaries.filter(state__in=[ItemState.WAITING, ItemState.QUEUED]).exists():
        return False
    failed = canaries.filter(state=ItemState.FAILED).count()
    mine = BulkRun.objects.filter(pk=run.pk, state=State.CANARY)
    if failed:
        tried = canaries.exclude(state=ItemState.SKIPPED).count()
        note = f"{failed} of the first {tried} failed again; the rest was not touched."
        mine.update(state=State.STOPPED, note=note)
        return False
    passed = canaries.filter(state=ItemState.DONE).exists()
    if not passed and _choose_others(run):
        return True
    note = "The first ones passed." if passed else "None of them could be tried."
    if mine.update(state=State.RUNNING, note=note):
        run.state = State.RUNNING
        _send(run, run.items.filter(state=ItemState.WAITING), ends_at)
    return False


def _choose_others(run: BulkRun) -> int:
    """Let the next ten go first, since the ones before were skipped; return how many."""
    waiting = run.items.filter(state=ItemState.WAITING).order_by("position")
    chosen = list(waiting.values_list("pk", flat=True)[:CANARY])
    return BulkItem.objects.filter(pk__in=chosen).update(is_canary=True)


def _send(run: BulkRun, waiting: QuerySet[BulkItem], ends_at: float) -> None:
    """Do the next ones in order of arrival, as many as may be under way."""
    room = UNDER_WAY - run.items.filter(state=ItemState.QUEUED).count()
    while room > 0 and time.monotonic() < ends_at:
        batch = list(waiting.order_by("position")[: min(room, BATCH)])
        if not batch or not _still(run):
            return
        _do_all(run, batch)
        if run.verb in verbs.QUEUED:
            room -= len(batch)


def _still(run: BulkRun) -> bool:
    """Look before each batch: a person may have paused or cancelled meanwhile."""
    now = database_time()
    mine = BulkRun.objects.filter(pk=run.pk, state=run.state)
    return bool(mine.update(lease_until=now + LEASE))


def _do_all(run: BulkRun, batch: list[BulkItem]) -> None:
    lines = FailedRecord.objects.prefetch_related("subject").in_bulk(
        [item.line_id for item in batch]
    )
    for item in batch:
        try:
            _do(run, item, lines[item.line_id])
        except NotOpen as reason:
            _close(item, ItemState.SKIPPED, str(reason))
        except OperationalError:  # a deadlock, a lost server: this one is still to do
            raise
        except Exception as error:
            log.exception("Bulk %s could not do %s", run.pk, item.line_id)
            _close(item, ItemState.FAILED, f"{type(error).__name__}: {error}")


def _do(run: BulkRun, item: BulkItem, line: FailedRecord) -> None:
    """Do one line and note it, both or neither.

    A verb that asks vendors keeps no transaction open meanwhile; done twice, it does
    nothing the second time. What it queues may fail again before that is noted, so
    it counts as queued since before.
    """
    if run.verb in verbs.ASKING:
        began = _begin(item)
        _noted(run, item, verbs.VERBS[run.verb](line, run), began)
        return
    with transaction.atomic():
        _noted(run, item, verbs.VERBS[run.verb](line, run), Now())


def _begin(item: BulkItem) -> datetime:
    """Note that it is begun, once, also when a worker died at it before."""
    if item.queued_at is None:
        item.queued_at = database_time()
        _untouched(item).update(queued_at=item.queued_at)
    return item.queued_at


def _noted(run: BulkRun, item: BulkItem, note: str, began: Any) -> None:
    if run.verb in verbs.QUEUED:
        mine = _untouched(item)
        changed = mine.update(state=ItemState.QUEUED, note=note, queued_at=began)
    else:
        changed = _close(item, ItemState.DONE, note)
    if not changed:
        raise NotOpen("Another worker was quicker.")
    failpoints.hit("bulk.item")


def _close(item: BulkItem, state: str, note: str) -> int:
    ended = {"state": state, "note": note[:300], "settled_at": database_time()}
    return _untouched(item).update(**ended)


def _untouched(item: BulkItem) -> QuerySet[BulkItem]:
    return BulkItem.objects.filter(pk=item.pk, state=ItemState.WAITING)


def _go_back(run: BulkRun, ends_at: float) -> None:
    """Take back what the run did, newest first; what has begun stays done."""
    done = run.items.filter(state__in=[ItemState.QUEUED, ItemState.DONE])
    by = verbs.who_takes_back(run)
    while time.monotonic() < ends_at:
        batch = list(done.select_related("line").order_by("-position")[:BATCH])
        if not batch or not _still(run):
            return
        for item in batch:
            _take_back(run, item, by)


def _take_back(run: BulkRun, item: BulkItem, by: Any) -> None:
    """Take back one line; one that breaks is named and stops no other."""
    try:
        verbs.take_back_item(run, item, by)
    except OperationalError:
        raise
    except Exception as error:
        log.exception("Bulk %s could not take back %s", run.pk, item.line_id)
        note = f"Not taken back. {type(error).__name__}: {error}"[:300]
        mine = BulkItem.objects.filter(pk=item.pk, state=item.state)
        mine.update(state=ItemState.SKIPPED, note=note)


def _end_if_done(run: BulkRun) -> None:
    open_items = run.items.filter(state__in=[ItemState.WAITING, ItemState.QUEUED])
    if run.state == State.UNDOING:
        open_items = run.items.filter(state__in=[ItemState.QUEUED, ItemState.DONE])
    if run.state not in (State.RUNNING, State.UNDOING) or open_items.exists():
        return
    over = State.DONE if run.state == State.RUNNING else State.CANCELLED
    mine = BulkRun.objects.filter(pk=run.pk, state=run.state)
    with transaction.atomic():
        is_ours = mine.update(state=over, ended_at=database_time())
        after = follow(run) if is_ours and over == State.DONE else None
        if after:
            note = f"Bulk {after.pk} retries the {after.plan['count']} that may pass."
            BulkRun.objects.filter(pk=run.pk).update(note=note)
