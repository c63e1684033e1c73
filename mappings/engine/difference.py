"""The difference between two documents, in words that a business person reads."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from mappings.engine.building import without_places
from mappings.engine.chains import chain_from, print_chain
from mappings.engine.digest import part_content
from mappings.engine.document import Document, Row, SumCheck
from mappings.engine.lint import name_of
from mappings.engine.literals import print_literal, quoted
from mappings.engine.wording import system

# Rows less alike than this are one removed and one added.
ALIKE = 0.5
_WORDS = {
    "target": "target field",
    "record": "look-up record",
    "by": "look-up key",
    "needs": "waits for",
    "clears": "clears the field",
    "on_miss": "when not found",
    "max_length": "longest length",
    "length_option": "length option",
    "on_too_long": "when too long",
    "when": "condition",
    "section": "list",
    "updaters": "who may update",
    "conflict": "conflict rule",
    "parts": "amounts",
}
_VALUES = {
    "to_target": "source to target",
    "both": "both ways",
    "leave_out": "leave the field out",
    "default": "use the default",
    "refuse": "refuse the record",
    "cut": "cut at a word",
    "owner_wins": "the owner wins",
    "lookup": "look-up",
    "table": "value table",
}
_CODED = {"direction", "on_miss", "on_too_long", "conflict", "kind"}
_BARE = {*_CODED, "owner", "sensitivity", "status", "required", "clears", "max_length"}
_PARTS = ("rows", "sections", "exclusions", "checks")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")


@dataclass(frozen=True)
class Difference:
    """One thing that is no longer as it was.

    `kind` is added, removed, changed or moved. For a part as a whole `field` is empty
    and `before` and `after` describe it; else they hold the field's two values.
    """

    part: str
    field: str
    before: str
    after: str
    kind: str
    sentence: str


class _Pair(NamedTuple):
    """A part before and what became of it; one of them may be missing."""

    before: Any
    after: Any


def differences(before: Document, after: Document) -> list[Difference]:
    """Return every difference of content between two documents, in reading order.

    Rows are matched by their list, target and condition, then by how alike they are;
    keys do not count. Of value tables only the names are compared.
    """
    found: list[Difference] = []
    for name in _PARTS:
        pairs = matched(getattr(before, name), getattr(after, name))
        moved = _moved([pair for pair in pairs if None not in pair], before, name)
        for pair in pairs:
            found.extend(_of_pair(pair))
            if any(pair is one for one in moved):
                found.append(_move(pair, getattr(before, name), getattr(after, name)))
    return found


def matched(before: Sequence[Any], after: Sequence[Any]) -> list[_Pair]:
    """Pair the parts of one kind: in the order of `after`, the removed ones last."""
    old, new = list(before), list(after)
    partner: dict[int, int] = {}
    for same in (_identity, _place, lambda part: ""):
        for place, other in _matches(old, new, partner, same):
            partner[place] = other
    pairs = [
        _Pair(old[partner[place]] if place in partner else None, part)
        for place, part in enumerate(new)
    ]
    taken = set(partner.values())
    gone = [_Pair(part, None) for place, part in enumerate(old) if place not in taken]
    return [*pairs, *gone]


def _matches(
    old: list[Any],
    new: list[Any],
    partner: dict[int, int],
    same: Callable[[Any], Any],
) -> Iterator[tuple[int, int]]:
    """Give pairs of places with one identity, the most alike first."""
    taken = set(partner.values())
    free: dict[Any, list[int]] = {}
    for place, part in enumerate(old):
        if place not in taken:
            free.setdefault(same(part), []).append(place)
    candidates = []
    for place, part in enumerate(new):
        if place in partner:
            continue
        for other in free.get(same(part), ()):
            likeness = alike(old[other], part)
            if likeness >= ALIKE or same(part) != "":
                candidates.append((-likeness, abs(place - other), place, other))
    used: tuple[set[int], set[int]] = (set(), set())
    for _, _, place, other in sorted(candidates):
        if place not in used[0] and other not in used[1]:
            used[0].add(place)
            used[1].add(other)
            yield place, other


def alike(one: Any, other: Any) -> float:
    """Say from 0 to 1 how alike two parts are; what both leave at default is no hint."""
    content, wanted = part_content(one), part_content(other)
    names = content.keys() | wanted.keys()
    equal = sum(content.get(name) == wanted.get(name) for name in names)
    return equal / len(names) if names else 1.0


def _identity(part: Any) -> Any:
    if isinstance(part, Row):
        return part.section, without_places(part.target), part.when
    return part.name


def _place(part: Any) -> Any:
    if isinstance(part, Row):
        return part.section, without_places(part.target)
    return part.name


def _moved(pairs: list[_Pair], before: Document, name: str) -> list[_Pair]:
    """Return the fewest parts whose move explains the new order."""
    order = {id(part): place for place, part in enumerate(getattr(before, name))}
    places = [order[id(pair.before)] for pair in pairs]
    stays = _longest_rise(places)
    return [
        pair for place, pair in zip(places, pairs, strict=True) if place not in stays
    ]


def _longest_rise(places: list[int]) -> set[int]:
    """Return the longest rising subsequence of different numbers."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        at = next((n for n, end in enumerate(ends) if end > place), len(ends))
        before[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    rise: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        rise.add(last)
        last = before[last]
    return rise


def _of_pair(pair: _Pair) -> Iterator[Difference]:
    if pair.before is None:
        yield _whole(pair.after, "added")
    elif pair.after is None:
        yield _whole(pair.before, "removed")
    else:
        yield from _fields(pair)


def _whole(part: Any, kind: str) -> Difference:
    text = _described(part)
    sentence = f"{label_of(part)}: {kind}" + (f" ({text})" if text else "")
    sides = ("", text) if kind == "added" else (text, "")
    return Difference(name_of(part), "", *sides, kind, sentence)


def _described(part: Any) -> str:
    words = [
        f"{_WORDS.get(name, name)} {shown}"
        for name in part_content(part)
        if name not in ("target", "section", "name", "note")
        and (shown := _sentence_value(name, written(name, getattr(part, name))))
    ]
    return ", ".join(words)


def _fields(pair: _Pair) -> Iterator[Difference]:
    for field in fields(pair.after):
        name = field.name
        old, new = getattr(pair.before, name), getattr(pair.after, name)
        if name == "key" or (old == new and type(old) is type(new)):
            continue
        before, after = written(name, old), written(name, new)
        yield Difference(
            name_of(pair.after),
            name,
            before,
            after,
            "changed",
            _sentence(pair, name, before, after),
        )


def _sentence(pair: _Pair, name: str, before: str, after: str) -> str:
    word = _WORDS.get(name, name)
    label = label_of(pair.before if name in ("target", "name") else pair.after)
    old, new = _sentence_value(name, before), _sentence_value(name, after)
    if not before:
        return f"{label}: {word} now {new}, was empty"
    if not after:
        return f"{label}: {word} {old} taken away"
    return f"{label}: {word} {old} now → {new}"


def _move(pair: _Pair, before: Sequence[Any], after: Sequence[Any]) -> Difference:
    old, new = _number(pair.before, before), _number(pair.after, after)
    sentence = f"{label_of(pair.after)}: moved from place {old} to place {new}"
    return Difference(name_of(pair.after), "", old, new, "moved", sentence)


def _number(part: Any, parts: Sequence[Any]) -> str:
    return str(next(n for n, one in enumerate(parts, start=1) if one is part))


_OF_SYSTEMS = ("owner", "updaters")


def written(name: str, value: Any) -> str:
    """Return one field of a part as text; nothing for what is empty."""
    if name in ("constant", "default"):
        return print_literal(value)
    if name == "transforms":
        return print_chain(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    if value is None:
        return ""
    return _called(name, value)


def word_of(name: str) -> str:
    """Call a field of a part as people do."""
    return _WORDS.get(name, name).replace("_", " ")


def stored_words(name: str, value: Any) -> str:
    """Return one field of a part as it is stored, in words; nothing for what is empty."""
    if value in (None, "", [], {}):
        return ""
    if name == "transforms":
        return print_chain(chain_from(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _called(name, value)


def _called(name: str, value: Any) -> str:
    """Return a text as people read it: a choice in words, a system by its name."""
    if name in _OF_SYSTEMS:
        return ", ".join(system(one.strip(), "") for one in str(value).split(","))
    return _VALUES.get(value, value) if name in _CODED else str(value)


def _sentence_value(name: str, text: str) -> str:
    return text if name in _BARE or text[:1] == "'" else quoted(text)


def label_of(part: Any) -> str:
    """Call a part as people do: `shipMethod.id` is 'Ship method'."""
    if not isinstance(part, Row):
        return f"{'Sum' if isinstance(part, SumCheck) else type(part).__name__} {part.name}"
    names = [name for name in without_places(part.target).split(".") if name]
    names = [name for name in names if name != "items"] or names
    if len(names) > 1 and names[-1] == "id":
        names.pop()
    text = " ".join(_HUMP.sub(" ", name.strip('"')).lower() for name in names[-2:])
    label = text[:1].upper() + text[1:]
    return f"{part.section}, {text}" if part.section else label
