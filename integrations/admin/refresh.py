"""The guided page for a sandbox that its vendor made anew."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.templatetags.console import pill
from errorqueue.text import number_of
from integrations.admin.columns import moment
from integrations.admin.links import row_url
from integrations.models import Connection, Refresh
from integrations.studio import refresh as refreshing

START_PAGE = "admin/integrations/refresh/start.html"
PROGRESS_PAGE = "admin/integrations/refresh/progress.html"
PERMISSION = "integrations.pause_connection"


def start_view(request: HttpRequest, connection_id: int) -> HttpResponse:
    """Say what a refresh will do; begin it once the name was typed."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    connection = get_object_or_404(Connection, pk=connection_id)
    if connection.environment != Connection.Environment.SANDBOX:
        messages.error(request, f"{connection} is no sandbox; nothing was forgotten.")
        return redirect(row_url(connection))
    if request.method == "POST":
        made = begin(request, connection)
        if made:
            return redirect(row_url(made))
    context = {
        **admin.site.each_context(request),
        "opts": Connection._meta,
        "title": f"{connection} was refreshed",
        "connection": connection,
        "connection_url": row_url(connection),
        "ahead": refreshing.ahead(connection),
        "note": request.POST.get("note", ""),
    }
    return TemplateResponse(request, START_PAGE, context)


def begin(request: HttpRequest, connection: Connection) -> Refresh | None:
    """Begin a refresh that was confirmed by name; tell what is wrong otherwise."""
    if request.POST.get("confirm", "").strip() != connection.name:
        text = f"Type “{connection}” to confirm; nothing was forgotten."
        messages.error(request, text)
        return None
    try:
        made = refreshing.begin(
            connection, request.user, request.POST.get("note", "").strip()
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return None
    messages.success(request, "Set the new credentials, then check the connection.")
    return made


@admin.register(Refresh)
class RefreshAdmin(ReadOnlyAdmin):
    list_display = ["connection", "at_shown", "by", "state_shown", "note"]
    list_filter = ["connection"]
    list_select_related = ["connection", "by"]

    @admin.display(description="When", ordering="pk")
    def at_shown(self, refresh: Refresh) -> str:
        return moment(refresh.at)

    @admin.display(description="State")
    def state_shown(self, refresh: Refresh) -> SafeString:
        if refresh.resolved_at is None:
            return pill("Under way", "wait")
        found = len(refresh.drift)
        return pill(
            f"{found} other ids" if found else "Done", "warn" if found else "good"
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show how far a refresh has come, step by step, and what drifted."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        joined = Refresh.objects.select_related("connection", "by")
        refresh = get_object_or_404(joined, pk=number_of(object_id))
        may = request.user.has_perm
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(refresh),
            "refresh": refresh,
            "connection": refresh.connection,
            "connection_url": row_url(refresh.connection),
            "progress": refreshing.progress(refresh),
            "drift": [
                _six(one) for one in refresh.drift or refreshing.drift_of(refresh)
            ],
            "may_check": may("integrations.check_connection"),
            "may_see_connection": may("integrations.view_connection"),
        }
        return TemplateResponse(request, PROGRESS_PAGE, context)


def _six(told: list[str]) -> list[str]:
    """Fill up what was listed before it was kept what a vendor said."""
    return [*told, ""][:6]
