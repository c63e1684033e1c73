"""What nobody is told during a window: that its own account cannot be used.

A muted incident is a row like any other. It says that it is muted and why, waits until
the window ends, and is told then if it still stands a minute later. Whatever has another
cause is told as ever.
"""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from errorqueue import alerts
from integrations.models import Connection, Flow, MaintenanceTime

# The first calls after a window need a moment to show that all is well again.
GRACE = timedelta(minutes=1)
OF_ACCOUNT = ("access", "outage", "waiting", "limited", "subscriptions")
OF_SOURCE = ("poll:", "silence:flow:", "still:flow:", "compare:")


def mute(time: MaintenanceTime) -> None:
    """Hold back what is open of this window's account, and note it on both."""
    connection = time.window.connection
    note = in_words(time)
    found = alerts.mute(_keys_of(connection), time.ends_at + GRACE, note)
    known = {one["alert"] for one in time.muted}
    new = [{"alert": one.pk, "title": one.title} for one in found]
    new = [one for one in new if one["alert"] not in known]
    if new:
        time.muted = [*time.muted, *new]
        MaintenanceTime.objects.filter(pk=time.pk).update(muted=time.muted)


def unmute(time: MaintenanceTime, now: datetime) -> None:
    """Let what still stands be told after the moment of grace."""
    alerts.unmute([one["alert"] for one in time.muted], now + GRACE)


def in_words(time: MaintenanceTime) -> str:
    window = time.window
    begun = timezone.localtime(time.starts_at)
    who = f", entered by {window.by}" if window.by else ""
    return (
        f"Muted: maintenance of {window.connection} since {begun:%H:%M} "
        f"(“{window.reason}”{who}). It is told at the end if it still stands."
    )


def _keys_of(connection: Connection) -> list[str]:
    flows: Any = Flow.objects.filter(source=connection).values_list("pk", flat=True)
    return [f"{head}:{connection.pk}" for head in OF_ACCOUNT] + [
        f"{head}{flow}" for flow in flows for head in OF_SOURCE
    ]
