"""Figures of the home page: what needs somebody now, in business words.

Nothing here counts past a limit, so no figure costs more when there is more to count.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone

from config.home.look import Look
from errorqueue.admin.paging import counted, number
from errorqueue.models import Alert, FailedRecord
from errorqueue.tabs import BY_KEY, Asker
from errorqueue.wording import ago
from integrations.models import (
    Connection,
    Flow,
    InboxEvent,
    MaintenanceWindow,
    OwnershipConflict,
    SyncRecord,
    WorkerGroup,
)
from integrations.sync.maintenance import windows
from mappings import signing
from mappings.models import SeenValue, ValueTableRow

Status = FailedRecord.Status


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

    @property
    def told(self) -> str:
        """Return the honest count: "10,000+" where counting ended."""
        return number(self.count)


Tiles = Iterator[Tile]
Builder = Callable[[Look], Tiles]


def tiles_of(builders: Iterable[Builder], look: Look) -> list[Tile]:
    """Return the figures of these groups that a person may see."""
    return [
        tile
        for build in builders
        if look.may(*RIGHTS.get(build, ()))
        for tile in build(look)
    ]


def queue(look: Look) -> Tiles:
    """Show what waits for a person, and what goes by itself."""
    failed = FailedRecord.objects.filter(status=Status.FAILED)
    count = counted(failed)
    first = failed.order_by("first_failed_at")
    oldest = first.values_list("first_failed_at", flat=True).first() if count else None
    yield Tile(
        "Needs a person",
        count,
        f"oldest {ago(oldest)}" if oldest else "nothing waits for you",
        "bad" if count else "good",
        list_url(look.site, FailedRecord, q="status:person"),
    )
    auto = counted(FailedRecord.objects.filter(status=Status.WAITING))
    yield Tile(
        "Retries by itself",
        auto,
        "temporary failures, next try scheduled",
        "wait" if auto else "mute",
        list_url(look.site, FailedRecord, tab="auto"),
    )


def mine(look: Look) -> Tiles:
    """Show what is assigned to this very person, and what is due of all."""
    asker = Asker(look.user, look.now)
    for key, label, note, tone in (
        ("mine", "Assigned to you", "open lines that are yours", "wait"),
        ("due", "Due soon", "late, or due within 4 hours", "warn"),
    ):
        count = counted(FailedRecord.objects.filter(BY_KEY[key].where(asker)))
        address = list_url(look.site, FailedRecord, tab=key)
        yield Tile(label, count, note, tone if count else "good", address)


def flows(look: Look) -> Tiles:
    """Show flows that stand still until a person decides, as long as one does."""
    count = Flow.objects.exclude(held_at=None).count()
    if count:
        yield Tile(
            "Flows on hold",
            count,
            _what_ends_holds(),
            "bad",
            list_url(look.site, Flow, held_at__isnull="0"),
        )


def _what_ends_holds() -> str:
    """Say whether a person is waited for, or records that try."""
    alone = Flow.objects.filter(hold_kind=Flow.Hold.BREAKER).exclude(held_at=None)
    half_open = alone.exclude(probing_since=None).count()
    if half_open:
        return f"{half_open} half-open: a few records try now"
    people = Flow.objects.exclude(held_at=None).exclude(hold_kind=Flow.Hold.BREAKER)
    if people.exists():
        return "open them: see why, and roll back or go on"
    return "their breakers let a few records try, by themselves"


def maintenance(look: Look) -> Tiles:
    """Show accounts in a maintenance window, as long as one is."""
    names = windows.names_away()
    if names:
        yield Tile(
            "In maintenance",
            len(names),
            f"{', '.join(names[:3])}: nothing is sent, records wait",
            "warn",
            list_url(look.site, MaintenanceWindow, tab="open"),
        )


def records(look: Look) -> Tiles:
    state, since = SyncRecord.State, start_of_today()
    held = counted(SyncRecord.objects.filter(state=state.HELD))
    today = counted(_delivered(since))
    yield Tile(
        "On hold",
        held,
        "wait for another record, a connection or a flow",
        "warn" if held else "mute",
        list_url(look.site, SyncRecord, state__exact=state.HELD.value),
    )
    yield Tile(
        "Delivered today",
        today,
        f"since {since:%H:%M %Z}",
        "good" if today else "mute",
        list_url(look.site, SyncRecord, delivered_at__gte=since.isoformat()),
    )


def _delivered(since: datetime) -> QuerySet[SyncRecord]:
    """What was delivered since then; by state, so that an index finds it.

    What a newer version brought back into the queue meanwhile was delivered as well.
    """
    return SyncRecord.objects.filter(
        state__in=SyncRecord.State.values, delivered_at__gte=since
    )


def connections(look: Look) -> Tiles:
    ready = Connection.State.READY
    away = [state for state in Connection.State.values if state != ready]
    count = Connection.objects.filter(state__in=away).count()
    yield Tile(
        "Connections not ready",
        count,
        "records for them wait safely" if count else "all of them answer",
        "bad" if count else "good",
        list_url(look.site, Connection, state__in=",".join(away)),
    )


def deliveries(look: Look) -> Tiles:
    quarantined = InboxEvent.State.QUARANTINED
    count = counted(InboxEvent.objects.filter(state=quarantined))
    yield Tile(
        "Deliveries quarantined",
        count,
        "received, but not readable" if count else "every delivery could be read",
        "bad" if count else "good",
        list_url(look.site, InboxEvent, state__exact=quarantined.value),
    )


def alerts(look: Look) -> Tiles:
    opened = Alert.objects.filter(closed_at=None)
    count, untold = counted(opened), counted(opened.filter(sent_at=None))
    yield Tile(
        "Alerts open",
        count,
        f"{number(untold)} not sent yet" if untold else "everybody was told",
        "warn" if count else "good",
        list_url(look.site, Alert, tab="open"),
    )


def new_values(look: Look) -> Tiles:
    count = counted(unmapped())
    yield Tile(
        "New values",
        count,
        "seen at a source, in no value table" if count else "every value is mapped",
        "warn" if count else "good",
        list_url(look.site, SeenValue),
    )


def unmapped() -> QuerySet[SeenValue]:
    """Return the values that no row of their table takes, not even a star."""
    star = ValueTableRow.objects.filter(table=OuterRef("table"), source="*")
    return SeenValue.objects.filter(~Exists(star), state=SeenValue.State.NEW)


def conflicts(look: Look) -> Tiles:
    """Show fields that were not written, as long as one waits for an answer."""
    count = counted(OwnershipConflict.objects.filter(answer=""))
    if count:
        yield Tile(
            "Ownership conflicts",
            count,
            "fields not written, because somebody else owns them",
            "warn",
            list_url(look.site, OwnershipConflict, tab="open"),
        )


def signoffs(look: Look) -> Tiles:
    """Show what waits for a signature of this very person, to those who sign."""
    if not any(look.may(right) for right in signing.RIGHTS.values()):
        return
    count = len(signing.waiting_for(look.user))
    yield Tile(
        "Sign-offs waiting",
        count,
        "mapping versions that wait for you" if count else "nothing waits for you",
        "warn" if count else "good",
        reverse(f"{look.site.name}:mappings_signoffs"),
    )


def ready(look: Look) -> Tiles:
    """Show signed versions to those who publish, as long as one waits for them."""
    count = len(signing.ready())
    if count:
        yield Tile(
            "Ready to go live",
            count,
            "signed mapping versions: publish them, or set a date",
            "wait",
            reverse(f"{look.site.name}:mappings_signoffs"),
        )


def workers(look: Look) -> Tiles:
    """Show how many clusters of workers live: without one nothing is sent."""
    count = len(look.alive)
    yield Tile(
        "Worker groups alive",
        count,
        "they send, retry and tell people" if count else "nothing is sent: start them",
        "good" if count else "bad",
        list_url(look.site, WorkerGroup, tab="alive"),
    )


# What a person must hold to see a group; the others ask for themselves.
RIGHTS: dict[Builder, tuple[str, ...]] = {
    queue: ("errorqueue.view_failedrecord",),
    mine: ("errorqueue.view_failedrecord", "errorqueue.assign_failedrecord"),
    flows: ("integrations.view_flow",),
    records: ("integrations.view_syncrecord",),
    connections: ("integrations.view_connection",),
    maintenance: ("integrations.view_maintenancewindow",),
    deliveries: ("integrations.view_inboxevent",),
    alerts: ("errorqueue.view_alert",),
    new_values: ("mappings.view_seenvalue",),
    conflicts: ("integrations.view_ownershipconflict",),
    ready: ("mappings.publish_mappingversion",),
    workers: ("integrations.view_workergroup",),
}


def start_of_today() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def list_url(site: AdminSite, model: type[Model], **filters: str) -> str:
    """Return the address of a list, narrowed; nothing where there is no such list."""
    if not site.is_registered(model):
        return ""
    meta = model._meta
    address = reverse(f"{site.name}:{meta.app_label}_{meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address
