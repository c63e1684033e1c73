"""Who owns a field, over all documents: one owner each, nothing backwards, no loops.

A row makes one claim for its target field and one for each field it reads. The claims
of a row share `document` and `row`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mappings.engine.building import without_places
from mappings.engine.wording import system

SOURCE, TARGET = "source", "target"
BOTH = "both"

FieldKey = tuple[str, str, str]
LineKey = tuple[str, str]


@dataclass(frozen=True)
class Claim:
    """One row of one document that reads or writes a field of a system.

    `side` is "source" (the row reads the field) or "target" (it writes it); `owner`
    names the system that leads; `direction` is "to_target" or "both".
    """

    document: str
    row: str
    system: str
    entity: str
    field: str
    side: str
    owner: str
    direction: str


@dataclass(frozen=True)
class OwnershipFault:
    """One field that is not owned as it must be, with the lines that say so."""

    field: str
    first: Claim
    second: Claim | None
    text: str


@dataclass
class _Line:
    """One row: what it reads and what it writes."""

    reads: list[Claim] = field(default_factory=list)
    writes: list[Claim] = field(default_factory=list)


def find_conflicts(documents: Sequence[Claim]) -> list[OwnershipFault]:
    """Return every fault of ownership over the claims of all documents.

    Each fault shows both lines where two are at odds; a field is named once for each
    kind of fault.
    """
    lines = _lines(documents)
    found = [
        *_without_owner(documents),
        *_two_owners(documents),
        *_backwards(lines.values()),
        *_loops(lines.values()),
    ]
    return list(dict.fromkeys(found))


def field_key(claim: Claim) -> FieldKey:
    """Return what makes two claims the same field, however it is spelt.

    `companyname` (a query), `companyName` and `company_name` are one field, and so
    are `terms` and `terms.id`; places in lists do not count.
    """
    name = without_places(claim.field).replace("_", "").casefold()
    return claim.system, claim.entity.casefold(), name.removesuffix(".id")


def line_of(claim: Claim) -> str:
    """Write a claim as the line that a person looks up."""
    leads = system(claim.owner, "nobody")
    way = "both ways" if claim.direction == BOTH else "one way"
    does = "reads" if claim.side == SOURCE else "writes"
    return f"'{claim.document}', row {claim.row} ({does} it, owner {leads}, {way})"


def field_name(claim: Claim) -> str:
    """Name a field with its system and its record."""
    return f"{claim.field} of the {system(claim.system, '')} {claim.entity}"


def _lines(claims: Iterable[Claim]) -> dict[LineKey, _Line]:
    lines: dict[LineKey, _Line] = {}
    for claim in claims:
        line = lines.setdefault((claim.document, claim.row), _Line())
        (line.reads if claim.side == SOURCE else line.writes).append(claim)
    return lines


def _without_owner(claims: Iterable[Claim]) -> Iterator[OwnershipFault]:
    for claim in claims:
        if claim.side == TARGET and not claim.owner:
            yield _fault(
                claim,
                None,
                f"{field_name(claim)} has no owner: {line_of(claim)}. "
                "Say which system leads.",
            )


def _two_owners(claims: Iterable[Claim]) -> Iterator[OwnershipFault]:
    """Compare each claim with the first one that names an owner for its field."""
    first: dict[FieldKey, Claim] = {}
    told: set[tuple[FieldKey, str]] = set()
    for claim in claims:
        key = field_key(claim)
        if not claim.owner:
            continue
        standing = first.setdefault(key, claim)
        if standing.owner == claim.owner or (key, claim.owner) in told:
            continue
        told.add((key, claim.owner))
        yield _fault(
            standing,
            claim,
            f"{field_name(claim)} has two owners: {line_of(standing)} and "
            f"{line_of(claim)}. Name the same owner in both rows.",
        )


def _backwards(lines: Iterable[_Line]) -> Iterator[OwnershipFault]:
    """Find one-way rows that carry a value to the system that owns it."""
    lines = list(lines)
    readers = {
        field_key(claim): claim
        for line in lines
        for claim in line.reads
        if claim.direction != BOTH
    }
    for line in lines:
        for claim in line.writes:
            comes_from_elsewhere = any(
                read.system != claim.system for read in line.reads
            )
            if (
                claim.owner == claim.system
                and claim.direction != BOTH
                and comes_from_elsewhere
            ):
                forth = readers.get(field_key(claim))
                yield _fault(claim, forth, _backwards_text(claim, forth))


def _backwards_text(claim: Claim, forth: Claim | None) -> str:
    owner = system(claim.owner, "")
    beside = f" {line_of(forth)} carries it the right way." if forth else ""
    return (
        f"{field_name(claim)} is mapped backwards: {owner} owns it, and "
        f"{line_of(claim)} writes it there.{beside} Remove the row, name the sender "
        "as owner, or let the field go both ways."
    )


def _loops(lines: Iterable[_Line]) -> Iterator[OwnershipFault]:
    """Find fields that a value reaches again after it left them.

    There and back between two systems is allowed where every row on the way says
    "both ways": such a field is guarded against its own echo. A longer round is not.
    """
    steps: dict[FieldKey, list[tuple[Claim, Claim]]] = {}
    for line in lines:
        for read in line.reads:
            for write in line.writes:
                if field_key(read) != field_key(write):
                    steps.setdefault(field_key(read), []).append((read, write))
    told: set[frozenset[FieldKey]] = set()
    for start in steps:
        round_trip = _round(steps, start)
        fields = frozenset(field_key(read) for read, _ in round_trip)
        if not round_trip or fields in told:
            continue
        told.add(fields)
        guarded = all(read.direction == BOTH for read, _ in round_trip)
        if not guarded or len(round_trip) > 2:
            yield _loop(round_trip)


def _round(
    steps: dict[FieldKey, list[tuple[Claim, Claim]]], start: FieldKey
) -> list[tuple[Claim, Claim]]:
    """Return the shortest way from a field back to itself; nothing if there is none.

    Of ways of one length, one that is not guarded against echoes comes first.
    """
    ways: list[list[tuple[Claim, Claim]]] = [[]]
    seen: set[FieldKey] = set()
    while ways:
        following: list[list[tuple[Claim, Claim]]] = []
        for way in ways:
            here = field_key(way[-1][1]) if way else start
            for step in sorted(steps.get(here, ()), key=_is_guarded):
                if field_key(step[1]) == start:
                    return [*way, step]
                if field_key(step[1]) not in seen:
                    seen.add(field_key(step[1]))
                    following.append([*way, step])
        ways = following
    return []


def _is_guarded(step: tuple[Claim, Claim]) -> bool:
    return step[0].direction == BOTH


def _loop(round_trip: list[tuple[Claim, Claim]]) -> OwnershipFault:
    names = [field_name(read) for read, _ in round_trip]
    way = " → ".join([*names, names[0]])
    first, last = round_trip[0][0], round_trip[-1][1]
    remedy = "Remove one of them"
    if len(round_trip) == 2:
        remedy += ", or set both rows to both ways, which keeps echoes out"
    return _fault(
        first,
        last,
        f"A change of {names[0]} comes back to it: {way}. Lines: {line_of(first)} "
        f"and {line_of(last)}. {remedy}.",
    )


def _fault(first: Claim, second: Claim | None, text: str) -> OwnershipFault:
    return OwnershipFault(first.field, first, second, text[:1].upper() + text[1:])
