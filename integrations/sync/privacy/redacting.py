"""Erases what a customer or a whole shop left behind, a batch at a time.

Each batch, the place it came to and its part of the receipt commit together, so a
worker that is killed loses a batch at most, and repeating changes nothing. Records
under way are waited for; shortly before the deadline they are excluded and erased.
"""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from integrations.models import (
    InboxEvent,
    PrivacyPart,
    PrivacyRequest,
    SyncRecord,
)
from integrations.sync import erasing
from integrations.sync.erasing import NotErased, Traces
from integrations.sync.privacy import receipt, telling
from integrations.sync.privacy.scope import (
    Waits,
    records_of,
    under_way,
    unread,
    untold_of,
)

BATCH = 100
EVENTS = 500
# So long before the deadline nothing is waited for any more.
MARGIN = timedelta(days=2)
Kind, State = PrivacyRequest.Kind, PrivacyRequest.State
Records = list[SyncRecord]


def is_forced(request: PrivacyRequest, now: datetime) -> bool:
    """Say whether what is not settled is excluded rather than waited for."""
    return request.excludes_open or now >= request.due_at - MARGIN


def step(request: PrivacyRequest, now: datetime) -> None:
    """Take the next step of an erasure; raises Waits. In the caller's transaction."""
    if not is_forced(request, now):
        _wait_for_others(request)
    batch = list(records_of(request).filter(pk__gt=request.done_until)[:BATCH])
    if batch:
        _erase_records(request, batch, is_forced(request, now))
        request.done_until = batch[-1].pk
        return
    events = list(untold_of(request).filter(pk__gt=request.seen_until)[:EVENTS])
    if events:
        _erase_deliveries(request, events)
        request.seen_until = events[-1].pk
        return
    _finish(request, now)


def _wait_for_others(request: PrivacyRequest) -> None:
    if unread(request):
        raise Waits("Deliveries from before it are still to be read.")
    count = 0 if request.done_until else under_way(request)
    if count:
        raise Waits(
            f"{count} record{'s' if count > 1 else ''} under way: erased once settled; "
            f"from {request.due_at - MARGIN:%-d %b %Y} on excluded and erased."
        )
    asked = _data_requests(request).filter(done_at=None).first()
    if asked:
        raise Waits(f"{asked} is to be answered first: what is held of the same data.")


def _erase_records(request: PrivacyRequest, batch: Records, forced: bool) -> None:
    words = _words(request, batch)
    traces = Traces(batch, words)
    told = erasing.told_of([one.pk for one in batch]).filter(removal=None)
    receipt.count(request, erasing.record_counts(traces, told))
    receipt.name(request, batch)
    try:
        erasing.erase_records(
            traces, request.asked_by, request.number, with_unsettled=forced
        )
    except NotErased as error:
        raise Waits(str(error)) from error
    _refuse_kept(batch)
    if request.wish == Kind.SHOP:
        receipt.count(request, erasing.erase_words(words))


def _refuse_kept(batch: Records) -> None:
    """Raise Waits for records that keep their content, so that none does in silence."""
    kept = SyncRecord.objects.filter(pk__in=[one.pk for one in batch])
    count = kept.exclude(source={}).count()
    if count:
        raise Waits(f"{count} records have an open line in the error queue: settle it.")


def _words(request: PrivacyRequest, batch: Records) -> frozenset[str]:
    """Return what names these people; of a shop, every address of the batch."""
    if request.wish != Kind.SHOP:
        return frozenset(request.words)
    return frozenset(one.email.casefold() for one in batch if one.email)


def _erase_deliveries(request: PrivacyRequest, events: list[InboxEvent]) -> None:
    """Empty deliveries that led to no record; those of a customer by their words."""
    wanted = [one.pk for one in events if one.pk not in request.deliveries]
    if request.wish != Kind.SHOP:
        found = InboxEvent.objects.filter(pk__in=wanted)
        wanted = erasing.holding(found, request.words)
    emptied = erasing.erase_deliveries(wanted, request.number, request.asked_by)
    receipt.count(request, [("Deliveries", emptied)])


def _finish(request: PrivacyRequest, now: datetime) -> None:
    """Erase what hangs on no record, and ask a person about what was made by hand."""
    receipt.count(request, erasing.erase_words(request.words))
    receipt.count(request, [("Files of data requests", _erase_files(request, now))])
    left = erasing.left_holding(request.words)
    request.receipt = {**request.receipt, "left": left[: receipt.MOST_KEYS]}
    if left:
        request.state = State.PERSON
        request.said = f"{len(left)} made by hand hold the data: change them there."
    else:
        receipt.finish(request, None, "Everything that was found is erased.")


def _data_requests(request: PrivacyRequest) -> QuerySet[PrivacyRequest]:
    """Return the data requests about the same people, from before this one."""
    asked = PrivacyRequest.objects.filter(
        connection=request.connection,
        wish=Kind.DATA,
        received_at__lte=request.received_at,
    )
    if request.wish == Kind.CUSTOMER:
        asked = asked.filter(customer=request.customer)
    return asked


def _erase_files(request: PrivacyRequest, now: datetime) -> int:
    """Delete the files about these people; one that was not sent yet is closed."""
    asked = _data_requests(request)
    parts = PrivacyPart.objects.filter(request__in=asked)
    count = parts.order_by().values("request").distinct().count()
    parts.delete()
    for one in asked.filter(done_at=None).select_for_update(of=("self",)):
        receipt.finish(one, None, f"Erased by {request} before the file was sent.")
        one.save()
        telling.tell(one, now)
    return count
