"""Accept a delivery; later read it and enter what it tells into the ledger."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from errorqueue.clock import database_time
from errorqueue.failures import Failure, FailureKind
from errorqueue.services import capture, resolve
from integrations.connectors.base import Connector, SourceObject, WebhookHead
from integrations.connectors.errors import TopicUnsupported, UnreadablePayload
from integrations.models import (
    Connection,
    Flow,
    InboxEvent,
    Remembered,
    SyncRecord,
    ring_connection,
    ring_inbox,
)
from integrations.models.account import keyless_of, reader_of

log = logging.getLogger(__name__)

KEPT_OUT = {"authorization", "cookie", "proxy-authorization"}
MOST_TRIES = 3


def accept(connection: Connection, headers: Mapping[str, str], body: bytes) -> None:
    """Commit a signed delivery with a wake-up; a repeat changes nothing.

    Raises BadSignature before anything is stored.
    """
    head = reader_of(connection).verify_webhook(headers, body)
    event = _event(connection, head, headers, body)
    with transaction.atomic():
        InboxEvent.objects.bulk_create([event], ignore_conflicts=True)
        ring_inbox()


def _event(
    connection: Connection, head: WebhookHead, headers: Mapping[str, str], body: bytes
) -> InboxEvent:
    kept = {
        name: _clean(value)
        for name, value in headers.items()
        if name.lower() not in KEPT_OUT
    }
    digest = hashlib.sha256(body).hexdigest()
    return InboxEvent(
        connection=connection,
        delivery_id=_clean(head.delivery_id)[:200] or digest,
        topic=_clean(head.topic)[:120],
        event_id=_clean(head.event_id)[:200],
        body=body,
        headers=kept,
        digest=digest,
        received_at=database_time(),
    )


def _clean(text: str) -> str:
    """Drop what PostgreSQL text cannot hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def read_waiting(limit: int = 20) -> int:
    """Read a batch of deliveries; return how many were taken."""
    lease = timedelta(seconds=settings.LEASE_SECONDS)
    events = InboxEvent.objects.claim(limit, lease)
    for event in events:
        read(event)
    return len(events)


def read(event: InboxEvent) -> None:
    """Enter what a delivery tells; what cannot be read is quarantined.

    The one place that settles a delivery, hence the broad except. A database that is
    busy or away is nobody's fault: the delivery is read again when its lease ends.
    """
    event.begin()
    if event.tries > MOST_TRIES:
        quarantine(event, "A worker died three times while reading this delivery.")
        return
    try:
        with transaction.atomic():
            _dispatch(event)
            resolve(event, "Read.")
    except TopicUnsupported as error:
        _leave(event, str(error))
    except (OperationalError, InterfaceError) as error:
        log.warning("Delivery %s will be read again: %s", event.pk, error)
        InboxEvent.objects.filter(pk=event.pk).update(tries=event.tries - 1)
    except UnreadablePayload as error:
        quarantine(event, str(error))
    except Exception as error:
        log.exception("Delivery %s could not be read", event.pk)
        quarantine(event, f"{type(error).__name__}: {error}")


@transaction.atomic
def _leave(event: InboxEvent, reason: str) -> None:
    event.close(InboxEvent.State.NOT_WANTED, reason)
    resolve(event, reason)


@transaction.atomic
def quarantine(event: InboxEvent, reason: str) -> None:
    """Set a delivery apart and put it in the error queue."""
    if not event.close(InboxEvent.State.QUARANTINED, reason):
        return
    capture(
        event,
        event.labels(),
        Failure(
            kind=FailureKind.DATA,
            what=f"from {event.connection} could not be read",
            why=reason,
            remedy="Look at the payload. Have the sender correct it and send it "
            "again, or retry after an update of Waybill, or exclude it.",
        ),
    )


def _dispatch(event: InboxEvent) -> None:
    connector = keyless_of(event.connection)
    found = connector.read_webhook(event.topic, event.raw)
    # A flow that is off collects: nothing is sent until it is on again.
    flows = Flow.objects.filter(
        source=event.connection, source_entity=found.entity
    ).prefetch_related("dependencies__needs")
    outcomes = [_enter(connector, flow, found, event) for flow in flows]
    if not outcomes:
        reason = f"{event.topic}: no flow takes a {found.entity}."
        event.close(InboxEvent.State.NOT_WANTED, reason)
        return
    event.close(InboxEvent.State.PROCESSED, "; ".join(outcomes))
    _ring_for(flows)


def _ring_for(flows: Iterable[Flow]) -> None:
    """Ring last and in order, so that two readers cannot lock each other out."""
    targets = {flow.target_id for flow in flows}
    targets |= {
        dependency.needs.target_id
        for flow in flows
        for dependency in flow.dependencies.all()
    }
    for target in sorted(targets):
        ring_connection(target)


def _enter(
    connector: Connector, flow: Flow, found: SourceObject, event: InboxEvent
) -> str:
    _, outcome = SyncRecord.objects.remember(flow, found, event)
    if outcome in (Remembered.NEW, Remembered.NEWER):
        for dependency in flow.dependencies.all():
            needed = dependency.object_in(connector, found.payload)
            if needed:
                SyncRecord.objects.first_sight(dependency.needs, needed, event)
    return f"{flow}: {outcome.value}"
