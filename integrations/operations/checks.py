"""What must hold for Waybill to do its work, and to tell people when it cannot.

One place for everybody who asks: the probe, the front page and the shell. What is said
here stands on pages that need no log-in, so it names no host, account or record.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError

from errorqueue.clock import database_time
from errorqueue.models import Alert, Message
from errorqueue.schema import missing_migrations
from integrations.models import WorkerGroup
from integrations.sync.clusters import is_hung

SILENT = timedelta(minutes=2)
UNSENT = timedelta(minutes=5)
AWAY = "The database is away. Bring it back; everything goes on by itself."
NOT_ASKED = "Nobody knows: the database is away."
NOBODY = "No workers are running: nothing is sent, and nobody is alerted. Start `work` again."
LATE = (
    "The workers live, but no test task comes through them in time. They start again "
    "by themselves; if this stays so for minutes, start `work` again and see its log."
)
UNTOLD = (
    "Alerts could not be sent for five minutes. See the page of alerts for the reason, "
    "and check the mail server, ALERT_EMAILS and the channels of your teams."
)


@dataclass(frozen=True)
class Check:
    """One thing that must hold; `problem` says what is wrong, and what to do."""

    name: str
    problem: str = ""


def look(names: Collection[str] = ()) -> list[Check]:
    """Look at what must hold, or at these parts of it; never raises."""
    wanted = [name for name in CHECKS if name in names or not names]
    found: list[Check] = []
    for name in wanted:
        try:
            found.append(Check(name, CHECKS[name]()))
        except (DatabaseError, InterfaceError):
            return [*found, *away(wanted[len(found) :])]
    return found


def away(names: Collection[str], why: str = AWAY) -> list[Check]:
    """Return what is said of these checks when the database answers nobody."""
    return [Check(name, why if name == DATABASE else NOT_ASKED) for name in names]


def trouble() -> str:
    """Say what keeps Waybill from telling people; nothing when all is well."""
    return workers() or alerts()


def database() -> str:
    """Ask it something; raises the database's errors when it does not answer."""
    database_time()
    WorkerGroup.objects.exists()
    return ""


def schema() -> str:
    """Say whether migrations are missing; a database ahead of the code is fine."""
    missing = missing_migrations()
    if not missing:
        return ""
    return (
        f"The database lacks {len(missing)} migrations (first: {missing[0]}). Run "
        "`python manage.py migrate`, then start again."
    )


def workers() -> str:
    """Say whether work is done: one cluster at least lives, and a task comes through.

    An installation whose workers never ran has nobody to miss yet.
    """
    now = database_time()
    alive = alive_groups(now)
    if not alive:
        return NOBODY if WorkerGroup.objects.exists() else ""
    return LATE if all(is_late(group, now) for group in alive) else ""


def alive_groups(now: datetime) -> list[WorkerGroup]:
    """Return the clusters that gave a sign of life lately."""
    return list(WorkerGroup.objects.filter(ended_at=None, seen_at__gt=now - SILENT))


def is_late(group: WorkerGroup, now: datetime) -> bool:
    """Say whether a cluster's canary is late, as its supervisor judges it."""
    return is_hung(group, now, group.started_at)


def alerts() -> str:
    """Say whether people are told: what should have left five minutes ago has left.

    An incident that one channel at least told of is told, as is a digest that went
    its second way; what waits on purpose (quiet time, a pause) is not late.
    """
    limit = database_time() - UNSENT
    unplanned = Alert.objects.filter(planned_at=None, try_at__lt=limit)
    tried = Message.objects.unsent().filter(tries__gt=0, alert__sent_at=None)
    in_vain = tried.filter(made_at__lt=limit).exclude(seconds__sent_at__isnull=False)
    left_lying = Message.objects.due(limit).filter(tries=0)
    parts = (unplanned, in_vain, left_lying)
    return UNTOLD if any(part.exists() for part in parts) else ""


DATABASE = "database"
CHECKS: dict[str, Callable[[], str]] = {
    DATABASE: database,
    "schema": schema,
    "workers": workers,
    "alerts": alerts,
}
