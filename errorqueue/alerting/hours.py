"""The clock of a team: when it works, when it wants quiet, which days are off.

All is reckoned in the team's own zone, so that 09:00 is 09:00 on the wall, also on
the days when clocks are changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
# Nobody's holidays last longer; what ends later is not looked for.
FURTHEST = 366


class Span(NamedTuple):
    """From one moment to another, both in UTC."""

    begin: datetime
    end: datetime


@dataclass(frozen=True)
class Hours:
    """What of a team's settings the clock needs."""

    zone: ZoneInfo
    days: frozenset[int]
    opens: time
    closes: time
    holidays: frozenset[date] = frozenset()
    quiet_from: time | None = None
    quiet_until: time | None = None
    is_quiet_off_days: bool = False

    def is_off(self, day: date) -> bool:
        """Say whether nobody works on this day."""
        return day.weekday() not in self.days or day in self.holidays

    def holidays_between(self, begin: datetime, end: datetime) -> list[Span]:
        """Return the holidays that lie in a stretch of time, or reach into it."""
        spans = (self._span(day, time(0), time(0)) for day in sorted(self.holidays))
        return [span for span in spans if span.begin < end and span.end > begin]

    def is_quiet(self, moment: datetime) -> bool:
        """Say whether only what is urgent may disturb."""
        return any(span.begin <= moment < span.end for span in self._quiet_near(moment))

    def loud_from(self, moment: datetime) -> datetime:
        """Return this moment, or the end of the quiet time that it lies in.

        A quiet that never ends is none: nobody would ever hear of anything.
        """
        loud = moment
        for _ in range(FURTHEST):
            ends = [s.end for s in self._quiet_near(loud) if s.begin <= loud < s.end]
            if not ends:
                return loud
            loud = max(ends)
        return moment

    def is_working(self, moment: datetime) -> bool:
        """Say whether the team is at work."""
        return any(span.begin <= moment < span.end for span in self._work_near(moment))

    def after(self, start: datetime, work: timedelta) -> datetime:
        """Return when so much working time has gone by since `start`."""
        left = work
        for span in self._work_since(start):
            begin = max(span.begin, start)
            if span.end - begin >= left:
                return begin + left
            left -= max(span.end - begin, timedelta(0))
        return start + work  # a team that never works has a clock that never stops

    def _work_since(self, start: datetime) -> Iterator[Span]:
        day = start.astimezone(self.zone).date() - DAY
        for number in range(FURTHEST):
            span = self._work_of(day + number * DAY)
            if span and span.end > start:
                yield span

    def _work_near(self, moment: datetime) -> Iterator[Span]:
        day = moment.astimezone(self.zone).date()
        yield from filter(None, (self._work_of(day - DAY), self._work_of(day)))

    def _work_of(self, day: date) -> Span | None:
        return None if self.is_off(day) else self._span(day, self.opens, self.closes)

    def _quiet_near(self, moment: datetime) -> Iterator[Span]:
        day = moment.astimezone(self.zone).date()
        for one in (day - DAY, day):
            if self.quiet_from is not None and self.quiet_until is not None:
                yield self._span(one, self.quiet_from, self.quiet_until)
            if self.is_quiet_off_days and self.is_off(one):
                yield self._span(one, time(0), time(0))

    def _span(self, day: date, begin: time, end: time) -> Span:
        """Return a span of the wall clock; an end that is not later is the next day's."""
        last = day if end > begin else day + DAY
        return Span(self._at(day, begin), self._at(last, end))

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


def hours_of(team: Any) -> Hours:
    """Read the settings of a team."""
    return Hours(
        zone=zone_of(team),
        days=frozenset(team.days),
        opens=team.opens,
        closes=team.closes,
        holidays=frozenset(holidays_in(team.holidays)),
        quiet_from=team.quiet_from,
        quiet_until=team.quiet_until,
        is_quiet_off_days=team.is_quiet_off_days,
    )


def holidays_in(text: str) -> list[date]:
    """Read one day a line, whatever else stands behind it. Raises ValueError."""
    lines = (line.split() for line in text.splitlines())
    return [date.fromisoformat(words[0]) for words in lines if words]


def zone_of(team: Any) -> ZoneInfo:
    """Return the zone of a team's clock; one that is gone counts as UTC."""
    try:
        return ZoneInfo(team.zone)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
