"""What the ledger has of a day and the source lists no more: deleted there, or hidden.

The list is laid beside the ledger the other way round, page by page: what the ledger
has of the same stretch of time and the page does not name is noted. A later page may
name it, for it has changed since. Of the rest the source is asked: most have moved on
to a later day; what remains is a figure of the certificate, never a failure, and
nothing is done about it at the target.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.listed import ListPage
from integrations.models import Gap, GapCheck, SyncRecord

Kind = Gap.Kind
# A list tells whole seconds.
TICK = timedelta(seconds=1)
# No label: that of a customer is a name, which is kept in the ledger only.
COLUMNS = ("source_key", "changed_at", "amount", "currency")


def note_unlisted(check: GapCheck, page: ListPage) -> datetime:
    """Note what the ledger has of the stretch of a page and the page does not name.

    Returns up to where the ledger was looked through.
    """
    named = {row.key for row in page.rows}
    _noted(check).filter(source_key__in=named).delete()
    begin, end = check.listed_until or check.since, _end(check, page)
    held = SyncRecord.objects.filter(
        flow=check.flow, changed_at__gte=begin, changed_at__lt=end
    )
    known = named | set(check.edge)
    now = database_time()
    rows = held.order_by().values_list(*COLUMNS).iterator(chunk_size=500)
    Gap.objects.bulk_create(
        (_gap(check, row, now) for row in rows if row[0] not in known),
        batch_size=500,
        ignore_conflicts=True,
    )
    return max(begin, end)


def _end(check: GapCheck, page: ListPage) -> datetime:
    if not page.cursor:
        return check.until
    newest = max((row.changed_at for row in page.rows), default=check.since - TICK)
    return newest.replace(microsecond=0) + TICK


def _gap(check: GapCheck, row: tuple[Any, ...], now: datetime) -> Gap:
    return Gap(
        check_of=check,
        flow=check.flow,
        kind=Kind.REMOVED,
        found_at=now,
        **dict(zip(COLUMNS, row, strict=True)),
    )


def _noted(check: GapCheck) -> QuerySet[Gap]:
    """Return what was noted and not asked after yet."""
    return check.gaps.filter(kind=Kind.REMOVED, fetched_at=None)


def ask_after(check: GapCheck, connector: Connector) -> bool:
    """Ask the source after the next of what was noted; say whether there was any."""
    handful = list(_noted(check)[: connector.most_present])
    if not handful:
        return False
    keys = [gap.source_key for gap in handful]
    shown = connector.present(check.flow.source_entity, keys)
    now = database_time()
    gone = [gap.pk for gap in handful if gap.source_key not in shown]
    moved = [gap.pk for gap in handful if _has_moved(check, shown.get(gap.source_key))]
    check.gaps.filter(pk__in=moved).delete()
    check.gaps.filter(pk__in=gone).update(fetched_at=now, is_gone=True)
    _noted(check).filter(source_key__in=keys).update(fetched_at=now)
    return True


def _has_moved(check: GapCheck, changed_at: datetime | None) -> bool:
    """Say whether it changed since, so that another day counts it."""
    return changed_at is not None and not check.since <= changed_at < check.until


def removed_of(check: GapCheck) -> QuerySet[Gap]:
    """Return what the ledger has and the source lists no more."""
    return check.gaps.filter(kind=Kind.REMOVED, fetched_at__isnull=False)
