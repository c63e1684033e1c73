"""Tells people that log lines of a machine are being lost, and when no more are."""

from errorqueue.alerts import CALM, close_alert, raise_alert
from errorqueue.lost_logs import lost_lines
from integrations.models import ring_alerts
from integrations.sync.clusters import host_name

# What this process said last; nothing while it has just begun: the one before it may
# have told people and died.
_told: list[bool] = []


def note() -> None:
    """Raise the alert when this process loses lines, close it when it loses none.

    Costs nothing while all stays well.
    """
    key, host, is_losing = f"logs:{host_name()}", host_name(), bool(lost_lines())
    if not is_losing and _told == [False]:
        return
    _told[:] = [is_losing]
    if is_losing:
        text = (
            f"Log lines of {host} cannot be written; the volume of the log may be "
            "full. Records go on as usual, but nobody will be able to read later "
            "what happened. Make room there."
        )
        if raise_alert(key, f"Log lines of {host} are lost", text, calm=CALM):
            ring_alerts()
    else:
        close_alert(key)
