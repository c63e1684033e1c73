"""What people did: to read, never to change."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.models import Action
from errorqueue.templatetags.console import moment
from errorqueue.text import number_of


@admin.register(Action)
class ActionAdmin(ReadOnlyAdmin):
    list_display = ["done_at", "by", "verb", "about", "reason"]
    list_filter = ["verb"]
    list_select_related = ["by", "failed"]
    search_fields = ["reason", "failed__reference", "by__username"]
    search_help_text = "Reason, order number or person"

    @admin.display(description="When", ordering="at")
    def done_at(self, action: Action) -> SafeString | str:
        return moment(action.at)

    @admin.display(description="Failed record")
    def about(self, action: Action) -> str:
        return f"{action.failed.human_id} · {action.failed.title}"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Lead to the record: what was changed in it is shown there, by role."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        action = get_object_or_404(Action, pk=number_of(object_id))
        if not request.user.has_perm("errorqueue.view_failedrecord"):
            return redirect("admin:errorqueue_action_changelist")
        return redirect("admin:errorqueue_failedrecord_change", action.failed_id)
