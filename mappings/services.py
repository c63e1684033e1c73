"""Drafts, publication and retirement of mapping versions."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from mappings import engine
from mappings.engine import DocumentError
from mappings.models import (
    MappingDocument,
    MappingVersion,
)

State = MappingVersion.State
PARTS = ("sections", "rows", "exclusions", "checks")


@transaction.atomic
def new_draft(
    document: MappingDocument,
    by: User | None,
    *,
    source: MappingVersion | None = None,
) -> MappingVersion:
    """Start a draft with the content of `source`, or of the published version.

    Raises ValidationError when the document has a draft already.
    """
    _lock(document)
    standing = document.draft()
    if standing:
        raise ValidationError(
            f"{standing} is a draft already. Publish it or delete it."
        )
    source = source or document.published() or document.versions.first()
    draft = document.versions.create(number=_next_number(document), created_by=by)
    if source:
        draft.note = f"From version {source.number}"
        draft.save()
        _copy(source, draft)
    return draft


@transaction.atomic
def publish(version: MappingVersion, by: User | None) -> MappingVersion:
    """Let a draft go live and retire the version before it.

    Raises ValidationError with every fault of the document; nothing changes then.
    """
    _lock(version.document)
    version = MappingVersion.objects.select_related("document").get(pk=version.pk)
    if version.is_frozen:
        raise ValidationError(f"{version} is {version.get_state_display().lower()}.")
    faults = faults_of(version)
    if faults:
        raise ValidationError(faults)
    version.document.versions.filter(state=State.PUBLISHED).update(state=State.RETIRED)
    _move(version, state=State.PUBLISHED, published_at=timezone.now(), published_by=by)
    return version


def faults_of(version: MappingVersion) -> list[str]:
    """Return what keeps a version from being published, in words."""
    try:
        return engine.check_document(version.as_document())
    except DocumentError as error:
        return [str(error)]


def _lock(document: MappingDocument) -> None:
    """Let one person at a time start, publish or retire versions of a document."""
    MappingDocument.objects.select_for_update().get(pk=document.pk)


def _move(version: MappingVersion, **columns: Any) -> None:
    MappingVersion.objects.filter(pk=version.pk).update(**columns)
    version.refresh_from_db()


def _next_number(document: MappingDocument) -> int:
    highest = document.versions.aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1


def _copy(source: MappingVersion, draft: MappingVersion) -> None:
    for name in PARTS:
        parts = [part.copy_to(draft) for part in getattr(source, name).all()]
        getattr(draft, name).bulk_create(parts)
