"""What warehouses do: send, track, hold, move to another place, take back."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from integrations.simulators.shopify.fulfillment_orders import (
    FulfillmentOrder,
    FulfillmentOrderLine,
    Hold,
)
from integrations.simulators.shopify.ids import gid, order_key, tail
from integrations.simulators.shopify.routing import (
    move_pieces,
    open_order,
    reopen,
    stock_level,
)
from integrations.simulators.shopify.shipments import (
    Tracking,
    fulfillment_payload,
    sending_state,
    with_fulfillment,
)
from integrations.simulators.shopify.shop import Shop, new_event

Payload = dict[str, Any]
Pick = tuple[FulfillmentOrder, FulfillmentOrderLine, int]
STATUSES = ("OPEN", "IN_PROGRESS", "SCHEDULED", "INCOMPLETE")


class Shipping(Shop):
    """The verbs of warehouses."""

    def fulfil_order(
        self,
        wanted: str | int,
        lines: Mapping[str, int] | None = None,
        *,
        place: str = "",
        company: str | None = None,
        numbers: Sequence[str] = (),
        urls: Sequence[str] = (),
    ) -> list[Payload]:
        """Send pieces by SKU, or all that can be sent; one fulfilment per place.

        Raises ValueError when nothing, or not that much, can be sent.
        """
        with self.lock:
            order = self.store.find_order(wanted)
            picks = self._picks(order, dict(lines) if lines else None, place)
            tracking = Tracking(company, numbers, urls)
            by_place: dict[int, list[Pick]] = {}
            for pick in picks:
                by_place.setdefault(pick[0].location_id, []).append(pick)
            return [self.send_picks(rows, tracking) for rows in by_place.values()]

    def send_picks(self, picks: Sequence[Pick], tracking: Tracking) -> Payload:
        """Send pieces of fulfilment orders of one order and one place."""
        with self.lock:
            order = deepcopy(self.store.find_order(picks[0][0].order_key))
            event, now = new_event(), self.now()
            sent = []
            for found, row, pieces in picks:
                line = line_by_key(order, row.line_key)
                row.remaining -= pieces
                line["fulfillable_quantity"] -= pieces
                level = stock_level(self.store, line, found.location_id)
                if level:
                    level.committed -= pieces
                found.status = "IN_PROGRESS"
                found.settle(now)
                sent.append((line, pieces))
            place, at = picks[0][0].location_id, self.shop_time(now)
            made = fulfillment_payload(self.store, order, sent, place, tracking, at)
            self.store.fulfillments[order_key(made)] = made
            self.store.owners[order_key(made)] = order_key(order)
            self._tell_sent(order, made, event)
            return made

    def track(
        self,
        wanted: str | int,
        *,
        company: str | None = None,
        numbers: Sequence[str] = (),
        urls: Sequence[str] = (),
    ) -> Payload:
        """Change the tracking of a fulfilment; a cancelled one takes it as well."""
        changes = Tracking(company, numbers, urls).payload()
        return self.change_fulfillment(wanted, **changes)

    def change_fulfillment(self, wanted: str | int, **changes: Any) -> Payload:
        """Change fields of a fulfilment, as carriers and services do."""
        with self.lock:
            found = self.store.find_fulfillment(wanted)
            unknown = sorted(set(changes) - set(found))
            if unknown:
                raise ValueError(f"fulfilments have no {', '.join(unknown)}")
            kept = {**found, "updated_at": self.shop_time(self.now()), **changes}
            self.store.fulfillments[order_key(found)] = kept
            order = deepcopy(self.store.find_order(self.store.owners[order_key(found)]))
            event = new_event()
            self.webhooks.fire("fulfillments/update", kept, event)
            fulfillments = with_fulfillment(order, kept)
            state = sending_state({**order, "fulfillments": fulfillments})
            changed = {"fulfillments": fulfillments, **state}
            self.change_order(order_key(order), changed, event)
            return kept

    def cancel_fulfillment(self, wanted: str | int) -> Payload:
        """Take a fulfilment back: its pieces stand in a new fulfilment order."""
        with self.lock:
            found = self.store.find_fulfillment(wanted)
            if found["status"] == "cancelled":
                return found
            order = deepcopy(self.store.find_order(self.store.owners[order_key(found)]))
            for row in found["line_items"]:
                line = line_by_key(order, order_key(row))
                line["fulfillable_quantity"] += row["quantity"]
                place, pieces = found["location_id"], row["quantity"]
                reopen(self.store, order, line, place, pieces, self.now())
            self.store.orders[order_key(order)] = order
            return self.change_fulfillment(order_key(found), status="cancelled")

    def hold(
        self, wanted: str | int, reason: str = "other", notes: str = ""
    ) -> FulfillmentOrder:
        """Put a fulfilment order on hold; the first hold alone is told."""
        with self.lock:
            found = self.store.find_fulfillment_order(wanted)
            made = Hold(self.store.new_id("FulfillmentHold"), reason, notes)
            was_held = bool(found.holds)
            found.holds.append(made)
            found.status, found.updated_at = "ON_HOLD", self.now()
            if not was_held:
                holds = [hold.payload() for hold in found.holds]
                body = {
                    "fulfillment_order": {
                        **found.payload(),
                        "fulfillment_holds": holds,
                    },
                    "remaining_fulfillment_order": None,
                    "held_fulfillment_order_line_items": [
                        {"id": row.gid, "quantity": row.remaining}
                        for row in found.lines
                    ],
                    "created_fulfillment_hold": made.payload(),
                }
                topic = "fulfillment_orders/placed_on_hold"
                self.webhooks.fire(topic, body, new_event())
            return found

    def release_hold(self, wanted: str | int) -> FulfillmentOrder:
        """Release all holds of a fulfilment order."""
        with self.lock:
            found = self.store.find_fulfillment_order(wanted)
            found.holds, found.updated_at = [], self.now()
            found.status = "OPEN"
            body = {"fulfillment_order": found.payload()}
            self.webhooks.fire("fulfillment_orders/hold_released", body, new_event())
            return found

    def set_fulfillment_order_status(
        self, wanted: str | int, status: str
    ) -> FulfillmentOrder:
        """Put a fulfilment order in another state, as services and dates do."""
        with self.lock:
            if status not in STATUSES:
                raise ValueError(f"status is one of {', '.join(STATUSES)}")
            found = self.store.find_fulfillment_order(wanted)
            found.status, found.updated_at = status, self.now()
            return found

    def move_fulfillment_order(
        self, wanted: str | int, place: str, lines: Mapping[str, int] | None = None
    ) -> FulfillmentOrder:
        """Let another place send it, or only the pieces named by SKU."""
        with self.lock:
            source = self.store.find_fulfillment_order(wanted)
            order = self.store.find_order(source.order_key)
            target_id, now = self.store.location(place).id, self.now()
            target = open_order(
                self.store, source.order_key, target_id, source.requires_shipping, now
            )
            for row in list(source.lines):
                line = line_by_key(order, row.line_key)
                pieces = row.remaining
                if lines is not None:
                    pieces = min(lines.get(line["sku"], 0), pieces)
                if pieces:
                    levels = move_pieces(self.store, source, target, line, pieces, now)
                    self.announce_levels(levels, new_event())
            self._tell_moved(source, target)
            return target

    def _tell_moved(self, source: FulfillmentOrder, target: FulfillmentOrder) -> None:
        body = {
            "original_fulfillment_order": source.payload(),
            "moved_fulfillment_order": target.payload(),
            "destination_location_id": gid("Location", target.location_id),
            "source_location": {"id": gid("Location", source.location_id)},
            "fulfillment_order_line_items_requested": [
                {"id": row.gid, "quantity": row.remaining} for row in target.lines
            ],
        }
        self.webhooks.fire("fulfillment_orders/moved", body, new_event())

    def _picks(
        self, order: Payload, lines: dict[str, int] | None, place: str
    ) -> list[Pick]:
        wishes, picks = dict(lines or {}), []
        wanted_place = self.store.location(place).id if place else None
        for found in self.store.fulfillment_orders_of(order_key(order)):
            here = wanted_place in (None, found.location_id)
            for row in found.lines if here and found.is_fulfillable else ():
                sku = line_by_key(order, row.line_key)["sku"]
                asked = row.remaining if lines is None else wishes.get(sku, 0)
                pieces = min(row.remaining, asked)
                if pieces:
                    picks.append((found, row, pieces))
                    wishes[sku] = wishes.get(sku, 0) - pieces
        missing = [sku for sku, left in wishes.items() if left > 0]
        if missing or not picks:
            what = ", ".join(missing) or "nothing"
            raise ValueError(f"{what} of order {order['name']} can be sent")
        return picks

    def _tell_sent(self, order: Payload, made: Payload, event: str) -> None:
        fulfillments = with_fulfillment(order, made)
        state = sending_state({**order, "fulfillments": fulfillments})
        self.webhooks.fire("fulfillments/create", made, event)
        changed = {"fulfillments": fulfillments, **state}
        kept = self.change_order(order_key(order), changed, event)
        whole = state["fulfillment_status"] == "fulfilled"
        topic = "orders/fulfilled" if whole else "orders/partially_fulfilled"
        self.webhooks.fire(topic, kept, event)


def line_by_key(order: Payload, key: str) -> Payload:
    """Return an order's line by its exact id; raise KeyError."""
    for line in order["line_items"]:
        if order_key(line) == tail(key):
            found: Payload = line
            return found
    raise KeyError(f"order {order['name']} has no line {key}")
