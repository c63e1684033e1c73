"""Causes: one row for many failures with one reason, and the page that ends them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue import causes, recipes, wording
from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.admin.sparkline import sparkline
from errorqueue.admin.ways_out import as_allowed
from errorqueue.bulk.plan import NOT_LOOKED_AT
from errorqueue.failures import LIGHT_CHOICES, FailureKind
from errorqueue.masking import veil
from errorqueue.models import Cause, CauseMerge, FailedRecord
from errorqueue.models.failed import KIND_TONES
from errorqueue.people import colleagues
from errorqueue.templatetags.console import moment
from errorqueue.text import number_of
from errorqueue.workbench import workbench_of

SAMPLE = 10
LIGHT_TONES = {"green": "good", "amber": "warn", "red": "bad", "": "mute"}


class CauseTabs(TabFilter):
    """Causes that are open first; merged ones count under another."""

    title = "state"
    tabs = (
        Tab("open", "Open", Q(open_count__gt=0, merged_into=None)),
        Tab("quiet", "Quiet", Q(open_count=0, merged_into=None)),
        Tab("merged", "Merged", Q(merged_into__isnull=False)),
        Tab("all", "All", Q(), is_sum=True),
    )


@admin.register(Cause)
class CauseAdmin(ReadOnlyAdmin):
    """One row per cause, the one with most open records first."""

    list_display = [
        "what_it_is",
        "open_records",
        "trend_shown",
        "at_stake",
        "oldest",
        "last_seen",
        "owner_shown",
        "known_fix",
    ]
    list_filter = [CauseTabs, "kind"]
    list_select_related = ["owner"]
    search_fields = ["text", "value", "field"]
    search_help_text = "Words of the message, a field, a value"
    ordering = ["-open_count", "-last_seen_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cause]:
        found: QuerySet[Cause] = super().get_queryset(request)
        kept = recipes.living().filter(recipes.of_cause(OuterRef("pk")))
        return found.annotate(has_fix=Exists(kept))

    @admin.display(description="Cause", ordering="text")
    def what_it_is(self, cause: Cause) -> SafeString:
        place = " · ".join(part for part in (cause.field, cause.value) if part)
        return format_html(
            '<span class="quiet-line">{} · {}</span> <span class="sentence">{}</span>'
            "{}",
            cause.human_id,
            cause.get_kind_display(),
            cause.sentence,
            format_html('<code class="quiet-line">{}</code>', place) if place else "",
        )

    @admin.display(description="Open", ordering="open_count")
    def open_records(self, cause: Cause) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', _members_url(cause), f"{cause.open_count:,}"
        )

    @admin.display(description="14 days")
    def trend_shown(self, cause: Cause) -> SafeString | str:
        return sparkline(cause.trend)

    @admin.display(description="At stake", ordering="most_money")
    def at_stake(self, cause: Cause) -> str:
        return ", ".join(wording.moneys(cause.money))

    @admin.display(description="Oldest open", ordering="oldest_open_at")
    def oldest(self, cause: Cause) -> SafeString | str:
        return moment(cause.oldest_open_at)

    @admin.display(description="Last seen", ordering="last_seen_at")
    def last_seen(self, cause: Cause) -> SafeString | str:
        return moment(cause.last_seen_at)

    @admin.display(description="Owner", ordering="owner__username")
    def owner_shown(self, cause: Cause) -> str:
        return str(cause.owner or "nobody")

    @admin.display(description="Known fix")
    def known_fix(self, cause: Cause) -> SafeString | str:
        if not getattr(cause, "has_fix", False):
            return ""
        return format_html('<span class="pill pill-good">{}</span>', "Known fix")

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "errorqueue_cause"
        own = [
            path(
                f"<int:pk>/{verb}/",
                view(require_POST(function)),
                name=f"{name}_{verb}",
            )
            for verb, function in (
                ("own", self.own_view),
                ("merge", self.merge_view),
                ("unmerge", self.unmerge_view),
            )
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one cause: how large, why, how to end it, and its oldest records."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Cause.objects.select_related("owner", "merged_into")
        cause = get_object_or_404(found, pk=number_of(object_id))
        context = {
            **self.admin_site.each_context(request),
            **_context_of(cause, request.user),
            "opts": self.opts,
            "title": f"{cause.human_id} · {cause}",
        }
        return TemplateResponse(request, "admin/errorqueue/cause/page.html", context)

    def own_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give a cause an owner: its new records go to them."""
        cause = self._cause(request, pk, "own_cause")
        wanted = request.POST.get("owner", "").strip()
        owner = colleagues().filter(pk=_number(request, "owner")).first()
        if wanted and owner is None:
            text = "Nobody who sees the error queue has that number. Choose a person, "
            self.message_user(request, f"{text}or nobody.", messages.ERROR)
            return redirect("admin:errorqueue_cause_change", pk)
        Cause.objects.filter(pk=cause.pk).update(owner=owner)
        told = f"{owner} owns" if owner else "Nobody owns"
        self.message_user(request, f"{told} {cause.human_id} now.", messages.SUCCESS)
        return redirect("admin:errorqueue_cause_change", pk)

    def merge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let this cause count as another one."""
        cause = self._cause(request, pk, "merge_cause")
        into = Cause.objects.filter(pk=_number(request, "into")).first()
        if into is None:
            text = "No cause has that number: write it as in CAUSE-12."
            self.message_user(request, text, messages.ERROR)
            return redirect("admin:errorqueue_cause_change", pk)
        try:
            merged = causes.merge(cause, into, request.user)
        except causes.NotMergeable as reason:
            self.message_user(request, str(reason), messages.ERROR)
        else:
            self.message_user(request, merged.rule, messages.SUCCESS)
        return redirect("admin:errorqueue_cause_change", pk)

    def unmerge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Part two causes again."""
        self._cause(request, pk, "merge_cause")
        merges = CauseMerge.objects.filter(Q(cause=pk) | Q(into=pk))
        merged = get_object_or_404(merges, pk=_number(request, "merge"))
        try:
            causes.unmerge(merged, request.user)
        except causes.NotMergeable as reason:
            self.message_user(request, str(reason), messages.ERROR)
        else:
            text = "Parted again: each record goes back to its own cause."
            self.message_user(request, text, messages.SUCCESS)
        return redirect("admin:errorqueue_cause_change", pk)

    def _cause(self, request: HttpRequest, pk: int, right: str) -> Cause:
        user: Any = request.user
        if not user.has_perms([f"errorqueue.{right}", "errorqueue.view_cause"]):
            raise PermissionDenied
        return get_object_or_404(Cause, pk=pk)


