"""What the endpoints of the studio share: who may ask, and about which version."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from errorqueue.masking import (
    HIDDEN,
    hidden,
    is_private,
    masked_value,
    may_see,
    unquoted,
)
from integrations.studio.live import Typed, stored, typed
from integrations.studio.why import Step
from mappings import packing
from mappings.models import MappingVersion


def version_to_see(request: HttpRequest, version_id: int) -> MappingVersion:
    """Return a version that this person may look at."""
    if not request.user.has_perm("mappings.view_mappingversion"):
        raise PermissionDenied
    versions = MappingVersion.objects.select_related("document")
    return get_object_or_404(versions, pk=version_id)


def document_of(request: HttpRequest, version: MappingVersion) -> Typed:
    """Return the document as it is typed on the page, or as it is stored.

    Who may not change it tries nothing but what is stored. Raises DocumentError for a
    stored row that cannot be read.
    """
    may_type = request.user.has_perm("mappings.change_mappingversion")
    if version.is_frozen or not may_type:
        return Typed(stored(version))
    rows = packing.packed_in(request.POST)
    if rows:
        standing = version.rows.select_related("table")
        data = packing.laid_out(request.POST, rows.whole(standing))
        return typed(version, {name: str(data[name]) for name in data})
    if "rows-TOTAL_FORMS" in request.POST:
        return typed(version, request.POST.dict())
    return Typed(stored(version))


def readable(value: str, user: Any, *places: str, sensitivity: str = "") -> str:
    """Return a value as this person may read it, by every path where it stands."""
    if sensitivity and value and not may_see(user):
        return HIDDEN
    for place in _each(places):
        value = masked_value(place, value, user)
    return value


def worded(text: str, user: Any, *places: str, sensitivity: str = "") -> str:
    """Return a sentence without what it quotes of a value that is not to be read."""
    if not text or may_see(user):
        return text
    is_secret = is_private(sensitivity, *_each(places))
    return unquoted(text) if is_secret else hidden(text)


def step_for(
    step: Step, user: Any, *places: str, sensitivity: str = ""
) -> dict[str, Any]:
    """Return a step of a value as this person may read it."""
    words = step.words
    if step.quotes:
        words = worded(words, user, *places, sensitivity=sensitivity)
    value = readable(step.value, user, *places, step.about, sensitivity=sensitivity)
    detail = worded(step.detail, user, *places, sensitivity=sensitivity)
    return {"words": words, "value": value, "detail": detail}


def _each(places: Iterable[str]) -> Iterator[str]:
    """Give each path: a row of several names them with commas between."""
    for place in places:
        yield from filter(None, place.split(", ")) if place else ("",)


def wanted_sample(request: HttpRequest) -> str:
    """Return the key of the record that a page shows."""
    return request.POST.get("studio-sample") or request.GET.get("sample", "")
