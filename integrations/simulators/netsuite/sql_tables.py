"""The tables of the query service, filled from the store."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulators.netsuite.record_types import (
    ITEM_TYPES,
    LIST_TYPES,
    RECORD_TYPES,
)
from integrations.simulators.netsuite.sql_functions import marked
from integrations.simulators.netsuite.sql_transactions import (
    TRANSACTION_COLUMNS,
    flag_of,
    key_of,
    number,
    transaction_rows,
)
from integrations.simulators.netsuite.store import Record, StockLevel, Store

Row = dict[str, Any]
_INT, _TEXT, _AMOUNT = "INTEGER", "TEXT", "TEXT COLLATE amount"

# The custom fields that tell children of a matrix apart here, where they were added.
MATRIX_OPTIONS = ("custitem_color", "custitem_size")
PRICE_COLUMNS = {
    "item": _INT, "pricelevel": _INT, "currency": _INT, "quantity": _AMOUNT,
    "unitprice": _AMOUNT,
}  # fmt: skip
COLUMNS: dict[str, dict[str, str]] = {
    "item": {
        "id": _INT, "itemid": _TEXT, "displayname": _TEXT, "itemtype": _TEXT,
        "externalid": _TEXT, "upccode": _TEXT, "isinactive": _TEXT, "parent": _INT,
        "createddate": _TEXT, "lastmodifieddate": _TEXT, "matrixtype": _TEXT,
        "cost": _AMOUNT, "weight": _AMOUNT, "weightunit": _TEXT,
        "countryofmanufacture": _TEXT, "schedulebnumber": _TEXT,
        **dict.fromkeys(MATRIX_OPTIONS, _TEXT),
    },
    "customer": {
        "id": _INT, "entityid": _TEXT, "companyname": _TEXT, "firstname": _TEXT,
        "lastname": _TEXT, "email": _TEXT, "phone": _TEXT, "externalid": _TEXT,
        "isperson": _TEXT, "isinactive": _TEXT, "subsidiary": _INT,
        "currency": _INT, "datecreated": _TEXT, "lastmodifieddate": _TEXT,
    },
    **TRANSACTION_COLUMNS,
    "aggregateitemlocation": {
        "item": _INT, "location": _INT, "quantityavailable": _AMOUNT,
        "quantityonhand": _AMOUNT, "quantitycommitted": _AMOUNT,
        "quantityonorder": _AMOUNT, "quantityintransit": _AMOUNT,
        "quantitybackordered": _AMOUNT, "lastquantityavailablechange": _TEXT,
    },
    "inventoryitemlocations": {
        "item": _INT, "location": _INT, "quantityavailable": _AMOUNT,
        "quantityonhand": _AMOUNT, "quantitycommitted": _AMOUNT,
        "quantityonorder": _AMOUNT, "quantityintransit": _AMOUNT,
        "quantitybackordered": _AMOUNT,
    },
    "inventorybalance": {
        "item": _INT, "location": _INT, "quantityavailable": _AMOUNT,
        "quantityonhand": _AMOUNT,
    },
    "pricing": PRICE_COLUMNS,
    "itemprice": PRICE_COLUMNS,
    "dual": {"dummy": _TEXT},
    **{
        name.lower(): {
            "id": _INT, "name": _TEXT, "externalid": _TEXT, "isinactive": _TEXT
        }
        for name in LIST_TYPES
    },
}  # fmt: skip
COLUMNS["currency"] = {**COLUMNS["currency"], "symbol": _TEXT}
COLUMNS["shipitem"] = {**COLUMNS["shipitem"], "itemid": _TEXT}
COLUMNS["account"] |= {"acctnumber": _TEXT, "accountsearchdisplayname": _TEXT}

PERMISSIONS = {
    "item": "item",
    "customer": "customer",
    "aggregateitemlocation": "item",
    "inventoryitemlocations": "item",
    "inventorybalance": "item",
    "pricing": "item",
    "itemprice": "item",
    "currency": "currency",
    "shipitem": "shipItem",
    "location": "location",
    "subsidiary": "subsidiary",
}
STOCK = "stock"
# Each holds what it can of a stock level; the second knows plain items only.
STOCK_TABLES = ("aggregateitemlocation", "inventoryitemlocations", "inventorybalance")


def tables_of(record_type: str) -> tuple[str, ...]:
    """Name the tables that rows of a record type live in."""
    if record_type in ITEM_TYPES:
        return ("item", "pricing", "itemprice")
    if RECORD_TYPES[record_type].is_transaction:
        return tuple(TRANSACTION_COLUMNS)
    return (record_type.lower(),)


def rows_of(
    record: Record, zone: ZoneInfo, *, negative_credits: bool = True
) -> Iterator[tuple[str, Row]]:
    """Yield the rows of one record, each with its table."""
    if record.kind.is_transaction:
        yield from transaction_rows(record, zone, negative_credits=negative_credits)
        return
    table = tables_of(record.type)[0]
    make: Callable[[Record, ZoneInfo], Row] = _ROWS.get(table, _named_value)
    yield table, make(record, zone)
    for row in _prices(record) if record.kind.family == "item" else ():
        yield "pricing", row
        yield "itemprice", row


def _prices(record: Record) -> Iterator[Row]:
    for line in record.values.get("price", {}).get("items", []):
        yield {
            "item": record.id,
            "pricelevel": key_of(line, "priceLevel"),
            "currency": key_of(line, "currencyPage"),
            "quantity": number(line["quantity"]["value"]),
            "unitprice": number(line["price"]),
        }


def stock_rows(place: str, store: Store, zone: ZoneInfo) -> Iterator[tuple[str, Row]]:
    """Yield what each table of stock says of one item at one location."""
    item, _, location = place.partition(":")
    level: StockLevel = store.stock[item, location]
    committed = level.on_hand - level.available
    row = {
        "item": item,
        "location": location,
        "quantityavailable": number(level.available),
        "quantityonhand": number(level.on_hand),
        "quantitycommitted": number(max(committed, Decimal(0))),
        "quantityonorder": "0",
        "quantityintransit": "0",
        "quantitybackordered": "0",
        "lastquantityavailablechange": marked(level.changed_at, zone),
    }
    for table in STOCK_TABLES:
        if table != "inventoryitemlocations" or store.get("inventoryItem", item):
            yield table, {name: row[name] for name in COLUMNS[table]}


def _item(record: Record, zone: ZoneInfo) -> Row:
    values = record.values
    return {
        "id": record.id,
        "itemid": values["itemId"],
        "displayname": values.get("displayName"),
        "itemtype": record.kind.item_type,
        "externalid": values.get("externalId"),
        "upccode": values.get("upcCode") or None,
        "parent": key_of(values, "parent"),
        "isinactive": flag_of(values.get("isInactive")),
        "createddate": marked(record.created_at, zone),
        "lastmodifieddate": marked(record.modified_at, zone),
        "matrixtype": key_of(values, "matrixType"),
        "cost": _amount(values, "cost"),
        "weight": _amount(values, "weight"),
        "weightunit": key_of(values, "weightUnit"),
        "countryofmanufacture": values.get("countryOfManufacture"),
        "schedulebnumber": values.get("scheduleBNumber"),
        **{name: values.get(name) for name in MATRIX_OPTIONS},
    }


def _amount(values: dict[str, Any], name: str) -> str | None:
    found = values.get(name)
    return None if found is None else number(found)


def _customer(record: Record, zone: ZoneInfo) -> Row:
    values = record.values
    same = ("entityId", "companyName", "firstName", "lastName", "email", "phone")
    return {
        "id": record.id,
        **{name.lower(): values.get(name) for name in (*same, "externalId")},
        "isperson": flag_of(values.get("isPerson")),
        "isinactive": flag_of(values.get("isInactive")),
        "subsidiary": key_of(values, "subsidiary"),
        "currency": key_of(values, "currency"),
        "datecreated": marked(record.created_at, zone),
        "lastmodifieddate": marked(record.modified_at, zone),
    }


def _named_value(record: Record, zone: ZoneInfo) -> Row:
    values = record.values
    row = {
        "id": record.id,
        "name": values.get("name"),
        "externalid": values.get("externalId"),
        "isinactive": flag_of(values.get("isInactive")),
    }
    if record.type == "currency":
        row["symbol"] = values["symbol"]
    if record.type == "shipItem":
        row["itemid"] = values["itemId"]
    if record.type == "account":
        row["acctnumber"] = values.get("acctNumber")
        row["accountsearchdisplayname"] = values.get("name")
    return row


_ROWS: dict[str, Callable[[Record, ZoneInfo], Row]] = {
    "item": _item,
    "customer": _customer,
}
