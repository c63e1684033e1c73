"""The verbs of the error queue; each is one transaction and safe to repeat.

A verb touches the subject first and its line second, as the workers do: two of
them can then never wait for each other crosswise.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F, Q

from errorqueue import causes, failpoints, keys, notices, routing
from errorqueue.clock import database_time
from errorqueue.failures import Failure, Labels, RetryChoice, Subject
from errorqueue.models import Action, FailedRecord, LineKey, Recipe
from errorqueue.text import clean, clean_tree

User = Any

# What people and pre-flights said of a failure that is past.
UNASKED: dict[str, Any] = {
    "retry_asked_at": None,
    "retry_asked_by": None,
    "preflight": "",
}
# A second click within this time is the same wish, also when a colleague clicks.
SAME_WISH = timedelta(minutes=1)


class NotOpen(Exception):
    """This record is settled already."""


class AlreadyQueued(NotOpen):
    """Somebody asked for this retry a moment ago."""


class SubjectGone(NotOpen):
    """What failed does not exist any more."""


@transaction.atomic
def capture(
    subject: Subject,
    labels: Labels,
    failure: Failure,
    *,
    tries: int = 1,
    tries_allowed: int = 1,
    next_try_at: datetime | None = None,
    blocked_by: FailedRecord | None = None,
) -> FailedRecord:
    """Open or refresh the line of `subject`.

    A line with `next_try_at` retries by itself, one with `blocked_by` goes when that
    one is settled; any other needs a person. The first error stays as it was.
    """
    now = database_time()
    columns = {
        **_failure_columns(failure),
        **_label_columns(labels),
        **UNASKED,
        "status": _status(next_try_at, blocked_by),
        "blocked_by": blocked_by,
        "tries": tries,
        "tries_allowed": tries_allowed,
        "next_try_at": next_try_at,
        "last_failed_at": now,
        "touched_at": now,
        **causes.columns_of(failure, now),
    }
    first = {
        "first_failed_at": now,
        "first_error": _first_error(failure, now),
        "placed_at": labels.placed_at,
    }
    line, is_new = FailedRecord.objects.update_or_create(
        content_type=ContentType.objects.get_for_model(subject),  # type: ignore[arg-type]
        object_id=str(subject.pk),
        status__in=FailedRecord.OPEN,
        defaults=columns,
        create_defaults={**columns, **first},
    )
    keys.write(line, labels)
    _announce(line, is_new)
    failpoints.hit("queue.capture")
    return line


def _announce(line: FailedRecord, is_new: bool) -> None:
    """Give a new line to somebody, and tell of one that needs a person."""
    if is_new:
        routing.route(line)
    if line.status == FailedRecord.Status.FAILED:
        notices.opened(line)


def _status(next_try_at: datetime | None, blocked_by: FailedRecord | None) -> str:
    if blocked_by is not None:
        return FailedRecord.Status.BLOCKED
    return FailedRecord.Status.WAITING if next_try_at else FailedRecord.Status.FAILED


def _first_error(failure: Failure, now: datetime) -> dict[str, str]:
    return {
        "at": now.isoformat(),
        "code": clean(failure.code)[:80],
        "what": clean(failure.what)[:500],
        "why": clean(failure.why),
        "raw": clean(failure.raw),
    }


def _failure_columns(failure: Failure) -> dict[str, Any]:
    problems = clean_tree([problem.as_dict() for problem in failure.problems])
    return {
        "kind": failure.kind.value,
        "code": clean(failure.code)[:80],
        "what": clean(failure.what)[:500],
        "why": clean(failure.why),
        "remedy": clean(failure.remedy),
        "problems": problems,
        "field": problems[0]["target"][:200] if problems else "",
        "raw": clean(failure.raw),
        "is_unknown": failure.is_unknown,
    }


def _label_columns(labels: Labels) -> dict[str, Any]:
    return {
        "title": clean(labels.subject)[:200],
        "flow": clean(labels.flow)[:120],
        "source": clean(labels.source)[:120],
        "target": clean(labels.target)[:120],
        "entity": clean(labels.entity)[:40],
        "source_id": clean(labels.source_id)[:200],
        "reference": clean(labels.reference)[:120],
        "party": clean(labels.party)[:200],
        "email": clean(labels.email)[:254],
        "skus": clean(" ".join(labels.skus)),
        "amount": labels.amount,
        "currency": labels.currency[:3],
    }


@transaction.atomic
def retry(
    line: FailedRecord,
    by: User = None,
    reason: str = "",
    choice: RetryChoice | None = None,
) -> Action:
    """Make the subject due now and note who asked.

    Raises NotOpen when the line is settled, AlreadyQueued when somebody asked a
    moment ago; nothing is changed then.
    """
    _subject(line).enqueue(by, choice)
    now = database_time()
    asked_just_now = Q(
        status=FailedRecord.Status.RETRYING, retry_asked_at__gt=now - SAME_WISH
    )
    moved = (
        _open(line)
        .exclude(asked_just_now)
        .update(
            status=FailedRecord.Status.RETRYING,
            next_try_at=None,
            blocked_by=None,
            snoozed_until=None,
            retry_asked_at=now,
            retry_asked_by=by,
            touched_at=now,
        )
    )
    _refuse_unless(moved, line)
    action = note(line, "retry", by, reason, undo={"status": line.status})
    line.status = FailedRecord.Status.RETRYING
    failpoints.hit("retry.click")
    return action


@transaction.atomic
def exclude(line: FailedRecord, by: User, reason: str) -> Action:
    """Set the subject aside with a person's reason; raise NotOpen when settled."""
    reason = clean(reason)
    _subject(line).exclude(reason, by)
    ending = FailedRecord.Ending.EXCLUDED
    _close_by_hand(
        line, FailedRecord.Status.EXCLUDED, ending, f"Excluded: {reason}", by
    )
    return note(line, "exclude", by, reason, undo={"status": line.status})


