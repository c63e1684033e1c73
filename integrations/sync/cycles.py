"""Records that wait for each other: named, because waiting would never end."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from errorqueue.failures import Failure, FailureKind

Key = TypeVar("Key")


def cycle_through(
    first: Key, needed: Key, awaited_by: Callable[[Key], Key | None]
) -> list[Key]:
    """Return the cycle that `first` would close by waiting for `needed`, or nothing.

    The cycle begins with `first`; each member waits for the next, the last for
    `first`. `awaited_by` tells what a key waits for already.
    """
    chain, current = [first], needed
    while current != first:
        if current in chain:  # a cycle of others, which is theirs to name
            return []
        chain.append(current)
        following = awaited_by(current)
        if following is None:
            return []
        current = following
    return chain


def cycle_failure(names: Sequence[str]) -> Failure:
    """Say which records wait for each other, and how to end it."""
    circle = ", which waits for ".join([*names[1:], names[0]])
    return Failure(
        kind=FailureKind.DEPENDENCY,
        what=f"can never go: {names[0]} waits for {circle}",
        why="These records wait for each other, so none of them can be the first.",
        remedy="Correct the data or the order of the flows, so that one of them needs "
        "no other, then press Retry now on that one first.",
    )
