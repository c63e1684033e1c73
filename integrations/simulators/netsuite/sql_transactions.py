"""The query service's tables of transactions: heads, lines, links, tracking."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulators.netsuite.sql_functions import marked
from integrations.simulators.netsuite.store import Record

Row = dict[str, Any]
_INT, _TEXT, _AMOUNT = "INTEGER", "TEXT", "TEXT COLLATE amount"
# A column for the database alone: which permission lets a role see the row.
SEEN_BY = "seen_by"

TRANSACTION_COLUMNS: dict[str, dict[str, str]] = {
    "transaction": {
        "id": _INT, "tranid": _TEXT, "type": _TEXT, "status": _TEXT, "entity": _INT,
        "externalid": _TEXT, "otherrefnum": _TEXT, "foreigntotal": _AMOUNT,
        "foreignamountpaid": _AMOUNT, "foreignamountunpaid": _AMOUNT,
        "currency": _INT, "shipmethod": _INT, "memo": _TEXT, "trandate": _TEXT,
        "duedate": _TEXT,
        "createddate": _TEXT, "lastmodifieddate": _TEXT,
    },
    "transactionline": {
        "transaction": _INT, "id": _INT, "linesequencenumber": _INT,
        "uniquekey": _INT, "mainline": _TEXT, "taxline": _TEXT, "item": _INT,
        "quantity": _AMOUNT, "rate": _AMOUNT, "foreignamount": _AMOUNT,
        "location": _INT, "memo": _TEXT, "iscogs": _TEXT,
        "assemblycomponent": _TEXT, "createdfrom": _INT, "isclosed": _TEXT,
        "quantityshiprecv": _AMOUNT, "quantitybilled": _AMOUNT,
    },
    "previoustransactionlinelink": {
        "previousdoc": _INT, "previousline": _INT, "nextdoc": _INT, "nextline": _INT,
        "nexttype": _TEXT, "linktype": _TEXT, "foreignamount": _AMOUNT,
    },
    "trackingnumber": {"id": _INT, "trackingnumber": _TEXT},
    "trackingnumbermap": {"transaction": _INT, "trackingnumber": _INT},
}  # fmt: skip
_CREDITS = {"creditMemo", "cashRefund", "returnAuthorization"}
_INCOMING = {*_CREDITS, "itemReceipt"}
_LINKS = {"itemFulfillment": "ShipRcpt", "itemReceipt": "ShipRcpt"}


def transaction_rows(
    record: Record, zone: ZoneInfo, *, negative_credits: bool
) -> Iterator[tuple[str, Row]]:
    """Yield the rows of one transaction, each with its table."""
    negative = negative_credits and record.type in _CREDITS
    for table, row in (
        ("transaction", _head(record, zone, negative=negative)),
        *(("transactionline", row) for row in _lines(record, negative=negative)),
        *(("previoustransactionlinelink", row) for row in _links(record)),
        *_tracking(record),
    ):
        yield table, {**row, SEEN_BY: record.kind.permission}


def number(value: Decimal | None) -> str | None:
    """Write a number without an exponent and without idle zeros."""
    if value is None:
        return None
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def flag_of(value: object) -> str:
    return "T" if value else "F"


def key_of(values: Row, name: str) -> str | None:
    return values[name]["id"] if name in values else None


def _head(record: Record, zone: ZoneInfo, *, negative: bool) -> Row:
    values = record.values
    total, due = values.get("total"), values.get("dueDate")
    return {
        "id": record.id,
        "tranid": values["tranId"],
        "type": record.kind.code,
        "status": key_of(values, "status"),
        "entity": key_of(values, "entity") or key_of(values, "customer"),
        "externalid": values.get("externalId"),
        "otherrefnum": values.get("otherRefNum"),
        "foreigntotal": number(-total if negative and total is not None else total),
        "foreignamountpaid": number(values.get("amountPaid")),
        "foreignamountunpaid": number(values.get("amountRemaining")),
        "currency": key_of(values, "currency"),
        "shipmethod": key_of(values, "shipMethod"),
        "memo": values.get("memo"),
        "trandate": marked(values["tranDate"], zone),
        "duedate": marked(due, zone) if due else None,
        "createddate": marked(record.created_at, zone),
        "lastmodifieddate": marked(record.modified_at, zone),
    }


def _lines(record: Record, *, negative: bool) -> Iterator[Row]:
    """Yield the main line, the lines, negative where goods go out, and the tax line."""
    values = record.values
    sign = 1 if record.type in _INCOMING else -1
    total = values.get("total")
    shown = number(-total if negative and total is not None else total)
    yield _line(record, 0, mainline="T", foreignamount=shown)
    lines = values.get("item", {}).get("items", [])
    for line in lines:
        yield _line(record, line["line"], **_sold(line, sign))
    if values.get("taxTotal"):
        after = max(line["line"] for line in lines) + 1
        tax = number(sign * values["taxTotal"])
        yield _line(record, after, taxline="T", foreignamount=tax)


def _sold(line: Row, sign: int) -> Row:
    quantity, amount = line.get("quantity"), line.get("amount")
    moved = line.get("quantityFulfilled", line.get("quantityReceived"))
    return {
        "uniquekey": line.get("lineUniqueKey"),
        "item": key_of(line, "item"),
        "quantity": None if quantity is None else number(sign * quantity),
        "rate": number(line.get("rate")),
        "foreignamount": None if amount is None else number(sign * amount),
        "location": key_of(line, "location"),
        "memo": line.get("description"),
        "isclosed": flag_of(line.get("isClosed")),
        "quantityshiprecv": number(moved),
        "quantitybilled": number(line.get("quantityBilled")),
    }


def _line(record: Record, sequence: int, **more: Any) -> Row:
    return {
        "transaction": record.id,
        "id": sequence,
        "linesequencenumber": sequence,
        "mainline": "F",
        "taxline": "F",
        "iscogs": "F",
        "assemblycomponent": "F",
        "createdfrom": key_of(record.values, "createdFrom"),
        **more,
    }


def _links(record: Record) -> Iterator[Row]:
    """Yield a row for each pair of lines: a join over them needs DISTINCT."""
    source = key_of(record.values, "createdFrom")
    for line in record.values.get("item", {}).get("items", []):
        if source and "orderLine" in line:
            yield {
                "previousdoc": source,
                "previousline": line["orderLine"],
                "nextdoc": record.id,
                "nextline": line["line"],
                "nexttype": record.kind.code,
                "linktype": _LINKS.get(record.type, "OrdBill"),
            }
    for line in record.values.get("apply", {}).get("items", []):
        yield {
            "previousdoc": line["doc"]["id"],
            "previousline": 0,
            "nextdoc": record.id,
            "nextline": 0,
            "nexttype": record.kind.code,
            "linktype": "Payment",
            "foreignamount": number(line["amount"]),
        }


def _tracking(record: Record) -> Iterator[tuple[str, Row]]:
    packages = record.values.get("package", {}).get("items", [])
    numbers = [package.get("packageTrackingNumber") for package in packages]
    for index, text in enumerate(filter(None, numbers)):
        key = f"{record.id}{index:02d}"
        yield "trackingnumber", {"id": key, "trackingnumber": text}
        yield "trackingnumbermap", {"transaction": record.id, "trackingnumber": key}
