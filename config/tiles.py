"""The front page in figures: what needs somebody now, in business words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import Count, Exists, Min, Model, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from errorqueue.models import Alert, FailedRecord
from errorqueue.wording import ago
from integrations.models import (
    Connection,
    InboxEvent,
    OwnershipConflict,
    SyncRecord,
)
from mappings import signing
from mappings.models import SeenValue, ValueTableRow


@dataclass(frozen=True)
class Tile:
    """One figure, what it means, and the list behind it.

    `tone` colours it: good, warn, bad, wait or mute.
    """

    label: str
    count: int
    note: str
    tone: str
    url: str = ""


def tiles_for(site: AdminSite, user: Any) -> list[Tile]:
    """Return the figures that this person may see; one or two queries a group."""
    builders = {
        FailedRecord: _queue,
        SyncRecord: _records,
        Connection: _connections,
        InboxEvent: _deliveries,
        Alert: _alerts,
        SeenValue: _new_values,
        OwnershipConflict: _conflicts,
    }
    return list(_signoffs(site, user)) + [
        tile
        for model, build in builders.items()
        if user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")
        for tile in build(site)
    ]


def _queue(site: AdminSite) -> Iterator[Tile]:
    status = FailedRecord.Status
    found = FailedRecord.objects.open().aggregate(
        person=Count("pk", filter=Q(status=status.FAILED)),
        auto=Count("pk", filter=Q(status=status.WAITING)),
        oldest=Min("first_failed_at", filter=Q(status=status.FAILED)),
    )
    yield Tile(
        "Needs a person",
        found["person"],
        f"oldest {ago(found['oldest'])}"
        if found["oldest"]
        else "nothing waits for you",
        "bad" if found["person"] else "good",
        _list(site, FailedRecord, q="status:person"),
    )
    yield Tile(
        "Retries by itself",
        found["auto"],
        "temporary failures, next try scheduled",
        "wait" if found["auto"] else "mute",
        _list(site, FailedRecord, tab="auto"),
    )


def _records(site: AdminSite) -> Iterator[Tile]:
    state, since = SyncRecord.State, start_of_today()
    found = SyncRecord.objects.aggregate(
        held=Count("pk", filter=Q(state=state.HELD)),
        today=Count("pk", filter=Q(delivered_at__gte=since)),
    )
    yield Tile(
        "On hold",
        found["held"],
        "wait for another record or a connection",
        "warn" if found["held"] else "mute",
        _list(site, SyncRecord, state__exact=state.HELD.value),
    )
    yield Tile(
        "Delivered today",
        found["today"],
        f"since {since:%H:%M %Z}",
        "good" if found["today"] else "mute",
        _list(site, SyncRecord, delivered_at__gte=since.isoformat()),
    )


def _connections(site: AdminSite) -> Iterator[Tile]:
    ready = Connection.State.READY
    away = [state for state in Connection.State.values if state != ready]
    count = Connection.objects.filter(state__in=away).count()
    yield Tile(
        "Connections not ready",
        count,
        "records for them wait safely" if count else "all of them answer",
        "bad" if count else "good",
        _list(site, Connection, state__in=",".join(away)),
    )


def _deliveries(site: AdminSite) -> Iterator[Tile]:
    quarantined = InboxEvent.State.QUARANTINED
    count = InboxEvent.objects.filter(state=quarantined).count()
    yield Tile(
        "Deliveries quarantined",
        count,
        "received, but not readable" if count else "every delivery could be read",
        "bad" if count else "good",
        _list(site, InboxEvent, state__exact=quarantined.value),
    )


def _alerts(site: AdminSite) -> Iterator[Tile]:
    found = Alert.objects.filter(closed_at=None).aggregate(
        open=Count("pk"), untold=Count("pk", filter=Q(sent_at=None))
    )
    yield Tile(
        "Alerts open",
        found["open"],
        f"{found['untold']} not sent yet" if found["untold"] else "everybody was told",
        "warn" if found["open"] else "good",
        _list(site, Alert, tab="open"),
    )


def _new_values(site: AdminSite) -> Iterator[Tile]:
    star = ValueTableRow.objects.filter(table=OuterRef("table"), source="*")
    news = SeenValue.objects.filter(~Exists(star), state=SeenValue.State.NEW)
    count = news.count()
    yield Tile(
        "New values",
        count,
        "seen at a source, in no value table" if count else "every value is mapped",
        "warn" if count else "good",
        _list(site, SeenValue),
    )


def _conflicts(site: AdminSite) -> Iterator[Tile]:
    """Show fields that were not written, as long as one waits for an answer."""
    count = OwnershipConflict.objects.filter(answer="").count()
    if count:
        yield Tile(
            "Ownership conflicts",
            count,
            "fields not written, because somebody else owns them",
            "warn",
            _list(site, OwnershipConflict, tab="open"),
        )


def _signoffs(site: AdminSite, user: Any) -> Iterator[Tile]:
    """Show what waits for a signature of this very person, to those who sign."""
    if not any(user.has_perm(right) for right in signing.RIGHTS.values()):
        return
    count = signing.waiting_for(user).count()
    yield Tile(
        "Sign-offs waiting",
        count,
        "mapping versions that wait for you" if count else "nothing waits for you",
        "warn" if count else "good",
        reverse(f"{site.name}:mappings_signoffs"),
    )


def start_of_today() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _list(site: AdminSite, model: type[Model], **filters: str) -> str:
    if not site.is_registered(model):
        return ""
    meta = model._meta
    address = reverse(f"{site.name}:{meta.app_label}_{meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}"
