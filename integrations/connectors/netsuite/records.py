"""What Waybill knows of NetSuite's record types, and of their JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Payload

PATH = "/services/rest/record/v1"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class RecordType:
    """Where a record type stands in SuiteQL and in the pages for people.

    `code` is the value of the column `type` of the table `transaction`.
    """

    table: str
    page: str
    code: str = ""


def _transaction(code: str, page: str) -> RecordType:
    return RecordType("transaction", f"/app/accounting/transactions/{page}.nl", code)


_ITEM = RecordType("item", "/app/common/item/item.nl")
# Where a person adds what mappings look up. An id at the end would open a record.
NEW_PAGES: Mapping[str, str] = {
    "item": "/app/common/item/item.nl",
    "shipItem": "/app/common/item/shipitem.nl",
    "customer": "/app/common/entity/custjob.nl",
    "currency": "/app/common/multicurrency/currency.nl",
    "location": "/app/common/otherlists/locationtype.nl",
    "department": "/app/common/otherlists/departmenttype.nl",
    "classification": "/app/common/otherlists/classtype.nl",
    "subsidiary": "/app/common/otherlists/subsidiarytype.nl",
    "term": "/app/accounting/otherlists/term.nl",
}

RECORD_TYPES: Mapping[str, RecordType] = {
    "customer": RecordType("customer", "/app/common/entity/custjob.nl"),
    "item": _ITEM,
    "inventoryItem": _ITEM,
    "nonInventorySaleItem": _ITEM,
    "serviceSaleItem": _ITEM,
    "salesOrder": _transaction("SalesOrd", "salesord"),
    "invoice": _transaction("CustInvc", "custinvc"),
    "cashSale": _transaction("CashSale", "cashsale"),
    "cashRefund": _transaction("CashRfnd", "cashrfnd"),
    "creditMemo": _transaction("CustCred", "custcred"),
    "customerPayment": _transaction("CustPymt", "custpymt"),
    "customerDeposit": _transaction("CustDep", "custdep"),
    "customerRefund": _transaction("CustRfnd", "custrfnd"),
    "returnAuthorization": _transaction("RtnAuth", "rtnauth"),
    "itemFulfillment": _transaction("ItemShip", "itemship"),
    "journalEntry": _transaction("Journal", "journal"),
    "deposit": _transaction("Deposit", "deposit"),
}

# What makes a record the one that was meant: head fields, then fields of its lines.
HEAD_FIELDS = (
    "entity", "customer", "createdFrom", "otherRefNum", "currency", "payment",
)  # fmt: skip
LINE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "item": ("item", "orderLine", "quantity", "rate", "amount"),
    "line": ("account", "debit", "credit"),
    "apply": ("doc", "amount"),
}
ADDRESS_FIELDS = ("addressee", "addr1", "addr2", "city", "state", "zip", "country")


def outgoing(value: Any) -> Any:
    """Escape line breaks twice, or NetSuite does not store them."""
    if isinstance(value, str):
        breaks = value.replace("\r\n", "\n").replace("\r", "\n")
        return breaks.replace("\n", "\\n")
    if isinstance(value, dict):
        return {name: outgoing(item) for name, item in value.items()}
    if isinstance(value, list):
        return [outgoing(item) for item in value]
    return value


def without_nulls(payload: Payload) -> Payload:
    """Return a payload for a new record, which has nothing to empty yet."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in payload.items()
        if value is not None
    }


def id_in(location: str | None) -> str:
    """Return the internal id at the end of a Location, or nothing, as for an `eid:`."""
    last = (location or "").partition("?")[0].rstrip("/").rpartition("/")[2]
    return last if last.isascii() and last.isdecimal() else ""


def lines_of(record: Payload, sublist: str) -> list[Payload]:
    """Return the lines of a sublist, or none."""
    found = record.get(sublist)
    items = found.get("items") if isinstance(found, dict) else None
    return [line for line in items or [] if isinstance(line, dict)]


