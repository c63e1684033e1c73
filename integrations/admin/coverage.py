"""What of a document is used: rows, defaults, tables, required fields."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from integrations.admin.links import row_url
from integrations.models import Coverage
from integrations.studio import coverage as measuring
from integrations.studio.resolving import published_or_newest
from mappings.engine import DocumentError
from mappings.models import (
    MappingDocument,
    MappingRow,
    MappingVersion,
    ValueTable,
)

PAGE = "admin/integrations/coverage/page.html"
TONES = {"never": "bad", "default": "warn", "used": "good", "unknown": "mute"}
WORDS = {
    "never": "Never filled",
    "default": "Always the default",
    "used": "Used",
    "unknown": "No records",
}


def coverage_view(request: HttpRequest, document_id: int) -> HttpResponse:
    """Show what of a document's version the last records used; measure on demand."""
    if not request.user.has_perm("integrations.view_coverage"):
        raise PermissionDenied
    document = get_object_or_404(MappingDocument, pk=document_id)
    version = published_or_newest(document) or document.draft()
    if request.method == "POST":
        return _measure(request, document, version)
    context = {
        **admin.site.each_context(request),
        "opts": MappingDocument._meta,
        "title": f"Coverage of {document}",
        "document": document,
        "document_url": row_url(document),
        "version": version,
        "may_measure": request.user.has_perm("integrations.add_coverage"),
        **(_measured(version) if version else {}),
    }
    return TemplateResponse(request, PAGE, context)


def _measure(
    request: HttpRequest, document: MappingDocument, version: MappingVersion | None
) -> HttpResponse:
    if not request.user.has_perm("integrations.add_coverage"):
        raise PermissionDenied
    if version is None:
        messages.error(request, f"{document} has no version to measure yet.")
    else:
        measuring.ask(version, request.user)
        messages.success(request, "A worker measures it; look again in a moment.")
    return redirect(request.path)


def _measured(version: MappingVersion) -> dict[str, Any]:
    coverage = measuring.latest(version)
    try:
        read = version.as_document()
    except DocumentError as error:
        return {"coverage": coverage, "unreadable": str(error)}
    required = measuring.unfilled_required(version, read)
    if coverage is None:
        return {"required": required}
    rows = measuring.row_uses(read, coverage)
    return {
        "coverage": coverage,
        "required": required,
        "counted": counted(coverage),
        "rows": [(row, WORDS[row.verdict], TONES[row.verdict]) for row in rows],
        "never": sum(row.verdict == "never" for row in rows),
        "defaulted": sum(row.verdict == "default" for row in rows),
        "tables": measuring.table_uses(read, coverage),
        "unused_tables": unused_tables(),
    }


def counted(coverage: Coverage) -> str:
    """Say over what it was counted, in words."""
    tally = measuring.Tally.read(coverage.content)
    parts = [f"{tally.records} records"]
    if tally.excluded:
        parts.append(f"{tally.excluded} kept out by a rule")
    if tally.unreadable:
        parts.append(f"{tally.unreadable} could not be mapped")
    return ", ".join(parts)


def unused_tables() -> list[ValueTable]:
    """Return the tables that no version on its way or in use names."""
    standing = MappingRow.objects.exclude(version__state=MappingVersion.State.RETIRED)
    used = standing.exclude(table=None).values("table")
    return list(ValueTable.objects.exclude(pk__in=used))
