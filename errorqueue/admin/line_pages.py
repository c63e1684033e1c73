"""What the pages of one failed record share: rights, ways back, the frame."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.failures import Refused, Workbench
from errorqueue.models import FailedRecord
from errorqueue.services import NotOpen
from errorqueue.undo import TooLate
from errorqueue.workbench import workbench_of

FOLDER = "admin/errorqueue/failedrecord"
# Whatever says in plain words why a verb did nothing.
DECLINED = (NotOpen, Refused, TooLate)
LIST_COLUMNS = ("blocked_by", "cause", "assignee", "settled_by", "retry_asked_by")


class LinePages(ReadOnlyAdmin):
    """The admin of failed records, as a page of one of them sees it."""

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "retry")

    def may(self, request: HttpRequest, verb: str) -> bool:
        """Say whether this person may see failed records and do `verb` to them."""
        user: Any = request.user
        return self.has_view_permission(request) and bool(
            user.has_perm(f"errorqueue.{verb}_failedrecord")
        )

    def line(self, request: HttpRequest, pk: int, verb: str) -> FailedRecord:
        """Return a line for somebody who may do `verb`; 403 and 404 otherwise."""
        if not self.may(request, verb):
            raise PermissionDenied
        return get_object_or_404(lines_with_facts(), pk=pk)

    def back(self, request: HttpRequest, line: FailedRecord) -> str:
        """Return where the button was: the list as it stood, or the line's page."""
        kept = self.get_preserved_filters(request)
        if request.POST.get("back") == "list":
            return self.list_url(kept)
        return self.address("change", line, kept)

    def list_url(self, kept: str = "") -> str:
        address = reverse("admin:errorqueue_failedrecord_changelist")
        context: dict[str, Any] = {"preserved_filters": kept, "opts": self.opts}
        return add_preserved_filters(context, address)

    def address(self, page: str, line: FailedRecord, kept: str = "") -> str:
        """Return a page of a line; what the list was filtered by travels along."""
        address = reverse(f"admin:errorqueue_failedrecord_{page}", args=[line.pk])
        return f"{address}?{kept}" if kept else address

    def show(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> TemplateResponse:
        """Draw a page of this folder in the console's frame."""
        kept = self.get_preserved_filters(request)
        frame = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "list_url": self.list_url(kept),
            "back_url": self.address("change", context["line"], kept),
        }
        return TemplateResponse(request, f"{FOLDER}/{template}", {**frame, **context})

    def do(
        self, request: HttpRequest, line: FailedRecord, verb: Callable[[], Any]
    ) -> HttpResponse:
        """Do it, say what came of it, and return to where the button was.

        `verb` returns the sentence to show, or nothing for the plain one.
        """
        try:
            said = verb()
        except DECLINED as reason:
            self.message_user(request, str(reason), messages.WARNING)
        else:
            text = said if isinstance(said, str) else f"{line.human_id} is queued."
            self.message_user(request, text, messages.SUCCESS)
        return redirect(self.back(request, line))


def lines_with_facts() -> Any:
    """Return lines with what their page shows of other tables."""
    return FailedRecord.objects.select_related(*LIST_COLUMNS)


def bench_of(line: FailedRecord) -> Workbench:
    """Return the workbench of an open line; raises Refused when there is none."""
    if not line.is_open:
        raise Refused(f"{line.human_id} is settled already.")
    bench = workbench_of(line)
    if bench is None:
        raise Refused(f"{line.human_id} can only be retried or excluded.")
    return bench
