"""The pages of acceptance: run scenarios with a version, follow them, read the proof."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST

from errorqueue.admin.detail import shown_exchange
from errorqueue.masking import Eye, masked
from integrations.admin.columns import json_text
from integrations.connectors import exact
from integrations.models import Connection
from integrations.models.privacy import private_places
from integrations.studio.acceptance import evidence_for, payloads, runs, sandboxes
from integrations.studio.acceptance.evidence import TONES, Proof, scenarios_for
from mappings.models import MappingVersion, Scenario, ScenarioRun

PAGE = "admin/integrations/acceptance.html"
RUN_PAGE = "admin/integrations/acceptance_run.html"
MAY_RUN = "mappings.run_scenario"
MAY_SEE = "mappings.view_mappingversion"
LONGEST_SKU = 120


def acceptance_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Show which scenarios a version has passed, and let people run them."""
    version = _version(request, version_id)
    stands = sandboxes.stands_for(version)
    usable = [one for one in stands if not one.problem]
    context = {
        **admin.site.each_context(request),
        "opts": MappingVersion._meta,
        "title": f"Acceptance of {version}",
        "version": version,
        "evidence": evidence_for(version),
        "usable": usable,
        "refused": [one for one in stands if one.problem],
        "chosen": request.GET.get("flow", usable[0].flow.slug if usable else ""),
        "sku": request.GET.get("sku") or _proposed_sku(usable),
        "needs_sku": _needs_sku(scenarios_for(version)),
        "may_run": request.user.has_perm(MAY_RUN),
        "may_add": request.user.has_perm("mappings.add_scenario"),
    }
    return TemplateResponse(request, PAGE, context)


def _version(request: HttpRequest, version_id: int) -> MappingVersion:
    if not request.user.has_perm(MAY_SEE):
        raise PermissionDenied
    versions = MappingVersion.objects.select_related("document", "created_by")
    return get_object_or_404(versions, pk=version_id)


def _proposed_sku(usable: list[sandboxes.Stand]) -> str:
    return sandboxes.known_sku(usable[0].flow) if usable else ""


def _needs_sku(scenarios: list[Scenario]) -> bool:
    return any(payloads.needs_sku(one.changes) for one in scenarios)


@dataclass(frozen=True)
class Asked:
    """What a person wants to have run, and where; or why that cannot be."""

    scenarios: list[Scenario]
    stand: sandboxes.Stand | None
    sku: str
    problem: str = ""


