"""What people are told about a connection: one alert per incident."""

from datetime import datetime, timedelta

from django.utils import timezone

from errorqueue.alerts import AT_ONCE, CALM, About, close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.models import Connection, ring_alerts

# What is over sooner by itself needs nobody at night.
TELL_AFTER = timedelta(minutes=5)


def tell_refused(connection: Connection, what: str) -> None:
    """Tell at once that the log-in is refused; an outage is over then."""
    close_alert(f"outage:{connection.pk}")
    _tell(
        connection,
        f"access:{connection.pk}",
        f"{connection} refuses our log-in",
        f"{what}\n\nNothing is sent there now; records wait and lose nothing. Open "
        "the connection, press Check connection and follow its advice. Waybill tries "
        "the log-in every few minutes and goes on by itself once it works.",
    )


def tell_outage(connection: Connection, why: str, said: str) -> None:
    """Tell of a lasting outage, which explains the polls that fail meanwhile."""
    is_new = _tell(
        connection,
        f"outage:{connection.pk}",
        f"{connection} cannot be reached",
        f"{why}.\nIts last answer: {said}\n\nNothing is sent there now; records wait "
        "and use up no try. They go by themselves, oldest first, once it answers "
        "again. If the outage is planned, pause the connection.",
    )
    if is_new:
        for flow in connection.flows_out.all():
            close_alert(f"poll:{flow.pk}")


def tell_waiting(connection: Connection, why: str, since: timedelta) -> None:
    """Tell that records have waited for a connection for very long."""
    hours = since.total_seconds() // 3600
    _tell(
        connection,
        f"waiting:{connection.pk}",
        f"Records have waited for {connection} for {hours:.0f} hours",
        f"{why}.\n\nIts records wait and lose nothing; only the connection ends "
        "their wait. Open it and mend it, or resume it.",
    )


def tell_limited(connection: Connection, until: datetime, said: str) -> None:
    """Tell that an account takes no more requests for a while."""
    _tell(
        connection,
        f"limited:{connection.pk}",
        f"{connection} takes no requests until {timezone.localtime(until):%H:%M}",
        f"The vendor said: {said}\n\nIt asked us to wait, so nothing is sent there "
        "now; records wait and use up no try. They go by themselves, oldest first. "
        "If this comes often, another program uses the account's requests up, or "
        "the account needs a larger allowance: ask the vendor. Check connection, on "
        "its page, ends the wait sooner if the vendor answers again.",
    )


def close_limited(connection: Connection) -> None:
    """End the incident of an account that takes requests again."""
    close_alert(f"limited:{connection.pk}")


def close(connection: Connection) -> None:
    """End every incident of a connection that is in use again."""
    for incident in ("access", "outage", "waiting"):
        close_alert(f"{incident}:{connection.pk}")


def _tell(connection: Connection, key: str, title: str, text: str) -> bool:
    page = f"/admin/integrations/connection/{connection.pk}/change/"
    about = About(connection=str(connection))
    is_new = raise_alert(
        key, title, text, page, quiet=_muted(connection), calm=CALM, about=about
    )
    if is_new:
        ring_alerts()
    return is_new


def _muted(connection: Connection) -> timedelta:
    """Return how long nobody is told: to the end of a maintenance window."""
    fresh = Connection.objects.filter(pk=connection.pk)
    until = fresh.values_list("window_until", flat=True).first()
    left = until - database_time() if until else AT_ONCE
    return max(left, AT_ONCE)
