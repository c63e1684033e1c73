"""What value tables need to know of flows and targets, from whoever knows them.

`mappings` knows no connection; the app that does registers itself here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mappings.models import ValueTable
from mappings.tables.checking import Offer


@dataclass(frozen=True)
class Waiting:
    """Records that failed on one value of a table; `money` is told in words.

    `is_unlisted` says that the table had no row for it; else its target refused the
    value that the table gave.
    """

    value: str
    ids: tuple[int, ...] = ()
    money: tuple[str, ...] = ()
    is_mended: bool = False
    is_unlisted: bool = True

    @property
    def count(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Outlook:
    """What stands around one table: its target, who uses it, who waits for it."""

    offer: Offer = field(default_factory=Offer)
    used_by: tuple[str, ...] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)


class Surroundings(Protocol):
    """Knows flows and the error queue."""

    def outlook(self, table: ValueTable) -> Outlook:
        """Return what stands around a table; may ask its target."""


_known: list[Surroundings] = []


def register(surroundings: Surroundings) -> None:
    """Have tables ask `surroundings` from now on."""
    _known[:] = [surroundings]


def outlook_of(table: ValueTable) -> Outlook:
    """Return what is known around a table; nothing where nobody registered."""
    for surroundings in _known:
        return surroundings.outlook(table)
    return Outlook()
