"""Item fulfilments that were shipped, read by SuiteQL in the order of their changes.

One object is what one fulfilment took from one location: Shopify keeps a shipment for
each place, and so each has a line of its own in the ledger.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.connectors.base import Changes, Payload, SourceObject
from integrations.connectors.errors import (
    ConnectorError,
    RecordMissing,
    RecordRejected,
    RequestRefused,
    ServerFault,
    UnreadablePayload,
)
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import checks, suiteql

# Times are compared and kept as SuiteQL tells them, whatever zone that is: the zone of
# `lastmodifieddate` is not documented, so nothing here depends on it.
_TIME = 'YYYY-MM-DD"T"HH24:MI:SS'
_CHANGED = f"TO_CHAR(t.lastmodifieddate, '{_TIME}')"
# NetSuite may show a change late, and an hour comes twice when clocks are put back.
OVERLAP = timedelta(minutes=75)
PAGE = 200
START_OF_TIME = "1970-01-01T00:00:00"
# A letter over REST; some accounts were seen to put the type in front.
_SHIPPED = "t.type = 'ItemShip' AND t.status IN ('C', 'ItemShip:C')"
_HEAD = f"""
SELECT t.id AS id, t.tranid AS document, t.externalid AS external_id,
       TO_CHAR(t.trandate, 'YYYY-MM-DD') AS shipped_on, {_CHANGED} AS changed,
       TO_CHAR(SYSDATE, '{_TIME}') AS now
FROM transaction t WHERE {_SHIPPED}
"""  # noqa: S608 (constants only)
# Pages go by time and, within a second, by id. What changes meanwhile moves to the end
# and is read there. The first condition lets an index narrow the rows.
_NEXT = f"""
{_HEAD} AND t.lastmodifieddate >= TO_TIMESTAMP(?, '{_TIME}')
AND ({_CHANGED} > ? OR t.id > ?)
ORDER BY {_CHANGED}, t.id
"""
_LATEST = f"SELECT MAX({_CHANGED}) AS latest FROM transaction t WHERE {_SHIPPED}"  # noqa: S608
# Of each item NetSuite also writes a line for its cost, and one for each part of a kit.
_LINES = """
SELECT tl.transaction AS fulfillment, tl.linesequencenumber AS line,
       item.itemid AS item_name, tl.quantity AS quantity, tl.location AS location_id,
       location.name AS location
FROM transactionline tl
JOIN item ON item.id = tl.item
LEFT JOIN location ON location.id = tl.location
WHERE tl.transaction IN ({marks}) AND tl.mainline = 'F' AND tl.taxline = 'F'
AND NVL(tl.iscogs, 'F') = 'F' AND NVL(tl.assemblycomponent, 'F') = 'F'
AND tl.linesequencenumber > ?
ORDER BY tl.transaction, tl.linesequencenumber FETCH FIRST 1000 ROWS ONLY
"""
_ORDERS = """
SELECT DISTINCT l.nextdoc AS fulfillment, o.id AS id, o.tranid AS document,
       o.externalid AS external_id, o.otherrefnum AS reference
