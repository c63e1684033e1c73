"""Stock levels: set to a quantity by compare and swap, never moved by a difference.

Shopify sells from the same level that is set here. So each write says what the level
held a moment ago (`changeFromQuantity`); if somebody sold in between, Shopify refuses
it, and the level is read and set anew. That also disarms a request that was given up
on and lands late: by then the level holds something else, and nothing is overwritten.

`@idempotent` needs a key, and it is new for each try. A key made from the quantity
would turn 5, 4, 5 into 4, because Shopify repeats the first answer for a known key;
one kept over the tries would be refused, because each try says another
`changeFromQuantity`. No key is needed to make a repeat harmless: the quantity is
absolute, and a level that holds it already is left alone.
"""

import time
import uuid
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.base import FieldRule, Payload, Written
from integrations.connectors.errors import (
    ConnectorError,
    RecordBusy,
    RecordConflict,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
    ServerFault,
)
from integrations.connectors.shopify.graphql import GraphQL

# An inactive level is not answered here, and made active like one that is missing.
LEVEL = """
query WaybillLevel($item: ID!, $location: ID!) {
  inventoryItem(id: $item) {
    sku
    tracked
    inventoryLevel(locationId: $location) {
      quantities(names: ["available"]) { quantity }
    }
  }
  location(id: $location) { name isActive }
}
"""
ACTIVATE = """
mutation WaybillStockHere($item: ID!, $location: ID!, $once: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $location)
  @idempotent(key: $once) {
    inventoryLevel { quantities(names: ["available"]) { quantity } }
    userErrors { field message }
  }
}
"""
SET_QUANTITIES = """
mutation WaybillStock($input: InventorySetQuantitiesInput!, $once: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $once) {
    inventoryAdjustmentGroup { id }
    userErrors { field message code }
  }
}
"""
# Shopify tells the shape of its inputs by introspection, but no rule of their fields;
# this is what `set_level` takes.
LEVEL_FIELDS = {
    "inventoryItemId": FieldRule(label="Item", type="reference", required=True),
    "locationId": FieldRule(label="Location", type="reference", required=True),
    "quantity": FieldRule(label="Available", type="whole number", required=True),
    "keepBack": FieldRule(label="Safety stock", type="whole number"),
    "stockHere": FieldRule(label="Stock where it is not stocked yet", type="yes or no"),
}
STALE = "CHANGE_FROM_QUANTITY_STALE"
# How often a level is read and set while it is being sold from.
MOST_TRIES = 5
_OF_ROW = "input.quantities.0."


@dataclass(frozen=True)
class Wanted:
    """What one level shall hold; `stock_here` allows to stock the item there first.

    What is to be kept back (`keepBack`) is taken off already, and never below none.
    """

    item: str
    location: str
    quantity: int
    stock_here: bool


def write_level(graphql: GraphQL, payload: Payload, reference: str) -> Written:
    """Set a level; a repeat reads it first, so nothing need be looked up."""
    return Written(set_level(graphql, payload, reference))


def set_level(graphql: GraphQL, payload: Payload, reference: str) -> str:
    """Have one item's level at one location hold a quantity; return the level's name.

    Raises RecordBusy when it is sold from faster than it can be set, RecordRejected
    and ReferenceUnknown with the field that a person must look at.
    """
    wanted = _wanted(payload)
    ends_at = time.monotonic() + graphql.client.services.timeout
    for _ in range(MOST_TRIES):
        if _is_set(graphql, wanted, reference):
            return f"{wanted.item}@{wanted.location}"
        if time.monotonic() > ends_at:
            break
    raise RecordBusy(
        "The stock level changed each time between reading and setting it, as it does "
        f"while it is being sold. {wanted.quantity} was not set."
    )


def _wanted(payload: Payload) -> Wanted:
    item, location = payload.get("inventoryItemId"), payload.get("locationId")
    if not item or not location:
        raise RequestRefused("The stock level has no item or no location.", sent=False)
    return Wanted(
        str(item),
        str(location),
        sellable(payload),
        payload.get("stockHere") not in (False, "false"),
    )


def _is_set(graphql: GraphQL, wanted: Wanted, reference: str) -> bool:
    """Bring the level to what is wanted; say False where somebody was faster."""
    held = _held(graphql, wanted)
    if held is None and wanted.quantity == 0:
        return True  # What is not stocked there cannot be sold there.
    if held is None:
        held = _stocked(graphql, wanted)
    if held == wanted.quantity:
        return True
    try:
        _swap(graphql, wanted, held, reference)
    except RecordConflict as error:
        if error.code == STALE:
            return False
        raise
    return True


