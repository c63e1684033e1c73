"""Keeps an open list true: counts and rows move on without a reload."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST, require_safe

from errorqueue import bulk, services, undo
from errorqueue.admin import pages
from errorqueue.admin.columns import light_of, row_state
from errorqueue.admin.filters import tab_counts
from errorqueue.admin.listing import lines_of
from errorqueue.models import Action, FailedRecord

# A page holds 50 rows; nobody keeps more of them true.
MOST_ROWS = 200


@pages.add
def urls(model_admin: Any) -> list[URLPattern]:
    view = model_admin.admin_site.admin_view
    live = require_safe(partial(live_view, model_admin))
    quick = require_POST(partial(quick_retry_view, model_admin))
    back = require_POST(partial(quick_undo_view, model_admin))
    return [
        path("live/", view(live), name="errorqueue_failedrecord_live"),
        path("quick-retry/", view(quick), name="errorqueue_failedrecord_quick_retry"),
        path("quick-undo/", view(back), name="errorqueue_failedrecord_quick_undo"),
        path(
            "<int:pk>/edit/",
            view(require_safe(partial(edit_view, model_admin))),
            name="errorqueue_failedrecord_edit",
        ),
    ]


def live_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer the counts of the tabs, and how the rows of an open page stand."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    answer: dict[str, Any] = {
        "rows": rows_of(request, _ids(request.GET.get("ids", "")))
    }
    if "counts" in request.GET:
        found = tab_counts(request)
        answer["counts"] = {key: figure.told for key, figure in found.items()}
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


def quick_retry_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Queue the rows of a page that somebody pressed "Retry" on, and say so."""
    if not model_admin.may(request, "retry"):
        raise PermissionDenied
    ids = _ids(request.POST.get("ids", ""))
    lines = FailedRecord.objects.filter(pk__in=ids)
    said = _retry_one(lines, request) if len(ids) == 1 else _retry_all(lines, request)
    return JsonResponse({**said, "rows": rows_of(request, ids)})


def _retry_one(lines: Any, request: HttpRequest) -> dict[str, Any]:
    line = lines.first()
    if line is None:
        return {"said": "This record is no longer in the queue.", "level": "warning"}
    try:
        action: Action = services.retry(line, by=request.user)
    except services.NotOpen as error:
        return {"said": str(error), "level": "warning"}
    return {
        "said": f"{line.human_id} is queued.",
        "level": "success",
        "undo": [action.pk],
    }


def _retry_all(lines: Any, request: HttpRequest) -> dict[str, Any]:
    steps: list[int] = []
    by = request.user
    counted = bulk.each(
        lines, lambda line: steps.append(services.retry(line, by=by).pk)
    )
    level = "success" if counted.done and not counted.skipped else "warning"
    return {"said": counted.sentence("Queued"), "level": level, "undo": steps}


def quick_undo_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Take back what this person queued a moment ago on the open page."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    by: Any = request.user
    asked = _ids(request.POST.get("actions", ""))
    steps = Action.objects.filter(pk__in=asked, by=by)
    done, reasons = [], []
    for step in steps.select_related("failed").order_by("-pk"):
        try:
            done.append(undo.take_back(step, by).pk)
        except (undo.TooLate, services.NotOpen) as reason:
            reasons.append(str(reason))
    return JsonResponse(
        {
            "said": _told(len(done), reasons),
            "level": "warning" if reasons or not done else "success",
            "rows": rows_of(request, done),
        }
    )


def _told(done: int, reasons: list[str]) -> str:
    """Say it: "Took back 12. 1 stays: it has begun."."""
    said = [f"Took back {done:,}."] if done or not reasons else []
    if reasons:
        said.append(f"{len(reasons):,} not taken back: {reasons[0]}")
    return " ".join(said)


def rows_of(request: HttpRequest, ids: list[int]) -> dict[str, dict[str, Any]]:
    """Return how rows look now, by their ids; `is_moving` says: ask again soon."""
    return {
        str(line.pk): {
            "state": row_state(line),
            "light": light_of(line),
            "is_open": line.is_open,
            "is_moving": line.status == FailedRecord.Status.RETRYING,
        }
        for line in lines_of(request, ids)
    }


def edit_view(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to the raw editor of what a line is about; its owner keeps it."""
    line = model_admin.line(request, pk, "edit")
    address = line.subject.edit_url() if line.is_open and line.subject else ""
    if not address:
        text = f"{line.human_id} has nothing that could be edited here."
        model_admin.message_user(request, text, messages.WARNING)
    return redirect(address or model_admin.address("change", line))


def _ids(text: str) -> list[int]:
    told = [part for part in text.split(",") if part.isascii() and part.isdecimal()]
    return [int(part) for part in told if len(part) < 19][:MOST_ROWS]
