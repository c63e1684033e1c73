"""What merchants and buyers do: each act stores something and fires its webhooks."""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

from integrations.simulators.shopify.customers import make_customer
from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.money import Amount
from integrations.simulators.shopify.options import LineSpec
from integrations.simulators.shopify.orders import OrderPayload, make_order
from integrations.simulators.shopify.store import MAIN_WAREHOUSE, Level, Store, Variant
from integrations.simulators.shopify.tenders import standard_transactions
from integrations.simulators.shopify.times import shop_time
from integrations.simulators.shopify.totals import current_totals
from integrations.simulators.shopify.webhooks import WebhookSender

Payload = dict[str, Any]
NO_CHANGES: Mapping[str, list[Payload]] = {"additions": [], "removals": []}


class ShopActions:
    """The verbs of the shop; mixed into the simulator."""

    store: Store
    webhooks: WebhookSender
    now: Callable[[], datetime]
    lock: threading.RLock
    first_number: int

    def add_product(
        self,
        sku: str,
        title: str,
        price: Amount,
        *,
        stock: Mapping[str, int] | int = 0,
        tracked: bool = True,
        bundle: bool = False,
    ) -> Variant:
        """Add a product, stocked at the locations named, or at the main warehouse."""
        with self.lock:
            held = {MAIN_WAREHOUSE: stock} if isinstance(stock, int) else stock
            return self.store.add_product(
                sku, title, price, held, self.now(), tracked=tracked, bundle=bundle
            )

    def set_stock(self, sku: str, available: int, place: str = MAIN_WAREHOUSE) -> None:
        """Change what is available, as a merchant does in the admin."""
        with self.lock:
            found = [x for x in self.store.variants if x.sku == sku]
            if not found:
                raise KeyError(f"no product with SKU {sku}")
            location = self.store.location(place)
            level = self.store.level(found[0].item_id, location.id, self.now())
            level.available, level.updated_at = available, self.now()
            self.announce_level(level, new_event())

    def available(self, sku: str, place: str = MAIN_WAREHOUSE) -> int:
        """Return what is available of the first product with this SKU."""
        item_id = next(x.item_id for x in self.store.variants if x.sku == sku)
        location = self.store.location(place)
        return self.store.level(item_id, location.id, self.now()).available

    def new_order(
        self,
        number: int | str | None = None,
        lines: Sequence[LineSpec] = (),
        **options: Any,
    ) -> OrderPayload:
        """Make an order of this shop: its currency, clock and next number."""
        options.setdefault("currency", self.store.currency)
        options.setdefault("timezone", self.store.timezone)
        options.setdefault("created_at", self.now())
        if lines:
            options["lines"] = lines
        return make_order(number or self.next_number(), **options)

    def next_number(self) -> int:
        numbers = [int(order["order_number"]) for order in self.store.orders.values()]
        return max([self.first_number - 1, *numbers]) + 1

    def place_order(
        self, order: Payload, transactions: Iterable[Payload] | None = None
    ) -> Payload:
        """Take an order: the buyer is kept, stock is committed, webhooks are fired.

        Raises ValueError when the shop has this order already.
        """
        with self.lock:
            if order_key(order) in self.store.orders:
                raise ValueError(f"order {order['name']} stands already")
            kept, event = dict(deepcopy(order)), new_event()
            self.store.save_order(kept, _transactions_of(order, transactions))
            self._meet_customer(kept.get("customer"), event)
            self.webhooks.fire("orders/create", kept, event)
            if kept["financial_status"] == "paid":
                self.webhooks.fire("orders/paid", kept, event)
            self._move_stock(kept, event, 1)
            return kept

    def update_order(self, wanted: str | int, **changes: Any) -> Payload:
        """Change fields of an order and fire orders/updated."""
        with self.lock:
            return self._change_order(wanted, changes, new_event())

    def cancel_order(self, wanted: str | int, reason: str = "customer") -> Payload:
        """Cancel an order and give its stock back."""
        with self.lock:
            event, at = new_event(), self.shop_time(self.now())
            changes = {
                "cancelled_at": at,
                "cancel_reason": reason,
                "financial_status": "voided",
            }
            order = self._change_order(wanted, changes, event)
            for line in order["line_items"]:
                line["fulfillable_quantity"] = 0
            self.webhooks.fire("orders/cancelled", order, event)
            self._move_stock(order, event, -1)
            return order

    def edit_order(self, wanted: str | int, quantities: Mapping[str, int]) -> Payload:
        """Leave fewer pieces of the SKUs named; `quantity` and `total_*` stay."""
        with self.lock:
            event, order = new_event(), deepcopy(self.store.find_order(wanted))
            removals = []
            for line in order["line_items"]:
                left = quantities.get(line["sku"], line["current_quantity"])
                if not 0 <= left <= line["current_quantity"]:
                    raise ValueError(f"{line['sku']} cannot become {left}")
                if left < line["current_quantity"]:
                    delta = line["current_quantity"] - left
                    removals.append({"id": line["id"], "delta": delta})
                line["current_quantity"] = line["fulfillable_quantity"] = left
            changes = {"line_items": order["line_items"], **current_totals(order)}
            order = self._change_order(wanted, changes, event)
            self.webhooks.fire("orders/edited", _edit(order, removals), event)
            return order

    def create_customer(self, customer: Payload | str, **changes: Any) -> Payload:
        """Add a customer, given whole or by e-mail, and fire customers/create."""
        with self.lock:
            if isinstance(customer, str):
                changes.setdefault("created_at", self.now())
                changes.setdefault("timezone", self.store.timezone)
                changes.setdefault("currency", self.store.currency)
                customer = make_customer(customer, **changes)
            kept = deepcopy(customer)
            self.store.customers[order_key(kept)] = kept
            self.webhooks.fire("customers/create", kept, new_event())
            return kept

    def update_customer(self, wanted: str | int, **changes: Any) -> Payload:
        """Change fields of a customer and fire customers/update."""
        with self.lock:
            found = self.store.find_customer(wanted)
            kept = {**found, "updated_at": self.shop_time(self.now()), **changes}
            self.store.customers[order_key(kept)] = kept
            self.webhooks.fire("customers/update", kept, new_event())
            return kept

    def send(self, topic: str, payload: Payload) -> None:
        """Fire a webhook with any body, stored or not, true or not."""
        self.webhooks.fire(topic, payload, new_event())

    def announce_level(self, level: Level, event: str) -> None:
        """Fire inventory_levels/update, which carries no SKU and no reason."""
        payload = {
            "inventory_item_id": level.item_id,
            "location_id": level.location_id,
            "available": level.available,
            "updated_at": self.shop_time(level.updated_at),
            "admin_graphql_api_id": level.gid,
        }
        self.webhooks.fire("inventory_levels/update", payload, event)

    def shop_time(self, moment: datetime) -> str:
        return shop_time(moment, self.store.timezone)

    def _change_order(
        self, wanted: str | int, changes: Mapping[str, Any], event: str
    ) -> Payload:
        found = self.store.find_order(wanted)
        kept = {**found, "updated_at": self.shop_time(self.now()), **changes}
        self.store.orders[order_key(found)] = kept
        self.webhooks.fire("orders/updated", kept, event)
        return kept

    def _meet_customer(self, customer: Payload | None, event: str) -> None:
        if not customer or order_key(customer) in self.store.customers:
            return
        kept = {**customer, "addresses": []}
        self.store.customers[order_key(kept)] = kept
        self.webhooks.fire("customers/create", kept, event)

    def _move_stock(self, order: Payload, event: str, direction: int) -> None:
        for line in order["line_items"]:
            variant = self.store.variant_of(line["variant_id"])
            levels = self.store.levels_of(variant.item_id) if variant else []
            if variant and variant.tracked and levels:
                pieces = direction * line["current_quantity"]
                levels[0].available -= pieces
                levels[0].committed += pieces
                levels[0].updated_at = self.now()
                self.announce_level(levels[0], event)


def new_event() -> str:
    """Return an event id: one per act, shared by all webhooks it causes."""
    return str(uuid.uuid4())


def _transactions_of(
    order: Payload, transactions: Iterable[Payload] | None
) -> Iterable[Payload]:
    if transactions is not None:
        return transactions
    if isinstance(order, OrderPayload):
        return order.transactions
    return standard_transactions(order)


def _edit(order: Payload, removals: list[Payload]) -> Payload:
    """Return the orders/edited body, which is only a difference."""
    return {
        "order_edit": {
            "id": int(order_key(order)) + 1,
            "app_id": order["app_id"],
            "created_at": order["updated_at"],
            "notify_customer": False,
            "order_id": order["id"],
            "staff_note": "",
            "user_id": None,
            "line_items": {"additions": [], "removals": removals},
            "discounts": {"line_item": dict(NO_CHANGES)},
            "shipping_lines": dict(NO_CHANGES),
            "committed_at": order["updated_at"],
        }
    }
