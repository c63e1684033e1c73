"""The buttons of a flow's breaker: put on hold, let go, let records try now."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.views.decorators.http import require_POST

from errorqueue.clock import DatabaseTime
from integrations.admin.links import row_url
from integrations.admin.standing import reason_in
from integrations.models import AuditEntry, Flow
from integrations.sync import flows

RIGHT = "integrations.change_flow"
Hold = Flow.Hold


@require_POST
def verb_view(request: HttpRequest, flow_id: int, verb: str) -> HttpResponse:
    """Do what a person asks of a breaker; the first two want a reason."""
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    flow = get_object_or_404(Flow, pk=flow_id)
    if verb not in VERBS:
        raise Http404
    reason = reason_in(request)
    if verb != "probe" and not reason:
        messages.error(request, "Say why: the audit trail and the page show it.")
    else:
        said, is_done = VERBS[verb](flow, reason, request.user)
        (messages.success if is_done else messages.warning)(request, said)
    return redirect(row_url(flow))


def _hold(flow: Flow, reason: str, by: Any) -> tuple[str, bool]:
    if flows.hold(flow, f"{reason} ({by})", by):
        return f"{flow} is on hold; events are taken in and wait.", True
    return f"{flow} is on hold already.", False


def _release(flow: Flow, reason: str, by: Any) -> tuple[str, bool]:
    """Let it go; what a watch holds is answered on the page of the watch."""
    if flows.resume(flow, f"{reason} ({by})", by, unless=(Hold.WATCH, "")):
        return f"{flow} goes again; what waited goes by itself, oldest first.", True
    return f"{flow} is not on hold by its breaker or a person any more.", False


def _probe(flow: Flow, reason: str, by: Any) -> tuple[str, bool]:
    waiting = Flow.objects.filter(
        pk=flow.pk, hold_kind=Hold.BREAKER, probing_since=None
    )
    if not waiting.update(probe_at=DatabaseTime()):
        return f"{flow} waits for no probe.", False
    AuditEntry.objects.note_change("flow", flow.pk, "probe asked", "", by)
    return "The oldest records try within seconds.", True


VERBS = {"hold": _hold, "release": _release, "probe": _probe}

urlpatterns = [
    path(
        "breaker/<int:flow_id>/<str:verb>/",
        admin.site.admin_view(verb_view),
        name="integrations_breaker",
    ),
]
