"""Two contents of a document laid over their common base, part by part.

Values in, values out. A content is a mapping from a kind of part ("rows",
"sections", "exclusions", "checks") to its parts in order, each a plain dictionary.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mappings.engine.difference import stored_words, word_of

Part = dict[str, Any]
Content = Mapping[str, Sequence[Part]]
Key = tuple[str, ...]

KINDS = {
    "exclusions": "Exclusion",
    "sections": "List of lines",
    "rows": "Row",
    "checks": "Sum check",
}
NAMED = ("exclusions", "sections", "checks")


class Verdict(StrEnum):
    """What becomes of a part."""

    SAME = "same"
    TAKEN = "taken"
    KEPT = "kept"
    ALIKE = "alike"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Side:
    """The values of one field of a part, at the base and on both sides."""

    field: str
    base: str
    sandbox: str
    production: str


@dataclass(frozen=True)
class Merge:
    """One part at the base, in the sandbox and in production, and what becomes of it."""

    key: Key
    base: Part | None
    sandbox: Part | None
    production: Part | None

    @property
    def verdict(self) -> Verdict:
        if self.sandbox == self.production:
            return Verdict.SAME if self.base == self.sandbox else Verdict.ALIKE
        if self.base == self.production:
            return Verdict.TAKEN
        if self.base == self.sandbox:
            return Verdict.KEPT
        return Verdict.CONFLICT

    @property
    def name(self) -> str:
        """A name for the choice in a form, the same at every look."""
        return "|".join(self.key)

    @property
    def title(self) -> str:
        kind, section, target, when, place = self.key
        where = f"{section}: {target}" if section else target
        condition = f" when {when}" if when else ""
        return f"{KINDS[kind]} {where}{condition}" + (f" ({place})" if place else "")

    @property
    def what(self) -> str:
        """Say in words what each side did."""
        return f"Sandbox: {self._did(self.sandbox)}. Production: {self._did(self.production)}."

    def _did(self, now: Part | None) -> str:
        if now == self.base:
            return "as it was" if now is not None else "has none"
        if now is None:
            return "removed"
        return "changed" if self.base is not None else "added"

    @property
    def sides(self) -> list[Side]:
        """Return the fields in which the three differ."""
        three = [part or {} for part in (self.base, self.sandbox, self.production)]
        names = dict.fromkeys(name for part in three for name in part)
        values = ([stored_words(n, part.get(n)) for part in three] for n in names)
        found = [Side(word_of(n), *v) for n, v in zip(names, values, strict=True)]
        return [
            side
            for side in found
            if len({side.base, side.sandbox, side.production}) > 1
        ]

    def result(self, choice: str = "") -> Part | None:
        """Return the merged part; a conflict needs the choice of a person."""
        if self.verdict == Verdict.CONFLICT:
            return self.sandbox if choice == "sandbox" else self.production
        return self.production if self.verdict == Verdict.KEPT else self.sandbox


def compare(base: Content, sandbox: Content, production: Content) -> list[Merge]:
    """Lay the parts beside each other, in the order of the sandbox.

    A part that only production has stands behind the one it follows there.
    """
    return [one for kind in KINDS for one in _of_kind(kind, base, sandbox, production)]


def _of_kind(kind: str, base: Content, ours: Content, theirs: Content) -> list[Merge]:
    first = _keyed(kind, base.get(kind, ()), ())
    sandbox = _keyed(kind, ours.get(kind, ()), first)
    production = _keyed(kind, theirs.get(kind, ()), [*first, *sandbox])
    order = _woven(list(sandbox), list(production), list(first))
    return [
        Merge(key, first.get(key), sandbox.get(key), production.get(key))
        for key in order
    ]


def _keyed(kind: str, parts: Iterable[Part], known: Iterable[Key]) -> dict[Key, Part]:
    """Give each part a key that stays: name, or section, target and condition.

    A row whose condition alone was changed keeps the key it had, when only one row
    of its target is in question.
    """
    found: dict[Key, Part] = {}
    for part in parts:
        found[_free(kind, part, found)] = part
    known_keys = list(dict.fromkeys(known))
    for key in [one for one in found if one not in known_keys]:
        lost = [k for k in known_keys if k[:3] == key[:3] and k not in found]
        new = [k for k in found if k[:3] == key[:3] and k not in known_keys]
        if kind == "rows" and len(lost) == len(new) == 1:
            found = {lost[0] if k == key else k: part for k, part in found.items()}
    return found


def _free(kind: str, part: Part, taken: Mapping[Key, Part]) -> Key:
    if kind in NAMED:
        place: Key = (kind, "", str(part["name"]), "")
    else:
        place = (kind, part["section"], part["target"], part["when"])
    number = 1
    while (*place, str(number) if number > 1 else "") in taken:
        number += 1
    return (*place, str(number) if number > 1 else "")


def _woven(order: list[Key], *others: list[Key]) -> list[Key]:
    """Put what `order` lacks behind the key it follows in the other lists."""
    woven = list(order)
    for other in others:
        before: Key | None = None
        for key in other:
            if key not in woven:
                woven.insert(woven.index(before) + 1 if before in woven else 0, key)
            before = key
    return woven


def merged(
    merges: Iterable[Merge], choices: Mapping[str, str]
) -> dict[str, list[Part]]:
    """Return the content that the merges and the choices give."""
    content: dict[str, list[Part]] = {kind: [] for kind in KINDS}
    for one in merges:
        part = one.result(choices.get(one.name, ""))
        if part is not None:
            content[one.key[0]].append(part)
    return content
