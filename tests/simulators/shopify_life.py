"""A shop whose orders live on: two products, two places, and an app for all of it."""

import json
from typing import Any

from tests.simulators.shopify_shop import HOOK, Shop

EVERYTHING = "shpat_everything"
SCOPES = (
    "write_orders",
    "write_customers",
    "write_products",
    "write_inventory",
    "read_locations",
    "read_fulfillments",
    "write_merchant_managed_fulfillment_orders",
)
LINES = [("BAG", "Bag", "20.00", 3), ("MUG", "Mug", "7.50", 2)]


class LifeShop(Shop):
    """The shop with stock of both products and a token that may do everything."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.simulator.add_token(EVERYTHING, SCOPES)
        self.simulator.add_product("BAG", "Bag", "20.00", stock=10)
        self.simulator.add_product("MUG", "Mug", "7.50", stock=10)

    def order(self, number: int = 1001, lines: Any = None, **options: Any) -> Any:
        """Place an order and return it as it stands."""
        return self.place(number, lines or LINES, **options)

    def stands(self, number: int = 1001) -> Any:
        return self.simulator.store.find_order(number)

    def listen(self, *topics: str) -> None:
        for topic in topics:
            self.simulator.subscribe(topic, HOOK)

    def heard(self) -> list[tuple[str, Any]]:
        """Return topic and body of everything delivered since the last call."""
        self.simulator.deliver_due()
        got = [
            (headers["X-Shopify-Topic"], json.loads(body))
            for _, body, headers in self.receiver.got
        ]
        self.receiver.got.clear()
        return got

    def ask_all(self, query: str, variables: Any = None, **more: Any) -> Any:
        """Return the data of an operation of the app that may do everything."""
        return self.data(query, variables, token=EVERYTHING, **more)

    def control(self, path: str, body: Any) -> Any:
        return self.session.post(f"{self.url}/_simulator/{path}", json=body)
