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
    VARIANT_FILTERS,
    search,
)
from integrations.simulators.shopify.ids import digest_number, gid, order_key, tail
from integrations.simulators.shopify.order_view import order_view
from integrations.simulators.shopify.paging import connect
from integrations.simulators.shopify.people_view import customer_view
from integrations.simulators.shopify.stock_view import (
    item_view,
    location_view,
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
    oldest: datetime = context.now() - ORDER_WINDOW
    return [order for order in orders if parse_time(order["created_at"]) >= oldest]


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


def order(root: Any, info: Info, id: str) -> Payload | None:
    found = [x for x in _visible_orders(info.context) if order_key(x) == tail(id)]
    return order_view(found[0], info.context) if found else None


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
    found = [x for x in info.context.store.variants if x.gid == id]
    return variant_view(found[0], info.context) if found else None


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
