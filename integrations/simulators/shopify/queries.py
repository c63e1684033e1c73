"""The root fields that read."""

from datetime import datetime, timedelta
from typing import Any

from integrations.simulators.shopify.context import Context, Info
from integrations.simulators.shopify.filters import (
    CUSTOMER_FILTERS,
    CUSTOMER_SORTS,
    ITEM_FILTERS,
    ORDER_FILTERS,
    ORDER_SORTS,
    PRODUCT_SORTS,
    VARIANT_FILTERS,
    product_filters,
    search,
)
from integrations.simulators.shopify.ids import digest_number, gid, order_key, tail
from integrations.simulators.shopify.order_mutations import job_view
from integrations.simulators.shopify.order_view import order_view
from integrations.simulators.shopify.paging import LARGEST_PAGE, bad_request, connect
from integrations.simulators.shopify.people_view import customer_view
from integrations.simulators.shopify.price_mutations import price_list_view
from integrations.simulators.shopify.refund_view import refund_view
from integrations.simulators.shopify.stock_view import (
    item_view,
    location_view,
    product_view,
    variant_view,
)
from integrations.simulators.shopify.subscriptions import enum_of
from integrations.simulators.shopify.times import parse_time
from integrations.simulators.shopify.webhook_mutations import (
    own_subscriptions,
    subscription_view,
)

Payload = dict[str, Any]
ORDER_WINDOW = timedelta(days=60)


def _visible_orders(context: Context) -> list[Payload]:
    orders = list(context.store.orders.values())
    if context.token.grants("read_all_orders"):
        return orders
    return [order for order in orders if _is_visible(order, context)]


def _is_visible(order: Payload, context: Context) -> bool:
    """Say whether an order is young enough for a token without read_all_orders."""
    oldest: datetime = context.now() - ORDER_WINDOW
    if context.token.grants("read_all_orders"):
        return True
    return parse_time(order["created_at"]) >= oldest


def _visible_order(wanted: str, context: Context) -> Payload | None:
    found = context.store.orders.get(tail(wanted))
    return found if found and _is_visible(found, context) else None


def shop(root: Any, info: Info) -> Payload:
    store = info.context.store
    return {
        "id": gid("Shop", 60_000_000_000 + digest_number(store.shop) % 10**9),
        "name": store.name,
        "myshopifyDomain": store.shop,
        "url": f"https://{store.shop}",
        "currencyCode": store.currency,
        "enabledPresentmentCurrencies": [store.currency],
        "ianaTimezone": store.timezone,
        "plan": {
            "displayName": "Basic",
            "publicDisplayName": "Basic",
            "partnerDevelopment": False,
            "shopifyPlus": False,
        },
        "taxesIncluded": False,
    }


def installation(root: Any, info: Info) -> Payload:
    token = info.context.token
    number = digest_number(token.app.client_id)
    return {
        "id": gid("AppInstallation", number),
        "accessScopes": [
            {"handle": scope, "description": scope.replace("_", " ").capitalize()}
            for scope in sorted(token.scopes)
        ],
        "app": {
            "id": gid("App", number),
            "title": token.app.client_id,
            "apiKey": token.app.client_id,
        },
    }


def nodes(root: Any, info: Info, ids: list[str]) -> list[Payload | None]:
    """Return orders, customers and stock items by id, null for what is not there."""
    if len(ids) > LARGEST_PAGE:
        raise bad_request(f"ids must hold at most {LARGEST_PAGE}, got {len(ids)}")
    context: Context = info.context
    return [_node(id, context) for id in ids]


def _node(id: str, context: Context) -> Payload | None:
    if id == gid("Order", tail(id)):
        context.require("read_orders", "nodes")
        found = _visible_order(id, context)
        return found and {**order_view(found, context), "__typename": "Order"}
    variant = context.store.item_of(id)
    if variant is not None:
        context.require("read_inventory", "nodes")
        return {**item_view(variant, context), "__typename": "InventoryItem"}
    if id != gid("Customer", tail(id)):
        return None
    context.require("read_customers", "nodes")
    person = context.store.customers.get(tail(id))
    return customer_view(person, context) if person else None


def order(root: Any, info: Info, id: str) -> Payload | None:
    found = _visible_order(id, info.context)
    return order_view(found, info.context) if found else None


def orders(root: Any, info: Info, **arguments: Any) -> Payload:
    context: Context = info.context
    found = search(
        context,
        "orders",
        arguments.get("query"),
        _visible_orders(context),
        ORDER_FILTERS,
    )
    value = ORDER_SORTS[arguments["sortKey"]]
    return connect(
        found,
        lambda row: (value(row), int(order_key(row))),
        lambda row: order_view(row, context),
        arguments,
    )


def orders_count(root: Any, info: Info, **arguments: Any) -> Payload:
    context: Context = info.context
    limit = arguments.get("limit")
    found = search(
        context,
        "ordersCount",
        arguments.get("query"),
        _visible_orders(context),
        ORDER_FILTERS,
    )
    if limit is not None and len(found) > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": len(found), "precision": "EXACT"}


