"""The history of a mapping in words: who changed what, field by field."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from integrations.models import AuditEntry
from mappings.models import MappingDocument, MappingVersion

TEMPLATE = "admin/integrations/studio/history.html"
PAGE = 100


def history_view(request: HttpRequest, document_id: int) -> HttpResponse:
    """List the changes of a document and its versions, the newest first."""
    if not request.user.has_perm("mappings.view_mappingversion"):
        raise PermissionDenied
    document = get_object_or_404(MappingDocument, pk=document_id)
    versions = {one.pk: one for one in document.versions.all()}
    only = request.GET.get("version", "")
    chosen = versions.get(int(only)) if only.isdecimal() and len(only) < 19 else None
    keys = [chosen.pk] if chosen else list(versions)
    wanted = Q(subject="mapping", subject_id__in=keys)
    if chosen is None:
        wanted |= Q(subject="document", subject_id=document.pk)
    entries = AuditEntry.objects.filter(wanted).select_related("by")
    page = Paginator(entries, PAGE).get_page(request.GET.get("p"))
    context = {
        **admin.site.each_context(request),
        "opts": MappingVersion._meta,
        "title": f"History of {chosen or document}",
        "document": document,
        "chosen": chosen,
        "page": page,
        "lines": [(one, _version(one, versions)) for one in page],
    }
    return TemplateResponse(request, TEMPLATE, context)


def _version(
    entry: AuditEntry, versions: dict[int, MappingVersion]
) -> MappingVersion | None:
    return versions.get(entry.subject_id) if entry.subject == "mapping" else None
