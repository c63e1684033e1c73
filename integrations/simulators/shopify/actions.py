"""What merchants and buyers do: each act stores something and fires its webhooks."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

from integrations.simulators.shopify.customers import make_customer
from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.merchandise import Merchandise
from integrations.simulators.shopify.options import LineSpec
from integrations.simulators.shopify.order_life import OrderLife
from integrations.simulators.shopify.orders import OrderPayload, make_order
from integrations.simulators.shopify.routing import route_order
from integrations.simulators.shopify.shipping import Shipping
from integrations.simulators.shopify.shop import new_event
from integrations.simulators.shopify.store import MAIN_WAREHOUSE
from integrations.simulators.shopify.tenders import standard_transactions

Payload = dict[str, Any]


class ShopActions(OrderLife, Shipping, Merchandise):
    """The verbs of the shop; mixed into the simulator."""

    first_number: int

    def set_stock(self, sku: str, available: int, place: str = MAIN_WAREHOUSE) -> None:
        """Change what is available, as a merchant does in the admin."""
        with self.lock:
            variant, location = self.find_variant(sku), self.store.location(place)
            level = self.store.level(variant.item_id, location.id, self.now())
            level.available, level.updated_at = available, self.now()
            self.announce_level(level, new_event())

    def available(self, sku: str, place: str = MAIN_WAREHOUSE) -> int:
        """Return what is available of the first product with this SKU."""
        item_id, location = self.find_variant(sku).item_id, self.store.location(place)
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
            levels = route_order(self.store, kept, self.now())
            self.announce_levels(levels, event)
            self._tell_routed(kept, event)
            return kept

    def update_order(self, wanted: str | int, **changes: Any) -> Payload:
        """Change fields of an order and fire orders/updated."""
        with self.lock:
            return self.change_order(wanted, changes, new_event())

    def delete_order(self, wanted: str | int) -> None:
        """Take an order away, as a merchant may with one that was cancelled."""
        with self.lock:
            self.store.orders.pop(order_key(self.store.find_order(wanted)))

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

    def _tell_routed(self, order: Payload, event: str) -> None:
        topic = "fulfillment_orders/order_routing_complete"
        for found in self.store.fulfillment_orders_of(order_key(order)):
            body = {"fulfillment_order": found.payload()}
            self.webhooks.fire(topic, body, event)

    def _meet_customer(self, customer: Payload | None, event: str) -> None:
        if not customer or order_key(customer) in self.store.customers:
            return
        kept = {**customer, "addresses": []}
        self.store.customers[order_key(kept)] = kept
        self.webhooks.fire("customers/create", kept, event)


def _transactions_of(
    order: Payload, transactions: Iterable[Payload] | None
) -> Iterable[Payload]:
    if transactions is not None:
        return transactions
    if isinstance(order, OrderPayload):
        return order.transactions
    return standard_transactions(order)
