"""One order of 20 lines through the shipped document, beside a function by hand.

Both get the order and its facts and make the very same payload; neither asks a line.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from benchmarks.by_hand import sales_order
from benchmarks.figures import Row, at_most, median_ratio
from benchmarks.machine import ROOT
from benchmarks.plan import Plan
from integrations.connectors import exact
from integrations.connectors.shopify import orders
from integrations.simulators.shopify import ShopifySimulator
from mappings.engine import Document, Found, apply, document_from, tables_from

LINES = 20
FILE = ROOT / "integrations" / "configuration" / "mappings.yaml"
MICROSECONDS = 1_000_000


class KnownIds:
    """Look-ups whose answers are known already, as those of a warm worker are."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str, str], Sequence[Found]] = {}

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        key = (record, by, value)
        if key not in self.found:
            self.found[key] = [Found(str(1000 + len(self.found)), value)]
        return self.found[key]


def run(plan: Plan) -> list[Row]:
    each = 100 if plan.quick else 400
    document, order, lookups = shipped(), order_of(LINES), KnownIds()
    facts = facts_of(order)

    def by_document() -> Any:
        return apply(document, order, facts=facts, lookups=lookups).payload

    def by_hand() -> Any:
        return sales_order(order, facts, lookups)

    if by_document() != by_hand():
        raise RuntimeError("the two payloads differ")
    pairs = [
        (seconds(by_document, each), seconds(by_hand, each))
        for _ in range(plan.rounds(15))
    ]
    ours, bare = ([pair[side] for pair in pairs] for side in (0, 1))
    return [
        Row(
            f"mapping, one order of {LINES} lines",
            f"{statistics.median(ours) * MICROSECONDS:,.0f} µs",
            f"{statistics.median(bare) * MICROSECONDS:,.0f} µs",
            **at_most(15, median_ratio(ours, bare)),  # type: ignore[arg-type]
            note="processor time; with trace, problems and sums, beside a function "
            "that makes the same payload and nothing else.",
        )
    ]


def seconds(make: Callable[[], Any], times: int) -> float:
    """Return the processor time of one call, the mean of many."""
    before = time.process_time()
    for _ in range(times):
        make()
    return (time.process_time() - before) / times


def shipped() -> Document:
    """Return the document for orders that Waybill comes with."""
    data = yaml.safe_load(FILE.read_text())
    found = next(
        one for one in data["mapping_documents"] if one["slug"] == "shopify-order"
    )
    return document_from(found, tables_from(data["value_tables"]))


def order_of(lines: int) -> dict[str, Any]:
    """Return an order as the shop sends it: taxes, shipping, both addresses, a code."""
    bodies: list[bytes] = []

    def keep(url: str, body: bytes, headers: dict[str, str]) -> int:
        bodies.append(body)
        return 200

    shop = ShopifySimulator(shop="bench.myshopify.com", post=keep)
    shop.add_app("bench", "bench", ("read_orders", "read_customers"))
    products = [
        (f"SKU-{n:03}", f"Two-person tent, colour {n}", f"{20 + n}.50")
        for n in range(lines)
    ]
    for product in products:
        shop.add_product(*product, stock={})
    shop.subscribe("orders/create", "http://bench.test/")
    order = shop.new_order(
        number=10001,
        lines=[[*product, 1 + n % 3] for n, product in enumerate(products)],
        email="ada@example.com",
        tax_rate="0.0725",
    )
    shop.place_order(order)
    shop.webhooks.deliver_due()
    found: dict[str, Any] = exact.loads(bodies[0])
    return found | {"test": False}


def facts_of(order: dict[str, Any]) -> Mapping[str, Any]:
    """Return what a delivery knows besides the order itself."""
    key = f"shopify-bench-customer-{order['customer']['id']}"
    return {
        "derived": orders.derived(order),
        "connection": {"tax_mode": "legacy", "subsidiary": "Parent Company"},
        "source_connection": {"namespace": "bench", "account_id": "bench"},
        "waybill": {
            "external_id": f"shopify-bench-order-{order['id']}",
            "flow": "orders",
            "target_id": "",
        },
        "needs": {"customer": {"external_id": key}},
    }
