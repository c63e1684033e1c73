"""Routing: which place sends which pieces, and the stock that is promised there."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from integrations.simulators.shopify.fulfillment_orders import (
    ENDED,
    FulfillmentOrder,
    FulfillmentOrderLine,
)
from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.store import MAIN_WAREHOUSE, Level, Store
from integrations.simulators.shopify.totals import is_tip

Payload = dict[str, Any]


def route_order(store: Store, order: Payload, now: datetime) -> list[Level]:
    """Open the fulfilment orders of a new order; return the stock levels touched."""
    touched: list[Level] = []
    for line in order["line_items"]:
        if order["cancelled_at"] or is_tip(line):
            continue
        shipped = line["current_quantity"] - line["fulfillable_quantity"]
        touched += _note_shipped(store, order, line, shipped, now)
        touched += route_line(store, order, line, line["fulfillable_quantity"], now)
    return touched


def route_line(
    store: Store, order: Payload, line: Payload, pieces: int, now: datetime
) -> list[Level]:
    """Give pieces of a line to places that have them; return the levels touched."""
    touched = []
    for location_id, share in _shares(store, line, pieces):
        found = _open_order(store, order, location_id, line["requires_shipping"], now)
        _add_pieces(store, found, line, share)
        level = stock_level(store, line, location_id)
        if level:
            level.available -= share
            level.committed += share
            level.updated_at = now
            touched.append(level)
    return touched


def withdraw(
    store: Store,
    order: Payload,
    line: Payload,
    pieces: int,
    restock: bool,
    now: datetime,
) -> list[Level]:
    """Take unsent pieces of a line out of its fulfilment orders, the newest first."""
    touched, missing = [], pieces
    for found, row in reversed(list(rows_of(store, order, line))):
        taken = min(missing, row.remaining)
        if not taken:
            continue
        row.remaining -= taken
        row.total -= taken
        missing -= taken
        found.settle(now)
        touched += release(store, line, found.location_id, taken, restock, now)
    return touched


def release(
    store: Store,
    line: Payload,
    location_id: int,
    pieces: int,
    restock: bool,
    now: datetime,
) -> list[Level]:
    """End the promise of pieces at a place; return the level when it is for sale."""
    level = stock_level(store, line, location_id)
    if level is None:
        return []
    level.committed -= pieces
    level.updated_at = now
    if restock:
        level.available += pieces
    return [level] if restock else []


def restock_pieces(
    store: Store, line: Payload, location_id: int | None, pieces: int, now: datetime
) -> list[Level]:
    """Put pieces that came back on a shelf."""
    place = location_id or first_place(store)
    level = stock_level(store, line, place)
    if level is None:
        return []
    level.available += pieces
    level.updated_at = now
    return [level]


def stock_level(store: Store, line: Payload, location_id: int) -> Level | None:
    """Return the stock that a line draws on; untracked goods have none."""
    variant = store.variant_of(line["variant_id"])
    if variant is None or not variant.tracked:
        return None
    return store.levels.get((variant.item_id, location_id))


def rows_of(
    store: Store, order: Payload, line: Payload
) -> Iterator[tuple[FulfillmentOrder, FulfillmentOrderLine]]:
    """Yield where a line stands, ended fulfilment orders left out."""
    for found in store.fulfillment_orders_of(order_key(order)):
        row = found.line_of(order_key(line))
        if row and found.status not in ENDED:
            yield found, row


def first_place(store: Store) -> int:
    return store.location(MAIN_WAREHOUSE).id


def _shares(store: Store, line: Payload, pieces: int) -> Iterator[tuple[int, int]]:
    """Yield places and pieces: one place if any has enough, else as many as needed."""
    variant = store.variant_of(line["variant_id"])
    levels = store.levels_of(variant.item_id) if variant else []
    enough = [level for level in levels if level.available >= pieces]
    left = pieces
    for level in [] if enough else levels[1:]:
        share = min(left, max(level.available, 0))
        if share:
            yield level.location_id, share
            left -= share
    if left:
        first = (enough or levels)[:1]
        yield first[0].location_id if first else first_place(store), left


def _open_order(
    store: Store,
    order: Payload,
    location_id: int,
    requires_shipping: bool,
    now: datetime,
) -> FulfillmentOrder:
    for found in store.fulfillment_orders_of(order_key(order)):
        same = (found.location_id, found.requires_shipping)
        if found.status == "OPEN" and same == (location_id, requires_shipping):
            return found
    return open_order(store, order_key(order), location_id, requires_shipping, now)


def open_order(
    store: Store, key: str, location_id: int, requires_shipping: bool, now: datetime
) -> FulfillmentOrder:
    """Open one more fulfilment order of an order."""
    number = store.new_id("FulfillmentOrder")
    made = FulfillmentOrder(number, key, location_id, requires_shipping, now, now)
    store.fulfillment_orders[str(number)] = made
    store.routes.setdefault(key, []).append(made)
    return made


def _add_pieces(
    store: Store, found: FulfillmentOrder, line: Payload, pieces: int
) -> None:
    row = found.line_of(order_key(line))
    if row is None:
        number = store.new_id("FulfillmentOrderLineItem")
        row = FulfillmentOrderLine(number, order_key(line), 0, 0)
        found.lines.append(row)
    row.total += pieces
    row.remaining += pieces


def move_pieces(
    store: Store,
    source: FulfillmentOrder,
    target: FulfillmentOrder,
    line: Payload,
    pieces: int,
    now: datetime,
) -> list[Level]:
    """Move unsent pieces from one fulfilment order to another, and their promise."""
    row = source.line_of(order_key(line))
    if row is None or row.remaining < pieces:
        raise ValueError(f"{line['sku'] or line['title']} has not {pieces} left there")
    row.total -= pieces
    row.remaining -= pieces
    _add_pieces(store, target, line, pieces)
    source.settle(now)
    touched = release(store, line, source.location_id, pieces, True, now)
    variant = store.variant_of(line["variant_id"])
    if variant and variant.tracked:
        level = store.level(variant.item_id, target.location_id, now)
        level.available -= pieces
        level.committed += pieces
        touched.append(level)
    return touched


def _note_shipped(
    store: Store, order: Payload, line: Payload, pieces: int, now: datetime
) -> list[Level]:
    """Keep pieces that had left before the order came here."""
    if pieces <= 0:
        return []
    location_id = next(_shares(store, line, pieces))[0]
    requires = line["requires_shipping"]
    found = open_order(store, order_key(order), location_id, requires, now)
    _add_pieces(store, found, line, pieces)
    found.lines[0].remaining = 0
    found.settle(now)
    level = stock_level(store, line, location_id)
    if level is None:
        return []
    level.available -= pieces
    return [level]


def reopen(
    store: Store,
    order: Payload,
    line: Payload,
    location_id: int,
    pieces: int,
    now: datetime,
) -> None:
    """Give pieces that were not sent after all to a fulfilment order again."""
    requires = line["requires_shipping"]
    found = _open_order(store, order, location_id, requires, now)
    _add_pieces(store, found, line, pieces)
    level = stock_level(store, line, location_id)
    if level:
        level.committed += pieces
