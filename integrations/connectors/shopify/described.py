"""What a webhook's object is, in the words of the ledger: key, label, party, sums."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from integrations.connectors.base import Payload, SourceObject, first
from integrations.connectors.shopify.values import (
    amount,
    key_of,
    moment,
    plain,
    rows,
    unreadable,
)

# An address has one of these at least.
ADDRESS_FIELDS = {"address1", "city", "zip", "country", "country_code", "last_name"}


def order(payload: Payload) -> SourceObject:
    """Describe an order; raises UnreadablePayload."""
    buyer = _inner(payload, "customer")
    billing, shipping = _place(payload, "billing"), _place(payload, "shipping")
    address = billing or shipping
    emails = (payload.get("email"), payload.get("contact_email"), buyer.get("email"))
    return SourceObject(
        entity="order",
        key=key_of(payload, "Order"),
        payload=payload,
        changed_at=_changed_at(payload),
        label=plain(payload.get("name"), 120),
        party=_name(buyer) or _name(address),
        email=plain(first(emails), 254),
        skus=_skus(payload),
        amount=amount(payload.get("total_price"), "total_price"),
        currency=plain(payload.get("currency"), 3),
        tracking=tuple(dict.fromkeys(_tracking(payload))),
    )


def customer(payload: Payload) -> SourceObject:
    """Describe a customer; raises UnreadablePayload."""
    name = _name(payload) or _name(_inner(payload, "default_address"))
    email = plain(payload.get("email"), 254)
    return SourceObject(
        entity="customer",
        key=key_of(payload, "Customer"),
        payload=payload,
        changed_at=_changed_at(payload),
        label=(name or email or plain(payload.get("phone")))[:120],
        party=name,
        email=email,
        currency=plain(payload.get("currency"), 3),
    )


def _changed_at(payload: Payload) -> Any:
    found = moment(payload, "updated_at")
    return found.astimezone(UTC) if found else None


def _inner(payload: Payload, name: str) -> Payload:
    """Return an object inside another; an absent one is empty."""
    found = payload.get(name)
    if found is not None and not isinstance(found, dict):
        raise unreadable(name, found, "object")
    return found or {}


def _place(payload: Payload, of: str) -> Payload:
    """Return an address; one of an unknown shape must not vanish on the way."""
    name = f"{of}_address"
    found = _inner(payload, name)
    if found and ADDRESS_FIELDS.isdisjoint(found):
        raise unreadable(name, found, "address")
    return found


def _name(person: Payload) -> str:
    parts = (plain(person.get("first_name")), plain(person.get("last_name")))
    return " ".join(part for part in parts if part) or plain(person.get("company"))


def _skus(payload: Payload) -> tuple[str, ...]:
    found = (plain(line.get("sku")) for _, line in rows(payload, "line_items"))
    return tuple(dict.fromkeys(sku for sku in found if sku))


def _tracking(payload: Payload) -> Iterator[str]:
    """Yield the tracking numbers of what was shipped; an odd shape is no reason to stop.

    They help to find an order and are never sent on.
    """
    shipments = payload.get("fulfillments")
    for one in shipments if isinstance(shipments, list) else ():
        shipment = one if isinstance(one, dict) else {}
        many = shipment.get("tracking_numbers")
        numbers = many if isinstance(many, list) else []
        for number in (shipment.get("tracking_number"), *numbers):
            if plain(number):
                yield plain(number)
