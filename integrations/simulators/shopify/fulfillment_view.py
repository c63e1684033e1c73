"""Fulfilment orders and fulfilments as GraphQL shows them."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.fulfillment_orders import (
    FulfillmentOrder,
    FulfillmentOrderLine,
    Hold,
)
from integrations.simulators.shopify.ids import gid, order_key
from integrations.simulators.shopify.line_view import line_view
from integrations.simulators.shopify.money import Currencies
from integrations.simulators.shopify.money_view import bag_of
from integrations.simulators.shopify.paging import pager
from integrations.simulators.shopify.people_view import address_view
from integrations.simulators.shopify.shipping import line_by_key
from integrations.simulators.shopify.stock_view import location_view
from integrations.simulators.shopify.store import Location
from integrations.simulators.shopify.times import zulu
from integrations.simulators.shopify.totals import read_set

Payload = dict[str, Any]
ShowOrder = Callable[[], Payload]
SCOPES = (
    "read_merchant_managed_fulfillment_orders",
    "read_assigned_fulfillment_orders",
    "read_third_party_fulfillment_orders",
)
WRITE_SCOPES = tuple(scope.replace("read_", "write_", 1) for scope in SCOPES)
ACTIONS = {
    "OPEN": ("CREATE_FULFILLMENT", "REPORT_PROGRESS", "MOVE", "HOLD"),
    "IN_PROGRESS": ("CREATE_FULFILLMENT", "MARK_AS_OPEN"),
    "ON_HOLD": ("RELEASE_HOLD", "MOVE"),
    "SCHEDULED": ("MARK_AS_OPEN",),
}
DISPLAY_STATUS = {
    "success": "FULFILLED",
    "cancelled": "CANCELED",
    "pending": "SUBMITTED",
    "open": "CONFIRMED",
    "error": "FAILURE",
    "failure": "FAILURE",
}


def fulfillment_order_view(
    found: FulfillmentOrder, order: Payload, context: Context, show_order: ShowOrder
) -> Payload:
    place = _place(context, found.location_id)
    return {
        "id": found.gid,
        "status": found.status,
        "requestStatus": "UNSUBMITTED",
        "order": lambda info: show_order(),
        "orderId": order["admin_graphql_api_id"],
        "orderName": order["name"],
        "orderProcessedAt": zulu(order["processed_at"]),
        "assignedLocation": {
            "name": place.name if place else "",
            "location": location_view(place) if place else None,
        },
        "deliveryMethod": {
            "id": gid("DeliveryMethod", found.id),
            "methodType": "SHIPPING" if found.requires_shipping else "NONE",
        },
        "destination": _destination(order, found, context),
        "fulfillAt": zulu(found.created_at),
        "fulfillBy": None,
        "fulfillmentHolds": [_hold(hold) for hold in found.holds],
        "supportedActions": [{"action": x} for x in ACTIONS.get(found.status, ())],
        "lineItems": pager(found.lines, lambda row: _line(row, order, context)),
        "createdAt": zulu(found.created_at),
        "updatedAt": zulu(found.updated_at),
    }


def _destination(
    order: Payload, found: FulfillmentOrder, context: Context
) -> Payload | None:
    seen = context.seen("orders/", order)["shipping_address"]
    shown = address_view(seen, str(found.id))
    return shown and {**shown, "countryCode": shown["countryCodeV2"]}


def _place(context: Context, location_id: int | None) -> Location | None:
    return next((x for x in context.store.locations if x.id == location_id), None)


def _hold(hold: Hold) -> Payload:
    return {
        "id": gid("FulfillmentHold", hold.id),
        "reason": hold.reason.upper(),
        "reasonNotes": hold.notes or None,
        "displayReason": hold.reason.replace("_", " ").capitalize(),
        "handle": hold.handle or None,
        "heldByRequestingApp": False,
    }


def _line(row: FulfillmentOrderLine, order: Payload, context: Context) -> Payload:
    line = line_by_key(order, row.line_key)
    variant = context.store.variant_of(line["variant_id"])
    return {
        "id": row.gid,
        "totalQuantity": row.total,
        "remainingQuantity": row.remaining,
        "lineItem": lambda info: line_view(line, order, context),
        "sku": line["sku"],
        "productTitle": line["title"],
        "variantTitle": line["variant_title"],
        "requiresShipping": line["requires_shipping"],
        "inventoryItemId": variant.item_gid if variant else None,
    }


def fulfillment_view(
    row: Payload, order: Payload, context: Context, show_order: ShowOrder
) -> Payload:
    key = order_key(row)
    place = _place(context, row["location_id"])
    urls, numbers = row["tracking_urls"], row["tracking_numbers"]
    tracking = [
        {"company": row["tracking_company"], "number": number, "url": url}
        for number, url in zip_longest(numbers, urls)
    ]
    return {
        "id": row["admin_graphql_api_id"],
        "legacyResourceId": key,
        "name": row["name"],
        "status": row["status"].upper(),
        "displayStatus": DISPLAY_STATUS.get(row["status"], row["status"].upper()),
        "createdAt": zulu(row["created_at"]),
        "updatedAt": zulu(row["updated_at"]),
        "requiresShipping": any(x["requires_shipping"] for x in row["line_items"]),
        "totalQuantity": sum(x["quantity"] for x in row["line_items"]),
        "trackingInfo": lambda info, first=None: tracking[:first],
        "location": location_view(place) if place else None,
        "order": lambda info: show_order(),
        "fulfillmentLineItems": pager(
            row["line_items"], lambda sent: _sent(sent, key, order, context)
        ),
    }


def _sent(sent: Payload, key: str, order: Payload, context: Context) -> Payload:
    line = line_by_key(order, order_key(sent))
    currencies = Currencies(order["currency"], order["presentment_currency"])
    worth = read_set(line["price_set"]) * sent["quantity"]
    return {
        "id": gid("FulfillmentLineItem", f"{key}{order_key(sent)[-4:]}"),
        "quantity": sent["quantity"],
        "lineItem": lambda info: line_view(line, order, context),
        "originalTotalSet": bag_of(currencies, worth),
    }
