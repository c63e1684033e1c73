"""Drafts, publication, roll-back and retirement of mapping versions."""

from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from mappings import changes, signing
from mappings.models import (
    MappingDocument,
    MappingVersion,
)
from mappings.moves import (
    State,
    digest_of,
    faults_of,
    lock,
    locked,
    move,
    refuse_faults,
    state_words,
    tell,
)

__all__ = [
    "drop_draft",
    "earlier_version",
    "faults_of",
    "go_live",
    "new_draft",
    "publish",
    "roll_back",
    "set_watch",
]

PARTS = ("sections", "rows", "exclusions", "checks")
GOES_LIVE = (State.DRAFT, State.REVIEW, State.SCHEDULED)


@transaction.atomic
def new_draft(
    document: MappingDocument,
    by: User | None,
    *,
    source: MappingVersion | None = None,
) -> MappingVersion:
    """Start a draft with the content of `source`, or of the published version.

    Raises ValidationError while another version is on its way.
    """
    lock(document)
    _refuse_second(document)
    source = source or document.published() or document.versions.first()
    draft = document.versions.create(number=_next_number(document), created_by=by)
    if source:
        draft.note = f"From version {source.number}"
        draft.save()
        _copy(source, draft)
    return draft


@transaction.atomic
def publish(version: MappingVersion, by: User | None) -> MappingVersion:
    """Let a version go live and retire the version before it.

    Raises ValidationError with every fault of the document, or with the signatures
    that a production document still needs; nothing changes then.
    """
    version = locked(version)
    if version.state not in GOES_LIVE:
        raise ValidationError(f"{version} {state_words(version)}.")
    refuse_faults(version)
    signing.refuse_unsigned(version)
    go_live(version, by)
    return version


@transaction.atomic
def roll_back(
    document: MappingDocument, by: User | None, reason: str, *, live: int
) -> MappingVersion:
    """Bring back what was live before version `live`, as a new version, and publish it.

    It was live before, so it needs no new signature. Raises ValidationError when
    another version is live by now, or when there was none before.
    """
    lock(document)
    current = document.published()
    if current is None or current.number != live:
        raise ValidationError(
            f"Version {live} of {document} is not live any more. Look again."
        )
    earlier = earlier_version(current)
    if earlier is None:
        raise ValidationError(f"{document} had no version before {current}.")
    _retire(document)
    made = document.versions.create(
        number=_next_number(document),
        state=State.RETIRED,  # until it has its content
        note=f"Rolled back to version {earlier.number}. {reason}".strip()[:200],
        created_by=by,
        restores=earlier,
    )
    _copy(earlier, made)
    tell(current, "rolled back", by, f"to version {earlier.number}. {reason}".strip())
    _publish(made, current, by, timezone.now())
    return made


def earlier_version(current: MappingVersion) -> MappingVersion | None:
    """Return what was live before a version; for a restored one, before its original.

    Where a roll-back stood before it, that is the version which was brought back: never
    the one that was rolled back.
    """
    since = (current.restores or current).published_at
    earlier = current.document.versions.filter(
        state=State.RETIRED, published_at__lt=since
    )
    found = earlier.select_related("restores").order_by("-published_at", "-pk").first()
    return (found.restores or found) if found else None


@transaction.atomic
def set_watch(
    version: MappingVersion, size: int, limit: int, by: User | None = None
) -> None:
    """Say over how many live records a version is watched, and what share may fail."""
    if not 0 <= size <= 1000 or not 0 <= limit <= 100:
        raise ValidationError(
            "Watch up to 1,000 records (0 for none), with a limit of 0 to 100 %."
        )
    standing = locked(version)
    before = _watch_words(standing)
    move(standing, watch_size=size, watch_limit=limit)
    if _watch_words(standing) != before:
        tell(standing, "watch set", by, f"{before} → {_watch_words(standing)}")
    version.refresh_from_db()


def _watch_words(version: MappingVersion) -> str:
    return f"{version.watch_size} records, {version.watch_limit} %"


@transaction.atomic
def drop_draft(draft: MappingVersion, by: User | None) -> None:
    """Delete a draft; that it was there stays in the trail of its document.

    Raises ValidationError for what is frozen, ProtectedError for what was run.
    """
    document, name = draft.document, str(draft)
    draft.delete()
    changes.tell(
        changes.Change("document", document.pk, "draft deleted", after=name), by
    )


def go_live(
    version: MappingVersion, by: User | None, now: datetime | None = None
) -> None:
    """Make a version the one in force, within the caller's transaction and lock."""
    before = version.document.published()
    _retire(version.document)
    _publish(version, before, by, now or timezone.now())


def _publish(
    version: MappingVersion,
    before: MappingVersion | None,
    by: User | None,
    now: datetime,
) -> None:
    move(
        version,
        state=State.PUBLISHED,
        digest=digest_of(version),
        published_at=now,
        published_by=by,
    )
    if before:
        tell(before, "retired", by, f"version {version.number} is in force")
    tell(version, "published", by, version.note)
    changes.went_live(version, before, by)


def _retire(document: MappingDocument) -> None:
    document.versions.filter(state=State.PUBLISHED).update(state=State.RETIRED)


def _refuse_second(document: MappingDocument) -> None:
    standing = document.open_line()
    if standing is None:
        return
    if standing.state == State.DRAFT:
        raise ValidationError(
            f"{standing} is a draft already. Publish it or delete it."
        )
    raise ValidationError(
        f"{standing} {state_words(standing)}. Let it go live or take it back first."
    )


def _next_number(document: MappingDocument) -> int:
    highest = document.versions.aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1


def _copy(source: MappingVersion, draft: MappingVersion) -> None:
    for name in PARTS:
        parts = [part.copy_to(draft) for part in getattr(source, name).all()]
        getattr(draft, name).bulk_create(parts)
