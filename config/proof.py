"""Facts that tell an empty queue from a broken one."""

from typing import Any

from django.db.models import Count, Max, Q

from config.tiles import start_of_today
from errorqueue.templatetags.console import moment
from integrations.models import InboxEvent, SyncRecord


def facts() -> list[tuple[str, Any]]:
    """Return what arrived, what went out and what still waits; two queries."""
    state = SyncRecord.State
    records = SyncRecord.objects.aggregate(
        last=Max("delivered_at"),
        today=Count("pk", filter=Q(delivered_at__gte=start_of_today())),
        waiting=Count("pk", filter=Q(state__in=[state.WAITING, state.RUNNING])),
        held=Count("pk", filter=Q(state=state.HELD)),
    )
    inbox = InboxEvent.objects.aggregate(
        last=Max("received_at"),
        unread=Count("pk", filter=Q(state=InboxEvent.State.RECEIVED)),
    )
    return [
        ("Last delivery received", moment(inbox["last"])),
        ("Received, not read yet", inbox["unread"]),
        ("Waiting to be sent", records["waiting"]),
        ("On hold", records["held"]),
        ("Delivered today", records["today"]),
        ("Last record delivered", moment(records["last"])),
    ]
