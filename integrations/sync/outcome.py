"""Settles a try: the record, its attempt, the error queue and whoever waits for it.

Each function is one transaction with its line of the audit trail, guarded by the
token of the claim: a worker whose lease was lost writes down what it saw on its
attempt and changes nothing else.
"""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from errorqueue import failpoints, policy
from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import Failure, FailureKind
from integrations.connectors.base import Written
from integrations.connectors.errors import AccessRefused, PermissionMissing
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
from integrations.sync import alarms, audit, guarding
from integrations.sync.access import note_answer, note_failure, suspect, why_held
from integrations.sync.allowance import rest
from integrations.sync.attempts import close_failed, ending, settle_earlier
from integrations.sync.blocking import block, set_aside
from integrations.sync.closing import close_delivered, close_excluded
from integrations.sync.confirming import confirm_at
from integrations.sync.cycles import cycle_failure, cycle_through
from integrations.sync.delivery import OVERTAKEN, Delivery
from integrations.sync.landing import awaited, let_go, link
from integrations.sync.mapping import external_id_of
from integrations.sync.references import forgets_stale_ids, needed_again

log = logging.getLogger(__name__)

State = SyncRecord.State
# The log-in itself is in doubt; the credentials may be newer than those at hand.
REFUSED = (AccessRefused, SealBroken)
# So long a record that this version does not know is left to a newer one.
LEFT_FOR = timedelta(minutes=1)


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
    how = "nothing to write" if delivery.is_idle else how
    left = _overtaken(delivery)
    left += guarding.told(delivery.guarded, record.flow.target.name)
    told = f"{how}, id {written.target_id}{left}"
    version = delivery.delivered_version or record.claimed_version
    settled = record.settle(
        State.DELIVERED,
        ending(delivery, Attempt.Outcome.DELIVERED, told),
        then=partial(_follow, delivery, written, f"version {version}, {told}"),
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
    # After the record's own row is written, see `hold`.
    waiting = awaited(record)
    settle_earlier(delivery)
    note_answer(record.flow.target)
    close_delivered(delivery, written, version)
    let_go(record, waiting)
    guarding.settle(delivery)
    alarms.calm_after(delivery)


def _overtaken(delivery: Delivery) -> str:
    """Say on the try what was not sent, since the other side had changed it first."""
    if not delivery.overtaken:
        return ""
    return f"; not sent, {OVERTAKEN}: {', '.join(delivery.overtaken)}"


def _follow(delivery: Delivery, written: Written, told: str) -> list[statements.Step]:
    """Return what is written with a delivery, for the state it leads to."""
    record, attempt = delivery.record, delivery.attempt
    assert attempt is not None  # noqa: S101 (for the type checker)
    return [
        audit.entry(record, "delivered", State.RUNNING, record.state, told),
        link(record, attempt.external_id, written.target_id),
    ]


def exclude(delivery: Delivery, rule: str, target_id: str = "") -> None:
    """A named rule keeps the record out; an echo tells which record it is there."""
    record = delivery.record
    known: dict[str, Any] = {"exclusion": f"{BY_RULE}{rule}"[:300], "hold": ""}
    if target_id:
        key = external_id_of(record.flow, record.source_key)
        known |= {"target_id": target_id, "external_id": key}
    with transaction.atomic():
        if record.settle(State.EXCLUDED, **known):
            _note(record, "excluded", f"rule {rule}")
            if record.state == State.EXCLUDED:
                close_excluded(record, rule)
            # Also without an id there: whoever waits learns that it will not come.
            let_go(record, awaited(record))
        failpoints.hit("outcome.before_commit")
    failpoints.hit("outcome.after_commit")


def leave(delivery: Delivery, why: str, after: timedelta = LEFT_FOR) -> None:
    """Leave the record to a later look or a newer Waybill: no try is used up."""
    record = delivery.record
    with transaction.atomic():
        if record.settle(State.WAITING, due_at=database_time() + after):
            _note(record, "waits again", why)


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
        elif other.state == State.EXCLUDED:
            _fail_behind(record, other)
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
        if record.state == State.HELD:
            block(record, other)


def _fail_behind(record: SyncRecord, other: SyncRecord) -> None:
    """What it needs was set aside: to wait for that would be silence."""
    if record.settle(State.FAILED, **NO_HOLD):
        _note(record, "failed", f"record {other.pk} was set aside")
        if record.state == State.FAILED:
            alarms.report(record, set_aside(record, other), 1)


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
    if isinstance(error, REFUSED):
        # At once, for whoever shares this copy; the row says so a moment later.
        delivery.record.flow.target.probe_at = delivery.started_at
    with transaction.atomic():
        if delivery.record.lock_claim():
            _decide(delivery, error)
        elif delivery.attempt is not None:
            log.warning("%s failed in a worker that had lost it", delivery.record)
            close_failed(delivery, error, _describe(delivery, error))
        failpoints.hit("outcome.before_commit")
    failpoints.hit("outcome.after_commit")
    if isinstance(error, REFUSED):
        # Only now: what others read anew must show that the log-in is in doubt.
        delivery.desk.clear()


def _decide(delivery: Delivery, error: Exception) -> None:
    """Settle a failed try of a record that is locked and ours."""
    target = delivery.record.flow.target
    failure = _describe(delivery, error)
    if failure.kind == FailureKind.INTERNAL:
        log.error("%s met a fault", delivery.record, exc_info=error)
    if isinstance(error, REFUSED) or _is_first_of_its_kind(delivery, error):
        suspect(target)
        _wait_for_connection(delivery, error, failure)
    elif failure.kind == FailureKind.LIMIT:
        _wait_for_slot(delivery, failure, asked=rest(target, error))
    elif note_failure(target, error):
        _wait_for_connection(delivery, error, failure)
    else:
        close_failed(delivery, error, failure)
        _try_again(delivery, error, failure)


def _is_first_of_its_kind(delivery: Delivery, error: Exception) -> bool:
    """Say whether a right is missing that nobody was told of, for the first time.

    A role that lost everything looks like that, too: one probe of the log-in comes
    before people, and a record that is refused once more afterwards confirms it.
    """
    record, attempt = delivery.record, delivery.attempt
    if not isinstance(error, PermissionMissing):
        return False
    if delivery.desk.is_open(alarms.permission_key(record.flow)):
        return False
    earlier = record.attempts.exclude(pk=attempt.pk if attempt else 0)
    last = earlier.order_by("-number").values_list("kind", flat=True).first()
    return last != FailureKind.ACCESS


def _try_again(delivery: Delivery, error: Exception, failure: Failure) -> None:
    """Send what is missing first, ask for stale ids, wait, or turn to a person."""
    record = delivery.record
    needed = needed_again(delivery, error)
    if needed is not None:
        hold(delivery, needed)
    elif forgets_stale_ids(delivery, error):
        # Asked afresh: a neighbour may have the stale id in hand for a moment.
        if record.settle(
            State.WAITING, due_at=DatabaseTime(), tries=record.tries, asks_afresh=True
        ):
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
        # What was let through an open breaker was let through for one try.
        settled = record.settle(State.WAITING, tries=tries, due_at=next_try_at, hold="")
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


def _wait_for_slot(delivery: Delivery, failure: Failure, *, asked: bool) -> None:
    """A call turned away for the limit did nothing and is repeated every 2 s.

    Unless the vendor asked for a longer wait: then the whole account waits.
    """
    record = delivery.record
    if delivery.attempt is not None:
        delivery.attempt.delete()
    due_at = _next_try(record, failure, record.tries)
    if record.settle(State.WAITING, due_at=due_at, tries=record.tries):
        why = "the account asked us to wait" if asked else "no request slot was free"
        _note(record, "waits again", why)


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
