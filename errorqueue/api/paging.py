"""Pages by key: each begins where the last one ended, however long the list is."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy

from errorqueue.api.problems import Invalid
from errorqueue.models.failed import AT_STAKE

MOST = 200
USUAL = 50
BAD_CURSOR = "This is no cursor of this list: leave it out to begin at its start."
MONEY = "at_stake"
UNREADABLE = (ValueError, TypeError, OverflowError, InvalidOperation)


def page_of(
    rows: QuerySet[Any], order: tuple[OrderBy, ...], cursor: str, size: int
) -> tuple[list[Any], str]:
    """Return a page of `rows` in this order, and the cursor of the next one.

    `order` is one column and the id, or the id alone. Raises Invalid for a cursor
    that no page of ours gave.
    """
    lead = order[0]
    column = _column(lead)
    if column == MONEY:
        rows = rows.annotate(**{MONEY: AT_STAKE})
    parts = [Q()]
    if cursor:
        parts = _behind(column, lead.descending, *_read(cursor, column))
    found: list[Any] = []
    for part in parts:
        found += rows.filter(part).order_by(*order)[: size + 1 - len(found)]
    page = found[:size]
    more = _write(page[-1], column) if len(found) > size else ""
    return page, more


def _column(lead: OrderBy) -> str:
    """Name the column of the first key: money is sorted by what is at stake."""
    inner: Any = lead.expression
    return str(getattr(inner, "name", "")) if isinstance(inner, F) else MONEY


def _behind(column: str, is_descending: bool, value: Any, pk: int) -> list[Q]:
    """Return the conditions for what comes after a row, one stretch after the other.

    The bound on the column alone is there for the index, and so are the two
    stretches: rows without a value are last.
    """
    side = "lt" if is_descending else "gt"
    beyond = Q(**{f"pk__{side}": pk})
    if column == "pk":
        return [beyond]
    without = Q(**{column: None})
    if value is None:
        return [without & beyond]
    ahead = Q(**{f"{column}__{side}e": value})
    valued = ahead & (Q(**{f"{column}__{side}": value}) | beyond)
    return [valued, without] if column in NULLABLE else [valued]


NULLABLE = ("due_at", "placed_at")


def _write(row: Any, column: str) -> str:
    value = None if column == "pk" else getattr(row, column)
    if isinstance(value, datetime):
        value = value.isoformat()
    told = json.dumps([column, None if value is None else str(value), row.pk])
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _read(cursor: str, column: str) -> tuple[Any, int]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, value, pk = json.loads(base64.urlsafe_b64decode(padded))
        if name != column or not isinstance(pk, int) or not 0 <= pk < 2**63:
            raise Invalid("cursor", BAD_CURSOR)
        return _value(column, value), pk
    except UNREADABLE as error:
        raise Invalid("cursor", BAD_CURSOR) from error


def _value(column: str, text: Any) -> Any:
    if text is None or column == "pk":
        return None
    if column == MONEY:
        value = Decimal(text)
        if not value.is_finite() or abs(value) >= 10**16:
            raise ValueError(text)
        return value
    if column in COUNTS:
        return int(text)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC)


COUNTS = ("open_count",)
