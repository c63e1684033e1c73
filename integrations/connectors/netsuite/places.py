"""Where a reading by `lastmodifieddate` stands: whole once a day, else what changed.

The column has whole seconds and no time zone that could be relied on, so places are
texts of NetSuite's own clock and are compared with nothing but the column itself.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from integrations.connectors.errors import RequestRefused
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import suiteql

WHOLE, NEW = "whole", "new"
MODIFIED = "TO_CHAR({table}.lastmodifieddate, 'YYYY-MM-DD\"T\"HH24:MI:SS')"
# What is saved becomes visible later than its time says, and an hour comes twice when
# clocks are put back; so much is read again. What is known already changes nothing.
OVERLAP = timedelta(minutes=75)
# Where each record costs a request of its own: less each time, and the rest by night.
SHORT = timedelta(minutes=15)
LAST_DAY = timedelta(hours=26)
BEGINNING = "0001-01-01T00:00:00"
_NEWEST = f"SELECT MAX({MODIFIED}) AS newest, "  # noqa: S608
NEWEST = _NEWEST + "TO_CHAR(SYSDATE, 'YYYY-MM-DD') AS today FROM {table}"


@dataclass(frozen=True)
class Place:
    """How far a reading has come; `after` is empty before its first record.

    `day` is when all was read last, by NetSuite's clock; `mark` is the time of the
    record `after`, and while all is read the time from which to go on afterwards.
    """

    kind: str
    day: str
    mark: str
    after: str = ""

    def __str__(self) -> str:
        return "|".join((self.kind, self.day, self.mark, self.after))

    def behind(self, modified: str, record_id: str) -> "Place":
        """Return the place behind a record that was taken over."""
        mark = self.mark if self.kind == WHOLE else modified
        return replace(self, mark=mark, after=record_id)


def begin(
    client: ApiClient, table: str, since: str, daily: timedelta | None = None
) -> Place:
    """Return where to read on; all is read the first time, and once a day.

    With `daily` only so much is read again once a day.
    """
    place = read(since) if since else None
    if place and place.after:
        return place
    [row] = suiteql.query(client, NEWEST.format(table=table))
    today = suiteql.text(row, "today")
    if place and place.day == today:
        return place
    if place and place.kind == NEW and daily:
        return Place(NEW, today, _earlier(place.mark, daily))
    return Place(WHOLE, today, _earlier(suiteql.text(row, "newest")))


def rest(cursor: str, overlap: timedelta = OVERLAP) -> str:
    """Return where to begin when the end was reached at `cursor`."""
    if not cursor:
        return ""
    place = read(cursor)
    if place.kind == NEW and place.after:
        place = replace(place, mark=_earlier(place.mark, overlap))
    return str(Place(NEW, place.day, place.mark))


def read(cursor: str) -> Place:
    """Read a place; raises RequestRefused for what is none."""
    parts = cursor.split("|")
    if len(parts) != 4 or parts[0] not in (WHOLE, NEW):
        raise RequestRefused(f"{cursor!r} is no place to read on from.", sent=False)
    return Place(*parts)


def _earlier(mark: str, by: timedelta = OVERLAP) -> str:
    if mark <= BEGINNING:
        return BEGINNING
    return (datetime.fromisoformat(mark) - by).isoformat()
