"""The error queue: its list, and where its other pages hang."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.safestring import SafeString

from errorqueue import bulk, services
from errorqueue.admin import pages
from errorqueue.admin.columns import Columns, checkbox
from errorqueue.admin.filters import QueueTabs, tab_counts
from errorqueue.admin.listing import QueueList, QueuePages
from errorqueue.admin.numbered import numbered
from errorqueue.admin.people_views import PeoplePages
from errorqueue.admin.rows import Draw
from errorqueue.admin.search import search_of
from errorqueue.markup import filled, joined
from errorqueue.models import FailedRecord
from errorqueue.qualifiers import ALL
from errorqueue.tabs import tab_of

# What one press retries without a plan: about a page of lines.
MOST_UNASKED = 50
# The buttons of a selection: verb of the plan, its words, the right it takes, its key.
BULK_VERBS = (
    ("assign", "Assign", "assign", "a"),
    ("snooze", "Snooze", "assign", "s"),
    ("tag", "Tag", "assign", ""),
    ("preflight", "Pre-flight", "retry", ""),
    ("resolve", "Resolve", "resolve", "d"),
    ("exclude", "Exclude", "exclude", ""),
)
# The keys of the list, as its help tells them (static/console/keys.js).
KEYS = (
    ("j k", "Next and previous row"),
    ("x", "Select; with Shift all rows up to here"),
    ("Enter", "Open"),
    ("r", "Retry"),
    ("f", "Fix: a form of the values that are wrong"),
    ("e", "Edit the whole payload"),
    ("a", "Assign"),
    ("s", "Snooze"),
    ("d", "Resolve: settled elsewhere"),
    ("g c", "Go to the causes"),
    ("/", "Search"),
    ("?", "This help"),
)


@runtime_checkable
class ProvesItself(Protocol):
    """A site that can show that an empty queue is no broken queue."""

    def proof(self) -> Sequence[tuple[str, Any]]:
        """Return facts: sums of every flow, its last event, the last sweep."""


@admin.register(FailedRecord)
class FailedRecordAdmin(PeoplePages):
    list_filter = [QueueTabs]
    search_fields = ["reference"]
    search_help_text = "Order, SKU, e-mail, customer, ERR-id, or age:>4h amount:>500 …"
    sortable_by = ()
    actions = ["retry_selected", "work_on_selected"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QueueList]:
        return QueueList

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **kw: Any
    ) -> QueuePages:
        pages_of_tab = QueuePages(queryset, per_page, *args, **kw)
        tab = tab_of(request.GET.get("tab"))
        pages_of_tab.figure = tab_counts(request)[tab.key]
        return pages_of_tab

    def get_list_display(self, request: HttpRequest) -> Any:
        return Columns(self._row_buttons(request)).shown

    def action_checkbox(self, obj: FailedRecord) -> SafeString:
        return checkbox(obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return queryset.filter(search_of(request, search_term).where), False

    def _row_buttons(self, request: HttpRequest) -> Draw | None:
        retries, mends = self.may(request, "retry"), self.may(request, "edit")
        if not retries and not mends:
            return None
        kept = self.get_preserved_filters(request)
        retry_at, fix_at = (
            numbered(f"admin:errorqueue_failedrecord_{page}", kept)
            for page in ("retry", "fix")
        )

        @admin.display(description="Action")
        def row_buttons(line: FailedRecord) -> SafeString | str:
            if not line.is_open:
                return ""
            if line.status == FailedRecord.Status.BLOCKED and line.blocked_by_id:
                return _head_link(line)
            shown = []
            if retries:
                shown.append(_retry_button(retry_at(line.pk), line))
            if mends:
                shown.append(_fix_link(fix_at(line.pk), line))
            return joined(" ", shown)

        return row_buttons

    @admin.action(description="Retry", permissions=["retry"])
    def retry_selected(
        self, request: HttpRequest, queryset: QuerySet[FailedRecord]
    ) -> HttpResponseBase | None:
        """Queue a page of lines at once; more of them go by a plan first."""
        across = request.POST.get("select_across") == "1"
        if across or queryset.count() > MOST_UNASKED:
            return _to_plan()
        counted = bulk.each(queryset, partial(services.retry, by=request.user))
        self.message_user(request, counted.sentence("Queued"), _level(counted))
        return None

    @admin.action(description="Work on selected", permissions=["work"])
    def work_on_selected(
        self, request: HttpRequest, queryset: QuerySet[FailedRecord]
    ) -> HttpResponseBase | None:
        """Lead to the plan: the buttons of the selection say which verb is meant."""
        return _to_plan()

    def has_work_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "bulk")

    def get_urls(self) -> list[URLPattern]:
        return [*pages.of(self), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        site = self.admin_site
        context = {
            "proof": site.proof if isinstance(site, ProvesItself) else list,
            "qualifiers": ALL,
            "keys": KEYS,
            "may_retry": self.may(request, "retry"),
            "may_edit": self.may(request, "edit"),
            "may_assign": self.may(request, "assign"),
            "verbs": self._verbs(request),
            "plan_url": _address("admin:errorqueue_bulkrun_plan"),
            "causes_url": _address("admin:errorqueue_cause_changelist"),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def _verbs(self, request: HttpRequest) -> list[dict[str, str]]:
        """Return the buttons of a selection that this person may press."""
        if not self.may(request, "bulk"):
            return []
        return [
            {"verb": verb, "label": label, "key": key}
            for verb, label, right, key in BULK_VERBS
            if self.may(request, right)
        ]


def _head_link(line: FailedRecord) -> SafeString:
    """What blocks a line is what has to be worked on."""
    return filled(
        '<a class="button button-small button-quiet" href="{}">Open ERR-{}</a>',
        reverse("admin:errorqueue_failedrecord_change", args=[line.blocked_by_id]),
        line.blocked_by_id,
    )


def _retry_button(address: str, line: FailedRecord) -> SafeString:
    return filled(
        '<button type="submit" class="button button-small" formaction="{}" '
        'name="back" value="list" data-key="r" aria-label="Retry now {}">'
        "Retry now</button>",
        address,
        line.human_id,
    )


def _fix_link(address: str, line: FailedRecord) -> SafeString:
    return filled(
        '<a class="button button-small button-quiet" href="{}" data-key="f" '
        'aria-label="Fix {}">Fix</a>',
        address,
        line.human_id,
    )


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _to_plan() -> HttpResponse:
    """Send the browser on with all it posted: the plan reads the same form."""
    return HttpResponse(
        status=307, headers={"Location": _address("admin:errorqueue_bulkrun_plan")}
    )


def _level(counted: bulk.Counted) -> int:
    is_whole = counted.done and not (counted.skipped or counted.left)
    return messages.SUCCESS if is_whole else messages.WARNING
