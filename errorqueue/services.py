"""The verbs of the error queue; each is one transaction and safe to repeat."""

from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from errorqueue.clock import database_time
from errorqueue.failures import Failure, Labels, Subject
from errorqueue.models import Action, FailedRecord

User = Any


class NotOpen(Exception):
    """This record is settled already."""


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
        "last_failed_at": now,
    }
    line, _ = FailedRecord.objects.update_or_create(
        content_type=ContentType.objects.get_for_model(subject),  # type: ignore[arg-type]
        object_id=str(subject.pk),
        status__in=FailedRecord.OPEN,
        defaults=columns,
        create_defaults={**columns, "first_failed_at": now},
    )
    return line


def _failure_columns(failure: Failure) -> dict[str, Any]:
    problems = [problem.as_dict() for problem in failure.problems]
    return {
        "kind": failure.kind.value,
        "code": failure.code,
        "what": failure.what[:500],
        "why": failure.why,
        "remedy": failure.remedy,
        "problems": problems,
        "field": problems[0]["target"][:200] if problems else "",
        "raw": failure.raw,
        "is_unknown": failure.is_unknown,
    }


def _label_columns(labels: Labels) -> dict[str, Any]:
    return {
        "flow": labels.flow[:120],
        "source": labels.source[:120],
        "target": labels.target[:120],
        "entity": labels.entity,
        "reference": labels.reference[:120],
        "party": labels.party[:200],
        "email": labels.email[:254],
        "skus": " ".join(labels.skus),
        "amount": labels.amount,
        "currency": labels.currency[:3],
    }


@transaction.atomic
def retry(line: FailedRecord, by: User = None, reason: str = "") -> None:
    """Make the subject due now and note who asked; raise NotOpen when settled."""
    _move(line, FailedRecord.Status.RETRYING)
    Action.objects.create(failed=line, verb="retry", by=by, reason=reason)
    line.subject.enqueue()


@transaction.atomic
def exclude(line: FailedRecord, by: User, reason: str) -> None:
    """Set the subject aside with a person's reason; raise NotOpen when settled."""
    _move(line, FailedRecord.Status.EXCLUDED)
    _settle(line, f"Excluded: {reason}", by)
    Action.objects.create(failed=line, verb="exclude", by=by, reason=reason)
    line.subject.exclude(reason)


@transaction.atomic
def note_edit(line: FailedRecord, by: User, reason: str, before: str, after: str) -> None:
    """Keep what a person changed in the payload, and why."""
    Action.objects.create(
        failed=line, verb="edit", by=by, reason=reason, before=before, after=after
    )


@transaction.atomic
def resolve(subject: Subject, how: str) -> None:
    """Close the open line of `subject`, if there is one."""
    for line in FailedRecord.objects.about(subject).open():
        _move(line, FailedRecord.Status.RESOLVED)
        _settle(line, how)


def _move(line: FailedRecord, status: str) -> None:
    moved = FailedRecord.objects.open().filter(pk=line.pk).update(
        status=status, next_try_at=None
    )
    if not moved:
        raise NotOpen(f"{line.human_id} is settled already.")
    line.status = status


def _settle(line: FailedRecord, how: str, by: User = None) -> None:
    line.settled_at = database_time()
    line.settled_how = how[:300]
    line.settled_by = by
    line.save(update_fields=["settled_at", "settled_how", "settled_by"])
