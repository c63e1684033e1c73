"""A sandbox that its vendor made anew, as one action with steps that a worker takes.

Everything that knew the old sandbox is dropped at once: token, look-ups, metadata,
links. When new credentials pass a check, names and links are asked for again, and
what has another id or is gone is listed.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet

from errorqueue.clock import database_time
from errorqueue.text import one_line
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    RecordMissing,
    TemporaryError,
)
from integrations.models import (
    AuditEntry,
    CachedLookup,
    Connection,
    Link,
    Metadata,
    MovedLink,
    NamedLookup,
    Refresh,
    SyncRecord,
)
from integrations.models.vault import SealBroken
from integrations.studio import resolving
from integrations.studio.acceptance import make_stale
from integrations.sync import accounts, background
from integrations.sync.access import note_failure, suspect, unusable
from integrations.sync.outbound import connector_for
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

User = Any
State = MovedLink.State
# Older links are found by external id as soon as a record needs them.
MOST_LINKS = 5000
BATCH = 50
MOST_LISTED = 500
# What a vendor answers that knows the address and has nothing there any more.
NOT_THERE = (404, 410)


@dataclass(frozen=True)
class Ahead:
    """What a refresh will drop, counted before anybody confirms."""

    lookups: int
    metadata: int
    links: int
    names: int
    waiting: int
    credentials: int


def ahead(connection: Connection) -> Ahead:
    """Count what a refresh of this sandbox drops and asks for again."""
    waiting = (SyncRecord.State.WAITING, SyncRecord.State.HELD)
    records = SyncRecord.objects.filter(target_connection=connection)
    return Ahead(
        lookups=CachedLookup.objects.filter(connection=connection).count(),
        metadata=Metadata.objects.filter(connection=connection).count(),
        links=Link.objects.filter(target_connection=connection).count(),
        names=NamedLookup.objects.filter(connection=connection).count(),
        waiting=records.filter(state__in=waiting).count(),
        credentials=connection.credentials.count(),
    )


@transaction.atomic
def begin(connection: Connection, by: User, note: str = "") -> Refresh:
    """Note that a sandbox was refreshed: nothing is sent until new credentials work.

    Raises ValidationError for what is no sandbox.
    """
    if connection.environment != Connection.Environment.SANDBOX:
        raise ValidationError(f"{connection} is no sandbox; nothing was forgotten.")
    dropped = ahead(connection)
    refresh = Refresh.objects.create(
        connection=connection, at=database_time(), by=by, note=note[:300]
    )
    _remember_links(refresh)
    metadata = Metadata.objects.filter(connection=connection)
    metadata.exclude(name__startswith=KNOWN).delete()
    accounts.mark_refreshed(connection, by)
    names = NamedLookup.objects.filter(connection=connection)
    names.filter(state=NamedLookup.State.FOUND).update(was_id=F("target_id"))
    names.exclude(state=NamedLookup.State.FOUND).update(was_id="")
    resolving.ask_again(names)
    refresh.dropped = {
        "cached look-ups": dropped.lookups,
        "answers about its fields": dropped.metadata,
        "links": dropped.links,
        "stale acceptance runs and signatures": make_stale(
            connection, f"{connection} was refreshed"
        ),
    }
    refresh.save(update_fields=["dropped"])
    told = f"Refreshed: {dropped.lookups} look-ups and {dropped.links} links dropped."
    AuditEntry.objects.note_change("connection", connection.pk, "refreshed", told, by)
    background.ring()
    return refresh


# What was known of fields the last time stays, to compare the new sandbox with.
KNOWN = "known fields of "


def _remember_links(refresh: Refresh) -> None:
    """Keep the newest links as they were; those of an unfinished refresh count too."""
    mine = Link.objects.filter(target_connection=refresh.connection)
    before = Refresh.objects.filter(connection=refresh.connection, resolved_at=None)
    unfinished = MovedLink.objects.filter(
        refresh__in=before.exclude(pk=refresh.pk), state=State.WAITING
    )
    unfinished.update(refresh=refresh)
    before.exclude(pk=refresh.pk).update(resolved_at=refresh.at)
    MovedLink.objects.bulk_create(
        [
            MovedLink(
                refresh=refresh,
                source_connection_id=link.source_connection_id,
                source_entity=link.source_entity,
                source_id=link.source_id,
                record=link.target_record,
                external_id=link.external_id,
                was=link.target_id,
            )
            for link in mine.order_by("-pk")[:MOST_LINKS]
        ],
        batch_size=500,
    )


# In a worker


def open_refreshes() -> QuerySet[Refresh]:
    """Return those that wait for their steps, of connections that work again."""
    usable = Connection.objects.exclude(unusable())
    return Refresh.objects.filter(resolved_at=None, connection__in=usable)


def has_due() -> bool:
    """Say whether a link is to be asked for, or a refresh can be closed.

    One whose names wait for their next try has nothing to do until then.
    """
    waiting = MovedLink.objects.filter(refresh=OuterRef("pk"), state=State.WAITING)
    names = NamedLookup.objects.filter(
        connection=OuterRef("connection"), is_wanted=True
    )
    return open_refreshes().filter(Exists(waiting) | ~Exists(names)).exists()


def step() -> None:
    """Ask for links again, then close what has nothing left to ask."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    for refresh in open_refreshes().select_related("connection"):
        _step(refresh, ends_at)


