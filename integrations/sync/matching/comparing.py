"""Which of the source is which of the target: pure, over what both sides told."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from integrations.models import MatchItem

Verdict = MatchItem.Verdict
PROPOSED = MatchItem.PROPOSED
MOST_NAMED = 3


@dataclass(frozen=True)
class Thing:
    """One thing of one side, by what people tell it by."""

    pk: int
    key: str
    sku: str
    barcode: str
    label: str = ""

    @property
    def bare(self) -> str:
        """The SKU without spaces and in small letters."""
        return "".join(self.sku.split()).casefold()

    def __str__(self) -> str:
        return f"{self.sku or 'no SKU'} “{self.label}”"


@dataclass(frozen=True)
class Judged:
    """What was found of one thing; `rivals` are others that could be meant."""

    verdict: str
    partner: Thing | None = None
    note: str = ""
    rivals: tuple[Thing, ...] = ()


@dataclass
class Targets:
    """The target's things by each of their names."""

    by_sku: dict[str, list[Thing]] = field(default_factory=lambda: defaultdict(list))
    by_bare: dict[str, list[Thing]] = field(default_factory=lambda: defaultdict(list))
    by_barcode: dict[str, list[Thing]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, thing: Thing) -> None:
        if thing.sku:
            self.by_sku[thing.sku].append(thing)
            self.by_bare[thing.bare].append(thing)
        if thing.barcode:
            self.by_barcode[thing.barcode].append(thing)


def compare(
    source: Collection[Thing], target: Collection[Thing], linked: Collection[str] = ()
) -> dict[int, Judged]:
    """Return the verdict of each thing of both sides, by its pk.

    `linked` are the records of the source whose pair is known already. One thing of
    the target is proposed for one of the source at most.
    """
    there = Targets()
    for thing in target:
        there.add(thing)
    skus = Counter(one.sku for one in source)
    barcodes = Counter(one.barcode for one in source if one.barcode)
    found = {}
    for one in source:
        judged = _judge(one, there, skus, barcodes)
        if one.key in linked:
            judged = Judged(Verdict.PAIRED, judged.partner)
        found[one.pk] = judged
    by_pk = {one.pk: one for one in source}
    _refuse_shared(found, by_pk)
    _refuse_split(found, by_pk)
    return found | dict(_rest(target, found.values()))


def _judge(
    one: Thing, there: Targets, skus: Mapping[str, int], barcodes: Mapping[str, int]
) -> Judged:
    if not one.sku:
        return Judged(Verdict.NO_SKU)
    if skus[one.sku] > 1:
        note = f"{skus[one.sku]} items of the source have this SKU."
        return Judged(Verdict.TWICE, note=note)
    same = there.by_sku.get(one.sku) or []
    if same:
        return _of_sku(one, same, there)
    near = there.by_bare.get(one.bare) or []
    if near:
        return _only(Verdict.SPELLING, near)
    if not one.barcode:
        return Judged(Verdict.NEW)
    return _of_barcode(there.by_barcode.get(one.barcode) or [], skus, barcodes, one)


def _only(verdict: str, found: list[Thing]) -> Judged:
    if len(found) > 1:
        rivals = tuple(found)
        return Judged(Verdict.TWICE_THERE, note=_named(found), rivals=rivals)
    return Judged(verdict, found[0])


def _of_sku(one: Thing, same: list[Thing], there: Targets) -> Judged:
    judged = _only(Verdict.SKU, same)
    others = there.by_barcode.get(one.barcode) or [] if one.barcode else []
    is_clash = others and not {x.pk for x in others} & {x.pk for x in same}
    if judged.partner and is_clash:
        note = f"The barcode {one.barcode} is that of {_named(others)}."
        return Judged(Verdict.CLASH, judged.partner, note, tuple(others))
    return judged


def _of_barcode(
    found: list[Thing], skus: Mapping[str, int], barcodes: Mapping[str, int], one: Thing
) -> Judged:
    if not found:
        return Judged(Verdict.NEW)
    if len(found) > 1 or barcodes[one.barcode] > 1:
        note = f"The barcode {one.barcode} stands several times: {_named(found)}."
        return Judged(Verdict.CLASH, note=note, rivals=tuple(found))
    if found[0].sku in skus:
        note = f"The barcode is that of {found[0]}, which has its own item."
        return Judged(Verdict.CLASH, found[0], note)
    return Judged(Verdict.BARCODE, found[0])


def _named(things: list[Thing]) -> str:
    more = len(things) - MOST_NAMED
    names = "; ".join(str(one) for one in things[:MOST_NAMED])
    return f"{names} and {more} more" if more > 0 else names


def _refuse_shared(found: dict[int, Judged], by_pk: Mapping[int, Thing]) -> None:
    """Propose a thing of the target only to the one that has its very SKU."""
    takers: dict[int, list[int]] = defaultdict(list)
    for pk, judged in found.items():
        if judged.partner and judged.verdict in PROPOSED:
            takers[judged.partner.pk].append(pk)
    for pks in takers.values():
        loose = [pk for pk in pks if found[pk].verdict != Verdict.SKU]
        for pk in loose if len(pks) > 1 else ():
            others = [by_pk[other] for other in pks if other != pk]
            note = f"{found[pk].partner} also fits {_named(others)}."
            found[pk] = replace(found[pk], verdict=Verdict.CLASH, note=note)


def _refuse_split(found: dict[int, Judged], by_pk: Mapping[int, Thing]) -> None:
    """Propose no pair where the parts of one record stand in several."""
    homes: dict[str, dict[str, Thing]] = defaultdict(dict)
    for pk, judged in found.items():
        if judged.partner and judged.verdict in PROPOSED:
            homes[by_pk[pk].key].setdefault(judged.partner.key, judged.partner)
    for pk, judged in found.items():
        split = homes.get(by_pk[pk].key, {})
        if len(split) > 1 and judged.verdict in PROPOSED:
            note = f"Its siblings stand in: {_named(list(split.values()))}."
            found[pk] = replace(judged, verdict=Verdict.SPLIT, note=note)


def _rest(
    target: Iterable[Thing], judged: Iterable[Judged]
) -> Iterable[tuple[int, Judged]]:
    """Yield what of the target stands, or may stand, for something, and the rest."""
    taken = set()
    for one in judged:
        taken |= {rival.pk for rival in one.rivals}
        taken |= {one.partner.pk} if one.partner else set()
    for thing in target:
        is_taken = thing.pk in taken
        yield thing.pk, Judged(Verdict.PAIRED if is_taken else Verdict.ALONE)
