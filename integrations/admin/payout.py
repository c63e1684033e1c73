"""Payouts for finance reviewers: does the net tie to its lines, and by how much not."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.clock import database_time
from errorqueue.templatetags.console import pill
from errorqueue.text import number_of
from integrations.admin.columns import with_note
from integrations.admin.payout_page import context_of
from integrations.models import Connection
from integrations.reconciliation import asking, words
from integrations.reconciliation.models import Payout
from integrations.sync.completeness.days import today

FETCHES = "reconciliation.fetch_payout"
PAGE = "admin/reconciliation/payout/page.html"
# What a person asks for unless other days are chosen.
USUAL_DAYS = timedelta(days=30)
Standing = Payout.Standing
TONES = {
    Standing.UNREAD: "wait",
    Standing.TIES: "good",
    Standing.UNMAPPED: "warn",
    Standing.DIFFERS: "bad",
    Standing.MIXED: "bad",
}
WANTING = Q(standing__in=[Standing.DIFFERS, Standing.MIXED, Standing.UNMAPPED])


class PayoutTabs(TabFilter):
    """What is not explained stands one click away."""

    title = "explained"
    tabs = (
        Tab("all", "All", Q(pk__isnull=False), is_sum=True),
        Tab("person", "Not explained", WANTING | ~Q(problem="")),
        Tab("ties", "Ties", Q(standing=Standing.TIES, problem="")),
    )


class StatusFilter(admin.SimpleListFilter):
    """Offers the states that a payout can be in, without reading any."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, label) for key, (label, _) in words.STATUSES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(status=self.value()) if self.value() else queryset


class PeriodFilter(admin.SimpleListFilter):
    """Narrows to the days by which finance closes its books."""

    title = "period"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("month", "This month"),
            ("last", "Last month"),
            ("90", "Last 90 days"),
            ("year", "This year"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() is None:
            return queryset
        first, last = period_of(self.value() or "", today(database_time()))
        return queryset.filter(day__gte=first, day__lte=last)


def period_of(name: str, now: date) -> tuple[date, date]:
    """Return the first and the last day of a period by its name; all for others."""
    begin = now.replace(day=1)
    before = begin - timedelta(days=1)
    known = {
        "month": (begin, date.max),
        "last": (before.replace(day=1), before),
        "90": (now - timedelta(days=90), date.max),
        "year": (now.replace(month=1, day=1), date.max),
    }
    return known.get(name, (date.min, date.max))


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    """Payouts, newest first, each in a sentence."""

    list_display = ["told", "standing_shown", "status_shown", "net_shown", "day"]
    list_display_links = ["told"]
    list_filter = [PayoutTabs, StatusFilter, "currency", PeriodFilter, "connection"]
    list_select_related = ["connection"]
    search_fields = ["=vendor_id", "=trace"]
    search_help_text = "Whole number of the payout, or the bank's reference."
    ordering = ["-issued_at", "-pk"]
    sortable_by = ("day",)

    class Media:
        css = {"all": ["console/pages.css", "console/payouts.css"]}

    @admin.display(description="Payout", ordering="issued_at")
    def told(self, payout: Payout) -> SafeString | str:
        note = " · ".join(filter(None, [str(payout.connection), payout.problem]))
        return with_note(words.sentence(payout), note)

    @admin.display(description="Explained")
    def standing_shown(self, payout: Payout) -> SafeString:
        if payout.problem:
            return pill("Cannot be read", "bad")
        return pill(payout.get_standing_display(), TONES[Standing(payout.standing)])

    @admin.display(description="Status")
    def status_shown(self, payout: Payout) -> SafeString:
        return pill(*words.status(payout))

    @admin.display(description="Net")
    def net_shown(self, payout: Payout) -> SafeString:
        told = words.amount(payout.net, payout.currency)
        return format_html('<span class="payout-money">{}</span>', told)

    def get_urls(self) -> list[URLPattern]:
        view: Callable[..., Any] = self.admin_site.admin_view
        fetch = view(require_POST(self.fetch_view))
        own = path("fetch/", fetch, name="reconciliation_payout_fetch")
        return [own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        now = database_time().date()
        may = request.user.has_perm(FETCHES)
        context = {
            "accounts": asking.paying_connections() if may else [],
            "fetches": asking.last_fetches(),
            "first": now - USUAL_DAYS,
            "last": now,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one payout: the sentence, the waterfall, the lines."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Payout.objects.select_related("connection")
        payout = get_object_or_404(rows, pk=number_of(object_id))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": words.heading(payout),
            **context_of(payout, request),
            "standing": self.standing_shown(payout),
        }
        return TemplateResponse(request, PAGE, context)

    def fetch_view(self, request: HttpRequest) -> HttpResponse:
        """Have the payouts of some days read whole by the workers."""
        if not request.user.has_perms([FETCHES, "reconciliation.view_payout"]):
            raise PermissionDenied
        account = get_object_or_404(
            Connection, pk=number_of(request.POST.get("account", ""))
        )
        first, last = _day(request, "first"), _day(request, "last")
        if first is None or last is None:
            messages.error(request, "Choose the first and the last day.")
            return redirect("admin:reconciliation_payout_changelist")
        try:
            asking.ask(account, first, last, request.user)
        except asking.NotAsked as reason:
            messages.error(request, str(reason))
        else:
            said = "Being fetched; the state of it stands on this page."
            messages.success(request, f"{account}: {said}")
        return redirect("admin:reconciliation_payout_changelist")


def _day(request: HttpRequest, name: str) -> date | None:
    try:
        return date.fromisoformat(request.POST.get(name, ""))
    except ValueError:
        return None
