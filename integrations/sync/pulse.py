"""Says whether anybody would hear of trouble: workers that live, alerts that leave."""

from datetime import timedelta

from errorqueue.clock import database_time
from errorqueue.models import Alert
from integrations.models import WorkerGroup

SILENT = timedelta(minutes=2)
UNSENT = timedelta(minutes=5)
NOBODY = "No workers are running: nothing is sent, and nobody is alerted. Start `work` again."
UNTOLD = (
    "Alerts could not be sent for five minutes. See the page of alerts for the reason, "
    "and check the mail server and ALERT_EMAILS."
)


def trouble() -> str:
    """Say what keeps Waybill from telling people; nothing when all is well.

    An installation whose workers never ran has nobody to miss yet.
    """
    now = database_time()
    alive = WorkerGroup.objects.filter(ended_at=None, seen_at__gt=now - SILENT)
    late = Alert.objects.filter(sent_at=None, raised_at__lt=now - UNSENT)
    if not alive.exists():
        return NOBODY if WorkerGroup.objects.exists() else ""
    overdue = late.exclude(tries=0, try_at__gt=now - UNSENT)
    return UNTOLD if overdue.exists() else ""
