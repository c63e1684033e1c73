"""Fulfilments in the shape of a fulfillments/create webhook of version 2026-04."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integrations.simulators.shopify.ids import gid, order_key
from integrations.simulators.shopify.refunds import bare_line
from integrations.simulators.shopify.store import Store

Payload = dict[str, Any]
# What the fulfilments inside an order do not carry.
LEFT_OUT_OF_ORDERS = ("destination", "email")


@dataclass(frozen=True)
class Tracking:
    """Carrier, numbers and addresses; any of them may be missing."""

    company: str | None = None
    numbers: Sequence[str] = ()
    urls: Sequence[str] = ()

    def payload(self) -> Payload:
        return {
            "tracking_company": self.company,
            "tracking_number": next(iter(self.numbers), None),
            "tracking_numbers": list(self.numbers),
            "tracking_url": next(iter(self.urls), None),
            "tracking_urls": list(self.urls),
        }


def fulfillment_payload(
    store: Store,
    order: Payload,
    sent: Sequence[tuple[Payload, int]],
    location_id: int,
    tracking: Tracking,
    at: str,
) -> Payload:
    """Write a fulfilment; `quantity` of its lines is what this one holds."""
    number = store.new_id("Fulfillment")
    count = len(order["fulfillments"]) + 1
    return {
        "id": number,
        "order_id": order["id"],
        "status": "success",
        "created_at": at,
        "service": "manual",
        "updated_at": at,
        **tracking.payload(),
        "shipment_status": None,
        "location_id": location_id,
        "origin_address": None,
        "email": order["email"] or None,
        "destination": order["shipping_address"],
        "line_items": [bare_line(line, pieces) for line, pieces in sent],
        "receipt": {},
        "name": f"{order['name']}.{count}",
        "admin_graphql_api_id": gid("Fulfillment", number),
    }


def inside_order(fulfillment: Payload) -> Payload:
    """Return a fulfilment as orders carry it."""
    return {
        name: value
        for name, value in fulfillment.items()
        if name not in LEFT_OUT_OF_ORDERS
    }


def with_fulfillment(order: Payload, fulfillment: Payload) -> list[Payload]:
    """Return an order's fulfilments with one added or replaced."""
    shown, key = inside_order(fulfillment), order_key(fulfillment)
    rows: list[Payload] = order["fulfillments"]
    if all(order_key(row) != key for row in rows):
        return [*rows, shown]
    return [shown if order_key(row) == key else row for row in rows]


def sending_state(order: Payload) -> Payload:
    """Return what an order and its lines say of what was sent."""
    pieces = _pieces_sent(order["fulfillments"])
    for line in order["line_items"]:
        gone = pieces.get(order_key(line), 0)
        if gone:
            whole = not line["fulfillable_quantity"]
            line["fulfillment_status"] = "fulfilled" if whole else "partial"
        else:
            line["fulfillment_status"] = None
    left = any(line["fulfillable_quantity"] for line in order["line_items"])
    status = ("partial" if left else "fulfilled") if any(pieces.values()) else None
    return {"line_items": order["line_items"], "fulfillment_status": status}


def _pieces_sent(fulfillments: Sequence[Payload]) -> dict[str, int]:
    sent: dict[str, int] = {}
    for row in fulfillments:
        if row["status"] != "cancelled":
            for line in row["line_items"]:
                key = order_key(line)
                sent[key] = sent.get(key, 0) + line["quantity"]
    return sent
