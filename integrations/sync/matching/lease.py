"""One worker at a time has a match, and no longer than it gives signs of life."""

from typing import Any

from errorqueue.clock import database_time
from integrations.models import Match
from integrations.sync.backfill.lease import LEASE, Lost


def claim() -> Match | None:
    """Take the match that is due longest, for as long as a lease."""
    now = database_time()
    due = Match.objects.filter(try_at__lte=now).order_by("try_at", "pk")
    match = due.select_related(
        "flow__source", "flow__target", "flow__mapping", "linked_by"
    ).first()
    if match is None:
        return None
    mine = Match.objects.filter(pk=match.pk, try_at=match.try_at, state=match.state)
    match.try_at = now + LEASE
    return match if mine.update(try_at=match.try_at) else None


def keep(match: Match, **columns: Any) -> None:
    """Renew the lease, and write what changed with it; raises Lost."""
    columns = {"try_at": database_time() + LEASE, **columns}
    mine = Match.objects.filter(pk=match.pk, try_at=match.try_at, state=match.state)
    if not mine.update(**columns):
        raise Lost
    for name, value in columns.items():
        setattr(match, name, value)
