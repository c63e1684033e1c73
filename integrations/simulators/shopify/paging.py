"""Connections with cursors that carry the sort value, as Shopify's do."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphql import GraphQLError

LARGEST_PAGE = 250
LONGEST_WALK = 25_000

T = TypeVar("T")
Position = tuple[Any, int]


@dataclass(frozen=True)
class Row(Generic[T]):
    """One item with its place in the order."""

    position: Position
    item: T


def bad_request(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_REQUEST"})


def limit_rows(rows: Sequence[Any]) -> None:
    """Raise GraphQLError for an input array of more than 250 rows."""
    if len(rows) > LARGEST_PAGE:
        raise GraphQLError(
            f"The input array size of {len(rows)} is greater than the maximum "
            f"allowed of {LARGEST_PAGE}.",
            extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"},
        )


def connect(
    items: Sequence[T],
    place: Callable[[T], Position],
    show: Callable[[T], Any],
    arguments: dict[str, Any],
) -> dict[str, Any]:
    """Return one page of `items`; raises GraphQLError for arguments out of range.

    Cursors name a place in the sort order, not an offset: an item that changes
    while a client pages moves with its new value.
    """
    rows = sorted((Row(place(item), item) for item in items), key=lambda r: r.position)
    if _pages_off.get():
        return _whole(rows, show)
    size = page_size(arguments)
    backwards = bool(arguments.get("reverse"))
    rows = list(reversed(rows))[:LONGEST_WALK] if backwards else rows[:LONGEST_WALK]
    after, before = _cursor(arguments, "after"), _cursor(arguments, "before")
    window = [
        row
        for row in rows
        if (not after or _follows(row.position, after, backwards))
        and (not before or _follows(before, row.position, backwards))
    ]
    from_the_end = arguments.get("first") is None
    page = (
        window[len(window) - min(size, len(window)) :]
        if from_the_end
        else window[:size]
    )
    more = len(window) > len(page)
    return {
        "edges": lambda info: [
            {"cursor": cursor(row.position), "node": show(row.item)} for row in page
        ],
        "nodes": lambda info: [show(row.item) for row in page],
        "pageInfo": {
            "hasNextPage": bool(before) if from_the_end else more,
            "hasPreviousPage": more if from_the_end else bool(after),
            "startCursor": cursor(page[0].position) if page else None,
            "endCursor": cursor(page[-1].position) if page else None,
        },
    }


def _whole(rows: Sequence[Row[T]], show: Callable[[T], Any]) -> dict[str, Any]:
    return {
        "edges": lambda info: [
            {"cursor": cursor(row.position), "node": show(row.item)} for row in rows
        ],
        "nodes": lambda info: [show(row.item) for row in rows],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }


def pager(rows: Sequence[T], show: Callable[[T], Any]) -> Callable[..., dict[str, Any]]:
    """Return the resolver of a connection over rows that stand in their order."""

    def resolve(info: Any, **arguments: Any) -> dict[str, Any]:
        return connect(
            list(enumerate(rows)),
            lambda pair: (pair[0], pair[0]),
            lambda pair: show(pair[1]),
            arguments,
        )

    return resolve


def _cursor(arguments: dict[str, Any], name: str) -> Position | None:
    text = arguments.get(name)
    return read_cursor(text) if text else None


_pages_off: ContextVar[bool] = ContextVar("pages_off", default=False)


@contextmanager
def without_pages() -> Iterator[None]:
    """Let every connection return all it has, as bulk operations do."""
    token = _pages_off.set(True)
    try:
        yield
    finally:
        _pages_off.reset(token)


def page_size(arguments: dict[str, Any]) -> int:
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise bad_request("you must provide one of first or last")
    if first is not None and last is not None:
        raise bad_request("providing both first and last is not supported")
    size = int(first if first is not None else last or 0)
    if size < 0 or size > LARGEST_PAGE:
        name = "first" if first is not None else "last"
        raise bad_request(f"{name} must be between 0 and {LARGEST_PAGE}, got {size}")
    return size


def cursor(position: Position) -> str:
    value, number = position
    text = json.dumps({"last_id": number, "last_value": value}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


def read_cursor(text: str) -> Position:
    """Read a cursor back; raises GraphQLError for any other text."""
    try:
        found = json.loads(base64.b64decode(text, validate=True))
        return found["last_value"], int(found["last_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(f"Invalid cursor for current pagination: {text}") from error


def _follows(position: Position, other: Position, backwards: bool) -> bool:
    try:
        return position < other if backwards else position > other
    except TypeError as error:
        raise bad_request("The cursor belongs to another sort key") from error
