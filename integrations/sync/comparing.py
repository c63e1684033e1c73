"""Finds what holds more at its target than was sent, and has it sent again.

Somebody raised it there by hand, or took a sale back. What holds less is left alone:
the shop sold it, and the order may still be on its way; to fill it up again would sell
the same piece twice.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery

from errorqueue.clock import DatabaseTime
from integrations.connectors.errors import AccessRefused, ConnectorError, LimitReached
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import Attempt, Connection, Flow, ScanPlace, SyncRecord
from integrations.models.vault import SealBroken
from integrations.sync.access import note_answer, note_failure, suspect
from integrations.sync.outbound import connector_for
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

PLACE = "compare"
BATCH = 100
# So long it waits from batch to batch: a batch costs a shop 300 points, of which the
# smallest plan gets 100 a second, and deliveries need some, too.
PAUSE = 4.0
MOST_PAUSE = 10.0
State = SyncRecord.State


def compare_on(seconds: float | None = None) -> bool:
    """Go on comparing from where the last task ended; say whether all was looked at.

    Raises ConnectorError when a target cannot be asked; the next night begins anew.
    """
    flows = {flow.pk: flow for flow in _compared()}
    ends_at = time.monotonic() + (
        settings.DRAIN_SECONDS if seconds is None else seconds
    )
    place, _ = ScanPlace.objects.get_or_create(name=PLACE)
    try:
        while batch := list(_behind(place.row, flows)):
            _compare(batch, flows)
            place.row = batch[-1]["pk"]
            place.save(update_fields=["row"])
            if time.monotonic() > ends_at or is_stopping():
                return False
            if len(batch) == BATCH:
                time.sleep(PAUSE)
    except LimitReached as error:
        time.sleep(min(error.retry_after or PAUSE, MOST_PAUSE))
        return False
    except Exception:
        ScanPlace.objects.filter(pk=PLACE).update(row=0)
        raise
    ScanPlace.objects.filter(pk=PLACE).update(row=0)
    return True


def _compared() -> list[Flow]:
    """Return the flows that send to a target which can tell, and answers now."""
    sending = Flow.objects.filter(is_enabled=True, held_at=None)
    return [
        flow
        for flow in sending.select_related("target")
        if flow.target_record in _comparable(flow.target) and flow.target.is_usable
    ]


def _comparable(target: Connection) -> frozenset[str]:
    try:
        return connector_class(target.system).compares
    except UnknownSystem:
        return frozenset()


def _behind(row: int, flows: dict[int, Flow]) -> Iterable[Mapping[str, Any]]:
    sent = Attempt.objects.filter(
        record=OuterRef("pk"), outcome=Attempt.Outcome.DELIVERED
    )
    last = Subquery(sent.order_by("-number").values("pk")[:1])
    standing = SyncRecord.objects.filter(
        flow__in=list(flows), state=State.DELIVERED, pk__gt=row
    )
    known = standing.exclude(target_id="").order_by("pk").annotate(last=last)
    return known.values("pk", "flow_id", "target_id", "last")[:BATCH]


def _compare(batch: list[Mapping[str, Any]], flows: dict[int, Flow]) -> None:
    attempts = Attempt.objects.filter(pk__in=[row["last"] for row in batch])
    payloads: dict[int, Any] = {one.pk: one.payload for one in attempts.only("payload")}
    by_flow: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in batch:
        sent: Any = payloads.get(row["last"])
        if sent:  # its content may have been removed by rule
            by_flow[row["flow_id"]][row["target_id"]] = sent
    for pk, mine in by_flow.items():
        strayed = _strayed(flows[pk], mine)
        again = SyncRecord.objects.filter(
            flow=pk, state=State.DELIVERED, target_id__in=strayed
        )
        count = again.update(confirm_at=DatabaseTime()) if strayed else 0
        if count:
            log.warning("%s: %s hold more than was sent", flows[pk], count)


def _strayed(flow: Flow, sent: dict[str, dict[str, Any]]) -> list[str]:
    try:
        found = connector_for(flow.target).strayed(flow.target_record, sent)
    except (AccessRefused, SealBroken):
        suspect(flow.target)
        raise
    except LimitReached:
        raise
    except ConnectorError as error:
        note_failure(flow.target, error)
        raise
    note_answer(flow.target)
    return found
