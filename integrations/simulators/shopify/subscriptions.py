"""Webhook subscriptions, and the rules for making one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from integrations.simulators.shopify.ids import gid

TOPICS = (
    "app/uninstalled",
    "bulk_operations/finish",
    "customers/create",
    "customers/delete",
    "customers/update",
    "fulfillment_orders/hold_released",
    "fulfillment_orders/moved",
    "fulfillment_orders/order_routing_complete",
    "fulfillment_orders/placed_on_hold",
    "fulfillments/create",
    "fulfillments/update",
    "inventory_items/create",
    "inventory_items/update",
    "inventory_levels/connect",
    "inventory_levels/disconnect",
    "inventory_levels/update",
    "locations/create",
    "locations/update",
    "order_transactions/create",
    "orders/cancelled",
    "orders/create",
    "orders/delete",
    "orders/edited",
    "orders/fulfilled",
    "orders/paid",
    "orders/partially_fulfilled",
    "orders/updated",
    "products/create",
    "products/delete",
    "products/update",
    "refunds/create",
    "shop/update",
    "tender_transactions/create",
)
TOPIC_SCOPES = {
    "orders": "read_orders",
    "order_transactions": "read_orders",
    "tender_transactions": "read_orders",
    "refunds": "read_orders",
    "customers": "read_customers",
    "inventory_items": "read_inventory",
    "inventory_levels": "read_inventory",
    "locations": "read_locations",
    "products": "read_products",
    "fulfillments": "read_fulfillments",
    "fulfillment_orders": "read_merchant_managed_fulfillment_orders",
}
CLOUD_SCHEMES = ("pubsub", "arn")


def enum_of(topic: str) -> str:
    """Return the GraphQL name of a topic: orders/create is ORDERS_CREATE."""
    return topic.replace("/", "_").upper()


TOPIC_OF_ENUM = {enum_of(topic): topic for topic in TOPICS}


@dataclass(eq=False)
class Subscription:
    """Where the events of one topic go; gone after a delivery failed for good."""

    id: int
    topic: str
    uri: str
    client_id: str
    api_version: str
    created_at: datetime
    name: str = ""
    include_fields: tuple[str, ...] = ()
    format: str = "JSON"
    filter: str = ""
    last_success_at: datetime | None = None

    @property
    def gid(self) -> str:
        return gid("WebhookSubscription", self.id)

    @property
    def is_http(self) -> bool:
        return urlsplit(self.uri).scheme in ("http", "https")

    def body_of(self, payload: dict[str, Any], version: str) -> dict[str, Any]:
        """Return the payload as this version has it, cut to the fields asked for."""
        body = dict(payload)
        if self.topic.startswith("orders/") and version < "2026-04":
            token = str(body.get("checkout_token") or "0")
            body["checkout_id"] = int(token[:8], 16)
        if self.include_fields:
            body = {name: body[name] for name in self.include_fields if name in body}
        return body


def uri_problem(uri: str, allow_http: bool) -> str:
    """Say why Shopify refuses an address, or nothing."""
    if not uri.strip():
        return "Address can't be blank"
    scheme = urlsplit(uri).scheme
    if scheme == "http" and not allow_http:
        return "Address protocol http:// is not supported"
    if scheme not in ("https", "http", *CLOUD_SCHEMES):
        return "Address is invalid"
    return ""
