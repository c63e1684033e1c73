"""What people marked in mappings as personal, payment or secret, by its place."""

from collections.abc import Collection, Iterable
from contextlib import suppress

from errorqueue.failures import PrivatePlaces
from errorqueue.masking import is_private
from mappings.engine import Document, DocumentError, Row, Section
from mappings.engine.building import without_places
from mappings.engine.explanation import full_target
from mappings.engine.meaning import paths_of
from mappings.models import MappingRow, MappingSection, MappingVersion


def private_places(versions: Iterable[MappingVersion]) -> PrivatePlaces:
    """Return what these versions keep from most eyes, at the source and the target.

    Two queries, however many versions they are.
    """
    documents = _documents({one.pk for one in versions})
    return PrivatePlaces(
        frozenset(place for one in documents for place in kept_secret(one)),
        frozenset(place for one in documents for place in _kept_targets(one)),
    )


def _documents(versions: Collection[int]) -> list[Document]:
    """Return the rows and lists of each version: names and paths, no more."""
    rows: dict[int, list[Row]] = {pk: [] for pk in versions}
    lists: dict[int, list[Section]] = {pk: [] for pk in versions}
    for section in MappingSection.objects.filter(version__in=versions):
        lists[section.version_id].append(section.as_section())
    found = MappingRow.objects.filter(version__in=versions)
    for row in found.select_related("table"):
        with suppress(DocumentError):
            rows[row.version_id].append(row.as_row())
    return [Document("", tuple(rows[pk]), tuple(lists[pk])) for pk in versions]


def _kept_targets(document: Document) -> set[str]:
    """Return where a value goes that is for few eyes, by its mark or its sources."""
    return {
        full_target(document, row)
        for row in document.rows
        if is_private(row.sensitivity, row.target, *paths_of(row))
    }


def kept_secret(document: Document) -> set[str]:
    """Return what rows read that are marked personal, payment or secret, as `bare`."""
    lists = {one.name: one.source for one in document.sections}
    found = set()
    for row in document.rows:
        for path in paths_of(row) if row.sensitivity else ():
            found |= {bare(path), bare(f"{lists.get(row.section, '')}.{path}")}
    return found


def bare(path: str) -> str:
    """Return a path without where it starts and without places in lists."""
    return without_places(path).lstrip("$@^.")
