"""Keeps a record as a golden sample, and lets one go."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from integrations.admin.studio.common import version_to_see
from integrations.studio.samples import NotKept, keep, records_of
from mappings.changes import Change, tell


@require_POST
def keep_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Keep the chosen record; say in words what stands in the way."""
    version = version_to_see(request, version_id)
    if not request.user.has_perm("mappings.add_goldensample"):
        raise PermissionDenied
    kind, _, number = request.POST.get("studio-sample", "").partition("-")
    if kind != "record" or not number.isdecimal() or len(number) > 18:
        text = "Choose a stored record first; this one is kept already."
        return JsonResponse({"text": text}, status=409)
    record = get_object_or_404(records_of(version.document), pk=int(number))
    try:
        sample = keep(record, request.POST.get("studio-name", ""), request.user)
    except (NotKept, ValueError) as error:
        return JsonResponse({"text": str(error)}, status=409)
    document = version.document
    part = f"Golden sample {sample.pk}"
    tell(Change("document", document.pk, "added", part), request.user)
    text = f"“{sample.name}” is kept and runs on every change."
    return JsonResponse({"text": text, "sample": f"sample-{sample.pk}"})


@require_POST
def drop_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Let a golden sample go."""
    version = version_to_see(request, version_id)
    if not request.user.has_perm("mappings.delete_goldensample"):
        raise PermissionDenied
    _, _, number = request.POST.get("studio-sample", "").partition("-")
    key = int(number) if number.isdecimal() and len(number) < 19 else 0
    sample = get_object_or_404(version.document.samples, pk=key)
    name, part = sample.name, f"Golden sample {sample.pk}"
    sample.delete()
    change = Change("document", version.document.pk, "removed", part)
    tell(change, request.user)
    return JsonResponse({"text": f"“{name}” is no longer a golden sample."})
