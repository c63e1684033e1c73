"""After a value table was changed: whoever waits for it is pre-flighted by itself.

So the page of a cause, and of the table, says how many a change has mended; nobody
has to ask. What is sent again stays the choice of a person.
"""

from datetime import UTC, datetime

from django.db import transaction
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
    if mark.at >= latest:
        return
    changed = list(ValueTable.objects.filter(changed_at__gt=mark.at))
    waiting = [(table, _waiting(table)) for table in changed]
    for table in changed:
        propose_anew(table)
    # The mark moves with the runs or not at all: who dies before leaves it to another.
    with transaction.atomic():
        moved = Watermark.objects.filter(name=MARK, at=mark.at)
        if moved.update(at=latest):  # to one caller only
            for table, ids in waiting:
                _preflight(table, ids)


def _latest() -> datetime | None:
    latest: datetime | None = ValueTable.objects.aggregate(at=Max("changed_at"))["at"]
    return latest


def _waiting(table: ValueTable) -> list[int]:
    ids = [pk for _, waiting in mended([table.pk]) for pk in waiting.ids]
    return list(dict.fromkeys(ids))[:MOST_IN_A_RUN]


def _preflight(table: ValueTable, ids: list[int]) -> None:
    if ids:
        reason = f"The value table {table} was changed."
        start(BulkRun.Verb.PREFLIGHT, None, chosen=ids, reason=reason)
