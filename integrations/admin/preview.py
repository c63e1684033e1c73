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

from errorqueue.masking import masked, masked_value
from integrations.admin.columns import json_text
from integrations.admin.links import row_url
from integrations.connectors.errors import ConnectorError
from integrations.models import InboxEvent, SyncRecord
from integrations.sync import preview
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
    source = masked(json_text(record.payload), request.user)
    shown = _shown(trial, version, request.user)
    return {"trial": trial, "source_json": source} | shown


def _asked(request: HttpRequest, document: MappingDocument) -> SyncRecord | None:
    if "event" in request.GET:
        sources = preview.flows_of(document).values("source")
        events = InboxEvent.objects.filter(connection__in=sources)
        event = get_object_or_404(events, pk=_number(request, "event"))
        return preview.record_from(event, document)
    if "record" in request.GET:
        records = _whole().filter(flow__mapping=document)
        return get_object_or_404(records, pk=_number(request, "record"))
    return None


def _only(request: HttpRequest, records: list[SyncRecord]) -> SyncRecord | None:
    """Return the one hit of a search, or the latest record without a search."""
    if request.GET.get("q", "").strip() and len(records) != 1:
        return None
    return _whole().get(pk=records[0].pk) if records else None


def _whole() -> QuerySet[SyncRecord]:
    return SyncRecord.objects.select_related("flow__source", "flow__target")


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET[name]
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _shown(trial: preview.Trial, version: MappingVersion, user: Any) -> dict[str, Any]:
    if trial.mapped is None:
        return {}
    totals = preview.totals_of(version, trial.mapped)
    return {
        "result_json": masked(json_text(trial.mapped.payload), user),
        "wrong": {"problems": [_readable(one, user) for one in trial.mapped.problems]},
        "fields": [_readable(one, user) for one in preview.fields_of(trial.mapped)],
        "totals": [(name, verdict, TONES[verdict]) for name, verdict in totals],
    }


def _readable(one: Any, user: Any) -> Any:
    """Return a field or a problem, its value as this person may read it."""
    value = one.value
    for place in (one.source, one.target):
        value = masked_value(place, value, user) if isinstance(value, str) else value
    return replace(one, value=value)
