"""Accept a delivery; later read it and enter what it tells into the ledger."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.conf import settings
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from structlog.contextvars import bound_contextvars

from errorqueue import failpoints
from errorqueue.failures import Failure, FailureKind
from errorqueue.models import FailedRecord
from errorqueue.services import capture, resolve
from integrations.connectors.base import Connector, SourceObject, WebhookHead
from integrations.connectors.errors import (
    BadSignature,
    OnlyNamed,
    TopicUnsupported,
    UnreadablePayload,
)
from integrations.connectors.registry import UnknownSystem
from integrations.inbox import doors, notices, privacy, versions
from integrations.models import (
    Flow,
    Gap,
    InboxEvent,
    Remembered,
    SyncRecord,
    ring_connection,
)
from integrations.models.account import keyless_of

log = logging.getLogger(__name__)

KEPT_OUT = {"authorization", "cookie", "proxy-authorization"}
MOST_TRIES = 3


def accept(slug: str, headers: Mapping[str, str], body: bytes) -> None:
    """Commit a signed delivery with a wake-up; a repeat changes nothing.

    Raises BadSignature before anything is stored, UnknownDoor for a slug of nobody.
    A line to the database that broke since the last delivery, or a connection that
    was replaced, is found out here and the delivery kept at the second try: asking
    before each delivery would cost a question each.
    """
    try:
        _keep(doors.door_of(slug), headers, body)
    except BadSignature:
        # The secret may be newer than what this process remembers.
        _keep(doors.door_as_it_is(slug), headers, body)
    except (OperationalError, InterfaceError, IntegrityError) as error:
        if not _may_try_again(error):
            raise
        _keep(doors.door_as_it_is(slug), headers, body)


def _keep(door: doors.Door, headers: Mapping[str, str], body: bytes) -> None:
    head = door.reader.verify_webhook(headers, body)
    InboxEvent.objects.keep(_event(door.connection_id, head, headers, body))


def _may_try_again(error: Exception) -> bool:
    """Say whether a fresh look may help; a line that broke is closed for it."""
    if connection.in_atomic_block:
        return False
    if isinstance(error, IntegrityError):
        return True
    is_broken = connection.connection is not None and not connection.is_usable()
    if is_broken:
        connection.close()
    return is_broken


def _event(
    connection_id: int, head: WebhookHead, headers: Mapping[str, str], body: bytes
) -> InboxEvent:
    kept = {
        _clean(name): _clean(value)
        for name, value in headers.items()
        if name.lower() not in KEPT_OUT
    }
    digest = hashlib.sha256(body).hexdigest()
    return InboxEvent(
        connection_id=connection_id,
        delivery_id=_clean(head.delivery_id)[:200] or digest,
        topic=_clean(head.topic)[:120],
        event_id=_clean(head.event_id)[:200],
        body=body,
        headers=kept,
        digest=digest,
    )


def _clean(text: str) -> str:
    """Drop what PostgreSQL text cannot hold."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def read_waiting(limit: int = 20) -> int:
    """Read a batch of deliveries; return how many were taken."""
    lease = timedelta(seconds=settings.LEASE_SECONDS)
    events = InboxEvent.objects.claim(limit, lease)
    takers = Takers()
    for event in events:
        with bound_contextvars(delivery=event.pk):
            read(event, takers)
    versions.compare(events)
    return len(events)


