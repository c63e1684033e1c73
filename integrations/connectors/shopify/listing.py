"""Shopify's own list of what changed, or was made, in a time, a page at a time.

One connection can be paged through 25,000 objects; after that the next page starts
anew at the time of the last one, so that a busy day is listed whole.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from integrations.connectors.errors import RequestRefused, ServerFault
from integrations.connectors.listed import Listed, ListPage
from integrations.connectors.shopify.graphql import GraphQL, next_page
from integrations.connectors.shopify.values import amount, plain

# With their amounts, 250 orders cost 752 of the 1,000 points of a query.
PAGE = 250
MOST_PAGES = 100

ORDERS = """
query WaybillOrderList($first: Int!, $after: String, $search: String!) {
  orders(first: $first, after: $after, query: $search, sortKey: UPDATED_AT) {
    nodes {
      id name createdAt updatedAt
      totalPriceSet { shopMoney { amount currencyCode } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CUSTOMERS = """
query WaybillCustomerList($first: Int!, $after: String, $search: String!) {
  customers(first: $first, after: $after, query: $search, sortKey: UPDATED_AT) {
    nodes { id createdAt updatedAt }
    pageInfo { hasNextPage endCursor }
  }
}
"""
# A shop's orders may share a name: somebody then has to say which one is meant.
NAMED = """
query WaybillOrderNamed($search: String!) {
  orders(first: 10, query: $search) {
    nodes {
      id name createdAt updatedAt
      totalPriceSet { shopMoney { amount currencyCode } }
    }
  }
}
"""
ORDER_BY_ID = """
query WaybillOrderListed($id: ID!) {
  order(id: $id) {
    id name createdAt updatedAt
    totalPriceSet { shopMoney { amount currencyCode } }
  }
}
"""
CUSTOMER_BY_ID = """
query WaybillCustomerListed($id: ID!) {
  customer(id: $id) { id createdAt updatedAt }
}
"""
PRESENT = """
query WaybillPresent($ids: [ID!]!) {
  nodes(ids: $ids) {
    id
    ... on Order { updatedAt }
    ... on Customer { updatedAt }
  }
}
"""
Node = dict[str, Any]
TYPES = {"order": "Order", "customer": "Customer"}
UPDATED = {"order": "orders/updated", "customer": "customers/update"}
BY_ID = {"order": ORDER_BY_ID, "customer": CUSTOMER_BY_ID}
# By which filter those are found that were made in a time.
MADE = {"order": "created_at", "customer": "customer_date"}
SHORTEST_ID = 6


def page(
    graphql: GraphQL,
    entity: str,
    since: datetime,
    until: datetime,
    cursor: str,
    *,
    made: bool = False,
) -> ListPage:
    """Return a page of what last changed, or was made, in [since, until)."""
    query, name, read = _list_of(entity)
    start, pages, after = _place(cursor, since)
    field = MADE[entity] if made else "updated_at"
    search = f"{field}:>='{_zulu(start)}' AND {field}:<'{_zulu(until)}'"
    asked = {"first": PAGE, "after": after, "search": search}
    if made:
        query = query.replace("UPDATED_AT", "CREATED_AT")
    found = graphql.run(query, asked).get(name)
    if not isinstance(found, dict):
        raise ServerFault(f"Shopify's answer holds no {name}.")
    rows = tuple(read(node) for node in found.get("nodes") or [])
    last = (rows[-1].made_at if made else rows[-1].changed_at) if rows else None
    after = next_page(found)
    return ListPage(rows, _next(len(rows), last or start, start, pages + 1, after))


def _list_of(entity: str) -> tuple[str, str, Callable[[Node], Listed]]:
    if entity not in LISTS:
        raise RequestRefused(f"Shopify's {entity} is not listed.", sent=False)
    return LISTS[entity]


def listed_as(graphql: GraphQL, entity: str, number: str) -> list[Listed]:
    """Return the orders of this name; else what has this number as its id."""
    read = _list_of(entity)[2]
    found = _called(graphql, number) if entity == "order" else []
    if not found and number.isascii() and number.isdecimal():
        found = _with_id(graphql, entity, number)
    return [read(node) for node in found]


def _called(graphql: GraphQL, number: str) -> list[Node]:
    """Ask by name; a search also gives names that merely begin so."""
    wanted = number.lstrip("#")
    quoted = wanted.replace("\\", "\\\\").replace("'", "\\'")
    found = graphql.run(NAMED, {"search": f"name:'{quoted}'"}).get("orders")
    nodes = (found or {}).get("nodes") or []
    return [one for one in nodes if _bare(one.get("name")) == _bare(wanted)]


def _bare(name: Any) -> str:
    return plain(name, 120).lstrip("#").casefold()


def _with_id(graphql: GraphQL, entity: str, key: str) -> list[Node]:
    if len(key) < SHORTEST_ID:
        return []
    gid = {"id": f"gid://shopify/{TYPES[entity]}/{key}"}
    found = graphql.run(BY_ID[entity], gid).get(entity)
    return [found] if found else []


def present(graphql: GraphQL, entity: str, keys: Sequence[str]) -> dict[str, datetime]:
    """Return when each of these last changed; what was deleted is left out.

    Shopify answers null for what does not exist and for what this app may not see,
    as orders older than 60 days without the scope read_all_orders.
    """
    ids = [f"gid://shopify/{TYPES[entity]}/{key}" for key in keys]
    found = graphql.run(PRESENT, {"ids": ids}).get("nodes")
    if not isinstance(found, list) or len(found) != len(ids):
        raise ServerFault("Shopify's answer holds not every object it was asked for.")
    return {_key(node): _changed(node) for node in found if node}


def _next(
    count: int, last: datetime, start: datetime, pages: int, after: str | None
) -> str:
    """Return where the next page begins; a walk that was as long as any starts anew."""
    if pages >= MOST_PAGES and count == PAGE and last > start:
        return f"{last.isoformat()}|0|"
    return f"{start.isoformat()}|{pages}|{after}" if after else ""


def _place(cursor: str, since: datetime) -> tuple[datetime, int, str | None]:
    if not cursor:
        return since, 0, None
    start, pages, after = cursor.split("|", 2)
    return datetime.fromisoformat(start), int(pages), after or None


def _zulu(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _key(node: Node) -> str:
    return str(node.get("id")).rpartition("/")[2]


def _changed(node: Node) -> datetime:
    try:
        return datetime.fromisoformat(str(node.get("updatedAt")))
    except ValueError as error:
        raise ServerFault(f"Shopify lists {node.get('id')} without a time.") from error


def _made(node: Node) -> datetime | None:
    told = node.get("createdAt")
    return datetime.fromisoformat(told) if told else None


def _order(node: Node) -> Listed:
    money = (node.get("totalPriceSet") or {}).get("shopMoney") or {}
    return Listed(
        _key(node),
        _changed(node),
        plain(node.get("name"), 120),
        amount(money.get("amount"), "totalPriceSet"),
        plain(money.get("currencyCode"), 3),
        made_at=_made(node),
    )


def _customer(node: Node) -> Listed:
    """Return a customer by its id alone: no personal data is kept of a list."""
    return Listed(_key(node), _changed(node), made_at=_made(node))


LISTS: dict[str, tuple[str, str, Callable[[Node], Listed]]] = {
    "order": (ORDERS, "orders", _order),
    "customer": (CUSTOMERS, "customers", _customer),
}