def _step(refresh: Refresh, ends_at: float) -> None:
    for moved in refresh.links.filter(state=State.WAITING)[:MOST_LINKS]:
        if time.monotonic() >= ends_at or is_stopping():
            background.ring()
            return
        if not _ask(refresh.connection, moved):
            return
    names = NamedLookup.objects.filter(connection=refresh.connection, is_wanted=True)
    if not names.exists():
        _finish(refresh)


def _ask(connection: Connection, moved: MovedLink) -> bool:
    """Find a link's record by its external id; False when nobody answers now."""
    try:
        connector = connector_for(connection)
        found = connector.find_written(moved.record, moved.external_id)
    except AccessRefused:
        suspect(connection)
        return False
    except LimitReached:
        return False
    except TemporaryError as error:  # says nothing of the record: asked again later
        return not note_failure(connection, error)
    except (ConnectorError, SealBroken, NotImplementedError) as error:
        if not _is_missing(error):
            _note_refusal(moved, error)
            return True
        found = None
    _settle(connection, moved, found or "")
    return True


def _is_missing(error: Exception) -> bool:
    return (
        isinstance(error, RecordMissing) or getattr(error, "status", None) in NOT_THERE
    )


def _note_refusal(moved: MovedLink, error: Exception) -> None:
    """Keep what the vendor said; where the record is stays unknown, so its id stays."""
    log.info("%s cannot be asked for: %s", moved, error)
    said = str(error) or "This system cannot be asked by external id."
    mine = MovedLink.objects.filter(pk=moved.pk, state=State.WAITING)
    mine.update(state=State.REFUSED, said=one_line(said, 300))


@transaction.atomic
def _settle(connection: Connection, moved: MovedLink, now: str) -> None:
    """Write down where the record is now; links and ledger follow."""
    same = State.SAME if now == moved.was else State.MOVED
    state = same if now else State.MISSING
    mine = MovedLink.objects.filter(pk=moved.pk, state=State.WAITING)
    if not mine.update(state=state, now=now):
        return
    if now:
        Link.objects.get_or_create(
            source_connection_id=moved.source_connection_id,
            source_entity=moved.source_entity,
            source_id=moved.source_id,
            target_connection=connection,
            target_record=moved.record,
            defaults={
                "target_id": now,
                "external_id": moved.external_id,
                "made_at": database_time(),
            },
        )
    if now != moved.was:
        SyncRecord.objects.filter(
            target_connection=connection,
            external_id=moved.external_id,
            target_id=moved.was,
            flow__target_record=moved.record,
        ).exclude(state=SyncRecord.State.RUNNING).update(target_id=now)


@transaction.atomic
def _finish(refresh: Refresh) -> None:
    mine = Refresh.objects.filter(pk=refresh.pk, resolved_at=None)
    refresh.drift = drift_of(refresh)
    if mine.update(resolved_at=database_time(), drift=refresh.drift):
        told = f"Asked again after the refresh: {len(refresh.drift)} have other ids."
        AuditEntry.objects.note_change(
            "connection", refresh.connection_id, "resolved", told
        )


def drift_of(refresh: Refresh) -> list[list[str]]:
    """List what has another id, is gone, or was refused.

    Each is [record, by, value, was, is, said]: `said` is why nobody can tell.
    """
    names = NamedLookup.objects.filter(connection=refresh.connection)
    changed = names.exclude(was_id="").exclude(was_id=F("target_id"))
    found = [
        [row.record, row.by, row.value, row.was_id, row.target_id, _said(row)]
        for row in changed.filter(is_wanted=False)[:MOST_LISTED]
    ]
    links = refresh.links.filter(state__in=[State.MOVED, State.MISSING, State.REFUSED])
    return found + [
        [link.record, "external id", link.external_id, link.was, link.now, link.said]
        for link in links[: MOST_LISTED - len(found)]
    ]


def _said(row: NamedLookup) -> str:
    """Say why a name has no answer, when that is not because it is gone."""
    if row.state == NamedLookup.State.REFUSED:
        return row.label or "refused"
    return "several match" if row.state == NamedLookup.State.AMBIGUOUS else ""


@dataclass(frozen=True)
class Progress:
    """How far a refresh has come, for its page."""

    needs_credentials: bool
    names_left: int
    links: dict[str, int]

    @property
    def links_left(self) -> int:
        return self.links.get(State.WAITING.value, 0)


def progress(refresh: Refresh) -> Progress:
    """Say how far a refresh has come; three queries at most."""
    connection = refresh.connection
    names = NamedLookup.objects.filter(connection=connection, is_wanted=True)
    counted = refresh.links.order_by().values_list("state").annotate(n=Count("pk"))
    return Progress(
        needs_credentials=connection.state == Connection.State.REFRESHED,
        names_left=0 if refresh.resolved_at else names.count(),
        links=dict(counted),
    )
