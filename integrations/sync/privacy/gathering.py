"""Gathers what is held of a customer into a file: every place where it was found.

Made of sealed parts, a batch of records each, so that a worker that is killed repeats
one part, and none is lost or doubled. Secrets are starred in it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from errorqueue.models import FailedRecord
from errorqueue.text import clean
from integrations.connectors import exact
from integrations.connectors.redaction import clean_body
from integrations.models import (
    InboxEvent,
    OwnershipConflict,
    PrivacyPart,
    PrivacyRequest,
    SyncRecord,
)
from integrations.models.vault import seal, unseal
from integrations.sync import erasing
from integrations.sync.emptying import lines_about
from integrations.sync.erasing import Traces
from integrations.sync.privacy import receipt
from integrations.sync.privacy.scope import Waits, records_of, unread, untold_of

BATCH = 50
# A file that nobody marked as sent is deleted so long after it was due.
UNSENT_KEPT = timedelta(days=60)
READY = "The file is ready: download it, hand it to the shop, then mark it as sent."
Found = dict[str, Any]


def step(request: PrivacyRequest, now: datetime) -> None:
    """Gather the next part; raises Waits. In the caller's transaction."""
    if unread(request):
        raise Waits("Deliveries from before it are still to be read.")
    batch = list(records_of(request).filter(pk__gt=request.done_until)[:BATCH])
    if batch:
        told = erasing.told_of([one.pk for one in batch])
        counts = erasing.record_counts(Traces(batch, frozenset()), told)
        receipt.count(request, counts)
        receipt.name(request, batch)
        _keep(request, {"records": [_record(one) for one in batch]})
        request.done_until = batch[-1].pk
        return
    _finish(request)


def _finish(request: PrivacyRequest) -> None:
    elsewhere = _elsewhere(request)
    receipt.count(request, [(label, len(found)) for label, found in elsewhere.items()])
    _keep(request, {"elsewhere": {k: found for k, found in elsewhere.items() if found}})
    request.state, request.said = PrivacyRequest.State.PERSON, READY
    request.file_until = request.due_at + UNSENT_KEPT


def _keep(request: PrivacyRequest, part: Found) -> None:
    number = request.parts.count() + 1
    text = clean(clean_body(exact.dumps(part, default=str), "application/json"))
    request.parts.create(number=number, sealed=seal(_context(request, number), text))


def _context(request: PrivacyRequest, number: int) -> str:
    return f"privacy:{request.pk}:{number}"


def file_of(request: PrivacyRequest) -> bytes:
    """Return the whole file as JSON for a person to read; raises SealBroken."""
    records: list[Any] = []
    elsewhere: Found = {}
    for part in request.parts.all():
        found = _opened(part)
        records += found.get("records", [])
        elsewhere |= found.get("elsewhere", {})
    told = {
        "request": request.number,
        "number at the shop": request.mark,
        "shop": request.connection.account_id,
        "customer": request.customer,
        "asked on": request.received_at.isoformat(),
        "records": records,
        "elsewhere": elsewhere,
    }
    return clean(exact.pretty(told)).encode()


def _opened(part: PrivacyPart) -> Found:
    text = unseal(_context(part.request, part.number), part.sealed).reveal()
    found: Found = exact.loads(text)
    return found


# What is held


def _record(record: SyncRecord) -> Found:
    """Return a line of the ledger with everything that hangs on it."""
    flow = record.flow
    return {
        "what": f"{flow.source_entity} {record.label or record.source_key}",
        "id": record.source_key,
        "from": str(flow.source),
        "to": str(flow.target),
        "id there": record.target_id,
        "name": record.party,
        "e-mail": record.email,
        "amount": record.amount,
        "currency": record.currency,
        "state": record.get_state_display(),
        "known since": record.created_at,
        "changed": record.changed_at,
        "delivered": record.delivered_at,
        "as received": record.source,
        "as edited here": record.edited,
        "tries": [_try(one) for one in record.attempts.all()],
        "error queue": [_line(one) for one in lines_about([record.pk])],
        "deliveries": _deliveries(erasing.told_of([record.pk])),
        "ownership conflicts": [
            {"field": one.field, "there": one.standing, "sent": one.wanted}
            for one in OwnershipConflict.objects.filter(record=record)
        ],
    }


def _try(attempt: Any) -> Found:
    return {
        "number": attempt.number,
        "at": attempt.started_at,
        "outcome": attempt.get_outcome_display(),
        "said": attempt.message,
        "sent": attempt.payload,
        "over the line": attempt.exchanges,
    }


def _line(line: FailedRecord) -> Found:
    done = [
        {"at": one.at, "what": one.verb, "reason": one.reason}
        | {"before": one.before, "after": one.after}
        for one in line.actions.all()
    ]
    said = {name: getattr(line, name) for name in ("what", "why", "remedy", "raw")}
    return {"number": line.human_id, "name": line.party, **said, "done about it": done}


def _deliveries(events: Iterable[InboxEvent]) -> list[Found]:
    return [
        {"topic": one.topic, "at": one.received_at, "body": _body(one.raw)}
        for one in events
    ]


def _body(raw: bytes) -> Any:
    """Return a body as JSON, or as the text it is."""
    try:
        return exact.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")


def _elsewhere(request: PrivacyRequest) -> dict[str, list[Any]]:
    """Return what names the customer and hangs on no record, by its kind."""
    words = request.words
    untold = erasing.holding(untold_of(request), words)
    own = InboxEvent.objects.filter(pk__in=[*request.deliveries, *untold])
    return {
        "Other deliveries": _deliveries(own),
        **erasing.texts_holding(words),
        "Made by hand": erasing.left_holding(words),
    }
