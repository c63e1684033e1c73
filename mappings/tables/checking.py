"""What is wrong with the rows of a value table: pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mappings.tables.likeness import ANYTHING_ELSE, folded, nearest

Pair = tuple[str, str]
# To look for the nearest of a long list takes milliseconds: of so many it is told.
MOST_HINTS = 50
# Of more rows that differ in nothing but case and the like, so many are named.
MOST_DOUBLES = 3


@dataclass(frozen=True)
class Offer:
    """What the target of a table takes: the values, whose they are, how old.

    `thing` is what one of them is called ("shipping item"), `target` who has them.
    No values: the target has no short list, or never told one.
    """

    values: tuple[str, ...] = ()
    thing: str = "value"
    target: str = "The target"
    age: str = ""


def remarks_on(rows: Sequence[Pair], offer: Offer) -> list[list[str]]:
    """Return for each row, in order, what a person should look at."""
    hints = _hints((target for _, target in rows), offer)
    alike = _by_fold(rows)
    return [
        [*_unknown_target(target, hints, offer), *_near_doubles(at, rows[at], alike)]
        for at, (_, target) in enumerate(rows)
    ]


def star_words(rows: Sequence[Pair]) -> str:
    """Say what becomes of a value that has no row of its own."""
    star = next((target for source, target in rows if source == ANYTHING_ELSE), None)
    if star is None:
        return (
            "A value that is not listed stops its record, which waits in the error "
            "queue. A row * would stand for anything else; * → * leaves every other "
            "value as it is."
        )
    if star == ANYTHING_ELSE:
        return "The row * → * leaves every value that is not listed as it is."
    return f"The row * turns every value that is not listed into '{star}'."


def _hints(targets: Iterable[str], offer: Offer) -> dict[str, str]:
    """Return each value that the target does not have, with the nearest it has."""
    if not offer.values:
        return {}
    known = {ANYTHING_ELSE, *offer.values}
    unknown = [one for one in dict.fromkeys(targets) if one not in known]
    near = {one: nearest(one, offer.values) for one in unknown[:MOST_HINTS]}
    return dict.fromkeys(unknown, "") | near


def _unknown_target(target: str, hints: dict[str, str], offer: Offer) -> Iterator[str]:
    if target in hints:
        hint = f"; nearest: '{hints[target]}'" if hints[target] else ""
        yield f"{offer.target} has no {offer.thing} '{target}'{hint}."


def _by_fold(rows: Sequence[Pair]) -> dict[str, list[tuple[int, Pair]]]:
    """Return the rows by what is left of their source without case and the like."""
    found: dict[str, list[tuple[int, Pair]]] = {}
    for place, pair in enumerate(rows):
        if pair[0] != ANYTHING_ELSE:
            found.setdefault(folded(pair[0]), []).append((place, pair))
    return found


def _near_doubles(
    at: int, row: Pair, alike: dict[str, list[tuple[int, Pair]]]
) -> Iterator[str]:
    source, target = row
    if source == ANYTHING_ELSE:
        return
    near = alike[folded(source)][: MOST_DOUBLES + 1]
    others = [pair for place, pair in near if place != at]
    for other, its_target in others[:MOST_DOUBLES]:
        differs = "" if its_target == target else f" and gives '{its_target}'"
        yield (
            f"'{other}' differs only in case, spaces or punctuation{differs}. "
            "Values are compared letter by letter: keep both only when both come."
        )