def refund(root: Any, info: Info, id: str) -> Payload | None:
    """Return a refund of an order that this app may see."""
    context: Context = info.context
    owner = _visible_order(context.store.owners.get(tail(id), ""), context)
    for row in owner["refunds"] if owner else ():
        if owner and row["admin_graphql_api_id"] == id:
            return refund_view(row, owner, context, lambda: order_view(owner, context))
    return None


def job(root: Any, info: Info, id: str) -> Payload | None:
    found = info.context.store.jobs.find(id)
    return job_view(found) if found else None


def customer(root: Any, info: Info, id: str) -> Payload | None:
    found = info.context.store.customers.get(tail(id))
    return customer_view(found, info.context) if found else None


def customers(root: Any, info: Info, **arguments: Any) -> Payload:
    context: Context = info.context
    found = search(
        context,
        "customers",
        arguments.get("query"),
        list(context.store.customers.values()),
        CUSTOMER_FILTERS,
    )
    value = CUSTOMER_SORTS[arguments["sortKey"]]
    return connect(
        found,
        lambda row: (value(row), int(order_key(row))),
        lambda row: customer_view(row, context),
        arguments,
    )


def variant(root: Any, info: Info, id: str) -> Payload | None:
    found = info.context.store.variant_by_gid(id)
    return variant_view(found, info.context) if found else None


def variants(root: Any, info: Info, **arguments: Any) -> Payload:
    context: Context = info.context
    found = search(
        context,
        "productVariants",
        arguments.get("query"),
        context.store.variants,
        VARIANT_FILTERS,
    )
    return connect(
        found,
        lambda row: (row.variant_id, row.variant_id),
        lambda row: variant_view(row, context),
        arguments,
    )


def product(root: Any, info: Info, id: str) -> Payload | None:
    number = tail(id)
    found = info.context.store.products.get(int(number) if number.isdigit() else 0)
    return product_view(found, info.context) if found else None


def product_by_identifier(root: Any, info: Info, identifier: Payload) -> Payload | None:
    """Return a product by its id or, past the search, by its handle."""
    if identifier.get("id"):
        return product(root, info, identifier["id"])
    context: Context = info.context
    for found in context.store.products.values():
        if found.handle == identifier.get("handle"):
            return product_view(found, context)
    return None


def products(root: Any, info: Info, **arguments: Any) -> Payload:
    context: Context = info.context
    found = search(
        context,
        "products",
        arguments.get("query"),
        list(context.store.products.values()),
        product_filters(context.store),
    )
    value = PRODUCT_SORTS[arguments["sortKey"]]
    return connect(
        found,
        lambda row: (value(row), row.id),
        lambda row: product_view(row, context),
        arguments,
    )


def products_count(root: Any, info: Info) -> Payload:
    return {"count": len(info.context.store.products), "precision": "EXACT"}


def price_list(root: Any, info: Info, id: str) -> Payload | None:
    found = [x for x in info.context.store.price_lists if x.gid == id]
    return price_list_view(found[0], info.context) if found else None


def price_lists(root: Any, info: Info, **arguments: Any) -> Payload:
    return connect(
        info.context.store.price_lists,
        lambda row: (row.id, row.id),
        lambda row: price_list_view(row, info.context),
        arguments,
    )


def item(root: Any, info: Info, id: str) -> Payload | None:
    found = info.context.store.item_of(id)
    return item_view(found, info.context) if found else None


def items(root: Any, info: Info, **arguments: Any) -> Payload:
    context: Context = info.context
    found = search(
        context,
        "inventoryItems",
        arguments.get("query"),
        context.store.variants,
        ITEM_FILTERS,
    )
    return connect(
        found,
        lambda row: (row.item_id, row.item_id),
        lambda row: item_view(row, context),
        arguments,
    )


def location(root: Any, info: Info, id: str | None = None) -> Payload | None:
    places = info.context.store.locations
    found = places if id is None else [x for x in places if x.gid == id]
    return location_view(found[0]) if found else None


def locations(root: Any, info: Info, **arguments: Any) -> Payload:
    everything = arguments.get("includeInactive")
    places = [x for x in info.context.store.locations if x.active or everything]
    return connect(places, lambda row: (row.id, row.id), location_view, arguments)


def subscription(root: Any, info: Info, id: str) -> Payload | None:
    found = [x for x in own_subscriptions(info.context) if x.gid == id]
    return subscription_view(found[0]) if found else None


def subscriptions(root: Any, info: Info, **arguments: Any) -> Payload:
    topics, uri = arguments.get("topics"), arguments.get("uri")
    found = [
        x
        for x in own_subscriptions(info.context)
        if (not topics or enum_of(x.topic) in topics) and (not uri or x.uri == uri)
    ]
    return connect(found, lambda row: (row.id, row.id), subscription_view, arguments)
