"""The stretches of days that people ask about, in this installation's own days."""

from dataclasses import dataclass
from datetime import date, timedelta

MONTH, LAST_MONTH, NINETY_DAYS = "month", "last-month", "90-days"
NAMES = {
    MONTH: "This month",
    LAST_MONTH: "Last month",
    NINETY_DAYS: "Last 90 days",
}


@dataclass(frozen=True)
class Period:
    """Days from first to last, both included."""

    key: str
    first: date
    last: date

    @property
    def name(self) -> str:
        return NAMES[self.key]


def period_of(key: str, today: date) -> Period:
    """Return the period of a key as it is today; an unknown one is this month."""
    begin = today.replace(day=1)
    if key == LAST_MONTH:
        end = begin - timedelta(days=1)
        return Period(key, end.replace(day=1), end)
    if key == NINETY_DAYS:
        return Period(key, today - timedelta(days=89), today)
    return Period(MONTH, begin, today)
