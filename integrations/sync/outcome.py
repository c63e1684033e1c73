"""Settles a try: the record, its attempt, the error queue and whoever waits for it.

Each function is one transaction, guarded by the token of the claim: a worker whose
lease was lost writes down what it saw on its attempt and changes nothing else.
"""

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from errorqueue import policy
from errorqueue.alerts import close_alert, raise_alert
from errorqueue.clock import database_time
from errorqueue.failures import Failure, FailureKind
from errorqueue.models import FailedRecord
from errorqueue.services import capture, resolve
from errorqueue.text import clean, clean_tree
from integrations.connectors.base import Written
from integrations.connectors.errors import (
    AccessRefused,
    PermissionMissing,
    RecordMissing,
    ReferenceUnknown,
)
from integrations.failures import Unmappable, describe, is_unknown
from integrations.models import (
    BY_RULE,
    NO_HOLD,
    Attempt,
    Flow,
    Link,
    SyncRecord,
    ring_alerts,
    ring_connection,
)
from integrations.models.account import keyless_of
from integrations.models.vault import SealBroken
from integrations.sync.access import release, suspect
from integrations.sync.delivery import Delivery, LostClaim
from integrations.sync.lookups import forget, forget_older
from mappings.engine import row_for, trace_for

log = logging.getLogger(__name__)

State = SyncRecord.State
# A record that was delivered this recently and is unknown already is not sent again.
JUST_NOW = timedelta(minutes=1)


@transaction.atomic
def new_attempt(delivery: Delivery, **columns: Any) -> Attempt:
    """Write the next attempt of a record down; raises LostClaim.

    The record's row is locked meanwhile: numbers are given out one by one, and only to
    the worker that still holds it.
    """
    record = delivery.record
    held = SyncRecord.objects.select_for_update().filter(
        pk=record.pk, token=record.token, state=State.RUNNING
    )
    if not held.exists():
        raise LostClaim
    last = record.attempts.aggregate(last=Max("number"))["last"] or 0
    return Attempt.objects.create(
        record=record,
        number=last + 1,
        token=record.token,
        version=record.claimed_version,
        mapping=delivery.version,
        worker=record.worker,
        started_at=database_time(),
        **columns,
    )


def unsettled(record: SyncRecord) -> Any:
    """The tries of a record that nobody knows the outcome of."""
    open_ones = [Attempt.Outcome.OPEN, Attempt.Outcome.UNKNOWN]
    return record.attempts.filter(outcome__in=open_ones)


@transaction.atomic
def succeed(delivery: Delivery, written: Written) -> None:
    """The record stands at the target: note it and let go who waited for it."""
    record, attempt = delivery.record, delivery.attempt
    assert attempt is not None  # noqa: S101 (for the type checker)
    how = "found there already" if written.adopted else "written"
    _close(delivery, Attempt.Outcome.DELIVERED, f"{how}, id {written.target_id}")
    settled = record.settle(
        State.DELIVERED,
        target_id=written.target_id,
        external_id=attempt.external_id,
        delivered_version=delivery.delivered_version or record.claimed_version,
        delivered_at=database_time(),
        tries=0,
        **NO_HOLD,
    )
    if not settled:
        log.warning("%s was delivered by a worker that had lost it", record)
        return
    _link(record, attempt.external_id, written.target_id)
    unsettled(record).update(
        outcome=Attempt.Outcome.FAILED, message="settled by a later try"
    )
    resolve(record, f"Delivered to {record.flow.target} as {written.target_id}.")
    _let_go(record)
    _calm_down(record.flow)


@transaction.atomic
def exclude(delivery: Delivery, rule: str) -> None:
    """A named rule keeps the record out."""
    record = delivery.record
    record.settle(State.EXCLUDED, exclusion=f"{BY_RULE}{rule}"[:300])
    if record.state == State.EXCLUDED:
        resolve(record, f"Kept out by the rule {rule}.")


@transaction.atomic
def hold(delivery: Delivery, on: SyncRecord) -> None:
    """Wait for another record, unless it landed in this very moment.

    The other record is locked first: whoever delivers it either sees this hold, or
    is seen here.
    """
    record = delivery.record
    other = SyncRecord.objects.select_for_update().get(pk=on.pk)
    if other.target_id:
        record.settle(State.WAITING, due_at=database_time())
        ring_connection(record.target_connection_id)
        return
    record.settle(
        State.HELD,
        hold=SyncRecord.Hold.RECORD,
        hold_reason=f"waits for {other}"[:300],
        held_on=other,
        hold_until=database_time() + timedelta(hours=record.flow.hold_hours),
    )


