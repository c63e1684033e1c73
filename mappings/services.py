"""Drafts, publication and retirement of mapping versions."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from mappings import engine
from mappings.engine import Document, DocumentError, chain_items, print_literal
from mappings.models import (
    ExclusionRule,
    MappingDocument,
    MappingRow,
    MappingSection,
    MappingVersion,
    SumCheck,
    ValueTable,
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
def fill_draft(version: MappingVersion, document: Document) -> None:
    """Put the content of an engine document in place of a draft's own.

    Raises ValidationError when the version is frozen, and ValueTable.DoesNotExist
    for a table that is not there.
    """
    for name in PARTS:
        getattr(version, name).all().delete()
    tables = {table.name: table for table in ValueTable.objects.all()}
    made: list[tuple[Any, list[dict[str, Any]]]] = [
        (MappingSection, [vars(part) for part in document.sections]),
        (MappingRow, [_columns(row, tables) for row in document.rows]),
        (ExclusionRule, [vars(part) for part in document.exclusions]),
        (SumCheck, [vars(one) | {"parts": list(one.parts)} for one in document.checks]),
    ]
    for model, parts in made:
        for position, columns in enumerate(parts):
            model(version=version, position=position, **columns).save()


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


@transaction.atomic
def retire(version: MappingVersion) -> MappingVersion:
    """Take a published version out of use; its document then has none."""
    _lock(version.document)
    if version.state != State.PUBLISHED:
        raise ValidationError(f"{version} is not published.")
    _move(version, state=State.RETIRED)
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


def _columns(row: engine.Row, tables: dict[str, ValueTable]) -> dict[str, Any]:
    columns = {name: value for name, value in vars(row).items() if name != "key"}
    if row.table and row.table not in tables:
        raise ValueTable.DoesNotExist(f"There is no value table {row.table!r}.")
    return columns | {
        "table": tables.get(row.table),
        "constant": print_literal(row.constant),
        "default": print_literal(row.default),
        "transforms": chain_items(row.transforms),
    }
