"""When a window takes place: pure, the present is passed in.

A weekly window keeps the clock on the wall of its zone. Where the clocks change in it,
it begins at the earlier and ends at the later of the two times that bear the name; a
time that is jumped over is the instant of the jump. A window that lies wholly in the
hour that is jumped over does not take place that night.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from integrations.sync.timetable import instant_of

WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Span:
    """One time of a window; what ends at a moment does not hold at it any more."""

    starts_at: datetime
    ends_at: datetime

    def holds(self, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True)
class Plan:
    """A window once, or every week until the day `last_on`."""

    first: Span
    zone: ZoneInfo
    is_weekly: bool = False
    last_on: date | None = None

    def after(self, moment: datetime) -> Iterator[Span]:
        """Yield the times that end after a moment, in order; without end if weekly."""
        if not self.is_weekly:
            yield from (span for span in [self.first] if span.ends_at > moment)
            return
        number = max((moment - self.first.ends_at) // WEEK, 0)
        while not self._is_past(span := self._span(number)):
            if span.ends_at > moment and span.ends_at > span.starts_at:
                yield span
            number += 1

    def current(self, now: datetime) -> Span | None:
        """Return the time that is under way."""
        span = next(self.after(now), None)
        return span if span and span.holds(now) else None

    def _span(self, number: int) -> Span:
        if not number:
            return self.first
        begin, end = (
            at.astimezone(self.zone).replace(tzinfo=None) + number * WEEK
            for at in (self.first.starts_at, self.first.ends_at)
        )
        return Span(instant_of(begin, self.zone), instant_of(end, self.zone, last=True))

    def _is_past(self, span: Span) -> bool:
        begins_on = span.starts_at.astimezone(self.zone).date()
        return self.last_on is not None and begins_on > self.last_on
