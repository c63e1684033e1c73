"""Builders of shop orders, and the shipped order document applied to them."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from integrations.connectors import exact
from integrations.connectors.shopify import orders
from mappings.engine import apply
from tests.mappings import shipped
from tests.mappings.builders import FakeLookups

SAMPLES = Path(__file__).parents[1] / "samples"
ORDER_SAMPLES = [
    "shopify-rest-order-refunded-discounted.2026-07.json",
    "shopify-webhook-orders-create.2026-04.json",
]


def sample(name):
    found = exact.loads((SAMPLES / name).read_bytes())
    return found.get("order", found)


def facts_for(order, **connection):
    facts = {
        "derived": orders.derived(order),
        "connection": {"tax_mode": "legacy", **connection},
        "source_connection": {"namespace": "shopify-demo"},
        "waybill": {
            "external_id": f"shopify-demo-order-{order['id']}",
            "flow": "orders",
        },
        "needs": {},
    }
    if order.get("customer"):
        key = f"shopify-demo-customer-{order['customer']['id']}"
        facts["needs"] = {"customer": {"external_id": key}}
    return facts


def without_exclusions(document):
    return replace(document, exclusions=())


def send(order, *, lookups=None, **connection):
    """Map an order that no rule keeps out."""
    document = without_exclusions(shipped.document("shopify-order"))
    facts = facts_for(order, **connection)
    return apply(document, order, facts=facts, lookups=lookups or FakeLookups())


def good(order, **connection):
    mapped = send(order, **connection)
    assert mapped.problems == ()
    assert total(mapped.payload) == Decimal(order["total_price"])
    return mapped.payload


def total(payload):
    """What NetSuite makes of the order, reckoned without the engine."""
    parts = [line["amount"] for line in payload["item"]["items"]]
    parts.append(payload.get("shippingCost", Decimal(0)))
    details = payload.get("taxDetails", {}).get("items", [])
    parts.extend(detail["taxAmount"] for detail in details)
    assert all(isinstance(part, Decimal) for part in parts)
    return sum(parts, Decimal(0))


def order(*lines, **changes):
    made = {
        "id": 5001,
        "admin_graphql_api_id": "gid://shopify/Order/5001",
        "name": "#1001",
        "processed_at": "2026-03-01T23:30:00-05:00",
        "currency": "USD",
        "test": False,
        "cancelled_at": None,
        "taxes_included": False,
        "email": "ada@example.com",
        "note": None,
        "customer": {"id": 7001},
        "billing_address": None,
        "shipping_address": ADDRESS,
        "line_items": list(lines),
        "shipping_lines": [],
        "tax_lines": [],
        "discount_codes": [],
        "discount_applications": [],
        "total_discounts": "0.00",
        "total_tax": "0.00",
        "total_tip_received": "0.00",
        "payment_gateway_names": ["shopify_payments"],
    }
    return made | changes


def line(number, sku, price, quantity=1, **changes):
    made = {
        "id": 9000 + number,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{9000 + number}",
        "sku": sku,
        "title": f"Product {number}",
        "price": price,
        "quantity": quantity,
        "product_id": 1,
        "variant_id": 2,
        "gift_card": False,
        "tax_lines": [],
        "discount_allocations": [],
        "duties": [],
    }
    return made | changes


def tax(price, title="State Tax", **changes):
    return {"title": title, "price": price, "rate": Decimal("0.07"), **changes}


ADDRESS = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "company": "Engines Ltd",
    "address1": "1 Mill Street",
    "address2": None,
    "city": "Louisville",
    "province": "Kentucky",
    "province_code": "KY",
    "country": "United States",
    "country_code": "US",
    "zip": "40202",
    "phone": "+1 502 459 2181",
}
SHIPPING = {"title": "Standard", "price": "5.00", "tax_lines": [], "is_removed": False}
