"""Settles a try: the record, its attempt, the error queue and whoever waits for it.

Each function is one transaction with its line of the audit trail, guarded by the
token of the claim: a worker whose lease was lost writes down what it saw on its
attempt and changes nothing else.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from errorqueue import failpoints, policy
from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import Failure, FailureKind
from errorqueue.services import resolve
from integrations.connectors.base import Written
from integrations.connectors.errors import AccessRefused
from integrations.failures import describe
from integrations.models import (
    BY_RULE,
    NO_HOLD,
    Attempt,
    SyncRecord,
    ring_connection,
    statements,
)
from integrations.models.vault import SealBroken
from integrations.sync import alarms, audit
from integrations.sync.access import note_answer, note_failure, suspect, why_held
from integrations.sync.attempts import close_failed, ending, settle_earlier
from integrations.sync.confirming import confirm_at
from integrations.sync.cycles import cycle_failure, cycle_through
from integrations.sync.delivery import Delivery
from integrations.sync.holds import release
from integrations.sync.references import forgets_stale_ids, needed_again

log = logging.getLogger(__name__)

State = SyncRecord.State


def succeed(delivery: Delivery, written: Written) -> None:
    """The record stands at the target: note it and let go who waited for it."""
    with transaction.atomic():
        _succeed(delivery, written)
        failpoints.hit("outcome.before_commit")
    failpoints.hit("outcome.after_commit")


def _succeed(delivery: Delivery, written: Written) -> None:
    record, attempt = delivery.record, delivery.attempt
    assert attempt is not None  # noqa: S101 (for the type checker)
    how = "found there already" if written.adopted else "written"
    told = f"{how}, id {written.target_id}"
    version = delivery.delivered_version or record.claimed_version
    settled = record.settle(
        State.DELIVERED,
        ending(delivery, Attempt.Outcome.DELIVERED, told),
        target_id=written.target_id,
        external_id=attempt.external_id,
        delivered_version=version,
        delivered_at=DatabaseTime(),
        confirm_at=confirm_at(delivery),
        tries=0,
        **NO_HOLD,
    )
    if not settled:
        log.warning("%s was delivered by a worker that had lost it", record)
        return
    *_, awaited = statements.run(
        audit.entry(
            record,
            "delivered",
            State.RUNNING,
            record.state,
            f"version {version}, {told}",
        ),
        _link(record, attempt.external_id, written.target_id),
        # After the record's own row is written, see `hold`.
        statements.Step(statements.AWAITED, {"record": record.pk}),
    )
    settle_earlier(delivery)
    note_answer(record.flow.target)
    if record.token > 1:  # a first claim has no line to close
        resolve(record, f"Delivered to {record.flow.target} as {written.target_id}.")
    _let_go(record, [target for (target,) in awaited.rows])
    alarms.calm_after(delivery)


def exclude(delivery: Delivery, rule: str) -> None:
    """A named rule keeps the record out."""
    record = delivery.record
    with transaction.atomic():
        exclusion = f"{BY_RULE}{rule}"[:300]
        if record.settle(State.EXCLUDED, exclusion=exclusion):
            _note(record, "excluded", f"rule {rule}")
            if record.state == State.EXCLUDED:
                resolve(record, f"Kept out by the rule {rule}.")
        failpoints.hit("outcome.before_commit")
    failpoints.hit("outcome.after_commit")


def hold(delivery: Delivery, on: SyncRecord) -> None:
    """Wait for another record, unless it landed in this very moment.

    The other record is locked first: whoever delivers it either sees this hold, or
    is seen here.
    """
    record = delivery.record
    with transaction.atomic():
        other = SyncRecord.objects.select_for_update().get(pk=on.pk)
        cycle = cycle_through(record.pk, other.pk, _awaited_by)
        if other.target_id:
            if record.settle(State.WAITING, due_at=DatabaseTime()):
                _note(record, "waits again", f"record {other.pk} has just landed")
            ring_connection(record.target_connection_id)
        elif cycle:
            _fail_cycle(record, cycle)
        else:
            _hold(record, other)
        failpoints.hit("hold.before_commit")


def _hold(record: SyncRecord, other: SyncRecord) -> None:
    settled = record.settle(
        State.HELD,
        hold=SyncRecord.Hold.RECORD,
        hold_reason=f"waits for {other}"[:300],
        held_on=other,
        hold_until=database_time() + timedelta(hours=record.flow.hold_hours),
    )
    if settled:
        _note(record, "held", f"waits for record {other.pk}")


def _awaited_by(pk: int) -> int | None:
    held = SyncRecord.objects.filter(pk=pk, state=State.HELD)
    return held.values_list("held_on", flat=True).first()


def _fail_cycle(record: SyncRecord, cycle: list[int]) -> None:
    """Waiting would never end, so all who wait for each other need a person."""
    members = SyncRecord.objects.select_related("flow").in_bulk(cycle)
    failure = cycle_failure([str(members[pk]) for pk in cycle])
    if record.settle(State.FAILED, **NO_HOLD):
        _note(record, "failed", "records wait for each other in a circle")
        if record.state == State.FAILED:
            alarms.report(record, failure, 1)
    for pk in cycle[1:]:
        fail_hold(members[pk], failure)


def fail(delivery: Delivery, error: Exception) -> None:
    """Decide what a failed try means, and settle it."""
    with transaction.atomic():
        if delivery.record.lock_claim():
            _decide(delivery, error)
        elif delivery.attempt is not None:
            log.warning("%s failed in a worker that had lost it", delivery.record)
            close_failed(delivery, error, _describe(delivery, error))
        failpoints.hit("outcome.before_commit")
    failpoints.hit("outcome.after_commit")


def _decide(delivery: Delivery, error: Exception) -> None:
    """Settle a failed try of a record that is locked and ours."""
    target = delivery.record.flow.target
    failure = _describe(delivery, error)
    if failure.kind == FailureKind.INTERNAL:
        log.error("%s met a fault", delivery.record, exc_info=error)
    if isinstance(error, AccessRefused | SealBroken):
        delivery.desk.clear()
        suspect(target)
        _wait_for_connection(delivery, error, failure)
    elif failure.kind == FailureKind.LIMIT:
        _wait_for_slot(delivery, failure)
    elif note_failure(target, error):
        _wait_for_connection(delivery, error, failure)
    else:
        close_failed(delivery, error, failure)
        _try_again(delivery, error, failure)


def _try_again(delivery: Delivery, error: Exception, failure: Failure) -> None:
    """Send what is missing first, ask for stale ids, wait, or turn to a person."""
    record = delivery.record
    needed = needed_again(delivery, error)
    if needed is not None:
        hold(delivery, needed)
    elif forgets_stale_ids(delivery, error):
        # Asked afresh: a neighbour may have the stale id in hand for a moment.
        due = {"due_at": DatabaseTime(), "tries": record.tries, "asks_afresh": True}
        if record.settle(State.WAITING, **due):
            _note(record, "waits again", "the target no longer knows an id")
    else:
        _use_up_a_try(delivery, error, failure)


def _use_up_a_try(delivery: Delivery, error: Exception, failure: Failure) -> None:
    record = delivery.record
    tries = record.tries + 1
    next_try_at = _next_try(record, failure, tries)
    if next_try_at is None:
        settled = record.settle(State.FAILED, tries=tries, **NO_HOLD)
        # A newer version that came meanwhile is tried at once.
        next_try_at = None if record.state == State.FAILED else database_time()
    else:
        settled = record.settle(State.WAITING, tries=tries, due_at=next_try_at)
    if settled:
        verb = "waits again" if next_try_at else "failed"
        _note(record, verb, f"{failure.kind} {failure.code}, try {tries}")
        alarms.report(record, failure, tries, next_try_at, error)


def _next_try(record: SyncRecord, failure: Failure, tries: int) -> datetime | None:
    """Return when it is tried again, or None when a person must help."""
    wait = policy.next_wait(
        failure.kind,
        tries,
        schedule=alarms.schedule_of(record.flow),
        retry_after=failure.retry_after,
    )
    return None if wait is None else database_time() + timedelta(seconds=wait)


def _wait_for_slot(delivery: Delivery, failure: Failure) -> None:
    """A call turned away for the limit did nothing and is repeated every 2 s."""
    record = delivery.record
    if delivery.attempt is not None:
        delivery.attempt.delete()
    due = {"due_at": _next_try(record, failure, record.tries), "tries": record.tries}
    if record.settle(State.WAITING, **due):
        _note(record, "waits again", "no request slot was free")


def _wait_for_connection(
    delivery: Delivery, error: Exception, failure: Failure
) -> None:
    """What fails for all is the connection's matter: no try is used up."""
    record = delivery.record
    close_failed(delivery, error, failure)
    settled = record.settle(
        State.HELD,
        hold=SyncRecord.Hold.CONNECTION,
        hold_reason=why_held(record.flow.target)[:300],
    )
    if settled:
        _note(record, "held", f"waits for connection {record.flow.target_id}")


