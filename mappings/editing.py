"""Two people at one draft: what each typed is laid over what stands there now.

Every part travels with the texts it was loaded with. Where only one of the two
changed a part, that change stands; where both did, a person chooses field by field,
and nothing is stored until then. Every change is told to the audit trail.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import QueryDict

from mappings.changes import Change, tell
from mappings.engine.wording import system
from mappings.models import MappingRow, MappingVersion, ValueTable
from mappings.packing import MOST_LINES
from mappings.rows import FIELDS, NAMES, Values, name_of, values_of

SEEN, ASKED, ANSWER, DELETE = "seen", "asked", "answer", "DELETE"
MINE, THEIRS = "mine", "theirs"
# The place of the answer to "this row was removed".
WHOLE = "whole"
LONGEST = 120


@dataclass(frozen=True)
class Difference:
    """One field of which both people have another value."""

    field: str
    label: str
    mine: str
    theirs: str
    proposed: str = ""


@dataclass(frozen=True)
class Conflict:
    """A part that two people changed: what each of them made of it."""

    number: int
    name: str
    text: str
    differences: tuple[Difference, ...] = ()
    removed: bool = False


@dataclass
class Merged:
    """The posted lines of one kind with other people's changes in them."""

    lines: list[Values] = field(default_factory=list)
    stored: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def seen_text(part: Any) -> str:
    """Return what a part says now, to travel with its form."""
    values = values_of(part) | {"position": str(part.position)}
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def merged(
    prefix: str, data: Mapping[str, str], standing: Iterable[Any], kind: type
) -> Merged:
    """Lay posted lines over the parts that stand now."""
    now = {str(part.pk): part for part in standing}
    work = _Merge(kind)
    known, new = _posted(prefix, data)
    for line in known:
        part = now.get(line.get("id", ""))
        if part is None:
            work.place_gone(line)
        else:
            work.place(line, part)
    for line in new:
        if line.get(SEEN):
            work.place_gone(line)
        else:
            work.new.append((line, None))
    posted = {line.get("id", "") for line in known}
    added = [name_of(part) for pk, part in now.items() if pk not in posted]
    work.notes += [f"{name} was added by somebody else and stays." for name in added]
    return work.result()


def written(prefix: str, data: Mapping[str, str], found: Merged) -> QueryDict:
    """Return the posted data with the merged lines in place of the posted ones."""
    made = QueryDict(mutable=True)
    for name, value in data.items():
        if not _is_line(prefix, name):
            made[name] = value
    for number, line in enumerate(found.lines):
        for name, value in line.items():
            made[f"{prefix}-{number}-{name}"] = value
    made[f"{prefix}-TOTAL_FORMS"] = str(len(found.lines))
    made[f"{prefix}-INITIAL_FORMS"] = str(found.stored)
    return made


def lines_of(prefix: str, data: Mapping[str, str]) -> list[Values]:
    """Return every posted line, each field by its name; more than a page may have are cut."""
    known, new = _posted(prefix, data)
    return known + new


def _posted(prefix: str, data: Mapping[str, str]) -> tuple[list[Values], list[Values]]:
    total, initial = _count(data, f"{prefix}-TOTAL_FORMS"), 0
    initial = min(_count(data, f"{prefix}-INITIAL_FORMS"), total)
    lines: list[Values] = [{} for _ in range(total)]
    start = f"{prefix}-"
    for name, value in data.items():
        number, _, part = name[len(start) :].partition("-")
        if name.startswith(start) and number.isdecimal() and int(number) < total:
            lines[int(number)][part] = value
    return lines[:initial], lines[initial:]


def _count(data: Mapping[str, str], name: str) -> int:
    text = str(data.get(name, ""))
    return min(int(text), MOST_LINES) if text.isdecimal() and len(text) < 6 else 0