@transaction.atomic
def resolve_by_hand(line: FailedRecord, by: User, reason: str) -> Action:
    """Close a line that was settled elsewhere; its record is not sent again.

    The record is set aside with the same reason: an open record without a line
    would be a failure that nobody sees. Raises NotOpen when the line is settled.
    """
    reason = clean(reason)
    _subject(line).exclude(f"resolved: {reason}", by)
    ending = FailedRecord.Ending.BY_HAND
    _close_by_hand(line, FailedRecord.Status.RESOLVED, ending, f"By hand: {reason}", by)
    return note(line, "resolve", by, reason, undo={"status": line.status})


def _close_by_hand(
    line: FailedRecord, status: str, ending: str, how: str, by: User
) -> None:
    closed = _open(line).update(
        status=status, ending=ending, settled_by=by, **_settlement(how)
    )
    _refuse_unless(closed, line)
    keys.follow([line.pk], is_open=False)
    notices.settled(line)


def note(
    line: FailedRecord, verb: str, by: User = None, reason: str = "", **more: Any
) -> Action:
    """Write down what was done about a line, in the caller's transaction."""
    return Action.objects.create(
        failed=line, verb=verb, by=by, reason=clean(reason), **more
    )


@transaction.atomic
def note_edit(
    line: FailedRecord, by: User, reason: str, before: str, after: str
) -> None:
    """Keep what a person changed in the payload, and why."""
    note(line, "edit", by, reason, before=before, after=after)


def note_mend(
    line: FailedRecord, by: User, reason: str, values: dict[str, str]
) -> Action:
    """Keep which values a person set by the fix form: a recipe can be made of them."""
    return note(line, "mend", by, reason, after=json.dumps(values, sort_keys=True))


def resolve(
    subject: Subject,
    how: str,
    ending: str = FailedRecord.Ending.DELIVERED,
    target_id: str = "",
    undo: dict[str, Any] | None = None,
) -> None:
    """Close the open line of `subject`, if there is one; `how` is the proof.

    What was delivered after a person asked for it is theirs. The line can be found
    by `target_id` from then on. With `undo`, which its subject will understand, a
    person can take the closing back. Most subjects never had a line, so that one
    question comes first.
    """
    if FailedRecord.objects.about(subject).open().exists():
        _resolve(subject, how, ending, target_id, undo)


@transaction.atomic
def _resolve(
    subject: Subject,
    how: str,
    ending: str,
    target_id: str,
    undo: dict[str, Any] | None,
) -> None:
    mine = FailedRecord.objects.about(subject).open()
    closing = {"status": FailedRecord.Status.RESOLVED, **_settlement(clean(how))}
    closed = 0
    if ending == FailedRecord.Ending.DELIVERED:
        asked = mine.filter(retry_asked_by__isnull=False)
        closed = asked.update(
            ending=FailedRecord.Ending.RETRIED,
            settled_by=F("retry_asked_by"),
            **closing,
        )
    closed += mine.update(ending=ending, **closing)
    if closed:
        _after_closing(subject, ending, target_id, undo)


def _after_closing(
    subject: Subject, ending: str, target_id: str, undo: dict[str, Any] | None
) -> None:
    line = FailedRecord.objects.about(subject).order_by("-pk")[:1].get()
    keys.follow([line.pk], is_open=False)
    if undo is not None:
        note(line, "close", undo={"ending": ending, **undo})
    if target_id:
        keys.add(line, LineKey.Name.TARGET_ID, target_id)
    if ending == FailedRecord.Ending.DELIVERED:
        Recipe.objects.credit([line.pk])
    notices.settled(line)


def _subject(line: FailedRecord) -> Subject:
    subject: Subject | None = line.subject
    if subject is None:
        raise SubjectGone(f"What {line.human_id} is about does not exist any more.")
    return subject


def _open(line: FailedRecord) -> Any:
    return FailedRecord.objects.open().filter(pk=line.pk)


def _settlement(how: str) -> dict[str, Any]:
    now = database_time()
    return {
        "next_try_at": None,
        "blocked_by": None,
        "snoozed_until": None,
        "settled_at": now,
        "touched_at": now,
        "settled_how": how[:300],
    }


def _refuse_unless(moved: int, line: FailedRecord) -> None:
    if moved:
        return
    found = FailedRecord.objects.select_related("retry_asked_by").get(pk=line.pk)
    if found.status == FailedRecord.Status.RETRYING:
        who = found.retry_asked_by or "Somebody"
        raise AlreadyQueued(f"{who} queued {line.human_id} a moment ago.")
    how = found.settled_how or found.get_status_display()
    raise NotOpen(f"{line.human_id} is settled already: {how}")
