"""What stock is kept of and where: items by SKU, locations by name."""

from integrations.connectors.base import Found
from integrations.connectors.shopify.graphql import GraphQL

ITEMS = """
query WaybillItems($first: Int!, $after: String, $search: String!) {
  inventoryItems(first: $first, after: $after, query: $search) {
    nodes { id sku }
    pageInfo { hasNextPage endCursor }
  }
}
"""
LOCATIONS = """
query WaybillLocations($first: Int!, $after: String) {
  locations(first: $first, after: $after, includeInactive: true) {
    nodes { id name isActive }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def find_items(graphql: GraphQL, sku: str) -> list[Found]:
    """Return every stock item with exactly this SKU, also one that is not tracked.

    Shopify's search takes words, not whole values, so its answer is sifted. What is
    to be done about an untracked item is told where its level is to be set.
    """
    quoted = sku.replace("\\", "\\\\").replace('"', '\\"')
    search = {"search": f'sku:"{quoted}"'}
    return [
        Found(str(node["id"]), sku)
        for node in graphql.nodes(ITEMS, "inventoryItems", search)
        if node.get("sku") == sku
    ]


def find_locations(graphql: GraphQL, name: str) -> list[Found]:
    """Return every location of this name, in capitals or not."""
    return [
        Found(str(node["id"]), str(node["name"]), inactive=not node["isActive"])
        for node in graphql.nodes(LOCATIONS, "locations")
        if str(node.get("name")).casefold() == name.casefold()
    ]
