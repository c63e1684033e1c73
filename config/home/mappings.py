"""For mapping editors and signers: versions on their way, values nobody mapped."""

from collections.abc import Iterator

from django.urls import reverse

from config.home.look import Look
from config.home.parts import SHOWN, Card, Row, joined, page_url
from config.home.queue import causes
from config.tiles import list_url, unmapped
from errorqueue.failures import FailureKind
from errorqueue.models import Cause
from errorqueue.templatetags.console import moment, pill
from integrations.models import OwnershipConflict
from mappings import signing
from mappings.models import MappingVersion, SeenValue

State = MappingVersion.State
TONES = {State.DRAFT: "mute", State.REVIEW: "wait", State.SCHEDULED: "wait"}


def editing(look: Look) -> Iterator[Card]:
    """Yield what a mapping editor opens first."""
    if look.may("mappings.view_mappingversion"):
        yield _versions(look)
    if look.may("mappings.view_seenvalue"):
        yield _values(look)
    if look.may("errorqueue.view_cause"):
        yield _failures(look)
    if look.may("integrations.view_ownershipconflict"):
        yield _conflicts(look)


def _versions(look: Look) -> Card:
    found = MappingVersion.objects.filter(state__in=MappingVersion.ON_ITS_WAY)
    newest = found.select_related("document", "created_by").order_by("-pk")[:SHOWN]
    rows = [
        Row(
            str(one),
            page_url(look.site, one),
            f"by {one.created_by}" if one.created_by else "",
            pill(one.get_state_display(), TONES[State(one.state)]),
        )
        for one in newest
    ]
    return Card(
        "versions",
        "Versions on their way",
        rows,
        "Every document is as it went live.",
        list_url(look.site, MappingVersion),
    )


def _values(look: Look) -> Card:
    found = unmapped().select_related("table").order_by("-times", "pk")[:SHOWN]
    rows = [
        Row(
            one.value,
            reverse(
                f"{look.site.name}:mappings_valuetable_change", args=[one.table_id]
            ),
            joined([str(one.table), _proposal(one)]),
            pill(f"seen {one.times:,} ×", "warn"),
        )
        for one in found
    ]
    empty = "Every value that was seen is in its table."
    return Card(
        "values", "Unmapped values", rows, empty, list_url(look.site, SeenValue)
    )


def _proposal(seen: SeenValue) -> str:
    return f"proposed: {seen.proposed}" if seen.proposed else ""


def _failures(look: Look) -> Card:
    kind = FailureKind.MAPPING.value
    found = Cause.objects.filter(open_count__gt=0, kind=kind)
    title = "Failures of mappings"
    return causes(look, found, "mapping-causes", title, kind__exact=kind)


def _conflicts(look: Look) -> Card:
    found = OwnershipConflict.objects.filter(answer="").select_related("record__flow")
    light = found.defer("record__source", "record__edited").order_by("-pk")
    rows = [
        Row(str(one), page_url(look.site, one), moment(one.found_at))
        for one in light[:SHOWN]
    ]
    return Card(
        "conflicts",
        "Ownership conflicts",
        rows,
        "No field waits for an answer.",
        list_url(look.site, OwnershipConflict, tab="open"),
    )


def signing_of(look: Look) -> Iterator[Card]:
    """Yield the versions that wait for a signature of this very person."""
    rows = [
        Row(
            str(one),
            page_url(look.site, one),
            f"sent by {one.sent_by}" if one.sent_by else "",
            moment(one.sent_at),
        )
        for one in signing.waiting_for(look.user)[:SHOWN]
    ]
    yield Card(
        "signoffs",
        "Waits for your signature",
        rows,
        "No version waits for you.",
        reverse(f"{look.site.name}:mappings_signoffs"),
    )