def fail(delivery: Delivery, error: Exception) -> None:
    """Decide what a failed try means, and settle it."""
    if isinstance(error, AccessRefused | SealBroken):
        _refused(delivery, error)
        return
    needed = _needed_again(delivery, error)
    if needed is not None:
        _close_failed(delivery, error)
        hold(delivery, needed)
        return
    if _forgets_stale_ids(delivery, error):
        _try_again_at_once(delivery, error)
        return
    _fail(delivery, error)


def _forgets_stale_ids(delivery: Delivery, error: Exception) -> bool:
    """Drop kept look-ups behind the ids that the target does not know.

    Only ids that were kept from before this try: one that was asked for in this try
    and is refused all the same would be asked for without end.
    """
    if not isinstance(error, ReferenceUnknown | RecordMissing) or not delivery.mapped:
        return False
    forgotten = [_forgets_stale_id(delivery, path) for path in error.fields]
    return any(forgotten)


def _forgets_stale_id(delivery: Delivery, path: str) -> bool:
    row = row_for(delivery.document, path) if delivery.document else None
    trace = trace_for(delivery.mapped, path) if delivery.mapped else None
    if row is None or trace is None or not row.record:
        return False
    target = delivery.record.flow.target
    return forget_older(target, row.record, str(trace.value), delivery.started_at)


@transaction.atomic
def _try_again_at_once(delivery: Delivery, error: Exception) -> None:
    _close_failed(delivery, error)
    delivery.record.settle(
        State.WAITING, tries=delivery.record.tries, due_at=database_time()
    )


@transaction.atomic
def _fail(delivery: Delivery, error: Exception) -> None:
    record = delivery.record
    failure = _describe(delivery, error)
    if failure.kind == FailureKind.INTERNAL:
        log.error("%s met a fault", record, exc_info=error)
    is_limit = failure.kind == FailureKind.LIMIT
    tries = record.tries + (not is_limit)
    wait = policy.next_wait(
        failure.kind,
        tries,
        schedule=schedule_of(record.flow),
        retry_after=failure.retry_after,
    )
    if is_limit:
        _take_back(delivery)
    else:
        _close_failed(delivery, error, failure)
    if wait is None:
        settled = record.settle(State.FAILED, tries=tries, **NO_HOLD)
        # A newer version that came meanwhile is tried at once.
        next_try_at = None if record.state == State.FAILED else database_time()
    else:
        next_try_at = database_time() + timedelta(seconds=wait)
        settled = record.settle(State.WAITING, tries=tries, due_at=next_try_at)
    if settled and not is_limit:
        line = _report(record, failure, tries, next_try_at)
        _alarm(record, failure, line, error)


def _take_back(delivery: Delivery) -> None:
    """A call turned away for the limit did nothing and is repeated every 2 s."""
    if delivery.attempt is not None:
        delivery.attempt.delete()


def schedule_of(flow: Flow) -> tuple[float, ...]:
    """Return the waits between tries, in seconds."""
    return tuple(flow.retry_schedule) or policy.DEFAULT_SCHEDULE


def _report(
    record: SyncRecord, failure: Failure, tries: int, next_try_at: Any
) -> FailedRecord:
    # While it retries by itself, the tries of this round count; for a person, all.
    made = tries if next_try_at else max(tries, record.attempts.count())
    return capture(
        record,
        record.labels(),
        failure,
        tries=made,
        tries_allowed=policy.tries_allowed(failure.kind, schedule_of(record.flow)),
        next_try_at=next_try_at,
    )


def fail_hold(record: SyncRecord) -> None:
    """The deadline of a hold has passed: a person must look."""
    expired = SyncRecord.objects.filter(pk=record.pk, state=State.HELD)
    with transaction.atomic():
        if expired.update(state=State.FAILED, **NO_HOLD):
            failure = _waited_too_long(record)
            _alarm(record, failure, _report(record, failure, 1, None))


def _waited_too_long(record: SyncRecord) -> Failure:
    return Failure(
        kind=FailureKind.DEPENDENCY,
        what=f"has waited {record.flow.hold_hours} hours: {record.hold_reason}",
        why=f"It cannot go before {record.held_on} is at {record.flow.target}.",
        remedy=f"Settle {record.held_on} in the error queue, then press Retry now.",
    )


@transaction.atomic
def _refused(delivery: Delivery, error: Exception) -> None:
    """A refused log-in is the connection's matter: no try is used up."""
    record = delivery.record
    _close_failed(delivery, error)
    record.settle(
        State.HELD,
        hold=SyncRecord.Hold.CONNECTION,
        hold_reason=f"{record.flow.target}: log-in refused, being checked",
    )
    suspect(record.flow.target)


