"""Later versions of what is never written whole again, as orders are.

The target's connector works a later version into what stands there (`amend`); here is
said what we wrote before: only what the source changed since is changed there.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from errorqueue.failures import Start
from integrations.connectors.base import Connector, Earlier, Payload, Written
from integrations.connectors.errors import StillUnknown, TargetGone
from integrations.models import Attempt, Flow, SyncRecord
from integrations.sync.confirming import ends_at
from integrations.sync.delivery import Delivery
from integrations.sync.mapping import external_id_of
from integrations.sync.vanished import gone, was_refreshed

MOST_TRIES = 20


def amend(delivery: Delivery, connector: Connector, payload: Payload) -> Written:
    """Make the record, or work this version into it; raises TargetGone."""
    flow, attempt = delivery.record.flow, delivery.attempt
    assert attempt is not None  # noqa: S101 (for the type checker)
    place = delivery.partner or f"eid:{attempt.external_id}"
    try:
        return connector.amend(flow.target_record, payload, place, _earlier(delivery))
    except TargetGone as error:
        raise gone(delivery.record, connector, attempt.external_id) from error


def _earlier(delivery: Delivery) -> Earlier:
    """Return what we wrote of this record before."""
    record, tries = delivery.record, _tries(delivery)
    if not _stood(delivery):
        return Earlier(written=tuple(_payloads(tries)))
    if record.delivered_version == record.claimed_version:
        # A repeat: something older may have landed over it, so all is compared.
        return Earlier(True, (), tuple(_payloads(tries)))
    since = _since_delivered(record, tries) if record.delivered_version else tries
    # Also of failed ones: a change that was refused in part was made in part.
    sent = tuple(_payloads(since))
    return Earlier(True, sent, sent, is_ours=bool(since))


def _stood(delivery: Delivery) -> bool:
    """Say whether it was there, and nobody wants it made anew."""
    record = delivery.record
    if record.retry_start == Start.AGAIN:
        return False
    if delivery.partner:
        return True
    return bool(record.target_id) and not (
        record.delivered_version and was_refreshed(record)
    )


def _tries(delivery: Delivery) -> list[Attempt]:
    """Return the tries before this one that may have been sent, newest first."""
    assert delivery.attempt is not None  # noqa: S101 (for the type checker)
    if delivery.attempt.number == 1:
        return []
    return list(_sent(delivery.record)[: MOST_TRIES + 1])[1:]


def _sent(record: SyncRecord) -> QuerySet[Attempt]:
    """Return the tries that were intended, newest first; the first is this one."""
    tries = record.attempts.filter(payload__isnull=False).exclude(external_id="")
    return tries.only("payload", "outcome", "number").order_by("-number")


def _since_delivered(record: SyncRecord, tries: list[Attempt]) -> list[Attempt]:
    """Return the tries since the last delivered one, and that; none without it."""
    last = _sent(record).filter(outcome=Attempt.Outcome.DELIVERED).first()
    if last is None:
        return []
    return [*(one for one in tries if one.number > last.number), last]


def _payloads(tries: Iterable[Attempt]) -> Iterator[Payload]:
    for one in tries:
        payload: Any = one.payload
        yield dict(payload)


def stands_after_all(delivery: Delivery, connector: Connector) -> bool:
    """Look for a record whose create has no known end, before a rule keeps it out.

    An order may be cancelled while the answer to its create is lost. Found, it goes on
    as one that was sent. Raises StillUnknown while the create may still land.
    """
    record = delivery.record
    if record.flow.mode != Flow.Mode.UPSERT or record.target_id:
        return False
    if record.flow.target_record not in connector.amends:
        return False
    open_ends = record.attempts.filter(outcome__in=Attempt.UNSETTLED)
    unsettled = list(open_ends.exclude(external_id="").only("started_at"))
    if not unsettled:
        return False
    key = external_id_of(record.flow, record.source_key)
    found = connector.find_written(record.flow.target_record, key)
    if found:
        record.target_id = found
        return True
    ends = max(ends_at(one, record.flow.target) for one in unsettled)
    left = (ends - delivery.started_at).total_seconds()
    if left > 0:
        raise StillUnknown(retry_after=left, sent=False)
    return False
