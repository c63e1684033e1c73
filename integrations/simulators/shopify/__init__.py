"""Shopify in memory: Admin GraphQL 2026-01 to 2026-10, tokens, webhooks, a page.

The behaviour follows shopify.dev (Admin GraphQL API, webhooks, client credentials).
"""

from integrations.simulators.shopify.customers import make_customer
from integrations.simulators.shopify.orders import OrderPayload, make_order
from integrations.simulators.shopify.simulator import ShopifySimulator

__all__ = ["OrderPayload", "ShopifySimulator", "make_customer", "make_order"]
