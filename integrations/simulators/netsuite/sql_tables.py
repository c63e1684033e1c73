"""The tables of the query service, filled from the store."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulators.netsuite.record_types import ITEM_TYPES, LIST_TYPES
from integrations.simulators.netsuite.sql_functions import marked
from integrations.simulators.netsuite.store import Record, StockLevel, Store

Row = dict[str, Any]
_INT, _TEXT, _AMOUNT = "INTEGER", "TEXT", "TEXT COLLATE amount"

COLUMNS: dict[str, dict[str, str]] = {
    "item": {
        "id": _INT, "itemid": _TEXT, "displayname": _TEXT, "itemtype": _TEXT,
        "externalid": _TEXT, "upccode": _TEXT, "isinactive": _TEXT,
        "createddate": _TEXT, "lastmodifieddate": _TEXT,
    },
    "customer": {
        "id": _INT, "entityid": _TEXT, "companyname": _TEXT, "firstname": _TEXT,
        "lastname": _TEXT, "email": _TEXT, "phone": _TEXT, "externalid": _TEXT,
        "isperson": _TEXT, "isinactive": _TEXT, "subsidiary": _INT,
        "currency": _INT, "datecreated": _TEXT, "lastmodifieddate": _TEXT,
    },
    "transaction": {
        "id": _INT, "tranid": _TEXT, "type": _TEXT, "status": _TEXT, "entity": _INT,
        "externalid": _TEXT, "otherrefnum": _TEXT, "foreigntotal": _AMOUNT,
        "currency": _INT, "memo": _TEXT, "trandate": _TEXT, "createddate": _TEXT,
        "lastmodifieddate": _TEXT,
    },
    "transactionline": {
        "transaction": _INT, "id": _INT, "linesequencenumber": _INT,
        "uniquekey": _INT, "mainline": _TEXT, "taxline": _TEXT, "item": _INT,
        "quantity": _AMOUNT, "rate": _AMOUNT, "foreignamount": _AMOUNT,
        "location": _INT, "memo": _TEXT, "iscogs": _TEXT,
        "assemblycomponent": _TEXT,
    },
    "aggregateitemlocation": {
        "item": _INT, "location": _INT, "quantityavailable": _AMOUNT,
        "quantityonhand": _AMOUNT, "quantitycommitted": _AMOUNT,
        "quantityonorder": _AMOUNT, "quantityintransit": _AMOUNT,
        "quantitybackordered": _AMOUNT, "lastquantityavailablechange": _TEXT,
    },
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

PERMISSIONS = {
    "item": "item",
    "customer": "customer",
    "transaction": "salesOrder",
    "transactionline": "salesOrder",
    "aggregateitemlocation": "item",
    "currency": "currency",
    "shipitem": "shipItem",
    "location": "location",
    "subsidiary": "subsidiary",
}
STOCK = "stock"


def tables_of(record_type: str) -> tuple[str, ...]:
    """Name the tables that rows of a record type live in."""
    if record_type in ITEM_TYPES:
        return ("item",)
    if record_type == "salesOrder":
        return ("transaction", "transactionline")
    return (record_type.lower(),)


def rows_of(record: Record, zone: ZoneInfo) -> Iterator[tuple[str, Row]]:
    """Yield the rows of one record, each with its table."""
    if record.type == "salesOrder":
        yield "transaction", _transaction(record, zone)
        for line in _transaction_lines(record):
            yield "transactionline", line
    else:
        table = tables_of(record.type)[0]
        make: Callable[[Record, ZoneInfo], Row] = _ROWS.get(table, _named_value)
        yield table, make(record, zone)


def stock_row(place: str, store: Store, zone: ZoneInfo) -> Row:
    item, _, location = place.partition(":")
    level: StockLevel = store.stock[item, location]
    committed = level.on_hand - level.available
    return {
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


def number(value: Decimal | None) -> str | None:
    """Write a number without an exponent and without idle zeros."""
    if value is None:
        return None
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _item(record: Record, zone: ZoneInfo) -> Row:
    values = record.values
    return {
        "id": record.id,
        "itemid": values["itemId"],
        "displayname": values.get("displayName"),
        "itemtype": record.kind.item_type,
        "externalid": values.get("externalId"),
        "upccode": values.get("upcCode") or None,
        "isinactive": _flag(values.get("isInactive")),
        "createddate": marked(record.created_at, zone),
        "lastmodifieddate": marked(record.modified_at, zone),
    }


def _customer(record: Record, zone: ZoneInfo) -> Row:
    values = record.values
    same = ("entityId", "companyName", "firstName", "lastName", "email", "phone")
    return {
        "id": record.id,
        **{name.lower(): values.get(name) for name in (*same, "externalId")},
        "isperson": _flag(values.get("isPerson")),
        "isinactive": _flag(values.get("isInactive")),
        "subsidiary": _key(values, "subsidiary"),
        "currency": _key(values, "currency"),
        "datecreated": marked(record.created_at, zone),
        "lastmodifieddate": marked(record.modified_at, zone),
    }


def _transaction(record: Record, zone: ZoneInfo) -> Row:
    values = record.values
    return {
        "id": record.id,
        "tranid": values["tranId"],
        "type": "SalesOrd",
        "status": values["status"]["id"],
        "entity": _key(values, "entity"),
        "externalid": values.get("externalId"),
        "otherrefnum": values.get("otherRefNum"),
        "foreigntotal": number(values["total"]),
        "currency": _key(values, "currency"),
        "memo": values.get("memo"),
        "trandate": marked(values["tranDate"], zone),
        "createddate": marked(record.created_at, zone),
        "lastmodifieddate": marked(record.modified_at, zone),
    }


def _transaction_lines(record: Record) -> Iterator[Row]:
    """Yield the main line, the sold lines with negative numbers, and the tax line."""
    values = record.values
    main = _line(record, 0, mainline="T", foreignamount=number(values["total"]))
    yield main
    lines = values["item"]["items"]
    for line in lines:
        quantity = line.get("quantity")
        yield _line(
            record,
            line["line"],
            uniquekey=line["lineUniqueKey"],
            item=_key(line, "item"),
            quantity=None if quantity is None else number(-quantity),
            rate=number(line.get("rate")),
            foreignamount=number(-line["amount"]),
            location=_key(line, "location"),
            memo=line.get("description"),
        )
    if values["taxTotal"]:
        after = max(line["line"] for line in lines) + 1
        yield _line(
            record, after, taxline="T", foreignamount=number(-values["taxTotal"])
        )


def _line(record: Record, sequence: int, **more: Any) -> Row:
    return {
        "transaction": record.id,
        "id": sequence,
        "linesequencenumber": sequence,
        "mainline": "F",
        "taxline": "F",
        "iscogs": "F",
        "assemblycomponent": "F",
        **more,
    }


def _named_value(record: Record, zone: ZoneInfo) -> Row:
    values = record.values
    row = {
        "id": record.id,
        "name": values.get("name"),
        "externalid": values.get("externalId"),
        "isinactive": _flag(values.get("isInactive")),
    }
    if record.type == "currency":
        row["symbol"] = values["symbol"]
    if record.type == "shipItem":
        row["itemid"] = values["itemId"]
    return row


_ROWS: dict[str, Callable[[Record, ZoneInfo], Row]] = {
    "item": _item,
    "customer": _customer,
}


def _flag(value: object) -> str:
    return "T" if value else "F"


def _key(values: Row, name: str) -> str | None:
    return values[name]["id"] if name in values else None
