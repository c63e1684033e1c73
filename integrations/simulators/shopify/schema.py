"""The GraphQL schema of each version; only the inventory input differs."""

from functools import cache
from pathlib import Path

from graphql import GraphQLSchema, build_schema

from integrations.simulators.shopify.subscriptions import TOPIC_OF_ENUM

COMPARE_VERSION = "2026-01"
EARLY_INPUT = """
input InventorySetQuantitiesInput {
  name: String!
  reason: String!
  referenceDocumentUri: String
  quantities: [InventoryQuantityInput!]!
  ignoreCompareQuantity: Boolean = false
}
input InventoryQuantityInput {
  inventoryItemId: ID!
  locationId: ID!
  quantity: Int!
  changeFromQuantity: Int
  compareQuantity: Int
}
"""
LATER_INPUT = """
input InventorySetQuantitiesInput {
  name: String!
  reason: String!
  referenceDocumentUri: String
  quantities: [InventoryQuantityInput!]!
}
input InventoryQuantityInput {
  inventoryItemId: ID!
  locationId: ID!
  quantity: Int!
  changeFromQuantity: Int
}
"""


@cache
def schema_for(version: str) -> GraphQLSchema:
    """Return the schema of a version.

    Enums that are only answered are plain scalars (`OutputEnum`), because Shopify
    adds values to versions already released.
    """
    return _build(LATER_INPUT if version > COMPARE_VERSION else EARLY_INPUT)


@cache
def _build(inventory_input: str) -> GraphQLSchema:
    common = Path(__file__).with_name("schema.graphql").read_text()
    topics = "\n  ".join(sorted(TOPIC_OF_ENUM))
    enum = f"enum WebhookSubscriptionTopic {{\n  {topics}\n}}\n"
    return build_schema(common + inventory_input + enum)
