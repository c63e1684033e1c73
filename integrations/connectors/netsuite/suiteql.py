"""Reads by SuiteQL: no edit mode, no locks, parameters instead of string building."""

from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.errors import ServerFault
from integrations.connectors.http import ApiClient

PATH = "/services/rest/query/v1/suiteql"
PAGE = 1000

Row = dict[str, Any]


def query(client: ApiClient, sql: str, *values: str) -> list[Row]:
    """Run a query with `?` for each value; return at most one page of rows.

    Keys come in lower case, because NetSuite changes their case between releases;
    a column without a value may be missing.
    """
    answer = client.request(
        "POST",
        PATH,
        params={"limit": str(PAGE), "offset": "0"},
        json={"q": sql, "params": list(values)},
        headers={"Prefer": "transient"},
    )
    rows = answer.mapping().get("items")
    if not isinstance(rows, list):
        raise ServerFault("The answer to the SuiteQL query holds no rows.")
    return [_row(row) for row in rows]


def _row(row: Any) -> Row:
    if not isinstance(row, dict):
        raise ServerFault(
            "The answer to the SuiteQL query holds a row without columns."
        )
    return {name.lower(): value for name, value in row.items() if name != "links"}


def text(row: Row, column: str) -> str:
    """Return a column as text; nothing for a column without a value."""
    value = row.get(column.lower())
    return "" if value is None else str(value)


def number(row: Row, column: str) -> Decimal:
    """Return a column as a number; a column without a value is zero."""
    try:
        return Decimal(text(row, column) or "0")
    except InvalidOperation as error:
        raise ServerFault(f"The column {column} holds no number.") from error


def is_true(row: Row, column: str) -> bool:
    """Read NetSuite's `T` and `F`."""
    return text(row, column).upper() == "T"
