"""Fulfilments: what left which warehouse, described, and their facts.

A webhook holds the id of the order and of the place, and whole order lines whose
`quantity` is what this fulfilment holds.
"""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from integrations.connectors.base import Payload, SourceObject
from integrations.connectors.shopify.values import (
    amount,
    key_of,
    moment,
    plain,
    rows,
    unreadable,
)


def described(payload: Payload) -> SourceObject:
    """Describe a fulfilment; raises UnreadablePayload."""
    key = key_of(payload, "Fulfillment")
    changed = moment(payload, "updated_at")
    lines = [row for _, row in rows(payload, "line_items")]
    skus = dict.fromkeys(plain(row.get("sku")) for row in lines)
    return SourceObject(
        entity="fulfillment",
        key=key,
        payload=payload,
        changed_at=changed.astimezone(UTC) if changed else None,
        label=plain(payload.get("name"), 120) or key,
        party=_receiver(payload),
        email=plain(payload.get("email"), 254),
        skus=tuple(sku for sku in skus if sku),
        tracking=tuple(dict.fromkeys(_numbers(payload))),
    )


def derived(payload: Payload) -> Payload:
    """Return the facts of a fulfilment; raises UnreadablePayload."""
    lines = [_line(row, path) for path, row in rows(payload, "line_items")]
    shipped = moment(payload, "created_at")
    company = plain(payload.get("tracking_company"))
    numbers = dict.fromkeys(_numbers(payload))
    return {
        "fulfillment_id": key_of(payload, "Fulfillment"),
        "order_id": plain(payload.get("order_id")),
        "location_id": plain(payload.get("location_id")),
        "ship_date": shipped.date().isoformat() if shipped else None,
        "lines": lines,
        "ships": any(one["is_shipped"] for one in lines),
        "packages": [{"number": one, "company": company} for one in numbers],
    }


def place_of(payload: Payload, fact: str) -> str:
    """Return where in the fulfilment a derived fact is mended, or nothing."""
    return fact if fact in ("location_id", "order_id") else ""


def _line(row: Payload, path: str) -> Payload:
    quantity = amount(row.get("quantity"), f"{path}quantity")
    has_product = any(row.get(name) for name in ("product_id", "variant_id", "sku"))
    is_gift_card = bool(row.get("gift_card"))
    needs_shipping = row.get("requires_shipping") is not False
    return {
        "line_id": key_of(row, "LineItem", path),
        "source_path": path.rstrip("."),
        "sku": plain(row.get("sku")),
        "title": plain(row.get("title")),
        "quantity": quantity,
        "requires_shipping": needs_shipping,
        "is_gift_card": is_gift_card,
        "is_custom": not (has_product or is_gift_card),
        "is_shipped": needs_shipping and not is_gift_card and quantity > 0,
        # Where a person says which line of the sales order is meant.
        "order_line": plain(row.get("order_line")),
    }


def _receiver(payload: Payload) -> str:
    found: Any = payload.get("destination")
    if found is not None and not isinstance(found, dict):
        raise unreadable("destination", found, "object")
    person = found or {}
    parts = (plain(person.get("first_name")), plain(person.get("last_name")))
    return " ".join(part for part in parts if part) or plain(person.get("company"))


def _numbers(payload: Payload) -> Iterator[str]:
    """Yield the tracking numbers; the list may be empty beside a single one."""
    many: Any = payload.get("tracking_numbers")
    if many is not None and not isinstance(many, list):
        raise unreadable("tracking_numbers", many, "list")
    for number in (payload.get("tracking_number"), *(many or [])):
        if plain(number):
            yield plain(number)
