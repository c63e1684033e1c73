"""The page of one failed record, and the addresses of its buttons."""

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST, require_safe

from errorqueue import finance, masking, preflight, services
from errorqueue.admin import detail, known_fixes, ways_out
from errorqueue.admin.columns import live_pill
from errorqueue.admin.compare import compare_view
from errorqueue.admin.fix_form import fix_view
from errorqueue.admin.line_pages import LinePages, lines_with_facts
from errorqueue.admin.people_panel import Typed, panel_of
from errorqueue.admin.retry_dialog import retry_as_view, take_reread_view
from errorqueue.admin.settling import (
    adopt_view,
    exclude_view,
    look_view,
    resolve_view,
    undo_view,
)
from errorqueue.api import StatusView
from errorqueue.failures import Light, Preflight, RetryOptions
from errorqueue.models import FailedRecord
from errorqueue.workbench import workbench_of

View = Callable[[LinePages, HttpRequest, FailedRecord], HttpResponseBase]
LIGHT_TONES = {Light.GREEN: "good", Light.AMBER: "warn", Light.RED: "bad"}
# A button that only asks is a form of its own; it needs no more than its right.
ONLY_POST = ("retry", "preflight", "look", "adopt", "reread", "undo", "known")


class DetailPages(LinePages):
    """The addresses under one failed record."""

    def get_urls(self) -> list[URLPattern]:
        status = path(
            "<int:pk>/status/",
            StatusView.as_view(),
            name="errorqueue_failedrecord_status",
        )
        own = [self._path(*page) for page in PAGES]
        return [*own, status, *super().get_urls()]

    def _path(self, name: str, view: View, verb: str) -> URLPattern:
        def guarded(request: HttpRequest, pk: int) -> HttpResponseBase:
            return view(self, request, self.line(request, pk, verb))

        if name in ONLY_POST:
            guarded = require_POST(guarded)
        address = f"<int:pk>/{name.replace('_', '-')}/"
        full_name = f"errorqueue_failedrecord_{name}"
        return path(address, self.admin_site.admin_view(guarded), name=full_name)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return require_safe(self.detail_view)(request, object_id)

    def detail_view(
        self, request: HttpRequest, object_id: str, typed: Typed | None = None
    ) -> HttpResponse:
        """Show one failed record; reading it changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        number = int(object_id) if object_id.isdecimal() else 0
        line = lines_with_facts().filter(pk=number).first()
        if line is None:
            return self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, object_id
            )
        return show_line(self, request, line, typed=typed)


def show_line(
    pages: LinePages,
    request: HttpRequest,
    line: FailedRecord,
    checked: Preflight | None = None,
    typed: Typed | None = None,
) -> HttpResponse:
    """Draw the page; `checked` is a pre-flight that was asked for just now.

    `typed` is what somebody sent that could not be used.
    """
    urls = urls_of(pages, request, line)
    known = known_fixes.offered(pages, request, line)
    bench = workbench_of(line) if line.is_open else None
    options = bench.options() if bench else RetryOptions()
    context = {
        **detail.context_of(line, request.user),
        "title": str(line),
        "status_pill": live_pill(line),
        "urls": urls,
        "options": options,
        "is_looked_up": line.is_unknown and options.can_look,
        "routes": list(ways_out.of(line, bench, urls, request.user)) if bench else [],
        "light": light_of(line),
        "people": panel_of(line, request.user, typed),
        "checked": detail.shown_check(checked, request.user) if checked else None,
        "known": known,
        "fix_url": known_fixes.fix_url(known, urls),
        "may_keep": known_fixes.may_keep(request, line),
    }
    return pages.show(request, "detail.html", context)


def urls_of(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> dict[str, str]:
    """Return the address of each button that this person may press."""
    kept = pages.get_preserved_filters(request)
    offered = {name for name, _, verb in PAGES if pages.may(request, verb)}
    if not line.is_open:
        offered &= {"compare", "undo", "keep"}
    if finance.is_finance(line):
        offered.discard("fix")
    found = {name: pages.address(name, line, kept) for name in offered}
    subject: Any = line.subject
    if "fix" in found and subject is not None and masking.may_see(request.user):
        found["raw"] = subject.edit_url()
    return found


def light_of(line: FailedRecord) -> dict[str, Any] | None:
    """Return what the last pre-flight said, in the colours of the console."""
    if not line.preflight or not line.is_open:
        return None
    tone, label = LIGHT_TONES[Light(line.preflight)], line.get_preflight_display()
    # "Would fail: …" needs no "Would fail again" before it.
    is_said = line.preflight_note.startswith(" ".join(label.split()[:2]))
    return {"tone": tone, "label": label, "lead": "" if is_said else f"{label}."}


def retry_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Queue one record and return to where the button was."""
    return pages.do(request, line, lambda: _retry(line, request.user))


def _retry(line: FailedRecord, by: Any) -> str:
    services.retry(line, by=by)
    return f"{line.human_id} is queued."


def preflight_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Ask whether a retry would pass now, and show the page with the answer."""
    if not line.is_open:
        return pages.do(request, line, lambda: f"{line.human_id} is settled already.")
    found = preflight.check(line)
    fresh = lines_with_facts().get(pk=line.pk)
    return show_line(pages, request, fresh, found)


# The last part of the address, what answers there, and the right it takes.
PAGES: Sequence[tuple[str, View, str]] = (
    ("retry", retry_view, "retry"),
    ("retry_as", retry_as_view, "retry"),
    ("reread", take_reread_view, "retry"),
    ("preflight", preflight_view, "retry"),
    ("look", look_view, "retry"),
    ("adopt", adopt_view, "resolve"),
    ("fix", fix_view, "edit"),
    ("exclude", exclude_view, "exclude"),
    ("resolve", resolve_view, "resolve"),
    ("undo", undo_view, "view"),
    ("known", known_fixes.apply_view, "view"),
    ("keep", known_fixes.keep_view, "view"),
    ("compare", compare_view, "view"),
)
