"""Two versions tried on one record: what came of it, field by field. No database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.connectors import exact
from mappings.engine.values import text_of

MOST_FIELDS = 100
LONGEST = 200
WHOLE = "(record)"


@dataclass(frozen=True)
class Trial:
    """What one version makes of one record: a payload, what is wrong, or a rule."""

    payload: Mapping[str, Any]
    problems: tuple[str, ...] = ()
    excluded: str = ""

    @property
    def fails(self) -> bool:
        return bool(self.problems)


def outcome_of(before: Trial | None, after: Trial) -> str:
    """Name what the change does to a record; without a version before all is new."""
    if before is None:
        return "failing" if after.fails else "passing"
    if after.fails:
        return "still_failing" if before.fails else "failing"
    if before.fails:
        return "changed" if after.excluded else "passing"
    is_same = before.payload == after.payload and before.excluded == after.excluded
    return "same" if is_same else "changed"


def differences_of(before: Trial | None, after: Trial) -> list[list[str]]:
    """Return [target field, before, after] of each field that differs."""
    if before is None or after.fails:
        return []
    if before.excluded != after.excluded:
        return [[WHOLE, _fate(before), _fate(after)]]
    if before.fails:
        return []
    old, new = dict(leaves(before.payload)), dict(leaves(after.payload))
    differ = [name for name in {**new, **old} if not _alike(name, old, new)]
    return [
        [name, *_both(old.get(name, ""), new.get(name, ""))]
        for name in differ[:MOST_FIELDS]
    ]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return each single value of a payload with its path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


def _alike(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if (name in old) != (name in new):
        return False
    return bool(old[name] == new[name]) and type(old[name]) is type(new[name])


def _both(old: Any, new: Any) -> list[str]:
    """Write both values so that they look different where they are."""
    words = [text_of(old)[:LONGEST], text_of(new)[:LONGEST]]
    if words[0] == words[1]:
        return [exact.dumps(old)[:LONGEST], exact.dumps(new)[:LONGEST]]
    return words


def _fate(trial: Trial) -> str:
    if trial.excluded:
        return f"kept out: {trial.excluded}"
    return "fails" if trial.fails else "sent"
