"""The pages of back-fills: prepare, the dry run, the run, and what became of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.templatetags.console import moment, pill
from errorqueue.text import number_of
from integrations.admin.backfill_form import PrepareForm, initial_of
from integrations.admin.backfill_page import context_of
from integrations.admin.columns import with_note
from integrations.models import Backfill
from integrations.sync.backfill import asking, counting

RIGHT = "integrations.run_backfill"
PREPARE_PAGE = "admin/integrations/backfill/prepare.html"
PAGE = "admin/integrations/backfill/page.html"
State = Backfill.State
BUTTONS = {
    "pause": asking.pause,
    "resume": asking.resume,
    "cancel": asking.cancel,
}


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin):
    """Back-fills, newest first; each has a page that follows it."""

    list_display = ["named", "flows", "state_shown", "asked_by", "asked_at"]
    list_filter = ["state"]
    list_select_related = ["made_by"]
    ordering = ["-pk"]

    @admin.display(description="Back-fill")
    def named(self, backfill: Backfill) -> SafeString | str:
        return with_note(str(backfill), backfill.meant)

    @admin.display(description="Flows")
    def flows(self, backfill: Backfill) -> str:
        legs = [leg for leg in backfill.legs.all() if leg.is_chosen]
        return ", ".join(leg.flow.name for leg in legs)

    @admin.display(description="State")
    def state_shown(self, backfill: Backfill) -> SafeString:
        tone = counting.TONES[State(backfill.state)]
        return pill(backfill.get_state_display(), tone)

    @admin.display(description="Asked by")
    def asked_by(self, backfill: Backfill) -> str:
        return str(backfill.made_by or "Waybill")

    @admin.display(description="Asked", ordering="pk")
    def asked_at(self, backfill: Backfill) -> SafeString | str:
        return moment(backfill.made_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backfill]:
        return super().get_queryset(request).prefetch_related("legs__flow")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(RIGHT))

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "integrations_backfill"
        verbs = dict.fromkeys(BUTTONS, self.button_view)
        own: dict[str, Callable[..., HttpResponse]] = {
            **verbs,
            "start": self.start_view,
            "again": self.again_view,
        }
        return [
            path(
                "<int:pk>/progress/", view(self.progress_view), name=f"{name}_progress"
            ),
            *(
                path(
                    f"<int:pk>/{verb}/",
                    view(require_POST(asked)),
                    {"verb": verb} if verb in BUTTONS else {},
                    name=f"{name}_{verb}",
                )
                for verb, asked in own.items()
            ),
            *super().get_urls(),
        ]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask for a dry run."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = initial_of(request)
        form = PrepareForm(request.POST or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                return _to(asking.prepare(form.wish(), request.user))
            except asking.NotAsked as reason:
                form.add_error(None, str(reason))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Prepare a back-fill",
            "form": form,
            "entity": initial.get("entity"),
        }
        return TemplateResponse(request, PREPARE_PAGE, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what the dry run found, how far the run is, what became of all."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Backfill.objects.select_related("made_by", "started_by")
        backfill = get_object_or_404(rows, pk=number_of(object_id))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(backfill),
            "may_run": request.user.has_perm(RIGHT),
            **context_of(backfill, request),
        }
        return TemplateResponse(request, PAGE, context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer how far it is, for the page that follows it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        backfill = get_object_or_404(Backfill, pk=pk)
        told = counting.progress_of(backfill, counting.counts_of(backfill))
        return JsonResponse(told.as_dict())

    def start_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Begin what the dry run showed."""
        backfill = _mine(request, pk)
        seen = request.POST.get("digest", "")
        with_failing = "with_failing" in request.POST
        try:
            asking.start(backfill, seen, with_failing, request.user)
        except asking.NotAsked as reason:
            messages.error(request, str(reason))
        return _to(backfill)

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have the same looked at once more."""
        backfill = _mine(request, pk)
        try:
            return _to(asking.again(backfill, request.user))
        except asking.NotAsked as reason:
            messages.error(request, str(reason))
        return _to(backfill)

    def button_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Pause, resume or cancel."""
        backfill = _mine(request, pk)
        try:
            BUTTONS[verb](backfill, request.user)
        except asking.NotAsked as reason:
            messages.warning(request, str(reason))
        return _to(backfill)


def _mine(request: HttpRequest, pk: int) -> Backfill:
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    return get_object_or_404(Backfill, pk=pk)


def _to(backfill: Backfill) -> HttpResponse:
    return redirect("admin:integrations_backfill_change", backfill.pk)
