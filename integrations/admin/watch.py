"""The page of a watch: the first live records of a version, and the two ways on."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_POST

from errorqueue.masking import masked
from integrations.models import Attempt, SyncRecord, Watch
from integrations.studio import watching
from mappings import services

TEMPLATE = "admin/integrations/watch.html"
RIGHT = "mappings.publish_mappingversion"
SHOWN = 25
TONES = {
    Watch.State.WATCHING: "wait",
    Watch.State.PASSED: "good",
    Watch.State.HELD: "bad",
    Watch.State.ENDED: "mute",
}


def watch_view(request: HttpRequest, watch_id: int) -> HttpResponse:
    """Show how the first live records fare, and what failed."""
    if not request.user.has_perm("mappings.view_mappingversion"):
        raise PermissionDenied
    watch = _watch(watch_id)
    version = watch.version
    is_live = version.state == version.State.PUBLISHED
    waiting = SyncRecord.Hold.FLOW
    context = {
        **admin.site.each_context(request),
        "opts": Watch._meta,
        "title": str(watch),
        "watch": watch,
        "tone": TONES[Watch.State(watch.state)],
        "failures": _failures(watch, request.user),
        "held": watch.flow.records.filter(hold=waiting).count(),
        "is_holding": is_live and watch.flow.held_at is not None,
        "live": version.document.published(),
        "earlier": services.earlier_version(version) if is_live else None,
        "may_act": request.user.has_perm(RIGHT),
    }
    return TemplateResponse(request, TEMPLATE, context)


@require_POST
def answer_view(request: HttpRequest, watch_id: int, verb: str) -> HttpResponse:
    """Roll back to the version before, or go on with this one."""
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    if verb not in ("roll-back", "resume"):
        raise Http404
    watch = _watch(watch_id)
    try:
        words = (
            _roll_back(watch, request) if verb == "roll-back" else _go(watch, request)
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, words)
    return redirect("admin:integrations_watch", watch.pk)


def _roll_back(watch: Watch, request: HttpRequest) -> str:
    made = watching.roll_back(watch, request.user)
    return f"{made} is live; {watch.flow} goes on with it."


def _go(watch: Watch, request: HttpRequest) -> str:
    if watching.resume(watch, request.user):
        return f"{watch.flow} goes on with {watch.version}."
    return f"{watch.flow} was not on hold any more."


def _failures(watch: Watch, user: Any) -> list[Attempt]:
    """Return what failed, newest first, in words that this person may read."""
    failed: QuerySet[Attempt] = Attempt.objects.filter(
        watching.TELLING,
        mapping=watch.version_id,
        record__flow=watch.flow_id,
        outcome=Attempt.Outcome.FAILED,
    )
    shown = failed.select_related("record__flow").defer("payload", "exchanges")
    found = list(shown.order_by("-pk")[:SHOWN])
    for attempt in found:
        attempt.message = masked(attempt.message, user)
    return found


def _watch(pk: int) -> Watch:
    watches = Watch.objects.select_related("flow", "version__document")
    return get_object_or_404(watches, pk=pk)


urlpatterns = [
    path(
        "watch/<int:watch_id>/",
        admin.site.admin_view(watch_view),
        name="integrations_watch",
    ),
    path(
        "watch/<int:watch_id>/<str:verb>/",
        admin.site.admin_view(answer_view),
        name="integrations_watch_answer",
    ),
]
