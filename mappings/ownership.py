"""Who owns which field, over the documents in force: read from rows, told in words.

Documents are compared within one environment: a sandbox document and the production
document made from it speak of the same fields by nature.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mappings.engine.building import without_places
from mappings.engine.errors import DocumentError
from mappings.engine.ownership import (
    SOURCE,
    TARGET,
    Claim,
    FieldKey,
    OwnershipFault,
    field_key,
    find_conflicts,
)
from mappings.engine.parsing import parse_expression
from mappings.engine.wording import system_key
from mappings.models import MappingDocument, MappingRow, MappingVersion

State = MappingVersion.State
# On their way to be published; what they say of owners counts beside what is live.
COMING = (State.DRAFT, State.REVIEW, State.SCHEDULED)
# What a path begins with that is no field of the source.
FACTS = ("connection.", "source_connection.", "waybill.", "needs.")
_PLACEHOLDER = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")
_PARTS = re.compile(r"""(?:"[^"]*"|'[^']*'|[^,])+""")


@dataclass(frozen=True)
class Line:
    """One row of a version, as a page shows it and links to it."""

    version: MappingVersion
    row: MappingRow
    section: str
    target: str
    reads: tuple[str, ...]

    @property
    def label(self) -> str:
        return str(self.row)

    def claims(self) -> Iterator[Claim]:
        """Yield what the row says of the field it writes and of those it reads."""
        document = self.version.document
        common = {
            "document": document.name,
            "row": self.label,
            "owner": system_key(self.row.owner),
            "direction": self.row.direction,
        }
        yield Claim(
            system=document.target_system,
            entity=document.target_record,
            field=self.target,
            side=TARGET,
            **common,
        )
        for path in self.reads:
            yield Claim(
                system=document.source_system,
                entity=document.source_entity,
                field=path,
                side=SOURCE,
                **common,
            )


@dataclass(frozen=True)
class Fault:
    """One fault of ownership with the rows it speaks of; `second` may be missing."""

    text: str
    field: str
    first: Line
    second: Line | None = None
    is_grave: bool = True

    @property
    def lines(self) -> list[Line]:
        return [line for line in (self.first, self.second) if line]


@dataclass
class Field:
    """One field of one record of one system, and every row that writes it."""

    system: str
    entity: str
    name: str
    lines: list[Line] = field(default_factory=list)

    @property
    def owners(self) -> list[str]:
        """Name the owners that the rows give; more than one is a fault."""
        named = (system_key(one.row.owner) for one in self.lines)
        return list(dict.fromkeys(owner for owner in named if owner))


def faults_of(version: MappingVersion) -> list[str]:
    """Return what keeps a version from going live for reasons of ownership, in words.

    A field without an owner is flagged and keeps nothing back, see `flags_of`.
    """
    return [fault.text for fault in _own_faults(version) if fault.is_grave]


def flags_of(version: MappingVersion) -> list[Fault]:
    """Return every fault of a version with its lines, the grave ones first."""
    return sorted(_own_faults(version), key=lambda fault: not fault.is_grave)


def _own_faults(version: MappingVersion) -> list[Fault]:
    """Find the faults that this version has a part in.

    What is at odds with a document as it is live is no fault when it agrees with
    that document's version on its way: an owner changes in two documents only one
    after the other.
    """
    mine = lines_of([version])
    live = [
        one
        for one in published(version.document.environment)
        if not _same(one, version)
    ]
    found = _part_in(version, faults_among([*mine, *lines_of(live)]))
    coming = _coming_instead(live)
    if not found or not coming:
        return found
    replaced = {one.document_id for one in coming}
    rest = [one for one in live if one.document_id not in replaced]
    then = _part_in(version, faults_among([*mine, *lines_of([*coming, *rest])]))
    still = {_mark(fault) for fault in then}
    return [fault for fault in found if _mark(fault) in still]


def _mark(fault: Fault) -> tuple[str, bool]:
    return without_places(fault.field).casefold(), fault.is_grave


def _same(one: MappingVersion, version: MappingVersion) -> bool:
    return one.document_id == version.document_id