def _context_of(cause: Cause, user: Any) -> dict[str, Any]:
    members = FailedRecord.objects.open().filter(cause=cause)
    oldest = list(members.order_by("first_failed_at", "pk")[:SAMPLE])
    veil(oldest, user)
    merges = CauseMerge.objects.filter(Q(cause=cause) | Q(into=cause))
    may_bulk = user.has_perm("errorqueue.bulk_failedrecord")
    return {
        "cause": cause,
        "kind_tone": KIND_TONES[FailureKind(cause.kind)],
        "money": wording.moneys(cause.money),
        "trend": sparkline(cause.trend),
        "members": oldest,
        "members_url": _members_url(cause),
        "lights": _lights(members),
        "routes": _routes(oldest, user),
        "fixes": recipes.living()
        .filter(recipes.of_cause(cause))
        .select_related("author"),
        "merges": merges.select_related("cause", "into", "by", "undone_by"),
        "runs": cause.runs.order_by("-pk")[:5],
        "people": colleagues() if user.has_perm("errorqueue.own_cause") else [],
        "may_bulk": may_bulk,
        "may_mend": may_bulk and user.has_perm("errorqueue.edit_failedrecord"),
        "may_retry": may_bulk and user.has_perm("errorqueue.retry_failedrecord"),
        "may_exclude": may_bulk and user.has_perm("errorqueue.exclude_failedrecord"),
        "may_merge": user.has_perm("errorqueue.merge_cause"),
    }


def _lights(members: Any) -> list[dict[str, Any]]:
    rows = members.order_by().values("preflight").annotate(count=Count("pk"))
    labels = dict(LIGHT_CHOICES)
    return [
        {
            "label": labels.get(row["preflight"], NOT_LOOKED_AT),
            "tone": LIGHT_TONES[row["preflight"]],
            "count": row["count"],
        }
        for row in rows.order_by("preflight")
    ]


def _routes(oldest: list[FailedRecord], user: Any) -> list[Any]:
    """Return the ways out that mend it for all; asked of the oldest member."""
    bench = workbench_of(oldest[0]) if oldest else None
    if bench is None:
        return []
    shared = ("mapping", "create", "elsewhere")
    found = bench.routes(oldest[0].problems)
    return [as_allowed(one, user) for one in found if one.kind in shared]


def _members_url(cause: Cause) -> str:
    address = reverse("admin:errorqueue_failedrecord_changelist")
    return f"{address}?q=cause:{cause.pk}"


def _number(request: HttpRequest, name: str) -> int:
    """Read "12", "CAUSE-12" or nothing."""
    text = request.POST.get(name, "").upper().removeprefix("CAUSE-").strip()
    return number_of(text)