def _is_line(prefix: str, name: str) -> bool:
    return (
        name.startswith(f"{prefix}-")
        and name[len(prefix) + 1 : len(prefix) + 2].isdigit()
    )


class _Merge:
    """Lines of one kind on their way into a form."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.stored: list[Values] = []
        self.new: list[tuple[Values, Conflict | None]] = []
        self.conflicts: list[Conflict] = []
        self.notes: list[str] = []

    def result(self) -> Merged:
        start = len(self.stored)
        more = [
            replace(conflict, number=start + place)
            for place, (_, conflict) in enumerate(self.new)
            if conflict
        ]
        lines = self.stored + [line for line, _ in self.new]
        return Merged(lines, start, self.conflicts + more, self.notes)

    def place(self, line: Values, part: Any) -> None:
        """Put a posted line over the part it was made from."""
        self.stored.append(line)
        base, theirs = _seen(line), values_of(part)
        if base is None:
            return
        if line.get("position", "") == base.get("position", ""):
            line["position"] = str(part.position)
        mine = typed(line, self.kind, base)
        if all(base.get(name, "") == theirs[name] for name in theirs):
            self._answer(line, part, mine, theirs)
        elif line.get(DELETE):
            self._ask(line, part, "You remove it, and somebody else has changed it.")
        elif all(mine[name] == base.get(name, "") for name in mine):
            line.update(theirs)
            line[SEEN] = seen_text(part)
            self.notes.append(f"{name_of(part)} was changed by somebody else.")
        elif mine != theirs:
            found = _differences(part, base, mine, theirs)
            self._ask(line, part, "Somebody else saved it while you edited it.", found)

    def _ask(
        self,
        line: Values,
        part: Any,
        text: str,
        differences: tuple[Difference, ...] = (),
    ) -> None:
        line[SEEN] = seen_text(part)
        line[ASKED] = " ".join(one.field for one in differences) or WHOLE
        conflict = Conflict(len(self.stored) - 1, name_of(part), text, differences)
        self.conflicts.append(conflict)

    def _answer(self, line: Values, part: Any, mine: Values, theirs: Values) -> None:
        """Do as the person chose; ask again where nothing was chosen."""
        asked = line.get(ASKED, "").split()
        answers = {name: line.get(f"{ANSWER}-{name}", "") for name in asked}
        if any(answer not in (MINE, THEIRS) for answer in answers.values()):
            open_ones = _differences(part, theirs, mine, theirs)
            self._ask(
                line, part, "Choose for each field whose value counts.", open_ones
            )
            return
        for name, answer in answers.items():
            if answer == THEIRS and name == WHOLE:
                line.pop(DELETE, None)
                line.update(theirs)
            elif answer == THEIRS:
                line[name] = theirs[name]
        for name in [name for name in line if name.startswith((ASKED, ANSWER))]:
            del line[name]

    def place_gone(self, line: Values) -> None:
        """Decide about a line whose part somebody else removed."""
        name = line.get("target") or line.get("name") or "?"
        answer, base = line.get(f"{ANSWER}-{WHOLE}"), _seen(line)
        unchanged = base is not None and all(
            value == base.get(field_name, "")
            for field_name, value in typed(line, self.kind, base).items()
        )
        if line.get(DELETE) or unchanged or answer == THEIRS:
            self.notes.append(f"{name} was removed by somebody else.")
            return
        kept = {**line, "id": ""}
        if answer == MINE:
            self.new.append(({**kept, SEEN: ""}, None))
            return
        text = "Somebody else removed it while you edited it."
        conflict = Conflict(0, f"{NAMES[self.kind]} {name}", text, removed=True)
        self.new.append(({**kept, ASKED: WHOLE}, conflict))


def typed(line: Values, kind: type, base: Values) -> Values:
    """Return a posted line as texts to compare; a field that was not sent is as seen."""
    return {
        name: line[name].strip() if name in line else base.get(name, "")
        for name in FIELDS[kind]
    }


def _seen(line: Values) -> Values | None:
    """Return what the person saw; None for a line that does not say it."""
    try:
        told = json.loads(line.get(SEEN, ""))
    except ValueError:
        return None
    return {str(k): str(v) for k, v in told.items()} if isinstance(told, dict) else None


def _differences(
    part: Any, base: Values, mine: Values, theirs: Values
) -> tuple[Difference, ...]:
    labels = FIELDS[type(part)]
    return tuple(
        Difference(
            field=name,
            label=labels[name],
            mine=_shown(name, mine[name]),
            theirs=_shown(name, theirs[name]),
            proposed=_proposed(base.get(name, ""), mine[name], theirs[name]),
        )
        for name in labels
        if mine[name] != theirs[name]
    )


def _proposed(base: str, mine: str, theirs: str) -> str:
    """Propose the value of whoever changed it alone; nothing when both did."""
    if base == theirs:
        return MINE
    return THEIRS if base == mine else ""


def _shown(name: str, value: str) -> str:
    if name == "table" and value.isdecimal():
        return str(ValueTable.objects.filter(pk=value).first() or value)
    return system(value, "") if name == "owner" else value


# What was changed, in words


def state_of(version: MappingVersion) -> dict[type, dict[int, tuple[str, Values]]]:
    """Return all parts of a version as texts, by kind and key, in their order."""
    sets: dict[type, Any] = {
        MappingRow: version.rows.select_related("table"),
        version.sections.model: version.sections.all(),
        version.exclusions.model: version.exclusions.all(),
        version.checks.model: version.checks.all(),
    }
    return {
        kind: {part.pk: (name_of(part), _told(part)) for part in parts}
        for kind, parts in sets.items()
    }


def _told(part: Any) -> Values:
    """Return the texts of a part as the trail shows them: a table by its name."""
    values = values_of(part)
    if isinstance(part, MappingRow) and part.table:
        values["table"] = part.table.name
    return values


def tell_changes(
    version: MappingVersion,
    before: dict[type, dict[int, tuple[str, Values]]],
    by: Any,
) -> int:
    """Tell the trail all that changed since `before`, field by field; return how much."""
    after = state_of(version)
    changes = [
        change
        for kind in after
        for change in _changes(version.pk, kind, before[kind], after[kind])
    ]
    for change in changes:
        tell(change, by)
    return len(changes)


def _changes(
    version_id: int,
    kind: type,
    before: dict[int, tuple[str, Values]],
    after: dict[int, tuple[str, Values]],
) -> Iterator[Change]:
    for pk in [*before, *(pk for pk in after if pk not in before)]:
        name, old = before.get(pk, ("", {}))
        name, new = after.get(pk, (name, {}))
        verb = "removed" if not new else "changed" if old else "added"
        for field_name, label in FIELDS[kind].items():
            was, is_ = old.get(field_name, ""), new.get(field_name, "")
            if was != is_:
                values = _cut(was), _cut(is_)
                yield Change("mapping", version_id, verb, name, label, *values)
    yield from _moves(version_id, before, after)


def _moves(
    version_id: int,
    before: dict[int, tuple[str, Values]],
    after: dict[int, tuple[str, Values]],
) -> Iterator[Change]:
    """Tell of the parts that stand elsewhere among those that stayed."""
    old = [pk for pk in before if pk in after]
    new = [pk for pk in after if pk in before]
    places = {pk: place for place, pk in enumerate(old)}
    stayed = _longest_run([places[pk] for pk in new])
    for place, pk in enumerate(new):
        if places[pk] not in stayed:
            was, is_ = str(places[pk] + 1), str(place + 1)
            yield Change(
                "mapping", version_id, "moved", after[pk][0], "place", was, is_
            )


def _longest_run(places: list[int]) -> set[int]:
    """Return the longest rising run of places: what is not in it was moved."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(ends, place)
        before[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    found: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = before[last]
    return found


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
