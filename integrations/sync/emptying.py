"""Takes the content out of records and deliveries; keys, amounts and digests stay."""

from collections.abc import Collection
from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet

from errorqueue.clock import database_time
from errorqueue.models import Action, FailedRecord
from integrations.models import (
    Attempt,
    EffectCase,
    InboxEvent,
    RecordKey,
    Removal,
    SyncRecord,
)
from integrations.models.removal import mark_of

State = SyncRecord.State
SETTLED = (State.DELIVERED, State.EXCLUDED)
READ = (InboxEvent.State.PROCESSED, InboxEvent.State.NOT_WANTED)
# What people did that repeats parts of a payload.
WITH_CONTENT = ("edit", "mend")


@transaction.atomic
def empty_records(
    records: Collection[int], why: str, received_before: datetime | None = None
) -> int:
    """Remove the content of settled records and of what told about them.

    A record that moved on meanwhile, or has an open line, keeps its own. Deliveries
    go with their records unless they are newer than `received_before` or tell of a
    record that is not settled. Returns how many records were emptied.
    """
    wanted = SyncRecord.objects.filter(pk__in=records, state__in=SETTLED)
    locked = wanted.filter(removal=None).order_by("pk").select_for_update(of=("self",))
    found = {one.pk: one for one in locked.only("source", "event_id")}
    for pk in _with_open_line(found):
        del found[pk]
    now = database_time()
    Removal.objects.bulk_create(
        Removal(record_id=pk, at=now, why=why[:200], digest=mark_of(one.source))
        for pk, one in found.items()
    )
    SyncRecord.objects.filter(pk__in=found).update(source={}, edited=None)
    Attempt.objects.filter(record__in=found).update(payload=None, exchanges=[])
    EffectCase.objects.filter(record__in=found).delete()
    _empty_lines(lines_about(found))
    empty_events(_events_of(found.values()), why, received_before)
    return len(found)


def lines_about(records: Collection[int]) -> QuerySet[FailedRecord]:
    """Return every line of the error queue about these records."""
    kind = ContentType.objects.get_for_model(SyncRecord)
    named = [str(pk) for pk in records]
    return FailedRecord.objects.filter(content_type=kind, object_id__in=named)


def _with_open_line(records: Collection[int]) -> set[int]:
    held = lines_about(records).open()  # type: ignore[attr-defined]
    return {int(pk) for pk in held.values_list("object_id", flat=True)}


def _empty_lines(lines: QuerySet[FailedRecord]) -> None:
    """Lines stay with their sentence; answers of the vendor and values go."""
    Action.objects.filter(failed__in=lines, verb__in=WITH_CONTENT).update(
        before="", after=""
    )
    lines.update(raw="", problems=[], first_error={})


def _events_of(records: Collection[SyncRecord]) -> set[int]:
    """Return the deliveries that told about these records."""
    keys = RecordKey.objects.filter(
        record__in=[one.pk for one in records], name=RecordKey.Name.DELIVERY
    )
    told = {int(value) for value in keys.values_list("value", flat=True)}
    return told | {one.event_id for one in records if one.event_id}


@transaction.atomic
def empty_events(
    events: Collection[int], why: str, received_before: datetime | None = None
) -> int:
    """Remove the bodies of deliveries that were read; returns how many.

    One that tells of a record which is not settled keeps its body.
    """
    read = InboxEvent.objects.filter(pk__in=events, state__in=READ, removal=None)
    if received_before:
        read = read.filter(received_at__lt=received_before)
    found = set(read.values_list("pk", flat=True)) - _of_unsettled(events)
    now = database_time()
    Removal.objects.bulk_create(
        Removal(event_id=pk, at=now, why=why[:200]) for pk in sorted(found)
    )
    InboxEvent.objects.filter(pk__in=found).update(body=b"")
    return len(found)


def _of_unsettled(events: Collection[int]) -> set[int]:
    """Return which of these deliveries tell of a record that is still on its way."""
    is_open = ~Q(record__state__in=SETTLED)
    keys = RecordKey.objects.filter(
        is_open, name=RecordKey.Name.DELIVERY, value__in=[str(pk) for pk in events]
    )
    told = {int(value) for value in keys.values_list("value", flat=True)}
    own = SyncRecord.objects.filter(event__in=events).exclude(state__in=SETTLED)
    return told | {pk for pk in own.values_list("event_id", flat=True) if pk}
