"""Pages of lists: limit up to 1000, offset a multiple of it."""

from dataclasses import dataclass
from typing import Any

from integrations.simulators.base import Request
from integrations.simulators.netsuite import refusals

MOST_ROWS = 100_000


@dataclass(frozen=True)
class Page:
    limit: int
    offset: int


def page_of(request: Request) -> Page:
    """Read limit and offset; raise Refusal when they break the rules."""
    limit = _number(request, "limit", 1000)
    offset = _number(request, "offset", 0)
    if not 1 <= limit <= 1000:
        raise refusals.bad_parameter("The limit must be from 1 to 1000.", "limit")
    if offset % limit:
        text = "The offset must be a multiple of the limit."
        raise refusals.bad_parameter(text, "offset")
    return Page(limit, offset)


def page_links(url: str, page: Page, count: int, total: int) -> dict[str, Any]:
    """Return what surrounds the items of one page."""
    last = (max(total, 1) - 1) // page.limit * page.limit
    starts = {"self": page.offset}
    if page.offset + count < total:
        starts |= {"next": page.offset + page.limit, "last": last}
    if page.offset:
        starts |= {"prev": page.offset - page.limit, "first": 0}
    return {
        "links": [
            {"rel": rel, "href": f"{url}?limit={page.limit}&offset={start}"}
            for rel, start in starts.items()
        ],
        "count": count,
        "hasMore": page.offset + count < total,
        "offset": page.offset,
        "totalResults": total,
    }


def _number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise refusals.bad_parameter(f"Invalid {name}: {text}", name)
    return int(text)
