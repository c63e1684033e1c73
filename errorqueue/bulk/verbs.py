"""What a bulk run does to one line, inside the transaction of its item."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from errorqueue import finance, people, preflight, recipes, services, undo
from errorqueue.failures import Refused, RetryChoice, Start
from errorqueue.models import Action, BulkItem, BulkRun, FailedRecord
from errorqueue.services import NotOpen
from errorqueue.workbench import workbench_of

Verb = BulkRun.Verb
ItemState = BulkItem.State
# What a worker carries out later: these wait for their result.
QUEUED = (Verb.RETRY, Verb.MEND)
# What calls the vendors: a transaction left open meanwhile would hold its locks.
ASKING = (Verb.PREFLIGHT, Verb.MEND)


def _retry(line: FailedRecord, run: BulkRun) -> str:
    if line.status == FailedRecord.Status.BLOCKED:
        head = line.blocked_by.human_id if line.blocked_by else "another record"
        raise NotOpen(f"Goes by itself after {head}.")
    services.retry(line, run.by, _reason(run), choice_of(run))
    return ""


def choice_of(run: BulkRun) -> RetryChoice | None:
    """Return how the retries of a run shall go; None for what one click does."""
    given = run.options
    if not given.get("start") and not given.get("version"):
        return None
    return RetryChoice(Start(given.get("start") or "mapping"), given.get("version"))


def _mend(line: FailedRecord, run: BulkRun) -> str:
    if did(run, line):  # by a worker that died before it could note so
        return ""
    finance.refuse_edit(line)
    _refuse_foreign(run, line)
    bench = workbench_of(line)
    if bench is None:
        raise NotOpen("This cannot be mended, only retried or excluded.")
    try:
        left = bench.mend(run.options["values"], run.by, _reason(run))
    except Refused as reason:
        raise NotOpen(str(reason)) from reason
    if left:
        raise NotOpen(f"Still wrong: {left[0].target} {left[0].rule}")
    if "recipe" in run.options:
        recipes.used(run.options["recipe"], line, run.by, _reason(run))
    return ""


def _refuse_foreign(run: BulkRun, line: FailedRecord) -> None:
    """Keep a known fix to the cause and the flow that it was kept for."""
    recipe = run.options.get("recipe")
    if recipe and not recipes.fitting(line).filter(pk=recipe).exists():
        raise NotOpen("This known fix is for another cause or flow, or was retired.")


def did(run: BulkRun, line: FailedRecord) -> bool:
    """Say whether this run queued a line already."""
    return _of(run, line).filter(verb="retry").exists()


def _of(run: BulkRun, line: FailedRecord) -> QuerySet[Action]:
    """Return what a run did to a line; the words alone could be anybody's."""
    return line.actions.filter(by=run.by, reason__startswith=f"Bulk {run.pk}.")


def _exclude(line: FailedRecord, run: BulkRun) -> str:
    services.exclude(line, run.by, _reason(run))
    return ""


def _resolve(line: FailedRecord, run: BulkRun) -> str:
    services.resolve_by_hand(line, run.by, _reason(run))
    return ""


def _preflight(line: FailedRecord, run: BulkRun) -> str:
    return preflight.check(line).note


def _assign(line: FailedRecord, run: BulkRun) -> str:
    chosen = run.options.get("assignee")
    to = get_user_model().objects.filter(pk=chosen, is_active=True).first()
    if chosen and to is None:
        raise NotOpen("The person it was meant for is not here any more.")
    people.assign(line, to, run.by, _reason(run))
    return ""


def _tag(line: FailedRecord, run: BulkRun) -> str:
    people.tag(line, run.options["tag"], run.by)
    return ""


def _snooze(line: FailedRecord, run: BulkRun) -> str:
    until = datetime.fromisoformat(run.options["until"])
    green = bool(run.options.get("wakes_when_green"))
    people.snooze(line, until, run.by, _reason(run), wakes_when_green=green)
    return ""


VERBS: dict[str, Callable[[FailedRecord, BulkRun], str]] = {
    Verb.RETRY: _retry,
    Verb.MEND: _mend,
    Verb.EXCLUDE: _exclude,
    Verb.RESOLVE: _resolve,
    Verb.PREFLIGHT: _preflight,
    Verb.ASSIGN: _assign,
    Verb.TAG: _tag,
    Verb.SNOOZE: _snooze,
}


def _reason(run: BulkRun) -> str:
    return f"Bulk {run.pk}. {run.reason}".strip()


def who_takes_back(run: BulkRun) -> Any:
    """Return who pressed the button, which need not be who started the run."""
    pk = run.options.get(undo.UNDONE_BY)
    return get_user_model().objects.filter(pk=pk).first() if pk else run.by


def take_back_item(run: BulkRun, item: BulkItem, by: Any) -> None:
    """Undo one line of a run; what has begun meanwhile stays as it is."""
    action = _of(run, item.line).filter(verb=run.verb).order_by("-pk").first()
    try:
        if action is None:
            raise undo.TooLate("There is nothing to take back.")
        if action.undone_at is None:
            undo.take_back(action, by, within=None)
        state, note = ItemState.UNDONE, "Taken back."
    except (undo.TooLate, NotOpen) as reason:
        state, note = ItemState.SKIPPED, str(reason)
    mine = BulkItem.objects.filter(pk=item.pk, state=item.state)
    mine.update(state=state, note=note[:300])
