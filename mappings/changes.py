"""Every change of a mapping, field by field, told to whoever keeps the audit trail.

`mappings` knows no trail; the app that has one registers where changes go. They are
told inside the transaction that makes them.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

# Steps of a version that change nothing in it: whoever took one has not written it.
STEPS = (
    "sent",
    "taken back",
    "signed",
    "refused",
    "scheduled",
    "called off",
    "published",
    "retired",
    "rolled back",
    "effect asked",
    "watch set",
)


@dataclass(frozen=True)
class Change:
    """One field of one part, before and after, in words for people.

    `subject` is "mapping" (a version), "document" or "table"; `subject_id` its key.
    `part` names what was changed, as "Row shipMethod"; both values may be empty.
    """

    subject: str
    subject_id: int
    verb: str
    part: str = ""
    field: str = ""
    before: str = ""
    after: str = ""


Keeper = Callable[[Change, Any], None]
# Returns the keys of the people who changed any of some subjects.
Reader = Callable[[str, Collection[int]], set[int]]
# Chooses, as a query, the keys of the subjects that a person changed.
Index = Callable[[str, Any], QuerySet[Any, int]]
# Hears of a version that went live, of the one before it, and by whom.
Listener = Callable[[Any, Any, Any], None]
_keepers: list[Keeper] = []
_readers: list[Reader] = []
_indexes: list[Index] = []
_listeners: list[Listener] = []


def register(keeper: Keeper) -> None:
    """Have `keeper` told of every change and of the person who made it."""
    _keepers[:] = [keeper]


def tell(change: Change, by: Any) -> None:
    """Pass a change on; `by` is the person, None for Waybill itself."""
    for keeper in _keepers:
        keeper(change, by)


def register_reader(reader: Reader, index: Index) -> None:
    """Have `reader` asked who changed something, and `index` what somebody changed."""
    _readers[:] = [reader]
    _indexes[:] = [index]


def writers_of(subject: str, subject_ids: Collection[int]) -> set[int | None]:
    """Return the keys of the people who changed any of these, as the trail has it."""
    return {pk for reader in _readers for pk in reader(subject, subject_ids)}


def written_by(subject: str, by: Any) -> Q:
    """Choose among subjects those that this person changed, as the trail has it."""
    chosen = Q(pk__in=[])
    for index in _indexes:
        chosen |= Q(pk__in=index(subject, by))
    return chosen


def register_listener(listener: Listener) -> None:
    """Have `listener` told, in the same transaction, when a version goes live."""
    _listeners[:] = [listener]


def went_live(version: Any, before: Any, by: Any) -> None:
    """Say that new attempts use `version` from now on, instead of `before`."""
    for listener in _listeners:
        listener(version, before, by)
