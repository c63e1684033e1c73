"""Every try leaves a row: before its request goes out, and when its end is known."""

from typing import Any

from django.db import transaction

from errorqueue import failpoints
from errorqueue.clock import DatabaseTime
from errorqueue.failures import Failure
from errorqueue.text import clean, clean_tree
from integrations.connectors.errors import ConnectorError
from integrations.failures import is_unknown
from integrations.models import Attempt, SyncRecord
from integrations.sync.delivery import Delivery, LostClaim

Outcome = Attempt.Outcome


def intend(delivery: Delivery, **columns: Any) -> Attempt:
    """Commit what is about to be sent, before it leaves; raises LostClaim."""
    with transaction.atomic():
        attempt = new_attempt(delivery, **columns)
        failpoints.hit("intent.before_commit")
    failpoints.hit("intent.after_commit")
    return attempt


def new_attempt(delivery: Delivery, **columns: Any) -> Attempt:
    """Write the next attempt of a record down; raises LostClaim.

    The record's row is locked meanwhile: numbers are given out one by one, and only to
    the worker that still holds it and may still write.
    """
    record = delivery.record
    if not record.lock_claim():
        raise LostClaim
    delivery.earlier = earlier_tries(record)
    last = delivery.earlier[-1].number if delivery.earlier else 0
    return Attempt.objects.create(
        record=record,
        number=last + 1,
        token=record.token,
        version=record.claimed_version,
        mapping=delivery.version,
        worker=record.worker,
        started_at=DatabaseTime(),
        **columns,
    )


def earlier_tries(record: SyncRecord) -> list[Attempt]:
    """Return the tries so far, in their order; a first claim has none."""
    if record.token <= 1:
        return []
    return list(record.attempts.defer("payload", "exchanges").order_by("number"))


def close(delivery: Delivery, outcome: str, message: str, kind: str = "") -> None:
    """Write down how a try ended; it is this worker's own row, whoever holds the record."""
    assert delivery.attempt is not None  # noqa: S101 (for the type checker)
    Attempt.objects.filter(pk=delivery.attempt.pk).update(
        outcome=outcome,
        message=clean(message),
        kind=kind,
        exchanges=clean_tree(delivery.exchanges),
        milliseconds=delivery.milliseconds,
    )


def close_failed(delivery: Delivery, error: Exception, failure: Failure) -> None:
    """Write a failed try down, also one that failed before anything was intended.

    After a fault of ours nobody knows what the target did.
    """
    if delivery.attempt is None:
        mapped = delivery.mapped
        delivery.attempt = new_attempt(delivery, payload=mapped and mapped.payload)
    unsure = is_unknown(error) or not isinstance(error, ConnectorError)
    was_intended = bool(delivery.attempt.external_id)
    outcome = Outcome.UNKNOWN if unsure and was_intended else Outcome.FAILED
    close(delivery, outcome, failure.what.removeprefix("– "), failure.kind)


def settle_earlier(delivery: Delivery) -> None:
    """A later try succeeded, so those of unknown outcome need no look any more."""
    if delivery.unsettled:
        pks = [one.pk for one in delivery.unsettled]
        Attempt.objects.filter(pk__in=pks).update(
            outcome=Outcome.FAILED, message="settled by a later try"
        )
