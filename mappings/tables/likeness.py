"""Which target value a new source value most likely means, and why: pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from functools import cached_property

ANYTHING_ELSE = "*"
# Below this, two words have only letters in common.
ALIKE = 0.72
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Known:
    """A value that was decided elsewhere: what it means, and where that stands."""

    target: str
    where: str


@dataclass(frozen=True)
class Choices:
    """What a proposal is chosen from.

    `rows` are the table's own, `offered` what the target takes (empty when it has
    not told), `elsewhere` what other tables and known fixes say, by folded value.
    """

    rows: Mapping[str, str]
    offered: Sequence[str] = ()
    target: str = "The target"
    elsewhere: Mapping[str, Known] = field(default_factory=dict)

    def allows(self, value: str) -> bool:
        """Say whether the target takes a value, as far as it has told."""
        return not self.offered or value in self._offered

    @cached_property
    def _offered(self) -> frozenset[str]:
        return frozenset(self.offered)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Every value that may be proposed, each once."""
        known = (one for one in self.rows.values() if one != ANYTHING_ELSE)
        return tuple(dict.fromkeys([*self.offered, *filter(self.allows, known)]))

    @cached_property
    def own_names(self) -> tuple["Name", ...]:
        """The targets, each standing for itself."""
        return tuple(Name.of(one, one) for one in self.targets)

    @cached_property
    def row_names(self) -> tuple["Name", ...]:
        """The sources of the table, each standing for what it becomes."""
        targets = frozenset(self.targets)
        return tuple(
            Name.of(source, target)
            for source, target in self.rows.items()
            if source != ANYTHING_ELSE and target in targets
        )

    @property
    def names(self) -> tuple["Name", ...]:
        """Every text that a value can be compared with."""
        return self.own_names + self.row_names


@dataclass(frozen=True)
class Name:
    """A text that can be compared with, as it is compared, and its target."""

    text: str
    target: str
    fold: str
    words: frozenset[str]

    @classmethod
    def of(cls, text: str, target: str) -> "Name":
        """Make one; its fold and its words are made once for all values."""
        return cls(text, target, folded(text), _words(text))


@dataclass(frozen=True)
class Proposal:
    """A target value with the reason for it in words; both empty for none."""

    target: str = ""
    because: str = ""


def folded(text: str) -> str:
    """Return a text without case, accents, spaces and punctuation.

    Of a text that has nothing else, the text itself.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(one for one in plain if one.isalnum())
    return kept or text.strip()


def propose(value: str, choices: Choices) -> Proposal:
    """Return the nearest target value; none rather than one of two that fit alike."""
    steps = (_same_name, _same_source, _known_elsewhere, _same_words, _alike)
    for step in steps:
        found = step(value, choices)
        if found.target or found.because:
            return found
    return Proposal(because="Nothing alike is known: choose a value.")


def _same_name(value: str, choices: Choices) -> Proposal:
    mine = folded(value)
    fitting = [one.target for one in choices.own_names if one.fold == mine]
    because = f"{choices.target} has '{fitting[0]}', the same name" if fitting else ""
    if fitting and fitting[0] != value:
        because += " but for case, spaces or punctuation"
    return _only(fitting, because)


def _same_source(value: str, choices: Choices) -> Proposal:
    mine = folded(value)
    rows = (one for one in choices.row_names if one.fold == mine)
    fitting = {one.text: one.target for one in rows}
    first = next(iter(fitting), "")
    return _only(fitting.values(), f"'{first}' stands in this table already")


def _known_elsewhere(value: str, choices: Choices) -> Proposal:
    known = choices.elsewhere.get(folded(value))
    if known is None or not choices.allows(known.target):
        return Proposal()
    return Proposal(known.target, known.where)


def _same_words(value: str, choices: Choices) -> Proposal:
    """One text holds every word of the other: "DHL Express Worldwide"."""
    mine = _words(value)
    found: dict[str, tuple[int, str]] = {}
    for one in choices.names:
        if one.words and mine and (one.words <= mine or mine <= one.words):
            shared = len(one.words & mine)
            if shared > found.get(one.target, (0, ""))[0]:
                found[one.target] = (shared, one.text)
    most = max((shared for shared, _ in found.values()), default=0)
    best = {target: name for target, (shared, name) in found.items() if shared == most}
    first = next(iter(best), "")
    return _only(best, f"It has the words of {_named(best.get(first, ''), first)}")


def _alike(value: str, choices: Choices) -> Proposal:
    mine = SequenceMatcher(b=folded(value))
    found: dict[str, tuple[float, str]] = {}
    for one in choices.names:
        ratio = _ratio(mine, one.fold)
        if ratio > found.get(one.target, (0.0, ""))[0]:
            found[one.target] = (ratio, one.text)
    best = max((ratio for ratio, _ in found.values()), default=0.0)
    near = {
        target: name for target, (ratio, name) in found.items() if ratio > best - 0.02
    }
    first = next(iter(near), "")
    return _only(near, f"{best:.0%} alike {_named(near.get(first, ''), first)}")


def _ratio(mine: "SequenceMatcher[str]", other: str) -> float:
    """Return how alike two texts are; 0 below the limit, which is found out fast."""
    mine.set_seq1(other)
    if mine.real_quick_ratio() < ALIKE or mine.quick_ratio() < ALIKE:
        return 0.0
    ratio = mine.ratio()
    return ratio if ratio >= ALIKE else 0.0


def _only(fitting: Iterable[str], because: str) -> Proposal:
    """Propose a value that stands alone; name those between which a person chooses."""
    different = list(dict.fromkeys(fitting))
    if len(different) > 1:
        shown = " and ".join(f"'{one}'" for one in different[:3])
        return Proposal(because=f"{shown} fit equally well: choose one.")
    return Proposal(different[0], f"{because}.") if different else Proposal()


def _named(name: str, target: str) -> str:
    return f"'{name}'" if name == target else f"'{name}', which becomes '{target}'"


def _words(text: str) -> frozenset[str]:
    return frozenset(one.casefold() for one in WORD.findall(text))


def nearest(value: str, offered: Sequence[str]) -> str:
    """Return the offered value that is most like `value`, or nothing."""
    by_fold = {folded(one): one for one in offered}
    found = get_close_matches(folded(value), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else ""
