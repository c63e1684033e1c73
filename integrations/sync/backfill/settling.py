"""What became of the records that a back-fill handed to the ledger."""

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from errorqueue import people
from errorqueue.clock import database_time
from integrations.models import Attempt, Backfill, BackfillItem, SyncRecord
from integrations.sync.editing import open_line

ItemState = BackfillItem.State
Verdict = BackfillItem.Verdict
State = SyncRecord.State
# How the outcome of a try is told that met its record at the target.
FOUND = "found there already"
AT_ONCE = 200


def settle(backfill: Backfill) -> None:
    """Note what was delivered, linked, excluded or failed; a handful of questions.

    Failed lines carry the tag of the back-fill, so that the error queue finds them.
    """
    now = {"settled_at": database_time()}
    entered = backfill.items.filter(state=ItemState.ENTERED)
    if not entered.exists():
        return
    delivered = entered.filter(record__state=State.DELIVERED)
    linked = Q(verdict__in=[Verdict.THERE, Verdict.PAIR]) | Q(_met(backfill))
    delivered.filter(linked).update(state=ItemState.LINKED, **now)
    delivered.update(state=ItemState.DELIVERED, **now)
    out = entered.filter(record__state=State.EXCLUDED)
    out.update(state=ItemState.EXCLUDED, **now)
    for item in failing(entered).select_related("record__held_on__flow")[:AT_ONCE]:
        _fail(backfill, item)


def _met(backfill: Backfill) -> Exists:
    met = Attempt.objects.filter(
        record=OuterRef("record"),
        outcome=Attempt.Outcome.DELIVERED,
        message__startswith=FOUND,
        started_at__gte=backfill.started_at,
    )
    return Exists(met)


def failing(entered: QuerySet[BackfillItem]) -> QuerySet[BackfillItem]:
    """Return those that a person must help, or help what they wait for."""
    behind = Q(
        record__state=State.HELD,
        record__held_on__state__in=[State.FAILED, State.EXCLUDED],
    )
    return entered.filter(Q(record__state=State.FAILED) | behind)


@transaction.atomic
def _fail(backfill: Backfill, item: BackfillItem) -> None:
    record = item.record
    note = item.note
    if record is not None and record.state == State.HELD:
        note = f"Waits for {record.held_on}, which has failed."[:300]
    mine = BackfillItem.objects.filter(pk=item.pk, state=ItemState.ENTERED)
    mine.update(state=ItemState.FAILED, note=note, settled_at=database_time())
    line = open_line(record) if record is not None else None
    if line is not None:
        people.tag(line, backfill.tag, backfill.started_by)


def in_flight(entered: QuerySet[BackfillItem]) -> QuerySet[BackfillItem]:
    """Return those that have a slot, or wait for nothing but one."""
    due = Q(record__state=State.WAITING, record__due_at__lte=database_time())
    return entered.filter(Q(record__state=State.RUNNING) | due)
