"""How long things took, kept as counts on a scale: small, and sums of it stay right.

A step is a tenth longer than the one before. A percentile is told as the end of its
step, so it is never too short, and too long by a tenth at most.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

SHORTEST = 0.1
STEPS_PER_DOUBLING = 8


def step_of(seconds: float) -> int:
    """Return the step in which a time lies; everything short is in the first."""
    if seconds <= SHORTEST:
        return 0
    return math.ceil(round(STEPS_PER_DOUBLING * math.log2(seconds / SHORTEST), 9))


def end_of(step: int) -> float:
    """Return the longest time, in seconds, that lies in a step."""
    return float(SHORTEST * 2 ** (step / STEPS_PER_DOUBLING))


def added(kept: Mapping[str, int] | None, more: Mapping[int, int]) -> dict[str, int]:
    """Return kept counts with more of them, as JSON keeps them."""
    sums = Counter(kept or {})
    sums.update({str(step): count for step, count in more.items()})
    return dict(sums)


def summed(kept: Iterable[Mapping[str, int] | None]) -> Counter[int]:
    """Return the counts of several rows together, by step."""
    sums: Counter[int] = Counter()
    for one in kept:
        sums.update({int(step): count for step, count in (one or {}).items()})
    return sums


def percentile(counts: Mapping[int, int], part: float) -> float | None:
    """Return the time that so large a part does not exceed; none of nothing."""
    rank = math.ceil(part * sum(counts.values()))
    for step in sorted(counts):
        rank -= counts[step]
        if rank <= 0 < counts[step]:
            return end_of(step)
    return None
