"""What many levels hold, a hundred a question, beside what was sent to them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from integrations.connectors.base import Payload
from integrations.connectors.errors import RecordRejected
from integrations.connectors.shopify.graphql import GraphQL
from integrations.connectors.shopify.levels import available, sellable

# An item with its level and quantity costs three points, and a shop of the smallest
# plan has two thousand in its bucket, which deliveries draw from, too.
MOST = 100
HELD = """
query WaybillHeld($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    ... on InventoryItem {
      id
      inventoryLevel(locationId: $location) {
        quantities(names: ["available"]) { quantity }
      }
    }
  }
}
"""


def strayed(graphql: GraphQL, sent: Mapping[str, Payload]) -> list[str]:
    """Return the levels that offer more than was sent to them; reads only.

    What is not there any more, or not stocked, offers nothing.
    """
    by_place: dict[str, list[str]] = defaultdict(list)
    for name in sent:
        item, _, place = name.partition("@")
        by_place[place].append(item)
    return [
        f"{item}@{place}"
        for place, items in by_place.items()
        for item, held in _held(graphql, place, items)
        if held > _sent(sent[f"{item}@{place}"], held)
    ]


def _held(
    graphql: GraphQL, place: str, items: Sequence[str]
) -> Iterator[tuple[str, int]]:
    for start in range(0, len(items), MOST):
        asked = {"ids": list(items[start : start + MOST]), "location": place}
        for node in graphql.run(HELD, asked).get("nodes") or []:
            level = node.get("inventoryLevel") if node else None
            if level:
                yield str(node["id"]), available(level)


def _sent(payload: Payload, held: int) -> int:
    """Return what was to be offered; of what makes no sense, what is."""
    try:
        return sellable(payload)
    except RecordRejected:
        return held
