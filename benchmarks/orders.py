"""Orders as Shopify sends them: signed deliveries, and ledger lines by the thousand."""

import base64
import hashlib
import hmac
import json
import os
import uuid
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from integrations.simulators.shopify import ShopifySimulator

SHOP = "northwind-outdoor.myshopify.com"
ORDER, NUMBER = "5600000010001", "#10001"
CUSTOMER = "7102266814112"
PRODUCT = ("TENT-2P", "Two-person tent", "249.00")
FLOW = "shopify-orders"
KEPT_OF_ORDER = (
    "id",
    "name",
    "created_at",
    "processed_at",
    "updated_at",
    "currency",
    "taxes_included",
    "email",
)
KEPT_OF_CUSTOMER = ("id", "first_name", "last_name", "email", "currency", "updated_at")
KEPT_OF_LINE = ("id", "sku", "title", "price", "quantity", "current_quantity")


@lru_cache(maxsize=1)
def sample() -> bytes:
    """Return the body of one order with a known customer, about 8 kB."""
    bodies: list[bytes] = []

    def keep(url: str, body: bytes, headers: dict[str, str]) -> int:
        bodies.append(body)
        return 200

    shop = ShopifySimulator(shop=SHOP, post=keep)
    shop.add_app("bench", "bench", ("read_orders", "read_customers"))
    shop.add_product(*PRODUCT, stock={})
    shop.subscribe("orders/create", "http://bench.test/")
    shop.place_order(
        shop.new_order(
            number=int(NUMBER[1:]),
            lines=[[*PRODUCT, 1], ["MUG-BLUE", "Enamel mug", "12.50", 4]],
            email="ada@example.com",
            tax_rate="0.0725",
        )
    )
    shop.webhooks.deliver_due()
    return bodies[0]


def body(number: int, *, new_customer: bool = False) -> bytes:
    """Return the order of a number, by the known customer or by one of its own."""
    text = sample().replace(ORDER.encode(), str(5_700_000_000_000 + number).encode())
    text = text.replace(NUMBER.encode(), f"#{number}".encode())
    if new_customer:
        text = text.replace(CUSTOMER.encode(), str(7_200_000_000_000 + number).encode())
        text = text.replace(b"ada@example.com", f"buyer{number}@example.com".encode())
    return text


def of_size(size: int) -> bytes:
    """Return an order without its money sets, padded to a size in bytes."""
    order = _without_sets(json.loads(sample()))
    order["note"] = ""
    short = json.dumps(order, separators=(",", ":")).encode()
    order["note"] = "x" * (size - len(short))
    return json.dumps(order, separators=(",", ":")).encode()


def small() -> bytes:
    """Return an order of one line with no more than its mapping needs."""
    order = json.loads(sample())
    line = order["line_items"][0]
    kept = {name: order[name] for name in KEPT_OF_ORDER}
    kept["customer"] = {name: order["customer"][name] for name in KEPT_OF_CUSTOMER}
    kept["line_items"] = [{name: line[name] for name in KEPT_OF_LINE}]
    kept |= dict.fromkeys(("subtotal_price", "total_price"), line["price"])
    return json.dumps(kept, separators=(",", ":")).encode()


def _without_sets(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_sets(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: one for name, one in value.items() if not name.endswith("_set")}
    return {name: _without_sets(one) for name, one in kept.items()}


def headers(text: bytes) -> dict[str, str]:
    """Sign a delivery with the shop's secret, under an id of its own."""
    secret = os.environ["DEMO_SHOPIFY_CLIENT_SECRET"].encode()
    digest = hmac.new(secret, text, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
        "X-Shopify-Event-Id": str(uuid.uuid4()),
        "X-Shopify-Triggered-At": "2026-11-01T12:00:00.000000000Z",
    }


def request(hook: str, text: bytes) -> bytes:
    """Return a whole signed request, ready for a socket."""
    address = urlsplit(hook)
    told = {"Host": address.netloc, **headers(text), "Content-Length": str(len(text))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {address.path} HTTP/1.1\r\n{lines}\r\n".encode() + text
