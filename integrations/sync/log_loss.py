"""Tells people that log lines are being lost, once for each time it begins."""

from errorqueue.alerts import close_alert, raise_alert
from errorqueue.lost_logs import lost_lines
from integrations.models import ring_alerts
from integrations.sync.clusters import host_name

_told: list[bool] = []


def note() -> None:
    """Raise the alert when this process loses lines, close it when it no longer does.

    Costs nothing while all is well.
    """
    key, host = f"logs:{host_name()}", host_name()
    if lost_lines() and not _told:
        _told.append(True)
        text = (
            f"Log lines of {host} cannot be written; the volume of the log may be "
            "full. Records go on as usual, but nobody will be able to read later "
            "what happened. Make room there."
        )
        if raise_alert(key, f"Log lines of {host} are lost", text):
            ring_alerts()
    elif _told and not lost_lines():
        _told.clear()
        close_alert(key)
