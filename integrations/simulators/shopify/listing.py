"""The shop's records as short rows, for the page and for the JSON control."""

from typing import Any

from integrations.simulators.base import Call
from integrations.simulators.shopify.catalogue import PriceList
from integrations.simulators.shopify.deliveries import Delivery
from integrations.simulators.shopify.fulfillment_orders import FulfillmentOrder
from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.store import Store, Variant
from integrations.simulators.shopify.times import zulu

Payload = dict[str, Any]


def order_row(order: Payload) -> Payload:
    return {
        "id": order_key(order),
        "name": order["name"],
        "email": order["email"],
        "total_price": order["total_price"],
        "currency": order["currency"],
        "financial_status": order["financial_status"],
        "fulfillment_status": order["fulfillment_status"],
        "cancelled": order["cancelled_at"] is not None,
        "test": order["test"],
        "skus": [line["sku"] for line in order["line_items"]],
        "updated_at": order["updated_at"],
    }


def customer_row(customer: Payload) -> Payload:
    names = (customer.get("first_name"), customer.get("last_name"))
    return {
        "id": order_key(customer),
        "name": " ".join(filter(None, names)),
        "email": customer["email"],
        "phone": customer["phone"],
        "updated_at": customer["updated_at"],
    }


def stock_rows(store: Store) -> list[Payload]:
    places = {place.id: place.name for place in store.locations}
    return [
        {
            "sku": variant.sku,
            "title": variant.title,
            "price": str(variant.price),
            "location": places[level.location_id],
            "available": level.available,
            "committed": level.committed,
            "on_hand": level.on_hand,
        }
        for variant in store.variants
        for level in store.levels_of(variant.item_id)
    ]


def variant_row(variant: Variant, store: Store) -> Payload:
    product, compared = store.products[variant.product_id], variant.compare_at_price
    return {
        "id": variant.gid,
        "product": product.gid,
        "status": product.status,
        "sku": variant.sku,
        "title": f"{product.title} - {variant.name}",
        "price": str(variant.price),
        "compare_at_price": None if compared is None else str(compared),
        "updated_at": zulu(variant.updated_at),
    }


def price_list_row(found: PriceList, store: Store) -> Payload:
    rows = [(store.variant_of(number), price) for number, price in found.fixed.items()]
    return {
        "id": found.gid,
        "name": found.name,
        "currency": found.currency,
        "fixed": {row.sku: str(price.price) for row, price in rows if row},
    }


def fulfillment_order_row(found: FulfillmentOrder, store: Store) -> Payload:
    place = next(x for x in store.locations if x.id == found.location_id)
    order = store.orders[found.order_key]
    skus = {order_key(line): line["sku"] for line in order["line_items"]}
    return {
        "id": found.gid,
        "order": order["name"],
        "status": found.status,
        "location": place.name,
        "left": {skus[row.line_key]: row.remaining for row in found.lines},
        "holds": [hold.reason for hold in found.holds],
    }


def fulfillment_row(fulfillment: Payload) -> Payload:
    return {
        "id": fulfillment["admin_graphql_api_id"],
        "name": fulfillment["name"],
        "status": fulfillment["status"],
        "tracking": fulfillment["tracking_numbers"],
        "pieces": {x["sku"]: x["quantity"] for x in fulfillment["line_items"]},
    }


def delivery_row(delivery: Delivery) -> Payload:
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "topic": delivery.topic,
        "uri": delivery.uri,
        "status": delivery.status,
        "tries": delivery.tries,
        "answers": delivery.answers,
        "triggered_at": zulu(delivery.triggered_at),
        "due_at": zulu(delivery.due_at),
    }


def call_row(call: Call) -> Payload:
    return {
        "at": call.at,
        "method": call.method,
        "path": call.path,
        "status": call.status,
        "request": call.request,
        "response": call.response,
    }