@require_POST
def ask_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Have workers run what was chosen."""
    version = _version(request, version_id)
    if not request.user.has_perm(MAY_RUN):
        raise PermissionDenied
    asked = _asked(request, version)
    if asked.problem or asked.stand is None:
        messages.error(request, asked.problem)
        return _back(version, asked)
    try:
        made = runs.ask(
            version, asked.scenarios, asked.stand.flow, asked.sku, request.user
        )
    except (sandboxes.NotAllowed, ValidationError) as error:
        told = getattr(error, "messages", [str(error)])
        messages.error(request, " ".join(told))
    else:
        count = f"{len(made)} scenario{'' if len(made) == 1 else 's'}"
        where = f"run at {asked.stand.flow.target} now."
        messages.success(
            request,
            f"{count} {where}" if made else "All of these are under way already.",
        )
    return _back(version, asked)


def _back(version: MappingVersion, asked: Asked) -> HttpResponse:
    address = reverse("admin:integrations_acceptance", args=[version.pk])
    flow = asked.stand.flow.slug if asked.stand else ""
    return redirect(f"{address}?{_query(flow=flow, sku=asked.sku)}")


def _query(**given: str) -> str:
    return urlencode({name: value for name, value in given.items() if value})


def _asked(request: HttpRequest, version: MappingVersion) -> Asked:
    known = evidence_for(version).proofs
    wanted = set(request.POST.getlist("scenario"))
    is_all = "required" in request.POST
    chosen = [
        one.scenario
        for one in known
        if (one.is_required if is_all else str(one.scenario.pk) in wanted)
    ]
    slug = request.POST.get("flow", "")
    stands = sandboxes.stands_for(version)
    stand = next((one for one in stands if one.flow.slug == slug), None)
    sku = request.POST.get("sku", "").strip()
    return Asked(chosen, stand, sku, _problem(chosen, stand, sku))


def _problem(chosen: list[Scenario], stand: sandboxes.Stand | None, sku: str) -> str:
    if not chosen:
        return "Choose at least one scenario."
    if stand is None:
        return "Choose the sandbox that the scenarios are run at."
    if stand.problem:
        return stand.problem
    if not sku and _needs_sku(chosen):
        return (
            f"Article: name a SKU that {stand.flow.target} knows. Without one no order "
            "of a test could be delivered."
        )
    if len(sku) > LONGEST_SKU:
        return f"Article: a SKU has {LONGEST_SKU} characters at most."
    return ""


def progress_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Answer how far the runs are, for the page that follows them."""
    evidence = evidence_for(_version(request, version_id))
    rows = {
        one.scenario.pk: {
            "state": one.state,
            "tone": one.tone,
            "verdict": masked(one.run.verdict, request.user) if one.run else "",
        }
        for one in evidence.proofs
    }
    told = {"words": evidence.words, "is_moving": evidence.is_moving, "rows": rows}
    return JsonResponse(told)


def run_view(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the evidence of one run; `?print=1` shows all of it unfolded."""
    if not request.user.has_perm(MAY_SEE):
        raise PermissionDenied
    found = ScenarioRun.objects.select_related("scenario", "version__document", "by")
    run = get_object_or_404(found, pk=run_id)
    target = Connection.objects.filter(slug=run.connection).first()
    expected, _, got = run.verdict.partition(" Got: ")
    private = private_places([run.version])
    at_source = Eye(request.user, places=private.sources)
    at_target = Eye(request.user, places=private.targets)
    context = {
        **admin.site.each_context(request),
        "opts": ScenarioRun._meta,
        "title": run.scenario.name,
        "run": run,
        "state": Proof(run.scenario, run).state,
        "tone": TONES[ScenarioRun.State(run.state)],
        "is_moving": run.ended_at is None,
        "where": target.name if target else run.connection,
        "expected": expected.removeprefix("Expected: ")
        if got
        else run.scenario.expected,
        "got": masked(got or run.verdict, request.user),
        "steps": _steps(run, request.user),
        "given": at_source.reads(json_text(run.given)),
        "made": at_target.reads(_made(run)),
        "exchanges": [
            (one.get("of", ""), shown_exchange(one, at_target)) for one in run.exchanges
        ],
        "unfold": "print" in request.GET,
    }
    return TemplateResponse(request, RUN_PAGE, context)


def _made(run: ScenarioRun) -> str:
    """Write the payload as mapped: it is kept as text, so that money stays exact."""
    return exact.pretty(exact.loads(run.made)) if run.made else ""


def _steps(run: ScenarioRun, user: Any) -> list[dict[str, Any]]:
    return [
        {"at": parse_datetime(one["at"]), "words": masked(one["words"], user)}
        for one in run.steps
    ]


urlpatterns = [
    path(
        "acceptance/<int:version_id>/",
        admin.site.admin_view(acceptance_view),
        name="integrations_acceptance",
    ),
    path(
        "acceptance/<int:version_id>/run/",
        admin.site.admin_view(ask_view),
        name="integrations_acceptance_ask",
    ),
    path(
        "acceptance/<int:version_id>/progress/",
        admin.site.admin_view(progress_view),
        name="integrations_acceptance_progress",
    ),
    path(
        "acceptance/run/<int:run_id>/",
        admin.site.admin_view(run_view),
        name="integrations_acceptance_run",
    ),
]
