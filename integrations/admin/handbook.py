"""The handbook: the whole integration on one page, made when it is opened."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import RoutingRule
from integrations.admin.blueprint import rows_of
from integrations.admin.blueprint_picture import picture_of
from integrations.admin.schedule_form import in_words
from integrations.models import Schedule
from integrations.studio import blueprint, handbook
from integrations.sync.schedules import JOBS
from mappings import ownership
from mappings.engine.wording import system

TEMPLATE = "admin/integrations/handbook.html"
RIGHTS = ("mappings.view_mappingversion", "integrations.view_flow")
# Who helps with which kind of failure, and what Waybill does by itself.
HELP = {
    FailureKind.TEMPORARY: "Tried again by itself, after the waits of the flow; then a "
    "person.",
    FailureKind.LIMIT: "Goes again when a slot is free; no try is used up.",
    FailureKind.DATA: "To the error queue at once: mend the record or its source.",
    FailureKind.MAPPING: "To the error queue at once: mend the mapping or a table.",
    FailureKind.DEPENDENCY: "Held until the other record is there; then by itself.",
    FailureKind.ACCESS: "The connection pauses, one alert goes out, records are held.",
    FailureKind.CONFLICT: "To the error queue at once, with both sides.",
    FailureKind.INTERNAL: "To the error queue at once: a fault of Waybill.",
}


@require_GET
@permission_required(RIGHTS, raise_exception=True)
def handbook_view(request: HttpRequest) -> HttpResponse:
    """Show everything that is configured; secrets are named and never shown."""
    now = database_time()
    told = handbook.documents()
    planned = blueprint.planned(now)
    context = {
        **admin.site.each_context(request),
        "title": "Handbook",
        "now": now,
        "site": settings.SITE_URL,
        "connections": _connections(request.user),
        "flows": handbook.flows(),
        "documents": told,
        "tables": handbook.tables(),
        "lookups": handbook.lookups(told),
        "schedules": [_schedule(one) for one in handbook.schedules()],
        "failures": [(kind.value, HELP[kind]) for kind in HELP],
        "routing": RoutingRule.objects.filter(is_active=True).select_related(
            "assign_to"
        ),
        "fields": _fields(),
        "rows": rows_of(planned, request.user),
        "picture": picture_of(planned, names_of(planned)),
        "order": blueprint.order_of(planned),
        "findings": blueprint.drift(planned),
    }
    return TemplateResponse(request, TEMPLATE, context)


def names_of(planned: list[blueprint.Planned]) -> dict[str, str]:
    """Return how people call the systems of a blueprint."""
    return {
        end: system(end, "")
        for one in planned
        for end in (one.entity.source, one.entity.target)
    }


def _connections(user: Any) -> list[handbook.ConnectionTold]:
    """Tell the connections to who may see them."""
    allowed = user.has_perm("integrations.view_connection")
    return handbook.connections() if allowed else []


def _schedule(schedule: Schedule) -> dict[str, Any]:
    job = JOBS.get(schedule.job)
    return {
        "schedule": schedule,
        "what": job.label if job else schedule.job,
        "when": in_words(schedule),
    }


def _fields() -> list[tuple[str, list[str], list[str]]]:
    """Name each owned field once: what it is, its owners, the documents."""
    found = ownership.matrix(ownership.lines_of(ownership.published()))
    return [
        (
            f"{system(one.system, '')} {one.entity}: {one.name}",
            [system(owner, "") for owner in one.owners],
            list(dict.fromkeys(line.version.document.name for line in one.lines)),
        )
        for one in found
    ]
