"""Where each root field of the schema is answered, and which scope it needs."""

from collections.abc import Callable
from functools import cache
from typing import Any

from graphql import GraphQLSchema

from integrations.simulators.shopify import (
    bulk_mutations,
    customer_mutations,
    fulfillment_mutations,
    order_mutations,
    payments_view,
    price_mutations,
    product_mutations,
    product_set,
    queries,
)
from integrations.simulators.shopify.activation import activate
from integrations.simulators.shopify.bulk_files import create_uploads
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
    "bulkOperation": (bulk_mutations.operation, ""),
    "bulkOperations": (bulk_mutations.operations, ""),
    "currentBulkOperation": (bulk_mutations.current, ""),
    "nodes": (queries.nodes, ""),
    "shop": (queries.shop, ""),
    "currentAppInstallation": (queries.installation, ""),
    "order": (queries.order, "read_orders"),
    "orders": (queries.orders, "read_orders"),
    "ordersCount": (queries.orders_count, "read_orders"),
    "refund": (queries.refund, "read_orders"),
    "fulfillment": (fulfillment_mutations.fulfillment, "read_orders"),
    "fulfillmentOrder": (fulfillment_mutations.fulfillment_order, ""),
    "fulfillmentOrders": (fulfillment_mutations.fulfillment_orders, ""),
    "job": (queries.job, ""),
    "customer": (queries.customer, "read_customers"),
    "customers": (queries.customers, "read_customers"),
    "priceList": (queries.price_list, "read_products"),
    "priceLists": (queries.price_lists, "read_products"),
    "shopifyPaymentsAccount": (payments_view.account, ""),
    "product": (queries.product, "read_products"),
    "productByIdentifier": (queries.product_by_identifier, "read_products"),
    "products": (queries.products, "read_products"),
    "productsCount": (queries.products_count, "read_products"),
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
    "fulfillmentCancel": (fulfillment_mutations.cancel, ""),
    "fulfillmentCreate": (fulfillment_mutations.create, ""),
    "fulfillmentTrackingInfoUpdate": (fulfillment_mutations.track, ""),
    "orderCancel": (order_mutations.cancel, "write_orders"),
    "bulkOperationCancel": (bulk_mutations.cancel, ""),
    "bulkOperationRunMutation": (bulk_mutations.run_mutation, ""),
    "bulkOperationRunQuery": (bulk_mutations.run_query, ""),
    "stagedUploadsCreate": (create_uploads, ""),
    "customerUpdate": (customer_mutations.update_customer, "write_customers"),
    "priceListFixedPricesAdd": (price_mutations.add_prices, "write_products"),
    "priceListFixedPricesDelete": (price_mutations.delete_prices, "write_products"),
    "priceListFixedPricesUpdate": (price_mutations.update_prices, "write_products"),
    "productCreate": (product_mutations.create_product, "write_products"),
    "productSet": (product_set.set_product, "write_products"),
    "productUpdate": (product_mutations.update_product, "write_products"),
    "productVariantsBulkCreate": (
        product_mutations.create_variants,
        "write_products",
    ),
    "productVariantsBulkUpdate": (
        product_mutations.update_variants,
        "write_products",
    ),
    "refundCreate": (order_mutations.refund, "write_orders"),
    "inventoryActivate": (activate, "write_inventory"),
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
