"""The search box of every page, and the story of one record behind it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from errorqueue.masking import masked, masked_email
from errorqueue.models import FailedRecord
from errorqueue.wording import money
from integrations.admin.columns import state_pill
from integrations.admin.links import vendor_link
from integrations.models import Connection, InboxEvent, Link, SyncRecord
from integrations.sync import finding, story
from integrations.sync.routes import page_of
from integrations.sync.story import Story, Told, spaced
from integrations.sync.telling import Entry, Lane, Place

SEARCH = "admin/integrations/story_search.html"
PAGE = "admin/integrations/story.html"
RIGHT = "integrations.view_syncrecord"
VIEW_LINES = "errorqueue.view_failedrecord"
# What else was found, by the right that opens it.
GROUPS = {
    "lines": VIEW_LINES,
    "causes": "errorqueue.view_cause",
    "deliveries": "integrations.view_inboxevent",
}

may_see = permission_required(RIGHT, raise_exception=True)


# The search


@may_see
def search_view(request: HttpRequest) -> HttpResponse:
    """Show what a word leads to; one record alone opens its story at once.

    A POST asks the other systems as well: that takes a call, so a person asks for it.
    """
    told = request.POST if request.method == "POST" else request.GET
    word = told.get("q", "").replace("\x00", "").strip()
    asked = finding.ask(word) if request.method == "POST" and word else None
    hits = finding.find(word, asked.records if asked else ())
    if hits.only_record and "all" not in told:
        return redirect(story_url(hits.only_record.pk))
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "word": word,
        "story_word": word,
        "hits": _allowed(hits, request.user),
        "rows": [_row(record, request.user) for record in hits.records],
        "most": finding.MOST,
        "asked": asked,
        "askable": finding.askable_for(word) if asked is None else [],
    }
    return TemplateResponse(request, SEARCH, context)


def _allowed(hits: finding.Hits, user: Any) -> finding.Hits:
    """Leave out what this person may not open."""
    hidden: dict[str, Any] = {
        name: () for name, right in GROUPS.items() if not user.has_perm(right)
    }
    shown = replace(hits, **hidden)
    return replace(shown, lines=tuple(_masked_line(one, user) for one in shown.lines))


def _masked_line(line: FailedRecord, user: Any) -> FailedRecord:
    line.what = masked(line.what, user)
    return line


def _row(record: SyncRecord, user: Any) -> dict[str, Any]:
    flow = record.flow
    return {
        "record": record,
        # A customer is called by name already.
        "party": "" if record.party in str(record) else record.party,
        "url": story_url(record.pk),
        "pill": state_pill(record),
        "email": masked_email(record.email, user),
        "amount": money(record.amount, record.currency),
        "there": vendor_link(flow.target, flow.target_record, record.target_id),
    }


# The story


@dataclass(frozen=True)
class Shown:
    """A line of the story with the name of the system it happened in."""

    entry: Entry
    gap: str
    lane: str


@dataclass(frozen=True)
class Day:
    """One day of a story; the zone may change within it, so each time says its own."""

    date: date
    lines: tuple[Shown, ...]


def story_url(record: int) -> str:
    return reverse("admin:story_record", args=[record])


@may_see
@require_GET
def story_view(request: HttpRequest, record_id: int) -> HttpResponse:
    """Tell the story of one record; oldest first, unless asked otherwise."""
    record = get_object_or_404(story.records(), pk=record_id)
    told = _for_eyes(story.story_of(record), request.user)
    is_newest_first, lanes = "newest" in request.GET, _lanes(record)
    lines = told.lines[::-1] if is_newest_first else told.lines
    context = {
        **admin.site.each_context(request),
        "title": f"The story of {record}",
        "record": record,
        "story": told,
        "state_pill": state_pill(record),
        "days": list(_days(lines, lanes)),
        "is_newest_first": is_newest_first,
        "lanes": lanes,
        "facts": [fact for fact in _facts(record, request.user) if fact[1]],
        "links": [(one, spaced(one.target_record), _there(one)) for one in told.links],
        "related": [(one.how, _row(one.record, request.user)) for one in told.related],
        "most": story.MOST,
        "may_see_lines": request.user.has_perm(VIEW_LINES),
    }
    return TemplateResponse(request, PAGE, context)


@may_see
@require_GET
def story_of_line_view(request: HttpRequest, line_id: int) -> HttpResponse:
    """Lead from a failed record to its story, or to the delivery that it is about."""
    line = get_object_or_404(FailedRecord, pk=line_id)
    subject = line.subject
    if isinstance(subject, SyncRecord):
        return redirect(story_url(subject.pk))
    return redirect(page_of(subject if isinstance(subject, InboxEvent) else line))


def _for_eyes(told: Story, user: Any) -> Story:
    """Hide what is personal, and links that this person may not follow."""
    lines = tuple(replace(one, entry=_entry(one, user)) for one in told.lines)
    return replace(told, lines=lines, sentence=masked(told.sentence, user))


def _entry(told: Told, user: Any) -> Entry:
    entry = told.entry
    return replace(
        entry,
        what=masked(entry.what, user),
        detail=masked(entry.detail, user),
        places=tuple(one for one in entry.places if _is_open(one, user)),
    )


def _is_open(place: Place, user: Any) -> bool:
    return place.is_outside or bool(user.has_perm(place.needs))


def _days(lines: tuple[Told, ...], lanes: dict[str, str]) -> Iterator[Day]:
    """Group by the day on the console's own calendar."""
    shown = [Shown(told.entry, told.gap, lanes[told.entry.lane]) for told in lines]
    for day, of_it in groupby(
        shown, key=lambda one: timezone.localtime(one.entry.at).date()
    ):
        yield Day(day, tuple(of_it))


def _lanes(record: SyncRecord) -> dict[str, str]:
    flow = record.flow
    return {
        Lane.SOURCE.value: flow.source.name,
        Lane.WAYBILL.value: "Waybill",
        Lane.TARGET.value: flow.target.name,
        Lane.PEOPLE.value: "People",
    }


def _facts(record: SyncRecord, user: Any) -> list[tuple[str, Any]]:
    flow = record.flow
    return [
        ("Customer", record.party),
        ("E-mail", masked_email(record.email, user)),
        ("Amount", money(record.amount, record.currency)),
        ("SKUs", record.skus),
        ("Flow", str(flow)),
        (
            f"{flow.target} id",
            vendor_link(flow.target, flow.target_record, record.target_id),
        ),
        ("External id", record.external_id),
        (f"{_system(flow.source)} id", record.source_key),
    ]


def _there(link: Link) -> SafeString | str:
    return vendor_link(link.target_connection, link.target_record, link.target_id)


def _system(connection: Connection) -> str:
    return str(connection.get_system_display())
