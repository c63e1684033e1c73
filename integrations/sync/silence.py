"""Tells people when a source that sends events has gone quiet against its habit.

A vendor drops a subscription after failed deliveries and says so at most by mail;
no error of ours would ever show it.
"""

from datetime import datetime, timedelta

from django.db.models import Max

from errorqueue.alerts import close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.models import Connection, Flow, InboxEvent, ring_alerts

# Quiet for so long counts, if the same hours of the last weeks were not.
WINDOWS = (timedelta(hours=4), timedelta(hours=24))
WEEKS = tuple(timedelta(weeks=number) for number in (1, 2))


def tell_of_silence() -> int:
    """Raise an alert for each source that should have been heard; return how many."""
    now = database_time()
    senders = Flow.objects.filter(is_enabled=True, poll_minutes=0).values("source")
    heard = Connection.objects.filter(pk__in=senders)
    return sum(_look(connection, now) for connection in heard)


def _look(connection: Connection, now: datetime) -> int:
    key = f"silence:{connection.pk}"
    if _spoke(connection, now, WINDOWS[0]):
        close_alert(key)
        return 0
    quiet = [
        window for window in WINDOWS if _should_have_spoken(connection, now, window)
    ]
    return _tell(connection, key, quiet[-1]) if quiet else 0


def _should_have_spoken(
    connection: Connection, now: datetime, window: timedelta
) -> bool:
    usually = all(_spoke(connection, now - ago, window) for ago in WEEKS)
    return usually and not _spoke(connection, now, window)


def _spoke(connection: Connection, until: datetime, window: timedelta) -> bool:
    """Say whether anything came in the time before `until`."""
    first, behind = _first_from(until - window), _first_from(until)
    found = InboxEvent.objects.filter(pk__gte=first, pk__lt=behind)
    return found.filter(connection=connection).exists()


def _first_from(moment: datetime) -> int:
    """Return the id from which on events came after a moment.

    Times have no index of their own, but grow with the ids.
    """
    events = InboxEvent.objects.order_by("pk").values_list("pk", "received_at")
    low, high = 0, (events.aggregate(last=Max("pk"))["last"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = events.filter(pk__gte=middle).first()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0] + 1
    return low


def _tell(connection: Connection, key: str, window: timedelta) -> int:
    hours = window.total_seconds() / 3600
    title = f"Nothing has come in from {connection} for {hours:.0f} hours"
    text = (
        "At this time of the week something usually does. A vendor drops a webhook "
        "subscription after deliveries to it have failed. See in the vendor's settings "
        "whether the webhooks are still set up and lead to the address on the page of "
        "the connection; set them up again if not, and have what was made meanwhile "
        "sent again. If there was simply nothing to send, nothing is to be done."
    )
    page = f"/admin/integrations/connection/{connection.pk}/change/"
    is_new = raise_alert(key, title, text, page)
    if is_new:
        ring_alerts()
    return int(is_new)
