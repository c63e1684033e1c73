"""The error queue: its list, the page of one record, its buttons."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from errorqueue import bulk, services
from errorqueue.admin import confirm, detail
from errorqueue.admin.columns import Columns, live_pill
from errorqueue.admin.filters import AgeFilter, RecentValuesFilter, StatusTabs
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.admin.search import search
from errorqueue.api import StatusView
from errorqueue.models import FailedRecord

# More than a page of lines is retried only after a look at what is meant.
MOST_UNASKED = 50


@runtime_checkable
class ProvesItself(Protocol):
    """A site that can show that an empty queue is no broken queue."""

    def proof(self) -> Sequence[tuple[str, Any]]:
        """Return facts: last delivery, delivered today, what waits."""


@admin.register(FailedRecord)
class FailedRecordAdmin(Columns, ReadOnlyAdmin):
    list_display = [
        "what_failed",
        "cause",
        "flow_path",
        "money",
        "age",
        "tries_made",
        "state",
    ]
    list_filter = [
        StatusTabs,
        "kind",
        ("flow", RecentValuesFilter),
        ("target", RecentValuesFilter),
        ("entity", RecentValuesFilter),
        AgeFilter,
    ]
    search_fields = ["reference"]
    search_help_text = "Order, SKU, e-mail, customer, ERR-id, document id"
    actions = ["retry_selected", "exclude_selected"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request)
        # The list says what each record does now; a bulk action does not ask.
        return found.prefetch_related("subject") if request.method == "GET" else found

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "retry")

    def has_exclude_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "exclude")

    def _may(self, request: HttpRequest, verb: str) -> bool:
        user: Any = request.user
        return self.has_view_permission(request) and bool(
            user.has_perm(f"errorqueue.{verb}_failedrecord")
        )

    def get_list_display(self, request: HttpRequest) -> Any:
        if not self.has_retry_permission(request):
            return self.list_display
        return [*self.list_display, self._row_buttons(request)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return queryset.filter(search(search_term)), False

    def _row_buttons(self, request: HttpRequest) -> Callable[[FailedRecord], Any]:
        kept = self.get_preserved_filters(request)

        @admin.display(description="Action")
        def row_buttons(line: FailedRecord) -> SafeString | str:
            if not line.is_open:
                return ""
            address = self._address("retry", line, kept)
            return format_html(
                '<button type="submit" class="button button-small" '
                'formaction="{}" name="back" value="list" '
                'aria-label="Retry now {}">Retry now</button>',
                address,
                line.human_id,
            )

        return row_buttons

    @admin.action(description="Retry selected", permissions=["retry"])
    def retry_selected(
        self, request: HttpRequest, queryset: QuerySet[FailedRecord]
    ) -> HttpResponseBase | None:
        lines = confirm.as_shown(request, queryset)
        if not confirm.is_confirmed(request) and lines.count() > MOST_UNASKED:
            return confirm.ask(self, request, confirm.RETRY, lines)
        counted = bulk.each(lines, partial(services.retry, by=request.user))
        self.message_user(request, counted.sentence("Queued"), _level(counted))
        return None

    @admin.action(description="Exclude selected", permissions=["exclude"])
    def exclude_selected(
        self, request: HttpRequest, queryset: QuerySet[FailedRecord]
    ) -> HttpResponseBase | None:
        lines = confirm.as_shown(request, queryset)
        form = confirm.ReasonForm(
            request.POST if confirm.is_confirmed(request) else None
        )
        if not form.is_valid():
            return confirm.ask(self, request, confirm.EXCLUDE, lines, form)
        reason = form.cleaned_data["reason"]
        counted = bulk.each(
            lines, partial(services.exclude, by=request.user, reason=reason)
        )
        self.message_user(request, counted.sentence("Excluded"), _level(counted))
        return None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path(
                "<int:pk>/retry/",
                view(require_POST(self.retry_view)),
                name="errorqueue_failedrecord_retry",
            ),
            path(
                "<int:pk>/exclude/",
                view(self.exclude_view),
                name="errorqueue_failedrecord_exclude",
            ),
            path(
                "<int:pk>/status/",
                StatusView.as_view(),
                name="errorqueue_failedrecord_status",
            ),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        site = self.admin_site
        proof = site.proof if isinstance(site, ProvesItself) else list
        context = {"proof": proof, **(extra_context or {})}
        return super().changelist_view(request, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return require_safe(self.detail_view)(request, object_id)

    def detail_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show one failed record; reading it changes nothing."""
        line: Any = self.get_object(request, object_id)
        if not self.has_view_permission(request, line):
            raise PermissionDenied
        if line is None:
            return self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, object_id
            )
        kept = self.get_preserved_filters(request)
        context = {
            **self.admin_site.each_context(request),
            **detail.context_of(line, request.user),
            "opts": self.opts,
            "title": str(line),
            "status_pill": live_pill(line),
            "list_url": self._list_url(kept),
            "retry_url": self._address("retry", line, kept)
            if self.has_retry_permission(request)
            else "",
            "exclude_url": self._address("exclude", line, kept)
            if self.has_exclude_permission(request)
            else "",
        }
        return TemplateResponse(
            request, "admin/errorqueue/failedrecord/detail.html", context
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Queue one record and return to where the button was."""
        line = self._line(request, pk, self.has_retry_permission(request))
        try:
            services.retry(line, by=request.user)
        except services.NotOpen as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.message_user(request, f"{line.human_id} is queued.", messages.SUCCESS)
        return redirect(self._back(request, line))

    def exclude_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask for the reason, then set one record aside."""
        line = self._line(request, pk, self.has_exclude_permission(request))
        form = confirm.ReasonForm(request.POST or None)
        if not form.is_valid():
            lines, back = FailedRecord.objects.filter(pk=pk), self._back(request, line)
            return confirm.ask(self, request, confirm.EXCLUDE, lines, form, back)
        try:
            services.exclude(line, by=request.user, reason=form.cleaned_data["reason"])
        except services.NotOpen as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.message_user(
                request, f"{line.human_id} is excluded.", messages.SUCCESS
            )
        return redirect(self._back(request, line))

    def _line(self, request: HttpRequest, pk: int, is_allowed: bool) -> FailedRecord:
        if not is_allowed:
            raise PermissionDenied
        return get_object_or_404(FailedRecord, pk=pk)

    def _back(self, request: HttpRequest, line: FailedRecord) -> str:
        kept = self.get_preserved_filters(request)
        if request.POST.get("back") == "list":
            return self._list_url(kept)
        return self._address("change", line, kept)

    def _list_url(self, kept: str) -> str:
        address = reverse("admin:errorqueue_failedrecord_changelist")
        context: dict[str, Any] = {"preserved_filters": kept, "opts": self.opts}
        return add_preserved_filters(context, address)

    def _address(self, page: str, line: FailedRecord, kept: str) -> str:
        address = reverse(f"admin:errorqueue_failedrecord_{page}", args=[line.pk])
        return f"{address}?{kept}" if kept else address


def _level(counted: bulk.Counted) -> int:
    is_whole = counted.done and not (counted.skipped or counted.left)
    return messages.SUCCESS if is_whole else messages.WARNING
