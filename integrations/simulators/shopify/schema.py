"""The GraphQL schema of each version; only the inventory input differs."""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema
from graphql.type import GraphQLFloat

from integrations.simulators.base import ExactNumber
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
    here = Path(__file__)
    common = here.with_name("schema.graphql").read_text()
    payments = here.with_name("payments.graphql").read_text()
    topics = "\n  ".join(sorted(TOPIC_OF_ENUM))
    enum = f"enum WebhookSubscriptionTopic {{\n  {topics}\n}}\n"
    built = build_schema(common + payments + inventory_input + enum)
    # The library shares its standard scalars between schemas.
    for name in ("parse_value", "coerce_input_value"):
        setattr(GraphQLFloat, name, _read_float)
    return built


def _read_float(value: Any) -> Decimal:
    """Take a JSON number without a binary fraction; a text in quotes is refused."""
    if isinstance(value, ExactNumber | int) and not isinstance(value, bool):
        return Decimal(value)
    raise GraphQLError(f"Could not coerce value {value!r} to Float")
