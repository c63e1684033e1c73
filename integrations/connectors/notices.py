"""What a source says only the fact of: something changed, read it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noticed:
    """One thing that changed at the source: what flows call it, and the key to read.

    The key need not be that of a source object: an item's may stand for the levels of
    its stock at every location.
    """

    entity: str
    key: str
