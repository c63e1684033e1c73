"""Asks sources that send no events what has changed."""

import logging

from django.db.models import Q

from errorqueue.clock import database_time
from integrations.connectors.errors import AccessRefused, ConnectorError, LimitReached
from integrations.models import Bell, Flow, SyncRecord
from integrations.sync.access import suspect
from integrations.sync.outbound import connector_for

log = logging.getLogger(__name__)


def ring_poll(flow: Flow) -> None:
    """Wake whoever polls this flow."""
    Bell.objects.ring(f"poll:{flow.pk}", "integrations.tasks.poll_flow", flow.pk)


def poll(flow_id: int) -> int:
    """Enter what changed since the cursor into the ledger; return how many.

    The cursor moves only after the objects it covers are committed, so a poll that
    is cut short repeats some, and loses none.
    """
    flow = Flow.objects.select_related("source", "target").get(pk=flow_id)
    Bell.objects.answer(f"poll:{flow.pk}")
    if not _begin(flow) or not flow.source.is_ready:
        return 0
    count = 0
    try:
        changes = connector_for(flow.source).changes(flow.source_entity, flow.cursor)
        for found, cursor in changes:
            SyncRecord.objects.remember(flow, found)
            Flow.objects.filter(pk=flow.pk).update(cursor=cursor)
            count += 1
    except AccessRefused:
        suspect(flow.source)
    except LimitReached as error:
        log.info("%s will be polled again at once: %s", flow, error)
        Flow.objects.filter(pk=flow.pk).update(polled_at=None)
    except ConnectorError as error:
        log.warning("%s could not be polled: %s", flow, error)
    return count


def _begin(flow: Flow) -> bool:
    """Mark the poll as begun; False when somebody else began it meanwhile."""
    same = Q(polled_at=flow.polled_at)
    return bool(Flow.objects.filter(same, pk=flow.pk).update(polled_at=database_time()))
