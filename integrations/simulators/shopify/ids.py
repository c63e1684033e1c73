"""Ids as Shopify writes them: numbers in webhooks, gids in GraphQL.

Ids follow from names (order number, SKU, e-mail), so that a payload made without a
simulator points at the same product and customer as one made by a simulator.
"""

import hashlib
import zlib
from decimal import Decimal
from typing import Any

ORDER_BASE = 5_600_000_000_000
LINE_BASE = 14_200_000_000_000
SHIPPING_BASE = 4_700_000_000_000
TRANSACTION_BASE = 6_900_000_000_000
CUSTOMER_BASE = 7_100_000_000_000
PRODUCT_BASE = 8_300_000_000_000
VARIANT_BASE = 45_100_000_000_000
ITEM_BASE = 47_200_000_000_000
LOCATION_BASE = 66_000_000_000
LONG_BASE = 820_982_911_946_154_508
# Where counting starts for records that no name tells apart.
BASES = {
    "BulkOperation": 7_933_000_000_000,
    "Fulfillment": 8_021_000_000_000,
    "FulfillmentHold": 1_510_000_000_000,
    "FulfillmentLineItem": 17_300_000_000_000,
    "FulfillmentOrder": 9_654_000_000_000,
    "FulfillmentOrderLineItem": 19_454_000_000_000,
    "OrderAdjustment": 1_030_000_000_000,
    "OrderEdit": 112_000_000_000,
    "OrderTransaction": 10_421_000_000_000,
    "PriceList": 31_400_000_000,
    "Product": 9_801_000_000_000,
    "ProductVariant": 49_801_000_000_000,
    "Refund": 1_024_000_000_000,
    "RefundLineItem": 930_000_000_000,
    "RefundShippingLine": 623_000_000_000,
    "ShopifyPaymentsBalanceTransaction": 711_420_000_000,
    "ShopifyPaymentsPayout": 102_870_000_000,
}


def gid(kind: str, number: int | str) -> str:
    return f"gid://shopify/{kind}/{number}"


def tail(value: str) -> str:
    """Return the number at the end of a gid, without its query string."""
    return value.rpartition("/")[2].partition("?")[0]


def digest_number(text: str) -> int:
    return zlib.crc32(text.encode())


def token_for(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def javascript_number(number: int) -> int:
    """Return what JavaScript prints for an integer beyond 2**53.

    Shopify's published webhook samples were rounded this way.
    """
    return int(Decimal(repr(float(number))))


def catalogue_ids(sku: str, copy: int = 0) -> dict[str, int]:
    """Return the product, variant and inventory item id of a SKU."""
    number = digest_number(f"{sku}/{copy}" if copy else sku)
    return {
        "product_id": PRODUCT_BASE + number,
        "variant_id": VARIANT_BASE + number,
        "item_id": ITEM_BASE + number,
    }


def customer_id(email: str) -> int:
    return CUSTOMER_BASE + digest_number(email.lower())


def order_key(payload: dict[str, Any]) -> str:
    """Return the exact id of an order or customer payload, as text."""
    return tail(str(payload["admin_graphql_api_id"]))