def _needed_again(delivery: Delivery, error: Exception) -> SyncRecord | None:
    """Return the needed record that the target no longer knows, made due again."""
    entities = _missing_entities(delivery, error)
    record = delivery.record
    for dependency in record.flow.dependencies.filter(
        needs__source_entity__in=entities
    ).select_related("needs"):
        found = dependency.object_in(keyless_of(record.flow.source), record.payload)
        if found:
            needed = SyncRecord.objects.first_sight(dependency.needs, found)
            return needed if _send_again(needed) else None
    return None


def _missing_entities(delivery: Delivery, error: Exception) -> set[str]:
    if isinstance(error, Unmappable):
        kinds = {problem.kind for problem in error.problems}
        only = kinds == {FailureKind.DEPENDENCY.value}
        return {problem.needs for problem in error.problems} if only else set()
    if isinstance(error, ReferenceUnknown | RecordMissing) and delivery.document:
        rows = [row_for(delivery.document, path) for path in error.fields]
        return {row.needs for row in rows if row and row.needs}
    return set()


def _send_again(needed: SyncRecord) -> bool:
    if needed.delivered_at and database_time() - needed.delivered_at < JUST_NOW:
        return False
    forget(needed.target_connection, needed.flow.target_record, needed.target_id)
    SyncRecord.objects.filter(pk=needed.pk).update(target_id="")
    SyncRecord.objects.filter(pk=needed.pk, state=State.DELIVERED).update(
        state=State.WAITING, due_at=database_time(), tries=0
    )
    ring_connection(needed.target_connection_id)
    return True


def _describe(delivery: Delivery, error: Exception) -> Failure:
    return describe(
        error,
        target=delivery.record.flow.target.name,
        document=delivery.document,
        mapped=delivery.mapped,
    )


def _close_failed(
    delivery: Delivery, error: Exception, failure: Failure | None = None
) -> None:
    failure = failure or _describe(delivery, error)
    if delivery.attempt is None:
        mapped = delivery.mapped
        delivery.attempt = new_attempt(delivery, payload=mapped and mapped.payload)
    unknown = is_unknown(error) and bool(delivery.attempt.external_id)
    outcome = Attempt.Outcome.UNKNOWN if unknown else Attempt.Outcome.FAILED
    _close(delivery, outcome, failure.what.removeprefix("– "), failure.kind)


def _close(delivery: Delivery, outcome: str, message: str, kind: str = "") -> None:
    assert delivery.attempt is not None  # noqa: S101 (for the type checker)
    Attempt.objects.filter(pk=delivery.attempt.pk).update(
        outcome=outcome,
        message=clean(message),
        kind=kind,
        exchanges=clean_tree(delivery.exchanges),
        milliseconds=delivery.milliseconds,
    )


def _link(record: SyncRecord, external_id: str, target_id: str) -> None:
    flow = record.flow
    Link.objects.update_or_create(
        source_connection=flow.source,
        source_entity=flow.source_entity,
        source_id=record.source_key,
        target_connection=flow.target,
        target_record=flow.target_record,
        defaults={
            "target_id": target_id,
            "external_id": external_id,
            "made_at": database_time(),
        },
    )


def _let_go(record: SyncRecord) -> None:
    waiting = SyncRecord.objects.filter(held_on=record)
    targets = set(waiting.values_list("target_connection_id", flat=True))
    if release(waiting):
        for target in targets:
            ring_connection(target)


def _alarm(
    record: SyncRecord,
    failure: Failure,
    line: FailedRecord,
    error: Exception | None = None,
) -> None:
    flow = record.flow
    if flow.alert_at_once:
        _raise(
            f"flow:{flow.pk}",
            f"{flow}: {record} failed",
            f"{record} {failure.what}.\n{failure.why}\n{failure.remedy}",
            line,
        )
    elif isinstance(error, PermissionMissing):
        key = f"permission:{flow.target_id}:{flow.target_record}"
        title = f"{flow.target}: a permission is missing"
        _raise(key, title, f"{failure.why}\n{failure.remedy}", line)


def _raise(key: str, title: str, text: str, line: FailedRecord) -> None:
    link = f"/admin/errorqueue/failedrecord/{line.pk}/change/"
    if raise_alert(key, title, text, link=link):
        ring_alerts()


def _calm_down(flow: Flow) -> None:
    close_alert(f"permission:{flow.target_id}:{flow.target_record}")
    calm_down(flow)


def calm_down(flow: Flow) -> None:
    """Close the incident of a flow once nothing of it is open any more."""
    if flow.alert_at_once and not FailedRecord.objects.open().filter(flow=flow.name):
        close_alert(f"flow:{flow.pk}")
