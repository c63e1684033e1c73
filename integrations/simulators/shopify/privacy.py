"""The compliance webhooks: a shop asks what is held of a customer, or to erase it.

Shopify waits before it sends an erasure (10 days after the wish, 60 after the last
order, 48 hours after the app was taken out); here they leave at once.
"""

import threading
from collections.abc import Mapping
from typing import Any

from integrations.simulators.shopify.shop import new_event
from integrations.simulators.shopify.store import Store
from integrations.simulators.shopify.webhooks import WebhookSender

Payload = dict[str, Any]
DATA_REQUEST, CUSTOMER_REDACT, SHOP_REDACT = (
    "customers/data_request",
    "customers/redact",
    "shop/redact",
)
PRIVACY_TOPICS = (DATA_REQUEST, CUSTOMER_REDACT, SHOP_REDACT)
SHOP_ID = 954889
FIRST_REQUEST = 9999


class PrivacyActions:
    """The verbs of merchants and of Shopify itself; mixed into the simulator."""

    store: Store
    webhooks: WebhookSender
    lock: threading.RLock
    _last_request = FIRST_REQUEST

    def request_data(self, customer: str | int) -> Payload:
        """Ask what is held of a customer, as a merchant does in the admin."""
        return self.demand(DATA_REQUEST, customer)

    def redact_customer(self, customer: str | int) -> Payload:
        """Have a customer erased."""
        return self.demand(CUSTOMER_REDACT, customer)

    def redact_shop(self) -> Payload:
        """Have the whole shop erased, as 48 hours after the app was taken out."""
        return self.demand(SHOP_REDACT)

    def demand(self, topic: str, customer: str | int = "") -> Payload:
        """Send one of the three; raises ValueError or KeyError for what is unknown."""
        if topic not in PRIVACY_TOPICS:
            raise ValueError(f"a demand is one of {', '.join(PRIVACY_TOPICS)}")
        with self.lock:
            body: Payload = {"shop_id": SHOP_ID, "shop_domain": self.store.shop}
            if topic != SHOP_REDACT:
                body |= self._about(topic, self._customer(customer))
            self.webhooks.fire(topic, body, new_event())
            return body

    def _customer(self, wanted: str | int) -> Mapping[str, Any]:
        for one in self.store.customers.values():
            if str(wanted) in (str(one["id"]), one.get("email")):
                return one
        raise KeyError(f"there is no customer {wanted}")

    def _about(self, topic: str, customer: Mapping[str, Any]) -> Payload:
        named = {name: customer.get(name) for name in ("id", "email", "phone")}
        orders = [
            order["id"]
            for order in self.store.orders.values()
            if (order.get("customer") or {}).get("id") == customer["id"]
        ]
        if topic == CUSTOMER_REDACT:
            return {"customer": named, "orders_to_redact": orders}
        self._last_request += 1
        return {
            "customer": named,
            "orders_requested": orders,
            "data_request": {"id": self._last_request},
        }
