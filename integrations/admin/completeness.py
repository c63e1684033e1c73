"""Completeness: each day's certificates, what was missing, and a button to compare."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from errorqueue.clock import database_time
from integrations.admin.completeness_day import sections_of
from integrations.admin.completeness_files import as_csv
from integrations.admin.completeness_words import Words, words_of
from integrations.models import Certificate, Flow, FlowRhythm, GapCheck, GapSweep
from integrations.sync.completeness import asking, certifying
from integrations.sync.completeness.days import (
    ONE_DAY,
    can_be_listed,
    compared_flows,
    today,
)

LIST_PAGE = "admin/integrations/completeness/list.html"
DAY_PAGE = "admin/integrations/completeness/day.html"
SEES, RUNS = "integrations.view_certificate", "integrations.run_gapsweep"
DAYS_SHOWN = 14
# Further back the command walks; a page must open at once.
MOST_WALKED = 5000
Phase = GapCheck.Phase


@dataclass(frozen=True)
class Cell:
    """How one flow stood on one day."""

    flow: str
    words: Words


@require_GET
@permission_required(SEES, raise_exception=True)
def list_view(request: HttpRequest) -> HttpResponse:
    """Show the last days, flow by flow, and how the chain stands."""
    last = _day(request.GET.get("until")) or today(database_time())
    days = [last - number * ONE_DAY for number in range(DAYS_SHOWN)]
    sweep = _sweep()
    context = {
        **admin.site.each_context(request),
        "title": "Completeness",
        **_matrix(days),
        "first": days[-1],
        "last": last,
        "earlier": days[-1] - ONE_DAY,
        "later": last + DAYS_SHOWN * ONE_DAY if last < today(database_time()) else None,
        "chain": certifying.verify(MOST_WALKED),
        "sweep": sweep,
        "progress": _progress(sweep) if sweep else None,
        "may_run": request.user.has_perm(RUNS),
        "today": today(database_time()),
        "yesterday": today(database_time()) - ONE_DAY,
        "recent": _recent(),
        "not_compared": _not_compared(),
    }
    return TemplateResponse(request, LIST_PAGE, context)


def _matrix(days: list[date]) -> dict[str, Any]:
    certificates = list(Certificate.objects.filter(day__in=days))
    newest = certifying.newest_of(certificates)
    checks = {
        (check.flow.slug, check.day): check
        for check in GapCheck.objects.filter(day__in=days).select_related("flow")
    }
    names = {flow.slug: flow.name for flow in compared_flows()}
    names |= {one.flow_slug: one.flow_name for one in newest.values()}
    slugs = sorted(names, key=lambda slug: names[slug])
    rows = [
        (
            day,
            [
                Cell(names[x], words_of(newest.get((x, day)), checks.get((x, day))))
                for x in slugs
            ],
        )
        for day in days
    ]
    return {"names": [names[slug] for slug in slugs], "rows": rows}


def _recent() -> list[FlowRhythm]:
    """Return how far each flow was compared in the daily run of things."""
    flows = {flow.pk for flow in compared_flows()}
    return list(FlowRhythm.objects.filter(flow__in=flows).select_related("flow"))


def _not_compared() -> list[Flow]:
    flows = Flow.objects.filter(is_enabled=True).select_related("source")
    return [flow for flow in flows if not can_be_listed(flow)]


def _sweep() -> GapSweep | None:
    """Return the last comparison of days."""
    dated = GapSweep.objects.exclude(kind=GapSweep.Kind.RECENT)
    return dated.select_related("asked_by").first()


@require_POST
@permission_required(RUNS, raise_exception=True)
def run_view(request: HttpRequest) -> HttpResponse:
    """Have days compared by the workers."""
    first, last = _day(request.POST.get("first")), _day(request.POST.get("last"))
    if first is None or last is None:
        messages.error(request, "Choose the first and the last day.")
        return redirect("admin:completeness")
    try:
        asking.ask_days(first, last, request.user)
    except asking.NotComparable as error:
        messages.error(request, str(error))
    return redirect("admin:completeness")


@require_GET
@permission_required(SEES, raise_exception=True)
def progress_view(request: HttpRequest, sweep_id: int) -> HttpResponse:
    """Answer how far a comparison is, for the page that follows it."""
    return JsonResponse(_progress(get_object_or_404(GapSweep, pk=sweep_id)))


def _progress(sweep: GapSweep) -> dict[str, Any]:
    checks = list(sweep.checks.select_related("flow"))
    ended = sum(not check.is_open for check in checks)
    failed = sum(check.phase == Phase.FAILED for check in checks)
    open_one = next((check for check in checks if check.is_open), None)
    listed = sum(check.listed for check in checks)
    label, tone = "Done", "good"
    if open_one:
        label, tone = "Running", "wait"
    elif failed:
        label, tone = f"{failed} not compared", "bad"
    return {
        "percent": ended * 100 // max(1, len(checks)),
        "label": label,
        "tone": tone,
        "sentence": f"{ended} of {len(checks)} days of flows compared, "
        f"{listed:,} objects listed",
        "note": _doing(open_one) if open_one else "",
        "is_moving": open_one is not None,
    }


def _doing(check: GapCheck) -> str:
    what = f"{check.flow}, {check.day:%-d %b}: {check.get_phase_display().lower()}"
    return f"{what}. {check.problem}".strip(" .") + "."


@require_GET
@permission_required(SEES, raise_exception=True)
def day_view(request: HttpRequest, day: str) -> HttpResponse:
    """Show one day: the sums of each flow and what was missing."""
    found = _day(day)
    if found is None:
        raise Http404
    context = {
        **admin.site.each_context(request),
        "title": f"Completeness of {found:%-d %B %Y}",
        "day": found,
        "sections": sections_of(found, request.user),
        "earlier": found - ONE_DAY,
        "later": found + ONE_DAY if found < today(database_time()) else None,
        "chain": certifying.verify(MOST_WALKED),
        "may_run": request.user.has_perm(RUNS),
    }
    return TemplateResponse(request, DAY_PAGE, context)


@require_GET
@permission_required(SEES, raise_exception=True)
def file_view(request: HttpRequest) -> HttpResponse:
    """Hand out every certificate of a time as csv."""
    last = _day(request.GET.get("last")) or today(database_time())
    first = _day(request.GET.get("first")) or last - timedelta(days=DAYS_SHOWN - 1)
    chosen = Certificate.objects.filter(day__gte=first, day__lte=last).order_by("pk")
    name = f"completeness-{first}-to-{last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    made = as_csv(chosen.iterator(chunk_size=500))
    return HttpResponse(made, content_type="text/csv; charset=utf-8", headers=headers)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _paths() -> Iterator[Any]:
    views: Iterable[tuple[str, Any, str]] = (
        ("completeness/", list_view, "completeness"),
        ("completeness/run/", run_view, "completeness_run"),
        ("completeness/certificates.csv", file_view, "completeness_file"),
        (
            "completeness/progress/<int:sweep_id>/",
            progress_view,
            "completeness_progress",
        ),
        ("completeness/<str:day>/", day_view, "completeness_day"),
    )
    for address, view, name in views:
        yield path(address, admin.site.admin_view(view), name=name)


urlpatterns = list(_paths())
