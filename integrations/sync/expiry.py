"""Certificates that end: people hear of it in time, and again as it comes nearer."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from errorqueue.alerts import About, close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import Connection, ring_alerts

# So many days before the end people are told; the last ones leave no time to wait.
WARN_AT = (60, 30, 14, 7, 1)


def warn_of_ends() -> int:
    """Raise an alert for each step a credential came nearer to its end.

    Returns how many are new. Setting the credential again closes them.
    """
    now = database_time()
    return sum(_warn(connection, now) for connection in Connection.objects.all())


def _warn(connection: Connection, now: datetime) -> int:
    ends = min(ends_of(connection), default=None)
    left = None if ends is None else (ends - now).total_seconds() / 86_400
    reached = [step for step in WARN_AT if left is not None and left <= step]
    for step in WARN_AT:
        if step not in reached[-1:]:
            close_alert(_key(connection, step))
    return _tell(connection, ends, reached[-1]) if ends and reached else 0


def ends_of(connection: Connection) -> Iterator[datetime]:
    """Yield when each credential with a known longest life ends at the latest."""
    try:
        methods = connector_class(connection.system).auth_methods
    except UnknownSystem:
        return
    lives = {
        setting.name: timedelta(days=setting.longest_days)
        for method in methods
        if method.kind == connection.auth_method
        for setting in method.credentials
        if setting.longest_days
    }
    for credential in connection.credentials.all():
        if credential.name in lives:
            yield credential.set_at + lives[credential.name]


def _tell(connection: Connection, ends: datetime, step: int) -> int:
    if step == WARN_AT[-1]:
        title = f"The certificate of {connection} ends within a day"
    else:
        title = f"The certificate of {connection} ends within {step} days"
    text = (
        f"It ends on {ends:%d %B %Y} at the latest, counted from the day it was set "
        "here; one that was made earlier or for a shorter time ends sooner. Make a new one at the vendor, set it under Credentials and press "
        "Check connection. Until it has ended both work side by side."
    )
    link = f"/admin/integrations/connection/{connection.pk}/change/"
    about = About(connection=str(connection))
    is_new = raise_alert(_key(connection, step), title, text, link, about=about)
    if is_new:
        ring_alerts()
    return int(is_new)


def _key(connection: Connection, step: int) -> str:
    return f"expiry:{connection.pk}:{step}"
