"""Takes what a spreadsheet says into a draft, and into value tables."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from mappings import editing, services
from mappings.changes import Change, tell
from mappings.engine import Document, Row, chain_items, print_literal
from mappings.engine.difference import matched
from mappings.engine.digest import content_digest
from mappings.models import (
    ExclusionRule,
    MappingRow,
    MappingSection,
    MappingVersion,
    SumCheck,
    ValueTable,
)
from mappings.spreadsheet.content import Content, Pairs
from mappings.spreadsheet.report import edits_of
from mappings.tables.editing import cells_of, save_rows

# Rows stand ten apart, so that one can be put between two.
STEP = 10


class Changed(Exception):
    """What the file was compared with has changed since."""


def content_of_version(version: MappingVersion) -> Content:
    """Return a version with the tables it reads; raises DocumentError."""
    document = version.read_document()
    used = dict.fromkeys(row.table for row in document.rows if row.table)
    return Content(document, pairs_of(used))


def pairs_of(names: Any) -> dict[str, Pairs]:
    """Return the rows of the tables of these names; what is not there is left out."""
    tables = ValueTable.objects.filter(name__in=list(names)).prefetch_related("rows")
    found = {one.name: tuple(map(cells_of, one.rows.all())) for one in tables}
    return {name: found[name] for name in names if name in found}


def mark_of(version: MappingVersion) -> str:
    """Return a mark of what stands in a version now."""
    return content_digest(version.read_document())


@transaction.atomic
def take_document(
    version: MappingVersion, mark: str, document: Document, by: Any
) -> MappingVersion:
    """Put a document into the draft of a version; make one where there is none.

    Raises Changed when the version is not what `mark` was made of, and
    ValidationError while no draft can be made.
    """
    services.lock(version.document)
    # Whoever saves the grid holds the version: what they store is seen, or waits.
    held = MappingVersion.objects.select_for_update(of=("self",))
    version = held.select_related("document").get(pk=version.pk)
    if mark_of(version) != mark:
        raise Changed(f"Somebody changed {version} since this file was looked at.")
    if version.is_frozen:
        version = services.new_draft(version.document, by, source=version)
    before = editing.state_of(version)
    _put(version, document)
    # Whoever takes a file in has written the version, whatever of it can be told.
    tell(Change("mapping", version.pk, "imported", after=f"{version}: a file"), by)
    editing.tell_changes(version, before, by)
    return version


def _put(version: MappingVersion, document: Document) -> None:
    """Change, add and remove parts so that the draft says what the document does."""
    standing = version.read_document()
    tables = {one.name: one for one in ValueTable.objects.all()}
    kinds: list[tuple[str, Any]] = [
        ("sections", MappingSection),
        ("rows", MappingRow),
        ("exclusions", ExclusionRule),
        ("checks", SumCheck),
    ]
    for name, model in kinds:
        stored = {
            id(part): kept
            for part, kept in zip(
                getattr(standing, name), getattr(version, name).all(), strict=True
            )
        }
        pairs = matched(getattr(standing, name), getattr(document, name))
        place = 0
        for before, after in pairs:
            if after is None:
                stored[id(before)].delete()
                continue
            place += STEP
            kept = stored.get(id(before)) or model(version=version)
            _fill(kept, _columns(after, tables) | {"position": place})


def _fill(part: Any, columns: dict[str, Any]) -> None:
    if part.pk and all(getattr(part, name) == value for name, value in columns.items()):
        return
    for name, value in columns.items():
        setattr(part, name, value)
    part.save()


def _columns(part: Any, tables: Mapping[str, ValueTable]) -> dict[str, Any]:
    columns = {name: value for name, value in vars(part).items() if name != "steps"}
    columns.pop("key", None)
    if isinstance(part, Row):
        return columns | {
            "kind": part.kind.value,
            "table": tables[part.table] if part.table else None,
            "constant": print_literal(part.constant),
            "default": print_literal(part.default),
            "transforms": chain_items(part.transforms),
        }
    if "parts" in columns:
        columns["parts"] = list(part.parts)
    return columns


@transaction.atomic
def take_tables(
    wanted: Mapping[str, Pairs], were: Mapping[str, Pairs], by: Any
) -> list[ValueTable]:
    """Put rows into value tables, making those that are new; return what changed.

    Raises editing.NotSaved of `mappings.tables` where others changed the same row.
    """
    changed = []
    for name, pairs in wanted.items():
        if were.get(name) == pairs:
            continue
        table, is_new = ValueTable.objects.get_or_create(name=name)
        if is_new:
            tell(Change("table", table.pk, "made", f"'{name}'"), by)
        edits = edits_of(list(table.rows.all()), pairs, were.get(name, ()))
        if save_rows(table, edits, by) or is_new:
            changed.append(table)
    return changed


def open_draft(version: MappingVersion) -> MappingVersion:
    """Return what a file changes: the document's draft, else the version itself.

    Raises ValidationError while another version is on its way.
    """
    draft = version.document.draft()
    if draft is not None or not version.is_frozen:
        return draft or version
    other = version.document.open_line()
    if other:
        raise ValidationError(
            f"{other} is on its way ({other.get_state_display().lower()}): take it "
            "back first, or wait until it is live."
        )
    return version
