"""What is wrong with the rows of a value table: pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from mappings.tables.likeness import ANYTHING_ELSE, folded, nearest

Pair = tuple[str, str]


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
    return [
        [*_unknown_target(target, offer), *_near_doubles(at, rows)]
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


def _unknown_target(target: str, offer: Offer) -> list[str]:
    if not offer.values or target == ANYTHING_ELSE or target in offer.values:
        return []
    near = nearest(target, offer.values)
    hint = f"; nearest: '{near}'" if near else ""
    return [f"{offer.target} has no {offer.thing} '{target}'{hint}."]


def _near_doubles(at: int, rows: Sequence[Pair]) -> list[str]:
    source, target = rows[at]
    if source == ANYTHING_ELSE:
        return []
    found = []
    for place, (other, its_target) in enumerate(rows):
        if place == at or other == ANYTHING_ELSE or folded(other) != folded(source):
            continue
        differs = "" if its_target == target else f" and gives '{its_target}'"
        found.append(
            f"'{other}' differs only in case, spaces or punctuation{differs}. "
            "Values are compared letter by letter: keep both only when both come."
        )
    return found
