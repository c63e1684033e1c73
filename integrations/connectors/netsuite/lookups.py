"""How references are found: which table, which column, which name to show."""

from collections.abc import Mapping
from dataclasses import dataclass

from integrations.connectors.base import Found, Named
from integrations.connectors.errors import RequestRefused
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import suiteql
from integrations.connectors.netsuite.records import RECORD_TYPES

MOST = 10
EXTERNAL_ID = "external id"
# Fields of a transaction by which people recognise it, and their columns.
RECOGNISED_BY: Mapping[str, str] = {"otherRefNum": "otherrefnum"}


@dataclass(frozen=True)
class Lookup:
    """One table that references point into, and the columns that name a row."""

    table: str
    label: str
    columns: Mapping[str, str]


_NAMED = {"name": "name"}
# What an account has few of: a person can choose from all of them.
SHORT = frozenset(
    {"currency", "shipItem", "location", "subsidiary", "department"}
    | {"classification", "term", "paymentMethod", "priceLevel"}
)
MOST_VALUES = 500

LOOKUPS: Mapping[str, Lookup] = {
    "item": Lookup(
        "item",
        "itemid",
        {"sku": "itemid", "upc": "upccode", EXTERNAL_ID: "externalid"},
    ),
    "customer": Lookup(
        "customer",
        "entityid",
        {EXTERNAL_ID: "externalid", "email": "LOWER(email)", "name": "companyname"},
    ),
    "currency": Lookup("currency", "name", {"symbol": "symbol", "name": "name"}),
    "shipItem": Lookup("shipitem", "itemid", {"name": "itemid"}),
    "account": Lookup("account", "accountsearchdisplayname", {"number": "acctnumber"}),
    "location": Lookup("location", "name", _NAMED),
    "subsidiary": Lookup("subsidiary", "name", _NAMED),
    "department": Lookup("department", "name", _NAMED),
    "classification": Lookup("classification", "name", _NAMED),
    "term": Lookup("term", "name", _NAMED),
    "paymentMethod": Lookup("paymentmethod", "name", _NAMED),
    "priceLevel": Lookup("pricelevel", "name", _NAMED),
}
# Whose a transaction is: a customer by the external id of what they ordered.
OWNED: Mapping[str, str] = {"sales order": "SalesOrd"}
# What a field of a record points at, where it has another name than the record.
POINTS_AT: Mapping[str, str] = {
    "class": "classification",
    "entity": "customer",
    "parent": "customer",
    "price": "priceLevel",
    "shipMethod": "shipItem",
    "shippingItem": "shipItem",
    "terms": "term",
}
# By what a person would look it up, best first.
BEST_KEYS = ("name", "symbol", "sku", "number")


def named(client: ApiClient, path: str, target_id: str) -> Named | None:
    """Return the look-up that gives this id for a field such as `shipMethod.id`."""
    field = path.removesuffix(".id").rpartition(".")[2]
    record = POINTS_AT.get(field, field)
    lookup = LOOKUPS.get(record)
    by = next((key for key in BEST_KEYS if lookup and key in lookup.columns), "")
    if lookup is None or not by or not target_id.isdecimal():
        return None
    sql = f"SELECT {lookup.columns[by]} AS value FROM {lookup.table} WHERE id = ?"  # noqa: S608
    rows = suiteql.query(client, sql, target_id)
    value = suiteql.text(rows[0], "value") if len(rows) == 1 else ""
    return Named(record, by, value) if value else None


def find(client: ApiClient, record_type: str, by: str, value: str) -> list[Found]:
    """Return every record that `value` names, inactive ones marked."""
    if record_type == "customer" and by in OWNED:
        return _owners(client, OWNED[by], value)
    lookup = LOOKUPS.get(record_type)
    column = lookup.columns.get(by) if lookup else None
    if lookup is None or column is None:
        return _find_by_key(client, record_type, by, value)
    wanted = value.lower() if column.startswith("LOWER(") else value
    found = suiteql.query(client, _sql(lookup, f"{column} = ?"), wanted)
    if not found and column == "itemid" and lookup.table == "item":
        found = _matrix_children(client, lookup, value)
    return [_found(row) for row in found]


