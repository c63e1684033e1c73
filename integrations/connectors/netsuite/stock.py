"""Stock by item and location, read whole: no column tells reliably what changed."""

from collections.abc import Iterator
from datetime import datetime

from integrations.connectors.base import Changes, Payload, SourceObject
from integrations.connectors.errors import UnreadablePayload
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import checks, suiteql

# Keyed paging: offsets overlap while stock moves, and end at 100,000 rows.
LEVELS = """
SELECT ail.item AS item_id, item.itemid AS sku, ail.location AS location_id,
       location.name AS location, ail.quantityavailable AS quantity_available
FROM aggregateitemlocation ail
JOIN item ON item.id = ail.item
JOIN location ON location.id = ail.location
WHERE item.isinactive = 'F' AND ail.item > ?
ORDER BY ail.item, ail.location
FETCH FIRST 1000 ROWS ONLY
"""
_SQL = " ".join(LEVELS.split())


def changes(client: ApiClient, since: str) -> Changes:
    """Yield the stock of every item and location, by item.

    The cursor is the last item that is read whole: NetSuite confirms no column
    that tells what changed, so it says where to go on, not since when.
    """
    seen_at = checks.server_time(client)
    done, item = since, since
    for found in levels(client, seen_at, since or "0"):
        if found.payload["item_id"] != item:
            done, item = item, found.payload["item_id"]
        yield found, done


def levels(client: ApiClient, seen_at: datetime, after: str) -> Iterator[SourceObject]:
    """Yield the stock of every active item behind `after`, at every location."""
    while True:
        rows = suiteql.query(client, _SQL, after)
        whole = _whole_items(rows)
        yield from (level(_payload(row), seen_at) for row in whole)
        if len(rows) < suiteql.PAGE:
            return
        after = suiteql.text(whole[-1], "item_id")


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
    """Describe the stock of one item at one location; raises UnreadablePayload."""
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
