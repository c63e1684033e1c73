"""The page "why this value?": from a target field back to its source."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from errorqueue.models import FailedRecord
from integrations.admin.studio.common import (
    document_of,
    readable,
    step_for,
    version_to_see,
    wanted_sample,
    worded,
)
from integrations.models import Attempt, AuditEntry, SyncRecord
from integrations.studio import why
from integrations.studio.live import Typed
from integrations.studio.samples import Subject, chosen
from mappings.engine import DocumentError
from mappings.engine.building import without_places
from mappings.engine.explanation import full_target
from mappings.engine.lint import name_of
from mappings.models import MappingVersion, ValueTable

TEMPLATE = "admin/integrations/studio/why.html"


def why_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Show each step of the value at a target path, as stored or as it is typed."""
    version = version_to_see(request, version_id)
    target = (request.POST.get("studio-target") or request.GET.get("target", ""))[:300]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": MappingVersion._meta,
        "title": f"Why {target or 'this value'}?",
        "version": version,
        "version_url": reverse(
            "admin:mappings_mappingversion_change", args=[version.pk]
        ),
        "target": target,
    }
    try:
        typed = document_of(request, version)
        subject = chosen(version.document, wanted_sample(request))
        context |= _told(request, version, typed, subject, target)
    except (DocumentError, ValueError, TypeError) as error:
        context["error"] = str(error)
    return TemplateResponse(request, TEMPLATE, context)


def why_of_line_view(request: HttpRequest, line_id: int) -> HttpResponse:
    """Lead from a failed record to the version that its last try was made with."""
    line = get_object_or_404(FailedRecord, pk=line_id)
    record = line.subject
    if not isinstance(record, SyncRecord):
        raise Http404("No mapping was used for this.")
    tries = Attempt.objects.filter(record=record).exclude(mapping=None)
    last = tries.order_by("-pk").values_list("mapping", flat=True).first()
    published = record.flow.mapping.published() if record.flow.mapping else None
    version = last or (published and published.pk)
    if not version:
        raise Http404("No mapping was used for this.")
    given = {"sample": f"record-{record.pk}", "target": request.GET.get("target", "")}
    address = reverse("admin:integrations_studio_why", args=[version])
    return redirect(f"{address}?{urlencode(given)}")


def _told(
    request: HttpRequest,
    version: MappingVersion,
    typed: Typed,
    subject: Subject | None,
    target: str,
) -> dict[str, Any]:
    if subject is None:
        return {"error": "There is no record to explain it with."}
    mapped = subject.run(typed.document)
    if not target:
        targets = dict.fromkeys(
            [one.target for one in mapped.problems]
            + [one.target for one in mapped.trace]
        )
        return {"subject": subject, "targets": list(targets)}
    walk = why.walk_of(typed.document, mapped, subject, target)
    walk = walk or _first(typed, subject, target)
    if walk is None:
        return {"subject": subject, "unused": True}

    user, sensitivity = request.user, walk.row.sensitivity
    places = (walk.source, target, *walk.places)

    def shown(value: str) -> str:
        return readable(value, user, *places, sensitivity=sensitivity)

    return {
        "subject": subject,
        "walk": walk,
        "row_name": name_of(walk.row),
        "source_value": shown(why.shown(walk.value)),
        "steps": [
            step_for(step, user, *places, sensitivity=sensitivity)
            for step in walk.steps
        ],
        "rule": worded(walk.rule, user, *places, sensitivity=sensitivity),
        "out": shown(why.shown(walk.out)),
        "changed": _last_change(version, name_of(walk.row)),
        "table": _table(walk.row.table),
    }


def _first(typed: Typed, subject: Subject, target: str) -> why.Walk | None:
    """Return the first use of a row that fills this field, though with nothing."""
    wanted = without_places(target)
    walks = why.first_walks(typed.document, subject)
    found = (
        walks[row.key]
        for row in typed.document.rows
        if row.key in walks
        and wanted in (full_target(typed.document, row), without_places(row.target))
    )
    return next(found, None)


def _last_change(version: MappingVersion, row: str) -> AuditEntry | None:
    """Return who changed this row last, in this version or one before it."""
    versions = version.document.versions.filter(number__lte=version.number)
    entries = AuditEntry.objects.filter(
        subject="mapping",
        subject_id__in=list(versions.values_list("pk", flat=True)),
        detail__startswith=f"{row} ",
    )
    return entries.select_related("by").first()


def _table(name: str) -> dict[str, Any] | None:
    """Return a value table and who changed it last."""
    table = ValueTable.objects.filter(name=name).first() if name else None
    if table is None:
        return None
    entries = AuditEntry.objects.filter(subject="table", subject_id=table.pk)
    url = reverse("admin:mappings_valuetable_change", args=[table.pk])
    return {"table": table, "url": url, "changed": entries.select_related("by").first()}
