"""Prices of active items: one object for each item and currency, with all its levels.

What changed is told by the item's `lastmodifieddate`: a new price is a save of its
item. Once a day all are read, for what that column does not tell. Only the price of
a single piece counts; quantity breaks are left out.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from integrations.connectors.base import Payload, SourceObject
from integrations.connectors.errors import (
    RecordMissing,
    RequestRefused,
    UnreadablePayload,
)
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import checks, places, suiteql
from integrations.connectors.netsuite.places import MODIFIED, NEW, Place

# Which of them an account has could not be confirmed, so both are tried.
TABLES = ("pricing", "itemprice")
NO_TABLE = (
    "This account shows no table of prices to SuiteQL ({tables} were tried). Switch "
    "on Multiple Prices under Setup > Company > Enable Features > Transactions, and "
    'give the role of this connection the permission "Lists > Items".'
)
_CHANGED = MODIFIED.format(table="item")
_SELECT = f"""
SELECT item.id AS item_id, item.itemid AS name, {_CHANGED} AS modified,
       p.currency AS currency_id, currency.symbol AS currency,
       p.pricelevel AS level_id, pricelevel.name AS level_name,
       p.unitprice AS price
FROM {{table}} p
JOIN item ON item.id = p.item
LEFT JOIN currency ON currency.id = p.currency
LEFT JOIN pricelevel ON pricelevel.id = p.pricelevel
WHERE item.isinactive = 'F' AND p.unitprice IS NOT NULL
  AND (p.quantity = 0 OR p.quantity IS NULL)
"""  # noqa: S608
_PAGE = "p.currency, p.pricelevel FETCH FIRST {page} ROWS ONLY"
ALL = f"{_SELECT} AND item.id > ? ORDER BY item.id, {_PAGE}"
CHANGED = f"""{_SELECT}
  AND ({_CHANGED} > ? OR ({_CHANGED} = ? AND item.id > ?))
ORDER BY {_CHANGED}, item.id, {_PAGE}"""
ONE = f"{_SELECT} AND item.id = ? AND p.currency = ? ORDER BY {_PAGE}"
BASE_LEVEL = "1"


def changes(client: ApiClient, since: str) -> Iterator[tuple[SourceObject, str]]:
    """Yield the prices that may have changed, with the place behind each item."""
    seen_at, table = checks.server_time(client), _table(client)
    place = places.begin(client, "item", since)
    while True:
        rows = _page(client, table, place)
        for item in _items(_whole(rows)):
            behind = place.behind(suiteql.text(item[0], "modified"), _id(item[0]))
            *others, last = (price(one, seen_at) for one in _payloads(item))
            yield from ((one, str(place)) for one in others)
            yield last, str(behind)
            place = behind
        if len(rows) < suiteql.PAGE:
            return


def read(client: ApiClient, key: str) -> Payload:
    """Return the prices of one item in one currency; raises RecordMissing."""
    item, _, currency = key.partition("-")
    rows = _ask(client, ONE, _table(client), item, currency)
    found = list(_payloads(rows))
    if not found:
        raise RecordMissing(
            f"NetSuite shows no price {key}: the item is inactive or deleted, or has "
            "no price in this currency any more."
        )
    return found[0]


def price(payload: Payload, seen_at: datetime | None = None) -> SourceObject:
    """Describe what one item costs in one currency; raises UnreadablePayload."""
    try:
        key = f"{payload['item_id']}-{payload['currency_id']}"
        sku, currency = str(payload["sku"]), str(payload["currency"])
    except KeyError as error:
        raise UnreadablePayload(f"The price has no {error.args[0]}.") from error
    return SourceObject(
        entity="price",
        key=key,
        payload=payload,
        changed_at=seen_at,
        label=f"{sku} in {currency}"[:120],
        skus=(sku,),
        amount=payload.get("base_price"),
        currency=currency,
    )


def _table(client: ApiClient) -> str:
    """Return the table that this account keeps prices in; raises RequestRefused."""
    for table in TABLES:
        try:
            suiteql.query(client, f"SELECT item FROM {table} FETCH FIRST 1 ROWS ONLY")  # noqa: S608
        except RequestRefused as error:
            if table not in str(error).lower():
                raise
        else:
            return table
    raise RequestRefused(NO_TABLE.format(tables=" and ".join(TABLES)))


def _page(client: ApiClient, table: str, place: Place) -> list[suiteql.Row]:
    after = place.after or "0"
    if place.kind == NEW:
        return _ask(client, CHANGED, table, place.mark, place.mark, after)
    return _ask(client, ALL, table, after)


def _ask(client: ApiClient, sql: str, table: str, *values: str) -> list[suiteql.Row]:
    asked = " ".join(sql.format(table=table, page=suiteql.PAGE).split())
    return suiteql.query(client, asked, *values)


def _id(row: suiteql.Row) -> str:
    return suiteql.text(row, "item_id")


def _whole(rows: list[suiteql.Row]) -> list[suiteql.Row]:
    """Leave out the last item of a full page: the page may hold only part of it."""
    if len(rows) < suiteql.PAGE:
        return rows
    last = _id(rows[-1])
    return [row for row in rows if _id(row) != last] or rows


def _items(rows: list[suiteql.Row]) -> Iterator[list[suiteql.Row]]:
    return (list(group) for _, group in groupby(rows, _id))


def _payloads(rows: Iterable[suiteql.Row]) -> Iterator[Payload]:
    """Yield a payload for each currency of one item."""
    by_currency = groupby(rows, lambda row: suiteql.text(row, "currency_id"))
    return (_payload(list(group)) for _, group in by_currency)


def _payload(rows: list[suiteql.Row]) -> Payload:
    levels: Payload = {}
    base = None
    for row in rows:
        amount = suiteql.number(row, "price")
        name = suiteql.text(row, "level_name") or suiteql.text(row, "level_id")
        levels[name] = _beside(levels.get(name), amount)
        if suiteql.text(row, "level_id") == BASE_LEVEL:
            base = amount
    return {
        "sku": sku_of(suiteql.text(rows[0], "name")),
        "item": suiteql.text(rows[0], "name"),
        "item_id": _id(rows[0]),
        "currency": suiteql.text(rows[0], "currency"),
        "currency_id": suiteql.text(rows[0], "currency_id"),
        "base_price": base,
        "prices": levels,
    }


def _beside(known: Decimal | list[Decimal] | None, amount: Decimal) -> object:
    """Keep both of two prices of one level: the mapping refuses a list as an amount."""
    if known is None or known == amount:
        return amount
    return [*known, amount] if isinstance(known, list) else [known, amount]


def sku_of(item: str) -> str:
    """Return the SKU of an item; one of a matrix may be shown as `Parent : Child`."""
    return item.rpartition(" : ")[2]
