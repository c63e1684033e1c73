"""What every verb of the shop needs: the store, the clock, and the webhooks."""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.store import Level, Store
from integrations.simulators.shopify.times import shop_time
from integrations.simulators.shopify.webhooks import WebhookSender

Payload = dict[str, Any]


class Shop:
    """The base of the verbs; the simulator brings the attributes."""

    store: Store
    webhooks: WebhookSender
    now: Callable[[], datetime]
    lock: threading.RLock

    def shop_time(self, moment: datetime) -> str:
        return shop_time(moment, self.store.timezone)

    def change_order(
        self, wanted: str | int, changes: Mapping[str, Any], event: str
    ) -> Payload:
        """Lay changes over an order and fire orders/updated."""
        found = self.store.find_order(wanted)
        kept = {**found, "updated_at": self.shop_time(self.now()), **changes}
        self.store.orders[order_key(found)] = kept
        self.webhooks.fire("orders/updated", kept, event)
        return kept

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

    def announce_levels(self, levels: Iterable[Level], event: str) -> None:
        for level in levels:
            self.announce_level(level, event)

    def run_due_jobs(self) -> int:
        """Do what the shop had put off until now; return how much that was."""
        with self.lock:
            return self.store.jobs.run_due(self.now())


def new_event() -> str:
    """Return an event id: one per act, shared by all webhooks it causes."""
    return str(uuid.uuid4())
