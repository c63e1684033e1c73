"""What the pages of mappings share."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mappings import services
from mappings.models import MappingDocument, MappingVersion

State = MappingVersion.State
PILLS = {
    State.DRAFT: "wait",
    State.REVIEW: "wait",
    State.SCHEDULED: "wait",
    State.PUBLISHED: "good",
    State.RETIRED: "mute",
}


def state_pill(version: MappingVersion) -> SafeString:
    return format_html(
        '<span class="pill pill-{}">{}</span>',
        PILLS[State(version.state)],
        version.get_state_display(),
    )


def start_draft(
    request: HttpRequest, document: MappingDocument, source: MappingVersion | None
) -> HttpResponse:
    if not request.user.has_perm("mappings.add_mappingversion"):
        raise PermissionDenied
    try:
        draft = services.new_draft(document, person(request), source=source)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        standing = document.draft()
        return to_version(standing) if standing else to_document(document)
    last = "send it for signatures" if document.needs_signatures else "publish it"
    messages.success(request, f"{draft} is a draft. Change it, then {last}.")
    return to_version(draft)


def version_of(pk: int) -> MappingVersion:
    versions = MappingVersion.objects.select_related("document")
    return get_object_or_404(versions, pk=pk)


def person(request: HttpRequest) -> Any:
    return request.user if request.user.is_authenticated else None


def version_link(document: Any, state: str) -> str:
    found = [one for one in document.open_versions if one.state == state]
    if not found:
        return "–"
    url = reverse("admin:mappings_mappingversion_change", args=[found[0].pk])
    return format_html('<a href="{}">Version {}</a>', url, found[0].number)


def to_version(version: MappingVersion) -> HttpResponseRedirect:
    url = reverse("admin:mappings_mappingversion_change", args=[version.pk])
    return HttpResponseRedirect(url)


def to_document(document: MappingDocument) -> HttpResponseRedirect:
    url = reverse("admin:mappings_mappingdocument_change", args=[document.pk])
    return HttpResponseRedirect(url)


def moment(at: Any, by: Any) -> str:
    if at is None:
        return "–"
    return f"{at:%Y-%m-%d %H:%M} UTC" + (f" by {by}" if by else "")
