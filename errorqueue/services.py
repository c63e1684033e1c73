"""The verbs of the error queue; each is one transaction and safe to repeat.

A verb touches the subject first and its line second, as the workers do: two of
them can then never wait for each other crosswise.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q

from errorqueue import failpoints
from errorqueue.clock import database_time
from errorqueue.failures import Failure, Labels, Subject
from errorqueue.models import Action, FailedRecord
from errorqueue.text import clean, clean_tree

User = Any

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
) -> FailedRecord:
    """Open or refresh the line of `subject`.

    A line with `next_try_at` retries by itself; one without needs a person.
    """
    now = database_time()
    status = FailedRecord.Status.WAITING if next_try_at else FailedRecord.Status.FAILED
    columns = {
        **_failure_columns(failure),
        **_label_columns(labels),
        "status": status,
        "tries": tries,
        "tries_allowed": tries_allowed,
        "next_try_at": next_try_at,
        "retry_asked_at": None,
        "retry_asked_by": None,
        "last_failed_at": now,
    }
    line, _ = FailedRecord.objects.update_or_create(
        content_type=ContentType.objects.get_for_model(subject),  # type: ignore[arg-type]
        object_id=str(subject.pk),
        status__in=FailedRecord.OPEN,
        defaults=columns,
        create_defaults={**columns, "first_failed_at": now},
    )
    failpoints.hit("queue.capture")
    return line


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
def retry(line: FailedRecord, by: User = None, reason: str = "") -> None:
    """Make the subject due now and note who asked.

    Raises NotOpen when the line is settled, AlreadyQueued when somebody asked a
    moment ago; nothing is changed then.
    """
    _subject(line).enqueue(by)
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
            retry_asked_at=now,
            retry_asked_by=by,
        )
    )
    _refuse_unless(moved, line)
    line.status = FailedRecord.Status.RETRYING
    Action.objects.create(failed=line, verb="retry", by=by, reason=clean(reason))
    failpoints.hit("retry.click")


@transaction.atomic
def exclude(line: FailedRecord, by: User, reason: str) -> None:
    """Set the subject aside with a person's reason; raise NotOpen when settled."""
    _subject(line).exclude(reason, by)
    reason = clean(reason)
    moved = _open(line).update(
        status=FailedRecord.Status.EXCLUDED,
        **_settlement(f"Excluded: {reason}"),
        settled_by=by,
    )
    _refuse_unless(moved, line)
    line.status = FailedRecord.Status.EXCLUDED
    Action.objects.create(failed=line, verb="exclude", by=by, reason=reason)


@transaction.atomic
def note_edit(
    line: FailedRecord, by: User, reason: str, before: str, after: str
) -> None:
    """Keep what a person changed in the payload, and why."""
    Action.objects.create(
        failed=line, verb="edit", by=by, reason=reason, before=before, after=after
    )


@transaction.atomic
def resolve(subject: Subject, how: str) -> None:
    """Close the open line of `subject`, if there is one."""
    FailedRecord.objects.about(subject).open().update(
        status=FailedRecord.Status.RESOLVED, **_settlement(clean(how))
    )


def _subject(line: FailedRecord) -> Subject:
    subject: Subject | None = line.subject
    if subject is None:
        raise SubjectGone(f"What {line.human_id} is about does not exist any more.")
    return subject


def _open(line: FailedRecord) -> Any:
    return FailedRecord.objects.open().filter(pk=line.pk)


def _settlement(how: str) -> dict[str, Any]:
    return {
        "next_try_at": None,
        "settled_at": database_time(),
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