FROM previoustransactionlinelink l JOIN transaction o ON o.id = l.previousdoc
WHERE l.nextdoc IN ({marks}) AND o.type = 'SalesOrd'
"""
_TRACKING = """
SELECT m.transaction AS fulfillment, tn.id AS id, tn.trackingnumber AS tracking
FROM trackingnumbermap m JOIN trackingnumber tn ON tn.id = m.trackingnumber
WHERE m.transaction IN ({marks})
ORDER BY m.transaction, tn.id
"""
_METHODS = """
SELECT t.id AS fulfillment, BUILTIN.DF(t.shipmethod) AS method
FROM transaction t WHERE t.id IN ({marks})
"""
_OURS = re.compile(r"(?P<namespace>.+)-(?P<entity>order|fulfillment)-(?P<key>\w+)")
_KEY = re.compile(r"(\d+)-(\d+)")

Row = suiteql.Row


def changes(client: ApiClient, since: str) -> Changes:
    """Yield what was shipped since, by time of its last change.

    A cursor is a time, from which the next run starts with an overlap; within a run it
    has an id behind it and is gone on from exactly. The first run of all begins at the
    newest fulfilment there is: what was shipped long ago is not told to customers.
    """
    at, _, key = (since or _beginning(client)).partition("#")
    place = (at, key) if key else (_earlier(at), "0")
    seen_at, cursor = checks.server_time(client), since
    while rows := _page(client, place):
        place = suiteql.text(rows[-1], "changed"), suiteql.text(rows[-1], "id")
        found = list(_objects(client, rows, seen_at))
        yield from ((one, cursor) for one in found[:-1])
        cursor = "#".join(place)
        yield from ((one, cursor) for one in found[-1:])
        if len(rows) < PAGE:
            return


def rest(cursor: str) -> str:
    """Return where the next run begins: the time of the last change that was read.

    Where nothing was shipped yet, all that comes is news.
    """
    return cursor.partition("#")[0] or START_OF_TIME


def _beginning(client: ApiClient) -> str:
    rows = suiteql.query(client, _squeezed(_LATEST))
    return (suiteql.text(rows[0], "latest") if rows else "") or START_OF_TIME


def _earlier(at: str) -> str:
    """Return the time with which a run begins; raises ServerFault."""
    return _stamp(_moment(at) - OVERLAP) if at > START_OF_TIME else at


def _page(client: ApiClient, place: tuple[str, str]) -> list[Row]:
    at, key = place
    sql = f"{_squeezed(_NEXT)} FETCH FIRST {PAGE} ROWS ONLY"
    return suiteql.query(client, sql, at, at, key)


def read(client: ApiClient, key: str) -> Payload:
    """Read what one fulfilment took from one location; raises RecordMissing."""
    known = _KEY.fullmatch(key)
    if known is None:
        reason = f"{key!r} is not the id of a fulfilment and of a location."
        raise RequestRefused(reason, sent=False)
    rows = suiteql.query(client, f"{_squeezed(_HEAD)} AND t.id = ?", known[1])
    found = list(_objects(client, rows, checks.server_time(client)))
    mine = [one.payload for one in found if one.key == key]
    if not mine:
        raise RecordMissing(
            f"NetSuite shows no shipped item fulfilment {known[1]} with lines at "
            f"location {known[2]}. It was deleted, is not shipped any more, or the "
            "role of this connection may not see it."
        )
    return mine[0]


def derived(payload: Payload) -> Payload:
    """Return where the sales order and the fulfilment came from, by our external ids.

    `order_namespace` and `order_id` name the shop and its order; both are empty for an
    order that did not come through us. `came_from_shop` tells an own echo: the shop of
    the order sent it first.
    """
    order = _named(_inner(payload, "order").get("external_id"), "order")
    own = _named(payload.get("external_id"), "fulfillment")
    return {
        "order_namespace": order["namespace"],
        "order_id": order["key"],
        "came_from_shop": bool(own["key"]) and own["namespace"] == order["namespace"],
    }


def _named(external_id: Any, entity: str) -> dict[str, str]:
    found = _OURS.fullmatch(str(external_id or ""))
    if found is None or found["entity"] != entity:
        return {"namespace": "", "key": ""}
    return {"namespace": found["namespace"], "key": found["key"]}


def fulfillment(payload: Payload) -> SourceObject:
    """Describe what was shipped from one location; raises UnreadablePayload."""
    lines = payload.get("lines")
    if not isinstance(lines, list) or not payload.get("id"):
        raise UnreadablePayload("The fulfilment has no id or no lines.")
    order = _inner(payload, "order")
    label = str(order.get("reference") or order.get("number") or "")
    skus = (str(line.get("sku") or "") for line in lines if isinstance(line, dict))
    return SourceObject(
        entity="fulfillment",
        key=f"{payload['id']}-{payload.get('location_id') or 0}",
        payload=payload,
        changed_at=_changed_at(payload),
        label=f"{payload.get('number')} of {label or 'no order'}"[:120],
        skus=tuple(dict.fromkeys(filter(None, skus))),
        tracking=tuple(map(str, payload.get("tracking_numbers") or ())),
    )


def _changed_at(payload: Payload) -> datetime:
    try:
        return datetime.fromisoformat(str(payload["last_modified"])).astimezone(UTC)
    except (KeyError, ValueError) as error:
        text = "last_modified is missing or no time."
        raise UnreadablePayload(text, fields={"last_modified": text}) from error


def _inner(payload: Payload, name: str) -> Payload:
    found = payload.get(name)
    return found if isinstance(found, dict) else {}


# Reading


def _objects(
    client: ApiClient, heads: Sequence[Row], seen_at: datetime
) -> Iterator[SourceObject]:
    """Yield the parts of these fulfilments, each complete with all that it holds."""
    ids = [suiteql.text(head, "id") for head in heads]
    if not ids:
        return
    lines = _by_fulfillment(_all_lines(client, ids))
    orders = _by_fulfillment(_query(client, _ORDERS, ids))
    tracking = _by_fulfillment(_query(client, _TRACKING, ids))
    methods = _by_fulfillment(_ship_methods(client, ids))
    for head, key in zip(heads, ids, strict=True):
        facts = {
            **_head(head, seen_at),
            "order": _order(orders.get(key, [])),
            "ship_method": _first(methods.get(key, []), "method"),
            "tracking_numbers": _numbers(tracking.get(key, [])),
        }
        yield from (
            fulfillment({**facts, **part}) for part in _parts(lines.get(key, []))
        )


def _head(head: Row, seen_at: datetime) -> Payload:
    texts = ("id", "external_id", "shipped_on")
    changed = _moment(suiteql.text(head, "changed"))
    zone = _behind(seen_at, _moment(suiteql.text(head, "now")))
    return {
        "number": suiteql.text(head, "document"),
        **{name: suiteql.text(head, name) for name in texts},
        "last_modified": (changed + zone).replace(tzinfo=UTC).isoformat(),
    }


def _behind(utc: datetime, told: datetime) -> timedelta:
    """Return how far SuiteQL's clock is behind UTC, in whole quarters of an hour."""
    quarters = (utc.replace(tzinfo=None) - told) / timedelta(minutes=15)
    return round(quarters) * timedelta(minutes=15)