def values(client: ApiClient, record_type: str, by: str) -> list[tuple[str, str]]:
    """List the names by which the active rows of a short list are found."""
    lookup = LOOKUPS.get(record_type)
    column = lookup.columns.get(by) if lookup else None
    if lookup is None or column is None or record_type not in SHORT:
        return []
    rows = suiteql.query(
        client,
        f"SELECT {column} AS value, {lookup.label} AS label FROM {lookup.table} "  # noqa: S608
        f"WHERE isinactive = 'F' ORDER BY {column} "
        f"FETCH FIRST {MOST_VALUES} ROWS ONLY",
    )
    return [(suiteql.text(row, "value"), suiteql.text(row, "label")) for row in rows]


def _sql(lookup: Lookup, condition: str) -> str:
    return (
        f"SELECT id, {lookup.label} AS label, isinactive FROM {lookup.table} "  # noqa: S608
        f"WHERE {condition} ORDER BY id FETCH FIRST {MOST} ROWS ONLY"
    )


def _matrix_children(client: ApiClient, lookup: Lookup, sku: str) -> list[suiteql.Row]:
    """Find a child of a matrix item, which NetSuite may show as `Parent : Child`.

    LIKE takes `_` and `%` of a SKU for wildcards, so its answer is sifted.
    """
    ending = f" : {sku}"
    rows = suiteql.query(client, _sql(lookup, "itemid LIKE ?"), f"%{ending}")
    return [row for row in rows if suiteql.text(row, "label").endswith(ending)]


def _find_by_key(
    client: ApiClient, record_type: str, by: str, value: str
) -> list[Found]:
    known = RECORD_TYPES.get(record_type)
    if known is not None and known.code and by in RECOGNISED_BY:
        return _transactions(client, known.code, RECOGNISED_BY[by], value)
    if by != EXTERNAL_ID or known is None:
        raise RequestRefused(
            f"NetSuite's {record_type} cannot be looked up by {by}.", sent=False
        )
    return [Found(found) for found in ids_by_key(client, record_type, value)]


def _transactions(client: ApiClient, code: str, column: str, value: str) -> list[Found]:
    """Return the transactions of one kind that have this value; none is inactive."""
    sql = (
        f"SELECT id, tranid AS label FROM transaction WHERE type = ? AND {column} = ? "  # noqa: S608
        f"ORDER BY id FETCH FIRST {MOST} ROWS ONLY"
    )
    return [_found(row) for row in suiteql.query(client, sql, code, value)]


def _owners(client: ApiClient, code: str, key: str) -> list[Found]:
    """Return whose the transaction with an external id is, as it stands there now."""
    sql = (
        "SELECT customer.id AS id, customer.entityid AS label, customer.isinactive "
        "FROM transaction JOIN customer ON customer.id = transaction.entity "
        "WHERE transaction.type = ? AND transaction.externalid = ?"
    )
    return [_found(row) for row in suiteql.query(client, sql, code, key)]


def _found(row: suiteql.Row) -> Found:
    return Found(
        id=suiteql.text(row, "id"),
        label=suiteql.text(row, "label"),
        inactive=suiteql.is_true(row, "isinactive"),
    )


def ids_by_key(client: ApiClient, record_type: str, key: str) -> list[str]:
    """Return the ids of the records with an external id; needs a known type."""
    known = RECORD_TYPES[record_type]
    if known.code:
        sql = "SELECT id FROM transaction WHERE type = ? AND externalid = ?"
        rows = suiteql.query(client, sql, known.code, key)
    else:
        sql = f"SELECT id FROM {known.table} WHERE externalid = ?"  # noqa: S608
        rows = suiteql.query(client, sql, key)
    return [suiteql.text(row, "id") for row in rows]


def numbered(client: ApiClient, number: str) -> list[tuple[str, Found]]:
    """Return the transactions with a document number, each with its record type."""
    rows = suiteql.query(
        client,
        "SELECT id, type, tranid AS label FROM transaction WHERE tranid = ? "  # noqa: S608
        f"ORDER BY id FETCH FIRST {MOST} ROWS ONLY",
        number,
    )
    kinds = {known.code: name for name, known in RECORD_TYPES.items() if known.code}
    return [(kinds.get(suiteql.text(row, "type"), ""), _found(row)) for row in rows]