def _held(graphql: GraphQL, wanted: Wanted) -> int | None:
    """Return what the level holds; None where the item is not stocked."""
    found = graphql.run(LEVEL, {"item": wanted.item, "location": wanted.location})
    item, place = found.get("inventoryItem"), found.get("location")
    if not item:
        raise _unknown("inventoryItemId", "item", wanted.item)
    if not place:
        raise _unknown("locationId", "location", wanted.location)
    sku, name = str(item.get("sku") or wanted.item), str(place.get("name"))
    if not item.get("tracked", True):
        raise _rejected("inventoryItemId", NOT_TRACKED.format(sku=sku))
    if not place.get("isActive", True):
        raise _rejected("locationId", NOT_ACTIVE.format(name=name))
    level = item.get("inventoryLevel")
    if level is None and wanted.quantity and not wanted.stock_here:
        raise _rejected("locationId", NOT_STOCKED.format(sku=sku, name=name))
    return None if level is None else available(level)


NOT_TRACKED = (
    "Shopify does not track the quantity of {sku}, so it would sell without end. Turn "
    "on Track quantity for this variant in Shopify, or keep the SKU out by a rule of "
    "the mapping; then press Retry now."
)
NOT_ACTIVE = (
    "The location {name} is deactivated in Shopify. Activate it there, or map this "
    "location to another one in the value table Locations; then press Retry now."
)
NOT_STOCKED = (
    "Shopify does not stock {sku} at {name}, and the mapping (stockHere) does not let "
    "Waybill change that. Tick the location on the variant's page in Shopify, or "
    "change the row stockHere; then press Retry now."
)
BUNDLE = (
    "Shopify counts a bundle by its parts, and lets nobody set it. Keep this SKU out by "
    "a rule of the mapping; its parts are sent by themselves."
)


def _unknown(field: str, what: str, value: str) -> ReferenceUnknown:
    text = f"Shopify has no {what} {value}; it was deleted."
    return ReferenceUnknown(text, fields={field: text})


def _rejected(field: str, text: str, code: str = "") -> RecordRejected:
    return RecordRejected(text, code=code, fields={field: text})


def available(level: Payload | None) -> int:
    """Return what a level holds; raises ServerFault for one that does not say."""
    try:
        return int((level or {})["quantities"][0]["quantity"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ServerFault("Shopify's answer holds no available quantity.") from error


def _stocked(graphql: GraphQL, wanted: Wanted) -> int:
    """Stock the item at the location; return what the level holds then.

    Since 2026-04 a level that was active before keeps its quantity.
    """
    asked = {"item": wanted.item, "location": wanted.location, "once": _once()}
    try:
        answer = graphql.run(ACTIVATE, asked).get("inventoryActivate") or {}
    except RecordRejected as error:
        raise _rejected("locationId", f"Shopify does not stock it here: {error}") from (
            error
        )
    return available(answer.get("inventoryLevel"))


def _swap(graphql: GraphQL, wanted: Wanted, held: int, reference: str) -> None:
    """Set the level if it still holds `held`; raises RecordConflict if it does not."""
    level = {
        "inventoryItemId": wanted.item,
        "locationId": wanted.location,
        "quantity": wanted.quantity,
        "changeFromQuantity": held,
    }
    asked = {
        "name": "available",
        "reason": "correction",
        "referenceDocumentUri": f"waybill://stock/{reference}",
        "quantities": [level],
    }
    try:
        graphql.run(SET_QUANTITIES, {"input": asked, "once": _once()})
    except ConnectorError as error:
        if error.code == "NON_MUTABLE_INVENTORY_ITEM":
            raise _rejected("inventoryItemId", BUNDLE, error.code) from error
        # By the name that a row of the mapping has.
        error.fields = {_short(path): text for path, text in error.fields.items()}
        raise


def _short(path: str) -> str:
    return path.removeprefix(_OF_ROW)


def _once() -> str:
    return str(uuid.uuid4())


def sellable(payload: Payload) -> int:
    """Return what the shop may sell: the quantity less what is kept back of it.

    Raises RecordRejected for what is no whole number, and for keeping back less than
    nothing.
    """
    quantity, kept = whole(payload.get("quantity")), payload.get("keepBack")
    if kept in (None, ""):
        return quantity
    back = whole(kept, "keepBack")
    if back < 0:
        text = f"{kept} cannot be kept back: write 0 or more as safety stock."
        raise RecordRejected(text, fields={"keepBack": text}, sent=False)
    return max(0, quantity - back)


def whole(quantity: Any, field: str = "quantity") -> int:
    """Return a quantity as the whole number that Shopify keeps; raises RecordRejected."""
    try:
        found = Decimal(str(quantity))
        if found.is_finite() and found == found.to_integral_value():
            return int(found)
    except InvalidOperation:
        pass
    text = f"{quantity} is no whole number, and Shopify keeps no other stock."
    raise RecordRejected(text, fields={field: text}, sent=False)