def fail_hold(record: SyncRecord, failure: Failure | None = None) -> None:
    """The deadline of a hold has passed, or it can never end: a person must look."""
    expired = SyncRecord.objects.filter(pk=record.pk, state=State.HELD)
    with transaction.atomic():
        if expired.update(state=State.FAILED, **NO_HOLD):
            audit.note(record, "failed", State.HELD, State.FAILED, "held too long")
            alarms.report(record, failure or _waited_too_long(record), 1)


def _waited_too_long(record: SyncRecord) -> Failure:
    return Failure(
        kind=FailureKind.DEPENDENCY,
        what=f"has waited {record.flow.hold_hours} hours: {record.hold_reason}",
        why=f"It cannot go before {record.held_on} is at {record.flow.target}.",
        remedy=f"Settle {record.held_on} in the error queue, then press Retry now.",
    )


def _describe(delivery: Delivery, error: Exception) -> Failure:
    return describe(
        error,
        target=delivery.record.flow.target.name,
        document=delivery.document,
        mapped=delivery.mapped,
    )


def _note(record: SyncRecord, verb: str, detail: str) -> None:
    """Note a step out of `running`; a newer version that came sends it to waiting."""
    audit.note(record, verb, State.RUNNING, record.state, detail)


def _link(record: SyncRecord, external_id: str, target_id: str) -> statements.Step:
    flow = record.flow
    link = {
        "source": flow.source_id,
        "entity": flow.source_entity,
        "source_id": record.source_key,
        "target": flow.target_id,
        "record_type": flow.target_record,
        "target_id": target_id,
        "external_id": external_id,
    }
    return statements.Step(statements.LINK, link)


def _let_go(record: SyncRecord, targets: list[int]) -> None:
    """Wake who waits for this record on the way to these connections."""
    if not targets:
        return
    released = release(SyncRecord.objects.filter(held_on=record, state=State.HELD))
    failpoints.hit("hold.wake")
    audit.note_many("record", record.pk, "let go", released, "They waited for it.")
    for target in targets:
        ring_connection(target)
