"""After a value table was changed: whoever waits for it is pre-flighted by itself.

So the page of a cause, and of the table, says how many a change has mended; nobody
has to ask. What is sent again stays the choice of a person.
"""

from datetime import UTC, datetime

from django.db.models import Max

from errorqueue.bulk.running import start
from errorqueue.models import BulkRun, Watermark
from integrations.studio.seen import propose_anew
from integrations.studio.waiting import MOST_IN_A_RUN, mended
from mappings.models import ValueTable

MARK = "changed value tables"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def is_due() -> bool:
    """Say whether a table was changed since the last look."""
    latest = _latest()
    if latest is None:
        return False
    return not Watermark.objects.filter(name=MARK, at__gte=latest).exists()


def recheck() -> None:
    """Start a pre-flight for each table that was changed since the last look."""
    latest = _latest()
    if latest is None:
        return
    mark, _ = Watermark.objects.get_or_create(name=MARK, defaults={"at": LONG_AGO})
    moved = Watermark.objects.filter(name=MARK, at=mark.at, at__lt=latest)
    if moved.update(at=latest):  # to one caller only
        for table in ValueTable.objects.filter(changed_at__gt=mark.at):
            _preflight(table)
            propose_anew(table)


def _latest() -> datetime | None:
    latest: datetime | None = ValueTable.objects.aggregate(at=Max("changed_at"))["at"]
    return latest


def _preflight(table: ValueTable) -> None:
    ids = [pk for _, waiting in mended([table.pk]) for pk in waiting.ids]
    if ids:
        reason = f"The value table {table} was changed."
        chosen = list(dict.fromkeys(ids))[:MOST_IN_A_RUN]
        start(BulkRun.Verb.PREFLIGHT, None, chosen=chosen, reason=reason)
