"""Starts, pauses and ends bulk runs: each a conditional update with its reason."""

from typing import Any

from django.db import transaction

from errorqueue.bulk.plan import plan_of
from errorqueue.clock import database_time
from errorqueue.models import (
    BulkItem,
    BulkRun,
    Cause,
    FailedRecord,
    FailedRecordQuerySet,
)
from errorqueue.query import lines_for
from errorqueue.text import clean

User = Any
State = BulkRun.State
# So many records go first; the rest follows only if they all passed.
CANARY = 10


class NotNow(Exception):
    """The run is not in a state in which this can be done."""


class MoreMatch(NotNow):
    """More records match than the person was shown."""


def start(
    verb: str,
    by: User,
    *,
    query: str = "",
    chosen: list[int] | None = None,
    cause: Cause | None = None,
    options: dict[str, Any] | None = None,
    reason: str = "",
    with_canary: bool = False,
    seen: int | None = None,
    newest: int | None = None,
) -> BulkRun:
    """Enter a run; workers choose its lines and do the work.

    The lines are those of `chosen`, of the open lines of `cause`, or of `query` (the
    address part of a list). The filter is asked again here and compared with `seen`,
    and nothing newer than `newest` is taken: what came after the look stays out.
    Raises MoreMatch when older ones match by now: nobody confirmed those.
    """
    run = BulkRun(
        verb=verb,
        by=by,
        query=query,
        chosen=chosen or [],
        cause=cause,
        options=options or {},
        reason=clean(reason)[:300],
        with_canary=with_canary,
    )
    plan = plan_of(lines_of(run, newest))
    now = database_time()
    run.plan, run.newest = plan.as_dict(), newest or plan.newest
    run.seen = plan.count if seen is None else seen
    _refuse_more(run.seen, plan.count)
    run.title = f"{run.get_verb_display()} {plan.count:,}"
    run.note = difference(run.seen, plan.count)
    run.state, run.made_at, run.started_at = State.PICKING, now, now
    run.save()
    return run


def _refuse_more(seen: int, found: int) -> None:
    if found > seen:
        raise MoreMatch(
            f"{found - seen:,} more match by now than the {seen:,} that were shown, so "
            "nothing was started. Look at the plan again."
        )


def difference(seen: int, found: int) -> str:
    """Say how many fewer the filter finds than when the person looked."""
    if found >= seen:
        return ""
    return (
        f"{seen - found:,} fewer match than the {seen:,} that were shown: they were "
        "settled or changed meanwhile."
    )


def lines_of(run: BulkRun, newest: int | None = None) -> FailedRecordQuerySet:
    """Return the open lines a run means, in no order. Raises query.Unreadable."""
    if run.chosen:
        found = FailedRecord.objects.filter(pk__in=run.chosen)
    elif run.cause_id:
        found = FailedRecord.objects.filter(cause=run.cause_id)
    else:
        shown = lines_for(run.query, run.by)
        found = FailedRecord.objects.filter(pk__in=shown.order_by().values("pk"))
    highest = newest or run.newest
    if highest:
        found = found.filter(pk__lte=highest)
    return found.open().order_by()


def pause(run: BulkRun, by: User) -> None:
    """Queue nothing more for now; what is queued goes its way. Raises NotNow."""
    _move(run, (State.PICKING, State.CANARY, State.RUNNING), State.PAUSED, "Paused", by)


def resume(run: BulkRun, by: User) -> None:
    """Go on where the run was paused, or past canaries that failed. Raises NotNow."""
    _move(run, (State.PAUSED, State.STOPPED), _next_state(run), "Resumed", by)


def _next_state(run: BulkRun) -> str:
    is_picked = run.total and not run.picked_until
    if not is_picked:
        return State.PICKING
    followers = run.items.filter(is_canary=False)
    is_tried = followers.exclude(state=BulkItem.State.WAITING).exists()
    is_trying = run.items.filter(is_canary=True).exists() and not is_tried
    return State.CANARY if is_trying and run.state != State.STOPPED else State.RUNNING


@transaction.atomic
def cancel(run: BulkRun, by: User) -> None:
    """End a run; what it has not begun stays as it was. Raises NotNow."""
    ended = (State.CANCELLED, State.DONE)
    states = [state for state in State if state not in ended]
    _move(run, states, State.CANCELLED, "Cancelled", by)
    BulkRun.objects.filter(pk=run.pk).update(ended_at=database_time())
    waiting = run.items.filter(state=BulkItem.State.WAITING)
    waiting.update(state=BulkItem.State.SKIPPED, note="The run was cancelled.")


def _move(run: BulkRun, before: Any, state: str, verb: str, by: User) -> None:
    note = f"{verb} by {by}." if by else f"{verb}."
    mine = BulkRun.objects.filter(pk=run.pk, state__in=before)
    if not mine.update(state=state, note=note):
        shown = BulkRun.objects.get(pk=run.pk).get_state_display()
        raise NotNow(f"Bulk {run.pk} is: {shown}.")
    run.state, run.note = state, note
