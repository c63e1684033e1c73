"""What a person asks of a record: a retry, an exclusion, or to take one back.

Each is a conditional update with its line of the audit trail, so that two people, or
a person and a worker, can never both win.
"""

from typing import TYPE_CHECKING, Any

from django.db import transaction

from errorqueue.clock import DatabaseTime
from errorqueue.failures import Refused, RetryChoice, Start
from errorqueue.services import NotOpen
from integrations.models.audit import AuditEntry
from integrations.models.bell import ring_connection
from integrations.models.flow import Flow
from integrations.models.reference import Link
from mappings.models import MappingVersion

if TYPE_CHECKING:
    from integrations.models.record import SyncRecord

User = Any

NO_HOLD: dict[str, Any] = {
    "hold": "",
    "hold_reason": "",
    "held_on": None,
    "hold_until": None,
}
# How one click retries: mapped anew by the version in force.
NO_CHOICE: dict[str, Any] = {"retry_start": "", "retry_version_id": None}
# How an exclusion begins: a rule's is looked at again when the source changes, a
# person's stands, whatever words the person chose.
BY_RULE = "Rule: "
BY_PERSON = "By hand: "


@transaction.atomic
def enqueue(record: "SyncRecord", by: User, choice: RetryChoice) -> None:
    """Make a record due now, to go as chosen, unless it is sent or delivered."""
    state = record.State
    queued = record.idle().update(
        state=state.WAITING,
        due_at=DatabaseTime(),
        tries=0,
        crashes=0,
        asks_afresh=True,
        **_columns_of(record, choice),
        **_free_to_go(record, by),
    )
    if queued:
        AuditEntry.objects.note(
            record, "retry asked", record.state, state.WAITING, _in_words(choice), by
        )
    ring_connection(record.target_connection_id)


def _free_to_go(record: "SyncRecord", by: User) -> dict[str, Any]:
    """Let what a person retries through a breaker that is open, for one try."""
    is_asked = by is not None and record.flow.hold_kind == Flow.Hold.BREAKER
    return NO_HOLD | {"hold": record.Hold.PROBE} if is_asked else NO_HOLD


def _columns_of(record: "SyncRecord", choice: RetryChoice) -> dict[str, Any]:
    if choice.version is not None:
        _refuse_foreign(record, choice.version)
    start = "" if choice.start == Start.MAPPING else choice.start.value
    return {"retry_start": start, "retry_version_id": choice.version}


def _refuse_foreign(record: "SyncRecord", version: int) -> None:
    document = record.flow.mapping
    was_live = document.versions.filter(state__in=MappingVersion.WENT_LIVE)
    if not was_live.filter(pk=version).exists():
        raise Refused(
            f"{document} has no published version with the id {version}. Choose one "
            "of the versions that the retry dialog offers."
        )


def _in_words(choice: RetryChoice) -> str:
    """Say for the trail how a retry differs from the usual one."""
    if choice == RetryChoice():
        return ""
    pinned = f", mapping version {choice.version}" if choice.version else ""
    return f"begins with {choice.start.value}{pinned}"


@transaction.atomic
def take_back(record: "SyncRecord", by: User) -> bool:
    """Undo a retry that nobody has begun.

    The mark that look-ups are asked afresh goes with the first try, so as long as it
    stands nothing was done about the wish.
    """
    state = record.State
    unbegun = type(record).objects.filter(
        pk=record.pk, state=state.WAITING, asks_afresh=True, crashes=0
    )
    back = {"state": state.FAILED, "asks_afresh": False, **NO_CHOICE, **NO_HOLD}
    taken = unbegun.update(**back)
    if taken:
        AuditEntry.objects.note(
            record, "retry undone", state.WAITING, state.FAILED, by=by
        )
    return bool(taken)


@transaction.atomic
def exclude(record: "SyncRecord", reason: str, by: User) -> None:
    """Set a record aside with a person's reason; raises NotOpen while it is sent."""
    state, exclusion = record.State, f"{BY_PERSON}{reason}"[:300]
    if not record.idle().update(state=state.EXCLUDED, exclusion=exclusion):
        raise NotOpen(f"{record} is being sent or was delivered meanwhile.")
    AuditEntry.objects.note(
        record, "excluded", record.state, state.EXCLUDED, "by a person", by
    )


@transaction.atomic
def include(record: "SyncRecord", by: User) -> bool:
    """Undo a person's exclusion; what a rule keeps out stays out."""
    state = record.State
    excluded = type(record).objects.filter(
        pk=record.pk, state=state.EXCLUDED, exclusion__startswith=BY_PERSON
    )
    included = excluded.update(state=state.FAILED, exclusion="", **NO_HOLD)
    if included:
        AuditEntry.objects.note(
            record, "exclusion undone", state.EXCLUDED, state.FAILED, by=by
        )
    return bool(included)


@transaction.atomic
def disown(record: "SyncRecord", by: User) -> bool:
    """Undo that a record of the target was taken as ours; False when it moved on.

    What stands at the target is not touched: a later retry compares with it.
    """
    record.refresh_from_db()
    state = record.State
    sent = record.attempts.filter(version=record.version, outcome="delivered")
    if sent.exists():  # a newer version was sent since: that one is ours
        return False
    mine = type(record).objects.filter(
        pk=record.pk, state=state.DELIVERED, delivered_version=record.version
    )
    left = {"target_id": "", "delivered_version": 0, "delivered_at": None}
    if not mine.update(state=state.FAILED, **left):
        return False
    AuditEntry.objects.note(record, "disowned", state.DELIVERED, state.FAILED, by=by)
    drop_link(record)
    return True


def drop_link(record: "SyncRecord") -> None:
    """Forget which record of the target belongs to this one."""
    flow = record.flow
    Link.objects.filter(
        source_connection=flow.source,
        source_entity=flow.source_entity,
        source_id=record.source_key,
        target_connection=flow.target,
        target_record=flow.target_record,
    ).delete()
