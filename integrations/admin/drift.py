"""Fields that drifted: what happened, which rows it hits, and who has seen it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.templatetags.console import pill
from integrations.admin.columns import moment
from integrations.admin.filters import needs_me
from integrations.models import Drift
from integrations.studio import drift as drifting

MOST_SHOWN = 8


@admin.register(Drift)
class DriftAdmin(ReadOnlyAdmin):
    list_display = ["what", "hits", "connection", "state_shown", "found_shown"]
    list_display_links = None
    list_filter = [
        needs_me(Q(gone_at=None, seen_at=None) & ~Q(documents=[])),
        "connection",
        "kind",
        ("gone_at", admin.EmptyFieldListFilter),
    ]
    list_select_related = ["connection", "seen_by"]
    search_fields = ["field", "record_type"]
    actions = ["mark_seen"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": "Field drift", **(extra_context or {})}
        return super().changelist_view(request, context)

    def has_seen_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("integrations.change_drift")

    @admin.display(description="What happened")
    def what(self, drift: Drift) -> str:
        return drifting.sentence(drift)

    @admin.display(description="Rows that use it")
    def hits(self, drift: Drift) -> SafeString | str:
        if not drift.documents:
            return "none"
        pairs = drift.documents[:MOST_SHOWN]
        shown = format_html_join(SafeString("<br>"), "{}: {}", pairs)
        more = len(drift.documents) - MOST_SHOWN
        return format_html("{} {}", shown, f"and {more} more" if more > 0 else "")

    @admin.display(description="State")
    def state_shown(self, drift: Drift) -> SafeString:
        if drift.gone_at:
            return pill(f"Over since {moment(drift.gone_at)}", "good")
        if drift.seen_at:
            return pill(f"Seen by {drift.seen_by}", "wait")
        return pill("Open", "bad" if drift.documents else "warn")

    @admin.display(description="Found", ordering="pk")
    def found_shown(self, drift: Drift) -> str:
        return moment(drift.found_at)

    @admin.action(description="Mark as seen", permissions=["seen"])
    def mark_seen(self, request: HttpRequest, queryset: QuerySet[Drift]) -> None:
        """Note who has seen them; those that hit a document stay until it is mended."""
        open_ones: list[Any] = list(queryset.filter(gone_at=None))
        for drift in open_ones:
            drifting.mark_seen(drift, request.user)
        text = f"Seen: {len(open_ones)}. What hits a document stays until it is mended."
        messages.success(request, text)
