"""Every try leaves a row: before its request goes out, and when its end is known."""

import hashlib
import json

from errorqueue import failpoints
from errorqueue.failures import Failure
from errorqueue.text import clean, clean_tree
from integrations.connectors import exact
from integrations.connectors.base import Payload
from integrations.connectors.errors import ConnectorError
from integrations.failures import is_unknown
from integrations.models import Attempt, SyncRecord, statements
from integrations.sync.delivery import Delivery, LostClaim
from integrations.sync.in_hand import note_attempt

Outcome = Attempt.Outcome


def digest_of(payload: Payload) -> str:
    """Return a mark of what is sent: the same content has the same."""
    return hashlib.sha256(exact.dumps(payload, sort_keys=True).encode()).hexdigest()


def intend(
    delivery: Delivery, payload: Payload, external_id: str, digest: str
) -> Attempt:
    """Commit what is about to be sent, before it leaves; raises LostClaim.

    It is one statement, which commits itself.
    """
    failpoints.hit("intent.before_commit")
    attempt = new_attempt(delivery, payload, external_id, digest)
    failpoints.hit("intent.after_commit")
    return attempt


def new_attempt(
    delivery: Delivery, payload: Payload | None, external_id: str = "", digest: str = ""
) -> Attempt:
    """Write the next attempt of a record down; raises LostClaim.

    The record's row is locked meanwhile: numbers are given out one by one, and only to
    the worker that still holds it and may still write.
    """
    record, version = delivery.record, delivery.version
    intent = {
        "record": record.pk,
        "claim": record.token,
        "version": record.claimed_version,
        "mapping": version and version.pk,
        "external_id": external_id,
        "digest": digest,
        "payload": None if payload is None else exact.dumps(payload),
        "worker": record.worker,
        "credentials": delivery.credentials,
    }
    written = statements.read(statements.INTEND, intent)
    if not written:
        raise LostClaim
    (pk, number), *_ = written
    delivery.earlier = earlier_tries(record, number)
    attempt = Attempt(
        pk=pk,
        record=record,
        number=number,
        version=record.claimed_version,
        external_id=external_id,
        digest=digest,
    )
    note_attempt(attempt)
    return attempt


def earlier_tries(record: SyncRecord, number: int) -> list[Attempt]:
    """Return the tries before `number`, in their order."""
    if number == 1:
        return []
    tries = record.attempts.filter(number__lt=number)
    return list(tries.defer("payload", "exchanges").order_by("number"))


def ending(
    delivery: Delivery, outcome: str, message: str, kind: str = ""
) -> statements.Step:
    """Return what writes down how a try ended.

    The row is this worker's own, whoever holds the record.
    """
    assert delivery.attempt is not None  # noqa: S101 (for the type checker)
    end = {
        "attempt": delivery.attempt.pk,
        "outcome": outcome,
        "message": clean(message),
        "kind": kind,
        "exchanges": json.dumps(clean_tree(delivery.exchanges)),
        "milliseconds": delivery.milliseconds,
        "waited_ms": int(delivery.waited * 1000),
    }
    return statements.Step(statements.CLOSE, end)


def close_failed(delivery: Delivery, error: Exception, failure: Failure) -> None:
    """Write a failed try down, also one that failed before anything was intended.

    After a fault of ours nobody knows what the target did.
    """
    if delivery.attempt is None:
        mapped = delivery.mapped
        delivery.attempt = new_attempt(delivery, mapped.payload if mapped else None)
    unsure = is_unknown(error) or not isinstance(error, ConnectorError)
    was_intended = bool(delivery.attempt.external_id)
    outcome = Outcome.UNKNOWN if unsure and was_intended else Outcome.FAILED
    what = failure.what.removeprefix("– ")
    statements.run(ending(delivery, outcome, what, failure.kind))


def settle_earlier(delivery: Delivery) -> None:
    """A later try succeeded, so those of unknown outcome need no look any more."""
    if delivery.unsettled:
        pks = [one.pk for one in delivery.unsettled]
        Attempt.objects.filter(pk__in=pks).update(
            outcome=Outcome.FAILED, message="settled by a later try"
        )
