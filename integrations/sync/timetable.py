"""Slots of time of a rule: pure, the present is passed in.

Every so many minutes: counted from the start of 1970, so a change of the clocks
moves nothing. Daily at a local time: one slot for each date of the calendar of that
zone. A time that the clocks jump over is due at the first instant after the jump; a
time that comes twice is due the first time only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TimeSlot:
    """One slot of time; `key` names it for ever, `due_at` is its instant in UTC."""

    key: str
    due_at: datetime


class Rule(Protocol):
    def newest(self, now: datetime) -> TimeSlot:
        """Return the last slot that was due at or before `now`."""

    def after(self, moment: datetime) -> Iterator[TimeSlot]:
        """Yield the slots due after `moment`, in order, without end."""


@dataclass(frozen=True)
class Every:
    """Every so many minutes, at least one."""

    minutes: int

    def __post_init__(self) -> None:
        if self.minutes < 1:
            raise ValueError("A schedule cannot run more often than every minute.")

    def newest(self, now: datetime) -> TimeSlot:
        return self._slot((now - EPOCH) // timedelta(minutes=self.minutes))

    def after(self, moment: datetime) -> Iterator[TimeSlot]:
        count = (moment - EPOCH) // timedelta(minutes=self.minutes)
        while True:
            count += 1
            yield self._slot(count)

    def _slot(self, count: int) -> TimeSlot:
        due_at = EPOCH + count * timedelta(minutes=self.minutes)
        return TimeSlot(f"{self.minutes} min #{count}", due_at)


@dataclass(frozen=True)
class Daily:
    """Once for each local date, at a local time of day."""

    at: time
    zone: ZoneInfo

    def newest(self, now: datetime) -> TimeSlot:
        day = now.astimezone(self.zone).date() + DAY
        while (slot := self._slot(day)).due_at > now:
            day -= DAY
        return slot

    def after(self, moment: datetime) -> Iterator[TimeSlot]:
        day = moment.astimezone(self.zone).date() - DAY
        while True:
            slot = self._slot(day)
            if slot.due_at > moment:
                yield slot
            day += DAY

    def _slot(self, day: date) -> TimeSlot:
        wall = datetime.combine(day, self.at)
        return TimeSlot(
            f"{wall:%Y-%m-%d %H:%M} {self.zone.key}", instant_of(wall, self.zone)
        )


def instant_of(wall: datetime, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """Return when the clocks of a zone show a time, in UTC.

    A time that the clocks jump over is the first instant after the jump; of one that
    comes twice it is the first time, or with `last` the second.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return second if last else first
    return _jump(second, first, zone)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Find the instant between the two at which the clocks jump ahead."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
