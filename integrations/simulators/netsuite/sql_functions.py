"""Oracle's functions for SQLite, and how dates and money live in its tables.

A date is kept as text behind a mark, in the account's own time zone: so it sorts,
and so a date that was not passed through TO_CHAR can be told apart and shown in the
user's display format, as the query service does. Money is kept as text and compared
as Decimal.
"""

import re
import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

MARK = "@"
_MARKED = re.compile(r"@\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_FORMATS = {
    "YYYY": "%Y", "HH24": "%H", "HH": "%I", "MM": "%m", "DD": "%d",
    "MI": "%M", "SS": "%S",
}  # fmt: skip
_FORMAT_PART = re.compile(r'"([^"]*)"|(YYYY|HH24|HH|MM|DD|MI|SS)|(.)', re.DOTALL)

ALLOWED = frozenset(
    {
        "to_char", "to_date", "to_timestamp", "nvl", "sysdate", "builtin_df",
        "role_sees", "lower", "upper", "trim", "ltrim", "rtrim", "substr", "length",
        "replace", "instr", "coalesce", "nullif", "abs", "round", "count", "sum",
        "min", "max", "avg", "like",
    }
)  # fmt: skip


def marked(value: datetime | date, zone: ZoneInfo) -> str:
    """Return a moment as it is kept in a table."""
    if isinstance(value, datetime):
        return MARK + value.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{MARK}{value.isoformat()}T00:00:00"


def displayed(value: Any) -> str:
    """Return a column's value as text, dates in the user's display format."""
    text = str(value)
    if _MARKED.fullmatch(text):
        when = datetime.fromisoformat(text[1:])
        return f"{when.month}/{when.day}/{when.year}"
    return text


def install(
    database: sqlite3.Connection,
    *,
    now: Callable[[], str],
    role_sees: Callable[[str], bool],
    display: Callable[..., str | None],
) -> None:
    """Teach a connection the functions that queries may use."""
    database.create_function("to_char", -1, _to_char, deterministic=True)
    database.create_function("to_date", 2, _to_moment, deterministic=True)
    database.create_function("to_timestamp", 2, _to_moment, deterministic=True)
    database.create_function("nvl", 2, _nvl, deterministic=True)
    database.create_function("sysdate", 0, now)
    database.create_function("role_sees", 1, role_sees)
    database.create_function("builtin_df", -1, display)
    database.create_aggregate("sum", 1, _Sum)  # type: ignore[arg-type]
    database.create_collation("amount", _compare_amounts)


def _to_char(value: Any, pattern: str = "") -> str | None:
    if value is None or not pattern:
        return None if value is None else str(value)
    text = str(value)
    if not _MARKED.fullmatch(text):
        raise ValueError("not a date")
    return datetime.fromisoformat(text[1:]).strftime(_strftime(pattern))


def _to_moment(text: str | None, pattern: str) -> str | None:
    if text is None:
        return None
    when = datetime.strptime(text, _strftime(pattern))
    return MARK + when.strftime("%Y-%m-%dT%H:%M:%S")


def _strftime(pattern: str) -> str:
    return _FORMAT_PART.sub(
        lambda part: part[1] or _FORMATS.get(part[2] or "", part[3] or ""), pattern
    )


def _nvl(value: Any, other: Any) -> Any:
    return other if value is None else value


class _Sum:
    """SUM without floats."""

    def __init__(self) -> None:
        self.total: Decimal | None = None

    def step(self, value: Any) -> None:
        if value is not None:
            self.total = (self.total or Decimal(0)) + Decimal(str(value))

    def finalize(self) -> str | None:
        return None if self.total is None else format(self.total, "f")


def _compare_amounts(left: str, right: str) -> int:
    try:
        one, other = Decimal(left), Decimal(right)
    except InvalidOperation:
        return (left > right) - (left < right)
    return (one > other) - (one < other)
