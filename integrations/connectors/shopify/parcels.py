"""What a payload wants sent to Shopify: an order's pieces in one shipment."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.base import FieldRule, Payload
from integrations.connectors.errors import RecordRejected

# What `write` takes; Shopify has one input for it with other names.
FIELDS = {
    "orderId": FieldRule(label="Order", type="reference", required=True),
    "locationId": FieldRule(label="Location", type="reference"),
    "carrier": FieldRule(label="Carrier", type="text"),
    "notifyCustomer": FieldRule(label="Write to the customer", type="yes or no"),
    "parcels": FieldRule(label="Parcels", type="list"),
    "parcels.number": FieldRule(label="Tracking number", type="text"),
    "parcels.url": FieldRule(label="Tracking address", type="text"),
    "lines": FieldRule(label="Lines", type="list", required=True),
    "lines.sku": FieldRule(label="SKU", type="text", required=True),
    "lines.quantity": FieldRule(label="Pieces", type="whole number", required=True),
}

Pieces = dict[str, int]


@dataclass(frozen=True)
class Parcel:
    """What a payload wants sent; `places` says which line first names a SKU."""

    order_id: str
    location_id: str
    numbers: tuple[str, ...]
    urls: tuple[str, ...]
    carrier: str
    notify: bool
    pieces: Pieces
    places: Mapping[str, int]

    @property
    def order_key(self) -> str:
        return self.order_id.rpartition("/")[2]


def read(payload: Payload) -> Parcel:
    """Return what is to be sent; raises RecordRejected for what Shopify cannot take."""
    rows = [row for row in payload.get("parcels") or [] if isinstance(row, dict)]
    pieces: Pieces = {}
    places: dict[str, int] = {}
    for index, line in enumerate(payload.get("lines") or []):
        sku = str(line.get("sku") or "")
        places.setdefault(sku, index)
        pieces[sku] = pieces.get(sku, 0) + _count(line.get("quantity"), index)
    if not pieces or not payload.get("orderId"):
        name = "lines" if payload.get("orderId") else "orderId"
        text = "A fulfilment needs an order and at least one line."
        raise RecordRejected(text, fields={name: text}, sent=False)
    return Parcel(
        str(payload["orderId"]),
        str(payload.get("locationId") or ""),
        tuple(dict.fromkeys(str(row["number"]) for row in rows if row.get("number"))),
        tuple(str(row["url"]) for row in rows if row.get("url")),
        str(payload.get("carrier") or ""),
        payload.get("notifyCustomer") is True,
        pieces,
        places,
    )


def _count(quantity: Any, index: int) -> int:
    try:
        found = Decimal(str(quantity))
        if found == found.to_integral_value() and found > 0:
            return int(found)
    except InvalidOperation:
        pass
    text = f"{quantity} is no whole number above 0, and Shopify sends no other."
    raise RecordRejected(text, fields={f"lines[{index}].quantity": text}, sent=False)