def _part_in(version: MappingVersion, faults: Iterable[Fault]) -> list[Fault]:
    return [
        fault
        for fault in faults
        if any(line.version.pk == version.pk for line in fault.lines)
    ]


def published(environment: str = "") -> list[MappingVersion]:
    """Return the versions in force, of one environment or of all."""
    found = MappingVersion.objects.filter(state=State.PUBLISHED)
    if environment:
        found = found.filter(document__environment=environment)
    return list(found.select_related("document").order_by("document__name"))


def _coming_instead(live: Sequence[MappingVersion]) -> list[MappingVersion]:
    """Return the newest version on its way of each document, where there is one."""
    documents = [one.document_id for one in live]
    found = MappingVersion.objects.filter(document__in=documents, state__in=COMING)
    newest = {
        one.document_id: one
        for one in found.select_related("document").order_by("number")
    }
    return list(newest.values())


def lines_of(versions: Sequence[MappingVersion]) -> list[Line]:
    """Read the rows of versions: two queries, however many there are."""
    by_key = {version.pk: version for version in versions}
    prefetch = {
        (version_id, name): (target, source)
        for version_id, name, target, source in _sections(by_key)
    }
    rows = MappingRow.objects.filter(version__in=list(by_key))
    found: dict[int, list[Line]] = {}
    for row in rows.order_by("version", "position", "pk"):
        target, source = prefetch.get((row.version_id, row.section), ("", ""))
        line = Line(
            by_key[row.version_id],
            row,
            row.section,
            f"{target}.{row.target}" if target else row.target,
            tuple(_reads(row, source)),
        )
        found.setdefault(row.version_id, []).append(line)
    return [line for key in by_key for line in found.get(key, [])]


def _sections(versions: Iterable[int]) -> list[tuple[int, str, str, str]]:
    sections = MappingVersion.objects.filter(pk__in=list(versions), sections__gt=0)
    names = ("pk", "sections__name", "sections__target", "sections__source")
    return list(sections.values_list(*names))


def _reads(row: MappingRow, section: str) -> Iterator[str]:
    """Name the fields of the source that a row reads."""
    paths = [path.strip() for path in _PARTS.findall(row.source)]
    paths += [path.strip() for path in _PLACEHOLDER.findall(row.template)]
    paths += _in_expression(row.expression)
    for path in paths:
        if not path or path.startswith(FACTS) or path[0] in "'\"":
            continue
        if path.startswith("$."):
            yield path[2:]
        elif path.startswith(("^.", "@")) or not section:
            yield path.removeprefix("@.")
        else:
            yield f"{section}.{path}"


def _in_expression(expression: str) -> list[str]:
    """Name what an expression reads; nothing of one that cannot be read."""
    try:
        found = parse_expression(expression).paths() if expression else ()
    except DocumentError:
        return []
    return [path.text for path in found]


def faults_among(lines: Sequence[Line]) -> list[Fault]:
    """Lay the claims of rows beside each other; return what is at odds."""
    known = {(line.version.document.name, line.label): line for line in lines[::-1]}
    claims = [claim for line in lines for claim in line.claims()]
    return [_fault(found, known) for found in find_conflicts(claims)]


def _fault(found: OwnershipFault, known: dict[tuple[str, str], Line]) -> Fault:
    first = known[found.first.document, found.first.row]
    second = found.second and known.get((found.second.document, found.second.row))
    is_grave = bool(found.second or found.first.owner)
    return Fault(found.text, found.field, first, second or None, is_grave)


def matrix(lines: Sequence[Line]) -> list[Field]:
    """Return every field that is written, with its rows, by system and record."""
    found: dict[FieldKey, Field] = {}
    for line in lines:
        claim = next(line.claims())
        named = Field(claim.system, claim.entity, without_places(claim.field))
        found.setdefault(field_key(claim), named).lines.append(line)
    return sorted(found.values(), key=lambda one: (one.system, one.entity))


def documents_of(environment: str) -> list[MappingDocument]:
    """Return the documents of an environment that were never published."""
    found = MappingDocument.objects.filter(environment=environment)
    live = found.filter(versions__state=State.PUBLISHED)
    return list(found.exclude(pk__in=live.values("pk")))
