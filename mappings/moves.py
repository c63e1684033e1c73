"""What every step of a version shares: one person at a time, and a line in the trail."""

from typing import Any

from django.core.exceptions import ValidationError

from mappings import changes, engine, ownership
from mappings.engine import DocumentError
from mappings.engine.digest import content_digest
from mappings.models import MappingDocument, MappingVersion

State = MappingVersion.State
WORDS = {
    State.DRAFT: "is a draft",
    State.REVIEW: "waits for signatures",
    State.SCHEDULED: "is scheduled to go live",
    State.PUBLISHED: "is published",
    State.RETIRED: "is retired",
}


def lock(document: MappingDocument) -> None:
    """Let one person at a time take a step with the versions of a document."""
    MappingDocument.objects.select_for_update().get(pk=document.pk)


def locked(version: MappingVersion) -> MappingVersion:
    """Lock the document and the version, and return it as it stands now.

    Whoever is saving a part of it ends first: see `refuse_frozen`.
    """
    lock(version.document)
    versions = MappingVersion.objects.select_related(
        "document", "created_by", "sent_by"
    )
    return versions.select_for_update(of=("self",), no_key=True).get(pk=version.pk)


def move(version: MappingVersion, **columns: Any) -> None:
    """Write the step of a version that `save` would take for a change."""
    MappingVersion.objects.filter(pk=version.pk).update(**columns)
    version.refresh_from_db()


def tell(version: MappingVersion, verb: str, by: Any, what: str = "") -> None:
    """Put a step into the audit trail."""
    named = f"{version}: {what}" if what else str(version)
    changes.tell(changes.Change("mapping", version.pk, verb, after=named), by)


def state_words(version: MappingVersion) -> str:
    """Return what a version is now, to follow its name."""
    return WORDS[State(version.state)]


def digest_of(version: MappingVersion) -> str:
    """Return the mark of a version's content as it stands now.

    Raises ValidationError for a row that cannot be read.
    """
    try:
        return content_digest(version.read_document())
    except DocumentError as error:
        raise ValidationError(str(error)) from error


def refuse_faults(version: MappingVersion) -> None:
    """Raise ValidationError with everything that keeps a version from going live."""
    faults = faults_of(version)
    if faults:
        raise ValidationError(faults)


def faults_of(version: MappingVersion) -> list[str]:
    """Return what keeps a version from being published, in words."""
    try:
        found = engine.check_document(version.as_document())
    except DocumentError as error:
        return [str(error)]
    return [*found, *ownership.faults_of(version)]
