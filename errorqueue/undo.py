"""Takes back, for a minute, what a person did by mistake."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from errorqueue import keys, notices
from errorqueue.clock import database_time
from errorqueue.models import Action, BulkRun, FailedRecord
from errorqueue.services import SubjectGone, note

User = Any
Ending = FailedRecord.Ending
RIGHT = "errorqueue.retry_failedrecord"
WITHIN = timedelta(minutes=1)
# What Waybill closed by itself: nobody was there to notice within a minute.
WITHIN_A_DAY = timedelta(days=1)
VERBS = ("retry", "exclude", "resolve", "adopt", "close")
# How the subject of each verb takes it back.
ON_SUBJECT = {"retry": "take_back", "adopt": "disown"}
# What taking back a closing of Waybill's does, by how it was closed.
CLOSINGS = {
    Ending.NEWER: "The line opens again for a person. Nothing changes at the target; "
    "a retry sends the newest version once more.",
    Ending.AT_SOURCE: "The line opens again for a person. Nothing changes at the "
    "target; a retry sends the newest version once more.",
    Ending.THERE: "The line opens again and the record at the target is no longer "
    "taken as ours. A retry compares with it before it writes.",
    Ending.BY_RULE: "The line opens again. A retry goes through the rule once more: "
    "change the rule first, or retry it as an earlier mapping version.",
}
# Why the other endings cannot be taken back.
FINAL = {
    Ending.DELIVERED: "There is nothing to take back: it stands at the target now. "
    "What is wrong with it is mended there, or at the source by a newer version.",
    Ending.RETRIED: "There is nothing to take back: the retry has sent it, and it "
    "stands at the target now. What is wrong with it is mended there, or at the "
    "source by a newer version.",
}
OVER = "The time to take this back is over."
# Where a run keeps who takes it back: the history of each record names them.
UNDONE_BY = "undone_by"
EXPECTED = {
    "retry": FailedRecord.Status.RETRYING,
    "exclude": FailedRecord.Status.EXCLUDED,
    "resolve": FailedRecord.Status.RESOLVED,
    "adopt": FailedRecord.Status.RESOLVED,
    "close": FailedRecord.Status.RESOLVED,
}


class TooLate(Exception):
    """It cannot be taken back any more; the text says why."""


def seconds_left(action: Action) -> int:
    """Return how long an action can still be taken back; 0 when it cannot."""
    if action.verb not in VERBS or action.undone_at or not action.undo:
        return 0
    left = action.at + term_of(action) - database_time()
    return max(0, int(left.total_seconds()))


def told(line: FailedRecord, offered: Action | None) -> str:
    """Say what taking a settled line's end back would do, or why nobody can."""
    if line.ending in FINAL:
        return FINAL[Ending(line.ending)]
    if offered is None:
        return OVER
    if offered.verb in ("close", "adopt"):
        return CLOSINGS.get(Ending(line.ending), "")
    return ""


def theirs(user: User) -> Q:
    """Return the condition for steps that somebody may take back.

    Their own, and Waybill's if they may retry.
    """
    own = Q(by=user)
    return own | Q(by=None) if user.has_perm(RIGHT) else own


def term_of(action: Action) -> timedelta:
    """Return how long an action can be taken back: a person's for a minute."""
    return WITHIN if action.by_id else WITHIN_A_DAY


@transaction.atomic
def take_back(
    action: Action, by: User, within: timedelta | None = WITHIN
) -> FailedRecord:
    """Undo a retry that has not begun, a resolution, an exclusion or an adoption.

    The line needs a person again. Raises TooLate when the time for it is over, the
    record has begun or moved on, or somebody took it back before. What Waybill closed
    by itself can be taken back for a day.
    """
    now = database_time()
    if within and now > action.at + max(within, term_of(action)):
        raise TooLate("The time to take it back is over: it stays as it is.")
    if action.verb not in VERBS or not action.undo:
        raise TooLate(f"“{action.verb}” cannot be taken back.")
    line = action.failed
    _undo_subject(line, action, by)
    _refuse_overtaken(action)
    _reopen(line, action)
    mine = Action.objects.filter(pk=action.pk, undone_at=None)
    if not mine.update(undone_at=now):
        raise TooLate("It was taken back already.")
    note(line, "undo", by, f"Took back: {action.verb}.")
    if action.verb != "retry":
        notices.opened(line)
    return line


def said(action: Action, line: FailedRecord) -> str:
    """Say how a line stands after a step of its was taken back."""
    waited = (FailedRecord.Status.WAITING, FailedRecord.Status.BLOCKED)
    if action.undo.get("status") not in waited:
        return f"{line.human_id} is as it was before."
    return (
        f"{line.human_id} is taken back. It waits for nothing now: it needs a person."
    )


def _undo_subject(line: FailedRecord, action: Action, by: User) -> None:
    subject: Any = line.subject
    if subject is None:
        raise SubjectGone(f"What {line.human_id} is about does not exist any more.")
    if action.verb == "close":
        undone = subject.reopen(action.undo, by)
    else:
        undone = getattr(subject, ON_SUBJECT.get(action.verb, "include"))(by)
    if not undone:
        raise TooLate("It has begun or moved on meanwhile: it stays as it is.")


def _refuse_overtaken(action: Action) -> None:
    """Leave alone what stands there by a later step, be it of the same kind.

    Asked after the subject was touched: who did something meanwhile has committed.
    """
    steps = Action.objects.filter(failed=action.failed_id, verb__in=VERBS)
    later = steps.filter(pk__gt=action.pk, undone_at=None).select_related("by").first()
    if later:
        who = later.by or "Waybill"
        raise TooLate(f"{who} has done something about it since: it stays as it is.")


def _reopen(line: FailedRecord, action: Action) -> None:
    """Put the line back; another open line of the same subject makes it too late."""
    others = FailedRecord.objects.about(line.subject).open().exclude(pk=line.pk)
    mine = FailedRecord.objects.filter(pk=line.pk, status=EXPECTED[action.verb])
    # Its subject has failed again, whatever either of them waited for before.
    before = FailedRecord.Status.FAILED
    if others.exists() or not mine.update(
        status=before,
        ending="",
        settled_at=None,
        settled_by=None,
        settled_how="",
        retry_asked_at=None,
        retry_asked_by=None,
        touched_at=database_time(),
    ):
        raise TooLate("The line moved on meanwhile: it stays as it is.")
    line.status = before
    keys.follow([line.pk], is_open=True)


@transaction.atomic
def take_back_run(run: BulkRun, by: User) -> None:
    """Have workers take back a run; raises TooLate when its minute is over.

    A run that is still under way is stopped and taken back whenever that is asked;
    one that ended is so for a minute.
    """
    ended = run.ended_at
    if run.verb not in VERBS or (ended and database_time() > ended + WITHIN):
        raise TooLate("This run cannot be taken back any more.")
    undone = BulkRun.objects.filter(pk=run.pk).exclude(state=BulkRun.State.UNDOING)
    now_undoing = {
        "state": BulkRun.State.UNDOING,
        "note": f"Being taken back by {by}.",
        "options": {**run.options, UNDONE_BY: getattr(by, "pk", None)},
        "ended_at": None,
    }
    if not undone.update(**now_undoing):
        raise TooLate("This run is being taken back already.")
    waiting = run.items.filter(state="waiting")
    waiting.update(state="skipped", note="The run was taken back.")
