"""Pure: what usually comes in a stretch of the week, and when silence is odd.

A stretch of time is laid on the same stretch of the weeks before, by the clock on
the wall, so that a change of the clocks moves no habit. Counts are per full hour;
parts of an hour count in proportion.

The rule. What is expected is the *weakest but one* of the last four weeks (the
weakest, while only two or three are known), so one holiday or one outage among them
explains nothing away and raises nothing. Silence is odd when that many were to be
expected that, were they to come by pure chance at this rate, a gap as long would not
be met once a year: in a year about `per_year` gaps are open, and each is as long with
a chance of e^-expected. Real weeks are less even than chance, which is why the
expectation is taken from a weak week and never from the mean.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)
WEEKS = 4
# Before so long nobody knows what a week of a flow looks like.
LEARNING = 2 * WEEK
# However busy a flow is: shorter pauses are the vendor's or ours.
SHORTEST = timedelta(minutes=15)
LEAST_EXPECTED = 8.0
# Silence is not measured further back than that.
LONGEST = WEEK

Hours = Mapping[datetime, int]
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Verdict:
    """What of a stretch of silence is to be thought.

    `weeks` counts what the same stretch of the weeks before brought, newest first.
    """

    weeks: tuple[float, ...]
    expected: float
    needed: float
    is_odd: bool


def judge(
    hours: Hours,
    known_since: datetime,
    last_at: datetime,
    now: datetime,
    zone: ZoneInfo,
    off: Iterable[Span] = (),
) -> Verdict:
    """Judge that nothing has come since `last_at`, by the weeks that are known.

    Nothing was to be expected in the times that are `off`: holidays.
    """
    start = max(last_at, now - LONGEST)
    parts = [
        same_stretch(hours, known_since, begin, end, zone)
        for begin, end in without(start, now, off)
    ]
    weeks = tuple(sum(week) for week in zip(*parts, strict=False))
    expected, needed = weak_week(weeks), least_expected(per_year(hours, now))
    is_odd = (
        now - known_since >= LEARNING
        and now - last_at >= SHORTEST
        and expected >= needed
    )
    return Verdict(weeks, expected, needed, is_odd)


def same_stretch(
    hours: Hours, known_since: datetime, start: datetime, end: datetime, zone: ZoneInfo
) -> tuple[float, ...]:
    """Return what came in this stretch of each of the weeks before that is known."""
    found = []
    for number in range(1, WEEKS + 1):
        first, last = back(start, number, zone), back(end, number, zone)
        # On the day when an hour is skipped the wall has more of a stretch than passed.
        last = min(last, first + (end - start))
        if first >= known_since.replace(minute=0, second=0, microsecond=0):
            found.append(count_between(hours, first, last))
    return tuple(found)


def without(start: datetime, end: datetime, off: Iterable[Span]) -> list[Span]:
    """Return what of [start, end) is in none of the spans."""
    left = []
    for begin, over in sorted(off):
        if begin >= end:
            break
        if begin > start:
            left.append((start, begin))
        start = max(start, over)
    return [*left, (start, end)] if start < end else left


def weak_week(weeks: tuple[float, ...]) -> float:
    """Return the weakest but one of four weeks, else the weakest; zero of one."""
    if len(weeks) < 2:
        return 0.0
    return sorted(weeks)[1 if len(weeks) >= WEEKS else 0]


def least_expected(yearly: float) -> float:
    """Return how many must have been expected, so that chance alone alarms once a year."""
    return max(LEAST_EXPECTED, math.log(max(yearly, 1.0)))


def per_year(hours: Hours, now: datetime) -> float:
    """Return how many come in a year, at the pace of the weeks that are looked at."""
    recent = now - WEEKS * WEEK
    return 13.0 * sum(count for hour, count in hours.items() if hour >= recent)


def usual_gap(
    hours: Hours, known_since: datetime, now: datetime, zone: ZoneInfo
) -> float | None:
    """Return the seconds that usually pass at this hour of the week, if any come."""
    start, end = now - HOUR, now + HOUR
    weeks = same_stretch(hours, known_since, start, end, zone)
    total = sum(weeks)
    return len(weeks) * (end - start).total_seconds() / total if total else None


def can_ever_be_odd(
    hours: Hours, known_since: datetime, now: datetime, zone: ZoneInfo
) -> bool:
    """Say whether a whole week of silence would be odd; a rare flow stays unjudged."""
    weeks = same_stretch(hours, known_since, now - WEEK, now, zone)
    return weak_week(weeks) >= least_expected(per_year(hours, now))


def back(at: datetime, weeks: int, zone: ZoneInfo) -> datetime:
    """Return the same time by the clock on the wall, so many weeks before."""
    wall = at.astimezone(zone).replace(tzinfo=None) - weeks * WEEK
    return wall.replace(tzinfo=zone).astimezone(UTC)


def count_between(hours: Hours, start: datetime, end: datetime) -> float:
    """Count what came in [start, end); parts of an hour in proportion."""
    total, hour = 0.0, start.replace(minute=0, second=0, microsecond=0)
    while hour < end:
        inside = min(end, hour + HOUR) - max(start, hour)
        total += hours.get(hour, 0) * (inside / HOUR)
        hour += HOUR
    return total


# Success that is too good to be true


@dataclass(frozen=True)
class Tally:
    """What became of the attempts of one hour."""

    hour: datetime
    delivered: int
    failed: int


LEAST_RUN = 200
LEAST_FAILED, LEAST_DAYS = 5, 3
NEVER = 1e-6


def flawless(tallies: list[Tally]) -> tuple[int, float] | None:
    """Return a run without failure that its flow's habit makes a one-in-a-million.

    With it the share that failed before. None where too little failed before to call
    it a habit: at least 5 failures, on at least 3 days of the hours that are kept.
    """
    run, before = 0, sorted(tallies, key=lambda one: one.hour)
    while before and not before[-1].failed:
        run += before.pop().delivered
    failed = sum(one.failed for one in before)
    days = {one.hour.date() for one in before if one.failed}
    if failed < LEAST_FAILED or len(days) < LEAST_DAYS or run < LEAST_RUN:
        return None
    share = failed / (failed + sum(one.delivered for one in before))
    chance = (1 - share) ** run
    return (run, share) if chance <= NEVER else None


# Deliveries that say the same, or less and less


@dataclass(frozen=True)
class Content:
    """What the deliveries of one hour carried, as far as it was looked at.

    Of `compared` with the one before of another record so many were `alike`; the
    `weighed` held so many values (`filled`).
    """

    hour: datetime
    compared: int
    alike: int
    weighed: int
    filled: int


LEAST_NEW, LEAST_OLD = 20, 50
NEARLY_ALL, HALF = 0.95, 0.5


def all_alike(contents: Iterable[Content]) -> tuple[int, float] | None:
    """Return how many of late carried the very same, where habit makes that odd.

    With it the share that did before.
    """
    new, old = _split(contents, lambda one: one.compared)
    alike, compared = _sum(new, "alike"), _sum(new, "compared")
    if not old or alike < NEARLY_ALL * compared:
        return None
    # One more of each kind than was seen: never is no share.
    share = (_sum(old, "alike") + 1) / (_sum(old, "compared") + 2)
    return (alike, share) if share**alike <= NEVER else None


def half_empty(contents: Iterable[Content]) -> tuple[float, float] | None:
    """Return how many values deliveries of late held and held before, if much less."""
    new, old = _split(contents, lambda one: one.weighed)
    if not old:
        return None
    late, before = (_sum(x, "filled") / _sum(x, "weighed") for x in (new, old))
    return (late, before) if late <= HALF * before else None


def _split(
    contents: Iterable[Content], size: Callable[[Content], int]
) -> tuple[Sequence[Content], Sequence[Content]]:
    """Part the newest from the past; no past where too little is known of it."""
    new: list[Content] = []
    old = sorted((one for one in contents if size(one)), key=lambda one: one.hour)
    while old and sum(size(one) for one in new) < LEAST_NEW:
        new.append(old.pop())
    days = {one.hour.date() for one in old}
    is_known = sum(size(one) for one in old) >= LEAST_OLD and len(days) >= LEAST_DAYS
    return new, old if is_known else []


def _sum(contents: Iterable[Content], column: str) -> int:
    return sum(getattr(one, column) for one in contents)
