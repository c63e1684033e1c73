"""Stock by item and location: what changed, what a notice names, or all of it.

`aggregateitemlocation.lastquantityavailablechange` says when what is available last
changed. Whether every account has it, and to the second or the day, is UNCONFIRMED;
so an account that refuses it is read whole each time, and nothing is concluded from
its zone: bounds are values of the column itself, read in the same session.

The column misses what changes no quantity (an item made active again, a renamed SKU or
location), what is committed later under an earlier time than the overlap covers, and
an hour when clocks go back. The nightly pass over all of it finds those.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from integrations.connectors.base import Payload, SourceObject
from integrations.connectors.errors import (
    RecordMissing,
    RecordRejected,
    RequestRefused,
    UnreadablePayload,
)
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import checks, suiteql

# Keyed paging: offsets overlap while stock moves, and end at 100,000 rows.
LEVELS = """
SELECT ail.item AS item_id, item.itemid AS sku, ail.location AS location_id,
       location.name AS location, ail.quantityavailable AS quantity_available
FROM aggregateitemlocation ail
JOIN item ON item.id = ail.item
JOIN location ON location.id = ail.location
WHERE item.isinactive = 'F'{} AND ail.item > ?
ORDER BY ail.item, ail.location
FETCH FIRST 1000 ROWS ONLY
"""
_CHANGED = (
    " AND ail.lastquantityavailablechange >="
    " TO_TIMESTAMP(?, 'YYYY-MM-DD\"T\"HH24:MI:SS')"
)
MARK = """
SELECT TO_CHAR(MAX(ail.lastquantityavailablechange), 'YYYY-MM-DD"T"HH24:MI:SS') AS mark
FROM aggregateitemlocation ail
"""
# A transaction may show itself later than the time it carries.
OVERLAP = timedelta(minutes=15)
# How many items one question names.
MOST_NAMED = 200


@dataclass(frozen=True)
class Cursor:
    """A place in the stock: changed behind `since` (empty: all), behind `item`.

    `mark` is the newest change there was when this pass began: where the next goes on.
    """

    since: str = ""
    mark: str = ""
    item: str = ""

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Read a cursor; one of another form begins anew."""
        parts = text.split("/")
        return cls(*parts) if len(parts) == 3 else cls()

    def __str__(self) -> str:
        return f"{self.since}/{self.mark}/{self.item}"

    @property
    def bound(self) -> str:
        """The time from which changes are read, with the overlap."""
        return (datetime.fromisoformat(self.since) - OVERLAP).isoformat()


def rest(cursor: str) -> str:
    """Return where to go on once all behind a cursor was read; empty for anew."""
    place = Cursor.read(cursor)
    since = place.mark or place.since
    return str(Cursor(since)) if since else ""


def changes(client: ApiClient, since: str) -> Iterator[tuple[SourceObject, str]]:
    """Yield levels by item, each with the cursor behind the last item read whole.

    All of them for an empty cursor, else those that changed since the last pass.
    """
    seen_at = checks.server_time(client)
    place = Cursor.read(since)
    if not place.item:
        mark = _mark(client)
        place = Cursor(place.since if mark else "", mark)
    try:
        yield from _pass(client, place, seen_at)
    except RequestRefused:
        if not place.since:
            raise
        # The column can be read and not compared: then there is but all of it.
        yield from _pass(client, Cursor(), seen_at)


def _mark(client: ApiClient) -> str:
    """Return the newest change of all levels; nothing where the account has none."""
    try:
        rows = suiteql.query(client, " ".join(MARK.split()))
    except (RequestRefused, RecordRejected):
        return ""
    return suiteql.text(rows[0], "mark") if rows else ""


def _pass(
    client: ApiClient, place: Cursor, seen_at: datetime
) -> Iterator[tuple[SourceObject, str]]:
    named = (_CHANGED, place.bound) if place.since else ("",)
    done = item = place.item
    for found in levels(client, seen_at, place.item or "0", *named):
        if found.payload["item_id"] != item:
            done, item = item, found.payload["item_id"]
        yield found, str(replace(place, item=done))


def levels(
    client: ApiClient, seen_at: datetime, after: str, where: str = "", *values: str
) -> Iterator[SourceObject]:
    """Yield the stock of active items behind `after`, at every location."""
    sql = " ".join(LEVELS.format(where).split())
    while True:
        rows = suiteql.query(client, sql, *values, after)
        whole = _whole_items(rows)
        yield from (level(_payload(row), seen_at) for row in whole)
        if len(rows) < suiteql.PAGE:
            return
        after = suiteql.text(whole[-1], "item_id")


def noticed(
    client: ApiClient, items: Sequence[str]
) -> Iterator[tuple[str, SourceObject]]:
    """Yield every level of the active ones of these items, each with its item."""
    seen_at = checks.server_time(client)
    for start in range(0, len(items), MOST_NAMED):
        named = items[start : start + MOST_NAMED]
        where = f" AND ail.item IN ({', '.join('?' * len(named))})"
        for found in levels(client, seen_at, "0", where, *named):
            yield found.payload["item_id"], found


def read(client: ApiClient, key: str) -> Payload:
    """Return one level by its key; raises RecordMissing."""
    item, _, location = key.partition("-")
    where = " AND ail.item = ? AND ail.location = ?"
    sql = " ".join(LEVELS.format(where).split())
    rows = suiteql.query(client, sql, item, location, "0")
    if not rows:
        raise RecordMissing(
            f"NetSuite shows no stock of item {item} at location {location}: the item "
            "is inactive, was deleted, or may not be seen by the role.",
            sent=False,
        )
    return _payload(rows[0])


def _whole_items(rows: list[suiteql.Row]) -> list[suiteql.Row]:
    """Leave out the last item of a full page: the page may hold only half of it."""
    if len(rows) < suiteql.PAGE:
        return rows
    last = suiteql.text(rows[-1], "item_id")
    whole = [row for row in rows if suiteql.text(row, "item_id") != last]
    return whole or rows


def _payload(row: suiteql.Row) -> Payload:
    return {
        "sku": suiteql.text(row, "sku"),
        "item_id": suiteql.text(row, "item_id"),
        "location": suiteql.text(row, "location"),
        "location_id": suiteql.text(row, "location_id"),
        "quantity_available": suiteql.number(row, "quantity_available"),
    }


def level(payload: Payload, seen_at: datetime | None = None) -> SourceObject:
    """Describe the stock of one item at one location; raises UnreadablePayload.

    It is as of `seen_at`, NetSuite's clock before the question: of two answers the one
    that was asked for later wins.
    """
    try:
        key = f"{payload['item_id']}-{payload['location_id']}"
        sku, location = str(payload["sku"]), str(payload["location"])
    except KeyError as error:
        raise UnreadablePayload(f"The stock level has no {error.args[0]}.") from error
    return SourceObject(
        entity="inventory",
        key=key,
        payload=payload,
        changed_at=seen_at,
        label=f"{sku} at {location}"[:120],
        skus=(sku,),
    )
