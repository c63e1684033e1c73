"""Stock levels: set to a quantity, never moved by a difference."""

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.base import FieldRule, Found, Payload, Written
from integrations.connectors.errors import RecordRejected, RequestRefused
from integrations.connectors.shopify.graphql import GraphQL

ITEMS = """
query WaybillItems($first: Int!, $after: String, $search: String!) {
  inventoryItems(first: $first, after: $after, query: $search) {
    nodes { id sku tracked }
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
SET_QUANTITIES = """
mutation WaybillStock($input: InventorySetQuantitiesInput!, $once: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $once) {
    inventoryAdjustmentGroup { id }
    userErrors { field message code }
  }
}
"""
# Shopify tells the shape of its inputs by introspection, but no rule of their fields;
# this is what `set_level` takes.
LEVEL_FIELDS = {
    "inventoryItemId": FieldRule(label="Item", type="reference", required=True),
    "locationId": FieldRule(label="Location", type="reference", required=True),
    "quantity": FieldRule(label="Available", type="whole number", required=True),
}


def find_items(graphql: GraphQL, sku: str) -> list[Found]:
    """Return every stock item with exactly this SKU; untracked ones are inactive.

    Shopify's search takes words, not whole values, so its answer is sifted.
    """
    quoted = sku.replace("\\", "\\\\").replace('"', '\\"')
    search = {"search": f'sku:"{quoted}"'}
    return [
        Found(str(node["id"]), sku, inactive=not node.get("tracked", True))
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


def set_level(graphql: GraphQL, payload: Payload, reference: str) -> str:
    """Set what is available of one item at one location; return the level's name.

    The key of `@idempotent` is new for each call: a key made from the quantity would
    turn 5, 4, 5 into 4, because Shopify repeats the first answer for a known key. A
    repeat is harmless all the same, since the quantity is absolute.
    """
    item, location = payload.get("inventoryItemId"), payload.get("locationId")
    if not item or not location:
        raise RequestRefused("The stock level has no item or no location.", sent=False)
    level = {
        "inventoryItemId": item,
        "locationId": location,
        "quantity": whole(payload.get("quantity")),
        "changeFromQuantity": None,
    }
    asked = {
        "name": "available",
        "reason": "correction",
        "referenceDocumentUri": f"waybill://stock/{reference}",
        "quantities": [level],
    }
    graphql.run(SET_QUANTITIES, {"input": asked, "once": str(uuid.uuid4())})
    return f"{item}@{location}"


def write_level(graphql: GraphQL, payload: Payload, reference: str) -> Written:
    """Set a level; a repeat sets it again, so nothing need be looked up first."""
    return Written(set_level(graphql, payload, reference))


def whole(quantity: Any) -> int:
    """Return a quantity as the whole number that Shopify keeps; raises RecordRejected."""
    try:
        found = Decimal(str(quantity))
        if found.is_finite() and found == found.to_integral_value():
            return int(found)
    except InvalidOperation:
        pass
    text = f"{quantity} is no whole number, and Shopify keeps no other stock."
    raise RecordRejected(text, fields={"quantity": text}, sent=False)
