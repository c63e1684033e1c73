"""Fulfilment orders: what of an order shall leave which place, and what is left."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.connectors.shopify.graphql import GraphQL, next_page
from integrations.connectors.shopify.parcels import Parcel

# A query may cost 1,000 points, and a line with its order line costs 2.
_LINES = """{
  nodes { id sku remainingQuantity lineItem { sku } }
  pageInfo { hasNextPage endCursor }
}"""
TO_SEND = f"""
query WaybillToSend($id: ID!, $after: String) {{
  order(id: $id) {{
    fulfillmentOrders(first: 10, after: $after) {{
      nodes {{
        id status supportedActions {{ action }}
        assignedLocation {{ name location {{ id }} }}
        fulfillmentHolds {{ displayReason reason reasonNotes }}
        lineItems(first: 25) {_LINES}
      }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
"""
MORE_TO_SEND = f"""
query WaybillMoreToSend($id: ID!, $after: String) {{
  fulfillmentOrder(id: $id) {{ lineItems(first: 100, after: $after) {_LINES} }}
}}
"""
MAY_BE_SENT = ("OPEN", "IN_PROGRESS")
# Nothing of these is sent any more; what was left stands in another one.
OVER = ("CLOSED", "CANCELLED", "INCOMPLETE")

Node = dict[str, Any]


@dataclass(frozen=True)
class Share:
    """One fulfilment order: what of an order shall leave which place."""

    id: str
    status: str
    is_open: bool
    location_id: str
    location: str
    holds: tuple[str, ...]
    lines: Sequence[tuple[str, str, int]] = field(default_factory=tuple)

    def left(self, sku: str) -> int:
        return sum(count for _, known, count in self.lines if known == sku)

    def has_any(self, skus: Iterable[str]) -> bool:
        return any(self.left(sku) for sku in skus)


def shares_of(graphql: GraphQL, parcel: Parcel) -> list[Share]:
    nodes = graphql.nodes_of(TO_SEND, parcel.order_id, "fulfillmentOrders")
    return [_share(graphql, one) for one in nodes if one.get("status") not in OVER]


def _share(graphql: GraphQL, node: Node) -> Share:
    actions = {one.get("action") for one in node.get("supportedActions") or []}
    place = node.get("assignedLocation") or {}
    status = str(node.get("status"))
    return Share(
        str(node["id"]),
        status,
        status in MAY_BE_SENT and "CREATE_FULFILLMENT" in actions,
        str((place.get("location") or {}).get("id") or ""),
        str(place.get("name") or "a place without a name"),
        tuple(_hold(one) for one in node.get("fulfillmentHolds") or []),
        tuple(_lines(graphql, node)),
    )


def _hold(node: Node) -> str:
    reason = str(node.get("displayReason") or node.get("reason") or "no reason given")
    notes = str(node.get("reasonNotes") or "").strip()
    return f"{reason} ({notes})" if notes else reason


def _lines(graphql: GraphQL, node: Node) -> Iterator[tuple[str, str, int]]:
    page = node.get("lineItems") or {}
    nodes: list[Node] = list(page.get("nodes") or [])
    if after := next_page(page):
        nodes += graphql.nodes_of(MORE_TO_SEND, str(node["id"]), "lineItems", after)
    for one in nodes:
        # The order's line keeps the SKU under which it was bought.
        sku = (one.get("lineItem") or {}).get("sku") or one.get("sku") or ""
        left = int(one.get("remainingQuantity") or 0)
        if left > 0:
            yield str(one["id"]), str(sku), left


def picks_of(parcel: Parcel, shares: Sequence[Share]) -> list[Node]:
    """Spread the pieces over open fulfilment orders of one place; none if they lack.

    Shopify sends from one place at a time. Without a place in the payload it is the
    first that has all of it.
    """
    is_open = [share for share in shares if share.is_open]
    wanted = [parcel.location_id] if parcel.location_id else _places(is_open)
    for place in wanted:
        here = [share for share in is_open if share.location_id == place]
        if not lacking(parcel, here):
            return _spread(parcel, here)
    return []


def _places(shares: Iterable[Share]) -> list[str]:
    return list(dict.fromkeys(share.location_id for share in shares))


def lacking(parcel: Parcel, shares: Sequence[Share]) -> dict[str, int]:
    """Return how many pieces of which SKU these do not have."""
    left = {sku: sum(one.left(sku) for one in shares) for sku in parcel.pieces}
    return {sku: n - left[sku] for sku, n in parcel.pieces.items() if n > left[sku]}


def _spread(parcel: Parcel, shares: Sequence[Share]) -> list[Node]:
    missing, picks = dict(parcel.pieces), []
    for share in shares:
        taken = []
        for line_id, sku, left in share.lines:
            count = min(left, missing.get(sku, 0))
            if count:
                missing[sku] -= count
                taken.append({"id": line_id, "quantity": count})
        if taken:
            pick = {"fulfillmentOrderId": share.id, "fulfillmentOrderLineItems": taken}
            picks.append(pick)
    return picks


def is_spent(parcel: Parcel, shares: Sequence[Share]) -> bool:
    """Say whether Shopify has not enough left anywhere, in whatever state."""
    return bool(lacking(parcel, shares))