def changed_at(record: Payload) -> datetime | None:
    """Return when NetSuite last changed a record; None when it does not say."""
    told = str(record.get("lastModifiedDate") or "")
    try:
        found = datetime.fromisoformat(told.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else None


def sublists_of(payload: Payload) -> list[str]:
    """Name the sublists that a payload sends."""
    return [
        name
        for name, value in payload.items()
        if isinstance(value, dict) and isinstance(value.get("items"), list)
    ]


def differences(wanted: Payload, present: Payload) -> dict[str, str]:
    """Say where a record differs from the payload that should have made it.

    Compares only what both sides hold. Lines that NetSuite added by itself (members
    of a group, for example) are no difference.
    """
    found = {
        name: _words(wanted[name], present.get(name))
        for name in HEAD_FIELDS
        if _tells(wanted, name) and not _equal(wanted[name], present.get(name))
    }
    for sublist, fields in LINE_FIELDS.items():
        found |= _line_differences(wanted, present, sublist, fields)
    return found


def all_differences(wanted: Payload, present: Payload) -> dict[str, str]:
    """Say where master data differs from a payload, in every field that it tells.

    Lines count by what makes them the line that was meant, addresses as a whole.
    """
    found = {
        name: _words(value, present.get(name))
        for name, value in wanted.items()
        if name not in sublists_of(wanted)
        and (_tells(wanted, name) or value is None)
        and not _equal(value, present.get(name))
    }
    for sublist, fields in LINE_FIELDS.items():
        found |= _line_differences(wanted, present, sublist, fields)
    book = lines_of(present, "addressBook")
    if new_addresses(lines_of(wanted, "addressBook"), book):
        found["addressBook"] = "NetSuite does not have this address yet."
    return found


def _line_differences(
    wanted: Payload, present: Payload, sublist: str, fields: tuple[str, ...]
) -> dict[str, str]:
    left = lines_of(present, sublist)
    found = {}
    for index, line in enumerate(lines_of(wanted, sublist)):
        match = next((one for one in left if _same_line(line, one, fields)), None)
        if match is None:
            path = f"{sublist}.items[{index}]"
            found[path] = "NetSuite has no line like this one."
        else:
            left.remove(match)
    return found


def _same_line(wanted: Payload, present: Payload, fields: tuple[str, ...]) -> bool:
    both = [name for name in fields if _tells(wanted, name) and name in present]
    return bool(both) and all(_equal(wanted[name], present[name]) for name in both)


def _tells(wanted: Payload, name: str) -> bool:
    """Say whether a field can be compared; a reference by external id cannot."""
    value = wanted.get(name)
    return "id" in value if isinstance(value, dict) else value is not None


def _equal(wanted: Any, present: Any) -> bool:
    return bool(plain_value(wanted) == plain_value(present))


def same(wanted: Any, present: Any) -> bool:
    """Say whether two values mean the same; nothing, no and 0 are one."""
    return _equal(wanted, present) or (_is_empty(wanted) and _is_empty(present))


def _is_empty(value: Any) -> bool:
    return plain_value(value) in ("", False, 0)


def plain_value(value: Any) -> Any:
    """Return a reference as its id, a number as Decimal, any text folded."""
    if isinstance(value, dict):
        value = value.get("id", value.get("refName"))
    if value is None:
        return ""
    if isinstance(value, bool):
        return value
    text = " ".join(str(value).split()).casefold()
    return Decimal(text) if _NUMBER.fullmatch(text) else text


def _words(wanted: Any, present: Any) -> str:
    return f"NetSuite has {shown(present)}, this record has {shown(wanted)}."


def shown(value: Any) -> str:
    """Return a value for a sentence; a reference by its name."""
    if isinstance(value, dict):
        return str(value.get("refName") or value.get("id") or "nothing")
    return str(value) if value not in (None, "") else "nothing"


def new_addresses(wanted: list[Payload], present: list[Payload]) -> list[Payload]:
    """Return the address book lines that are not in the book yet.

    The book has no key of its own: a line that is sent again is added again.
    """
    known = {_address(line) for line in present}
    return [line for line in wanted if _address(line) not in known]


def _address(line: Payload) -> tuple[Any, ...]:
    inner = line.get("addressBookAddress")
    address = inner if isinstance(inner, dict) else {}
    return tuple(plain_value(address.get(name)) for name in ADDRESS_FIELDS)
