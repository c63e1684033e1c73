"""When to try again: returns a decision and touches nothing."""

from collections.abc import Sequence
from random import Random

from errorqueue.failures import FailureKind

# Seconds: quick at first, for a hiccup; hours at the end, for an outage.
DEFAULT_SCHEDULE = (1, 2, 4, 8, 30, 120, 600, 1800, 7200)
LIMIT_PAUSE = 2
JITTER = 0.2
LONGEST_ASKED = 7200


def next_wait(
    kind: FailureKind,
    tries: int,
    *,
    schedule: Sequence[float] = DEFAULT_SCHEDULE,
    retry_after: float | None = None,
    chance: Random | None = None,
) -> float | None:
    """Return the seconds until the next try, or None when a person must help.

    `tries` counts the tries that failed, this one included. A limit waits for a
    slot and uses up no try. The vendor's own wait is not undercut, up to two hours:
    an absurd one would park a record for years.
    """
    if kind == FailureKind.LIMIT:
        wait: float = LIMIT_PAUSE
    elif kind == FailureKind.TEMPORARY and 0 < tries <= len(schedule):
        wait = schedule[tries - 1]
    else:
        return None
    spread = (chance or Random()).uniform(0, JITTER)  # noqa: S311 (no secret)
    return max(wait * (1 + spread), min(retry_after or 0, LONGEST_ASKED))


def tries_allowed(
    kind: FailureKind, schedule: Sequence[float] = DEFAULT_SCHEDULE
) -> int:
    """Return how many tries a failure of this kind gets in all."""
    return len(schedule) + 1 if kind == FailureKind.TEMPORARY else 1
