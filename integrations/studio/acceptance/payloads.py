"""The record a scenario starts from, and the few changes that make it the scenario."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from errorqueue import masking

Payload = dict[str, Any]
# What a change may name instead of a value; filled in for each run.
KNOWN_SKU, UNKNOWN_SKU, LONG_LINE = "$known_sku", "$unknown_sku", "$long_line"
# The sources name 250 characters; one more than that, and more than any line takes.
LONG = 260
_PART = re.compile(r"([^.\[\]]+)|\[(\*|\d+)\]")
_LONG_WORDS = (
    "Building 7, Entrance North, third staircase on the left behind the yard, "
)


class PathMissing(ValueError):
    """A change names a place that the record does not have."""


def changed(source: Any, changes: Iterable[Mapping[str, Any]], words: Payload) -> Any:
    """Return a copy of the record with every change made; `words` fill in `$names`.

    Raises PathMissing for a place that is not there.
    """
    found = copy.deepcopy(source)
    for change in changes:
        value = change.get("to")
        if isinstance(value, str):
            value = words.get(value, value)
        put(found, str(change["at"]), value)
    return found


def words_for(sku: str, mark: str) -> Payload:
    """Return what the `$names` of changes stand for in one run."""
    line = (_LONG_WORDS * LONG)[:LONG]
    return {KNOWN_SKU: sku, UNKNOWN_SKU: f"NO-SUCH-{mark}".upper(), LONG_LINE: line}


def needs_sku(changes: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether a run needs an article that the target knows."""
    return any(change.get("to") == KNOWN_SKU for change in changes)


def put(tree: Any, path: str, value: Any) -> None:
    """Set the value at a path such as `line_items[*].sku`; raises PathMissing."""
    steps = [name or place for name, place in _PART.findall(path)]
    if not steps:
        raise PathMissing(f"“{path}” names no place.")
    *above, last = steps
    for owner in _below(tree, above, path):
        for key in _keys(owner, last, path):
            owner[key] = copy.deepcopy(value)


def _below(tree: Any, steps: list[str], path: str) -> Iterator[Any]:
    if not steps:
        yield tree
        return
    for key in _keys(tree, steps[0], path):
        yield from _below(tree[key], steps[1:], path)


def _keys(owner: Any, step: str, path: str) -> list[Any]:
    if isinstance(owner, dict) and step in owner:
        return [step]
    if isinstance(owner, list) and step == "*":
        return list(range(len(owner)))
    if isinstance(owner, list) and step.isdecimal() and int(step) < len(owner):
        return [int(step)]
    raise PathMissing(f"The record has no “{step}” of {path}.")


def anonymised(tree: Any, path: str = "") -> Any:
    """Return a record without anything personal, each text as long as it was.

    Letters and digits of names, addresses and numbers are replaced, so that what was
    too long or oddly written stays so. E-mail addresses keep their form.
    """
    if isinstance(tree, dict):
        return {
            key: anonymised(each, f"{path}.{key}" if path else str(key))
            for key, each in tree.items()
        }
    if isinstance(tree, list):
        return [anonymised(each, f"{path}[0]") for each in tree]
    if not isinstance(tree, str) or not tree:
        return tree
    if masking.is_personal_path(path):
        return _stand_in(tree)
    return masking.hidden(tree)


def _stand_in(text: str) -> str:
    if "@" in text:
        return "someone@example.com"
    without_letters = re.sub(
        r"[^\W\d_]", lambda one: "X" if one[0].isupper() else "x", text
    )
    return re.sub(r"\d", "5", without_letters)
