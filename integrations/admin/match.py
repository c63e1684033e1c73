"""The pages of matches: ask for a look, what was found, and pairs to link."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.templatetags.console import moment, pill
from errorqueue.text import number_of
from integrations.admin.columns import with_note
from integrations.admin.match_page import TONES, as_csv, context_of, progress_of
from integrations.models import Match
from integrations.sync.matching import asking

RIGHT = "integrations.run_match"
ASK_PAGE = "admin/integrations/match/ask.html"
PAGE = "admin/integrations/match/page.html"
# What a page sends back is at most what it shows.
MOST_CHOSEN = 200


class AskForm(forms.Form):
    """The flow whose two sides are looked at."""

    flow = forms.TypedChoiceField(coerce=int, widget=forms.RadioSelect)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.known = {flow.pk: flow for flow in asking.matchable_flows()}
        self.fields["flow"].choices = [  # type: ignore[attr-defined]
            (flow.pk, f"{flow} ({flow.source} → {flow.target})")
            for flow in self.known.values()
        ]


@admin.register(Match)
class MatchAdmin(ReadOnlyAdmin):
    """Matches, newest first; each has a page with what both sides have."""

    list_display = ["named", "state_shown", "asked_by", "asked_at"]
    list_filter = ["state"]
    list_select_related = ["made_by", "flow"]
    ordering = ["-pk"]

    @admin.display(description="Match")
    def named(self, match: Match) -> SafeString | str:
        return with_note(str(match), str(match.flow))

    @admin.display(description="State")
    def state_shown(self, match: Match) -> SafeString:
        return pill(match.get_state_display(), TONES[Match.State(match.state)])

    @admin.display(description="Asked by")
    def asked_by(self, match: Match) -> str:
        return str(match.made_by or "Waybill")

    @admin.display(description="Asked", ordering="pk")
    def asked_at(self, match: Match) -> SafeString | str:
        return moment(match.made_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(RIGHT))

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "integrations_match"
        own = {
            "progress": require_GET(self.progress_view),
            "csv": require_GET(self.file_view),
            "link": require_POST(self.link_view),
            "cancel": require_POST(self.cancel_view),
        }
        return [
            *(
                path(f"<int:pk>/{verb}/", view(asked), name=f"{name}_{verb}")
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
        """Ask for a look at both sides."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AskForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                flow = form.known[form.cleaned_data["flow"]]
                return _to(asking.look(flow, request.user))
            except asking.NotAsked as reason:
                form.add_error(None, str(reason))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Match both sides",
            "form": form,
        }
        return TemplateResponse(request, ASK_PAGE, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show proposed pairs, conflicts, and what stands on one side only."""
        match = self._seen(request, number_of(object_id))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(match),
            "may_run": request.user.has_perm(RIGHT),
            **context_of(match, request.GET),
        }
        return TemplateResponse(request, PAGE, context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer how far it is, for the page that follows it."""
        return JsonResponse(progress_of(self._seen(request, pk)).as_dict())

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Hand out all that was found as csv."""
        match = self._seen(request, pk)
        name = f"match-{match.pk}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        made = as_csv(match)
        return HttpResponse(
            made, content_type="text/csv; charset=utf-8", headers=headers
        )

    def link_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have pairs linked: those ticked, or all of one kind."""
        match, verdict = _mine(request, pk), request.POST.get("verdict", "")
        told = request.POST.getlist("item")[:MOST_CHOSEN]
        chosen = [int(one) for one in told if one.isdecimal()]
        is_all = "all" in request.POST
        try:
            count = asking.link(
                match, verdict, None if is_all else chosen, request.user
            )
        except asking.NotAsked as reason:
            messages.warning(request, str(reason))
        else:
            messages.success(request, f"Pairs that are being linked: {count:,}.")
        return _to(match)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End it where it is."""
        match = _mine(request, pk)
        try:
            asking.cancel(match, request.user)
        except asking.NotAsked as reason:
            messages.warning(request, str(reason))
        return _to(match)

    def _seen(self, request: HttpRequest, pk: int | None) -> Match:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Match.objects.select_related("made_by", "flow__source", "flow__target")
        return get_object_or_404(rows, pk=pk)


def _mine(request: HttpRequest, pk: int) -> Match:
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    return get_object_or_404(Match, pk=pk)


def _to(match: Match) -> HttpResponse:
    return redirect("admin:integrations_match_change", match.pk)
