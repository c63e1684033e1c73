"""The page that tries a mapping version on what was received."""

from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch

from errorqueue.masking import (
    hidden_at,
    is_private,
    masked,
    masked_problems,
    may_see,
)
from errorqueue.text import number_of
from integrations.admin.columns import json_text
from integrations.admin.links import row_url
from integrations.admin.studio.common import readable, worded
from integrations.connectors.errors import ConnectorError
from integrations.failures import as_field_problem
from integrations.models import InboxEvent, SyncRecord
from integrations.models.privacy import kept_secret
from integrations.sync import preview
from mappings.engine import DocumentError, Trace
from mappings.engine.building import without_places
from mappings.models import MappingDocument, MappingVersion

TEMPLATE = "admin/integrations/preview.html"
TONES = {
    preview.Verdict.HOLDS: "good",
    preview.Verdict.FAILS: "bad",
    preview.Verdict.OPEN: "mute",
}


def preview_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Show what a version makes of a record, side by side; nothing is sent."""
    if not request.user.has_perm("mappings.view_mappingversion"):
        raise PermissionDenied
    versions = MappingVersion.objects.select_related("document")
    version = get_object_or_404(versions, pk=version_id)
    words = request.GET.get("q", "").strip()
    records = list(preview.latest_records(version.document, words))
    context = {
        **admin.site.each_context(request),
        "opts": MappingVersion._meta,
        "title": f"Preview of {version}",
        "version": version,
        "version_url": _version_url(version),
        "words": words,
        "records": records,
        "events": preview.latest_events(version.document),
        "flows": preview.flows_of(version.document),
        **_chosen(request, version, records),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _version_url(version: MappingVersion) -> str:
    """Return the version's own page, where the console has one."""
    try:
        return row_url(version)
    except NoReverseMatch:
        return ""


def _chosen(
    request: HttpRequest, version: MappingVersion, records: list[SyncRecord]
) -> dict[str, Any]:
    """Try the version on what was asked for, else on what a search leaves no choice."""
    try:
        record = _asked(request, version.document) or _only(request, records)
    except ConnectorError as error:
        return {"unreadable": str(error)}
    if record is None:
        return {}
    trial = preview.try_out(version, record)
    source = _json(record.payload, _secret_sources(version), request.user)
    shown = _shown(trial, version, request.user)
    return {"trial": trial, "source_json": source} | shown


def _secret_sources(version: MappingVersion) -> set[str]:
    try:
        return kept_secret(version.as_document())
    except DocumentError:
        return set()


def _json(tree: Any, secret: set[str], user: Any) -> str:
    """Return a tree as text, without what this person may not read."""
    if may_see(user):
        return json_text(tree)
    return masked(json_text(hidden_at(tree, secret)), user)


def _asked(request: HttpRequest, document: MappingDocument) -> SyncRecord | None:
    if "event" in request.GET:
        sources = preview.flows_of(document).values("source")
        events = InboxEvent.objects.filter(connection__in=sources)
        event = get_object_or_404(events, pk=number_of(request.GET["event"]))
        return preview.record_from(event, document)
    if "record" in request.GET:
        records = _whole().filter(flow__mapping=document)
        return get_object_or_404(records, pk=number_of(request.GET["record"]))
    return None


def _only(request: HttpRequest, records: list[SyncRecord]) -> SyncRecord | None:
    """Return the one hit of a search, or the latest record without a search."""
    if request.GET.get("q", "").strip() and len(records) != 1:
        return None
    return _whole().get(pk=records[0].pk) if records else None


def _whole() -> QuerySet[SyncRecord]:
    return SyncRecord.objects.select_related("flow__source", "flow__target")


def _shown(trial: preview.Trial, version: MappingVersion, user: Any) -> dict[str, Any]:
    if trial.mapped is None:
        return {}
    totals = preview.totals_of(version, trial.mapped)
    problems = [as_field_problem(one).as_dict() for one in trial.mapped.problems]
    secret = {
        without_places(one.target) for one in trial.mapped.trace if _is_secret(one)
    }
    return {
        "result_json": _json(trial.mapped.payload, secret, user),
        "wrong": {"problems": masked_problems(problems, user)},
        "fields": [_readable(one, user) for one in preview.fields_of(trial.mapped)],
        "totals": [(name, verdict, TONES[verdict]) for name, verdict in totals],
    }


def _is_secret(one: Trace) -> bool:
    return is_private(one.sensitivity, one.source, one.target, *one.sources)


def _readable(one: preview.Field, user: Any) -> preview.Field:
    """Return a field, its value and its problems as this person may read them."""
    places = (one.source, one.target, *one.sources)
    kept = one.sensitivity

    def said(text: str) -> str:
        return worded(text, user, *places, sensitivity=kept)

    problems = tuple(
        replace(each, rule=said(each.rule), remedy=said(each.remedy))
        for each in one.problems
    )
    value = readable(one.value, user, *places, sensitivity=kept)
    return replace(one, value=value, problems=problems)