def _order(rows: Sequence[Row]) -> Payload:
    if not rows:
        return {}
    names = ("id", "external_id", "reference")
    texts = {name: suiteql.text(rows[0], name) for name in names}
    return {**texts, "number": suiteql.text(rows[0], "document")}


def _numbers(rows: Sequence[Row]) -> list[str]:
    numbers = (suiteql.text(row, "tracking").strip() for row in rows)
    return list(dict.fromkeys(filter(None, numbers)))


def _parts(rows: Sequence[Row]) -> Iterator[Payload]:
    """Yield the lines of each location, in their order."""
    places: dict[str, list[Row]] = {}
    for row in rows:
        places.setdefault(suiteql.text(row, "location_id"), []).append(row)
    for place, here in places.items():
        lines = [_line(row) for row in here]
        name = suiteql.text(here[0], "location")
        yield {"location_id": place, "location": name, "lines": lines}


def _line(row: Row) -> Payload:
    """Read a line; goods that leave are told with a minus."""
    item = suiteql.text(row, "item_name")
    return {
        "line": suiteql.text(row, "line"),
        "item": item,
        # A child of a matrix item may be shown as `Parent : Child`.
        "sku": item.rpartition(" : ")[2].strip(),
        "quantity": abs(suiteql.number(row, "quantity")),
    }


def _all_lines(client: ApiClient, ids: Sequence[str]) -> list[Row]:
    """Return every line of these fulfilments; few at a time where there are many."""
    rows = _query(client, _LINES, ids, "0")
    if len(rows) < suiteql.PAGE:
        return rows
    if len(ids) > 1:
        half = len(ids) // 2
        return _all_lines(client, ids[:half]) + _all_lines(client, ids[half:])
    while len(more := _query(client, _LINES, ids, suiteql.text(rows[-1], "line"))):
        rows += more
    return rows


def _ship_methods(client: ApiClient, ids: Sequence[str]) -> list[Row]:
    """Return the shipping methods; nothing where an account does not show the column.

    It is asked for alone, so that its absence costs no more than the carrier's name.
    """
    try:
        return _query(client, _METHODS, ids)
    except (RequestRefused, RecordRejected) as error:
        if not _is_unknown_column(error):
            raise
        return []


def _is_unknown_column(error: ConnectorError) -> bool:
    said = str(error).lower()
    return "shipmethod" in said and ("not found" in said or "unknown" in said)


def _query(client: ApiClient, sql: str, ids: Sequence[str], *values: str) -> list[Row]:
    marks = ", ".join("?" for _ in ids)
    return suiteql.query(client, _squeezed(sql.format(marks=marks)), *ids, *values)


def _by_fulfillment(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(suiteql.text(row, "fulfillment"), []).append(row)
    return found


def _first(rows: Sequence[Row], column: str) -> str:
    return suiteql.text(rows[0], column) if rows else ""


def _moment(told: str) -> datetime:
    try:
        return datetime.fromisoformat(told).replace(tzinfo=None)
    except ValueError as error:
        raise ServerFault(f"SuiteQL tells {told!r} where a time was asked.") from error


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _squeezed(sql: str) -> str:
    return " ".join(sql.split())
