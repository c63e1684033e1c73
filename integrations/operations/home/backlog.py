"""How long the oldest thing has waited: looked at each minute, the worst of an hour."""

from datetime import datetime, timedelta

from integrations.models import BacklogHour
from integrations.operations import ledger
from integrations.sync.rhythm.counting import hour_of

KEPT = timedelta(days=35)


def note(now: datetime) -> None:
    """Keep how long the oldest record has been due, and a delivery been unread."""
    hour = hour_of(now)
    seen = {
        "oldest_seconds": _seconds(now, ledger.oldest_due_at()),
        "unread_seconds": _seconds(now, ledger.oldest_unread_at()),
    }
    row, is_new = BacklogHour.objects.get_or_create(hour=hour, defaults=seen)
    worse = {name: age for name, age in seen.items() if age > getattr(row, name)}
    if worse:
        BacklogHour.objects.filter(pk=row.pk).update(**worse)
    if is_new:
        BacklogHour.objects.filter(hour__lt=now - KEPT).delete()


def _seconds(now: datetime, since: datetime | None) -> int:
    return max(0, int((now - since).total_seconds())) if since else 0