class Takers:
    """The flows that take what a connection tells of, looked up once for a batch.

    A flow that is off collects: nothing is sent until it is on again.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], list[Flow]] = {}

    def of(self, connection_id: int, entity: str) -> list[Flow]:
        asked = connection_id, entity
        if asked not in self._known:
            flows = Flow.objects.filter(source=connection_id, source_entity=entity)
            joined = flows.select_related("target")
            self._known[asked] = list(
                joined.prefetch_related("dependencies__needs__target")
            )
        return self._known[asked]


def read(event: InboxEvent, takers: Takers | None = None) -> None:
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
            _dispatch(event, takers or Takers())
            resolve(event, f"Read: {event.reason}")
    except TopicUnsupported as error:
        _leave(event, str(error))
    except (OperationalError, InterfaceError, UnknownSystem) as error:
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
    resolve(event, reason, FailedRecord.Ending.BY_RULE, undo={})


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


def _dispatch(event: InboxEvent, takers: Takers) -> None:
    connector = keyless_of(event.connection)
    if event.topic in connector.privacy_topics:
        event.close(InboxEvent.State.PROCESSED, privacy.enter(connector, event))
        return
    if event.topic in connector.notice_topics:
        _take_notice(connector, event, takers)
        return
    try:
        found = connector.read_webhook(event.topic, event.raw)
    except OnlyNamed as named:
        _ask_for(named, event, takers)
        return
    failpoints.hit("inbox.parse")
    flows = takers.of(event.connection_id, found.entity)
    outcomes = [_enter(connector, flow, found, event) for flow in flows]
    failpoints.hit("inbox.record")
    if outcomes:
        event.close(InboxEvent.State.PROCESSED, "; ".join(outcomes))
    else:
        reason = f"{event.topic}: no flow takes a {found.entity}."
        event.close(InboxEvent.State.NOT_WANTED, reason)
    _ring_for(flows)
    failpoints.hit("inbox.outcome")


def _ask_for(named: OnlyNamed, event: InboxEvent, takers: Takers) -> None:
    """Have the object read that a delivery names and does not bring."""
    flows = takers.of(event.connection_id, named.entity)
    asking = [flow for flow in flows if _lacks(flow, named)]
    for flow in asking:
        Gap.objects.ask_for(flow, named.key, named.changed_at)
    if asking:
        event.close(InboxEvent.State.PROCESSED, f"{named} It was asked for.")
    elif flows:
        reason = f"{named} What it tells is known, or not sent any more."
        event.close(InboxEvent.State.PROCESSED, reason)
    else:
        reason = f"{event.topic}: no flow takes a {named.entity}."
        event.close(InboxEvent.State.NOT_WANTED, reason)


def _lacks(flow: Flow, named: OnlyNamed) -> bool:
    """Say whether the ledger holds an object older than told, and would send it."""
    known = SyncRecord.objects.filter(flow=flow, source_key=named.key)
    record = known.only("changed_at", "delivered_version", "flow").first()
    if record is None or record.changed_at is None:
        return True
    if flow.mode == Flow.Mode.CREATE and record.delivered_version:
        return False
    # Deliveries and lists tell whole seconds.
    return record.changed_at.replace(microsecond=0) < named.changed_at


def _take_notice(connector: Connector, event: InboxEvent, takers: Takers) -> None:
    said = notices.enter(
        connector, event, lambda entity: bool(takers.of(event.connection_id, entity))
    )
    if said:
        event.close(InboxEvent.State.PROCESSED, said)
    else:
        reason = f"{event.topic}: no flow takes what it names."
        event.close(InboxEvent.State.NOT_WANTED, reason)


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
    record, outcome = SyncRecord.objects.remember(flow, found, event)
    if outcome not in (Remembered.NEW, Remembered.NEWER):
        return f"{flow}: {outcome.value}{_replay_of(record, event)}"
    for dependency in flow.dependencies.all():
        needed = dependency.object_in(connector, found.payload)
        if needed:
            SyncRecord.objects.first_sight(dependency.needs, needed, event)
    return f"{flow}: {outcome.value}"


def _replay_of(record: SyncRecord, event: InboxEvent) -> str:
    """Name the delivery that brought the very same bytes under another id, if any."""
    if record.event_id is None:
        return ""
    first = InboxEvent.objects.filter(
        pk=record.event_id, topic=event.topic, digest=event.digest
    ).exclude(pk=event.pk)
    names = first.values_list("delivery_id", flat=True)
    return "".join(f" (replay of delivery {name})" for name in names)
