"""Whose data a privacy request means, in the ledger and in the inbox."""

from django.db.models import Q, QuerySet

from integrations.models import InboxEvent, PrivacyRequest, SyncRecord
from integrations.sync.erasing import UNSETTLED, UNTOLD

State = SyncRecord.State
UNDER_WAY = (*UNSETTLED, State.RUNNING)


class Waits(Exception):
    """A request cannot go on yet; the text says what it waits for."""


def records_of(request: PrivacyRequest) -> QuerySet[SyncRecord]:
    """Return the records that came from this connection and are meant, oldest first.

    What came in after an erasure was asked for is not meant by it.
    """
    ours = SyncRecord.objects.filter(flow__source=request.connection)
    if not request.is_for_data:
        asked_at = request.received_at
        ours = ours.filter(
            Q(created_at__lte=asked_at) | Q(event__received_at__lte=asked_at)
        )
    if request.wish != PrivacyRequest.Kind.SHOP:
        ours = ours.filter(_of_customer(request))
    return ours.select_related("flow__source", "flow__target").order_by("pk")


def _of_customer(request: PrivacyRequest) -> Q:
    mine = Q(flow__source_entity="customer", source_key=request.customer)
    mine |= Q(flow__source_entity="order", source_key__in=request.orders)
    if request.email:
        mine |= Q(email__iexact=request.email)
    return mine


def under_way(request: PrivacyRequest) -> int:
    """Count the records that are meant and not settled."""
    return records_of(request).filter(state__in=UNDER_WAY).count()


def unread(request: PrivacyRequest) -> bool:
    """Say whether deliveries from before the request are still to be read."""
    waiting = InboxEvent.objects.filter(
        connection=request.connection,
        state=InboxEvent.State.RECEIVED,
        received_at__lte=request.received_at,
    )
    return waiting.exists()


def untold_of(request: PrivacyRequest) -> QuerySet[InboxEvent]:
    """Return deliveries with content that may be meant and hang on no record.

    All of a shop; of a customer those that must be searched for words.
    """
    ours = InboxEvent.objects.filter(connection=request.connection, removal=None)
    if not request.is_for_data:
        ours = ours.filter(received_at__lte=request.received_at)
    if request.wish != PrivacyRequest.Kind.SHOP:
        ours = ours.filter(state__in=UNTOLD)
    return ours.order_by("pk")
