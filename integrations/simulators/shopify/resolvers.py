"""Where each root field of the schema is answered, and which scope it needs."""

from collections.abc import Callable
from functools import cache
from typing import Any

from graphql import GraphQLSchema

from integrations.simulators.shopify import queries
from integrations.simulators.shopify.context import Info
from integrations.simulators.shopify.inventory import set_quantities
from integrations.simulators.shopify.schema import schema_for
from integrations.simulators.shopify.webhook_mutations import (
    create_subscription,
    delete_subscription,
    update_subscription,
)

Payload = dict[str, Any]
Resolver = Callable[..., Any]


def quantities(root: Any, info: Info, input: Payload) -> Payload:
    return set_quantities(info, input)


def create(root: Any, info: Info, topic: str, webhookSubscription: Payload) -> Payload:
    return create_subscription(info, topic, webhookSubscription)


def update(root: Any, info: Info, id: str, webhookSubscription: Payload) -> Payload:
    return update_subscription(info, id, webhookSubscription)


def delete(root: Any, info: Info, id: str) -> Payload:
    return delete_subscription(info, id)


QUERIES: dict[str, tuple[Resolver, str]] = {
    "shop": (queries.shop, ""),
    "currentAppInstallation": (queries.installation, ""),
    "order": (queries.order, "read_orders"),
    "orders": (queries.orders, "read_orders"),
    "ordersCount": (queries.orders_count, "read_orders"),
    "customer": (queries.customer, "read_customers"),
    "customers": (queries.customers, "read_customers"),
    "productVariant": (queries.variant, "read_products"),
    "productVariants": (queries.variants, "read_products"),
    "inventoryItem": (queries.item, "read_inventory"),
    "inventoryItems": (queries.items, "read_inventory"),
    "location": (queries.location, "read_locations"),
    "locations": (queries.locations, "read_locations"),
    "webhookSubscription": (queries.subscription, ""),
    "webhookSubscriptions": (queries.subscriptions, ""),
}
MUTATIONS: dict[str, tuple[Resolver, str]] = {
    "inventorySetQuantities": (quantities, "write_inventory"),
    "webhookSubscriptionCreate": (create, ""),
    "webhookSubscriptionUpdate": (update, ""),
    "webhookSubscriptionDelete": (delete, ""),
}


@cache
def executable_schema(version: str) -> GraphQLSchema:
    """Return the schema of a version with its resolvers in place."""
    schema = schema_for(version)
    for root, resolvers in (
        (schema.query_type, QUERIES),
        (schema.mutation_type, MUTATIONS),
    ):
        for name, (resolver, scope) in resolvers.items():
            if root:
                root.fields[name].resolve = _guarded(resolver, scope)
    return schema


def _guarded(resolver: Resolver, scope: str) -> Resolver:
    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        if scope:
            info.context.require(scope, info.field_name)
        return resolver(root, info, **arguments)

    return resolve
