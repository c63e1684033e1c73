"""What stands in the simulated accounts when the demo begins."""

from collections.abc import Mapping

from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.shopify import ShopifySimulator

# SKU, title, price, stock; NetSuite knows all but the last two.
PRODUCTS = (
    ("TENT-2P", "Two-person tent", "249.00", 40),
    ("STOVE-01", "Camping stove", "59.90", 120),
    ("MUG-BLUE", "Enamel mug, blue", "12.50", 300),
    ("BAG-45L", "Backpack 45 l", "129.00", 75),
    ("LAMP-USB", "Rechargeable lamp", "34.95", 90),
    ("ROPE-10M", "Rope 10 m", "18.20", 60),
)
UNKNOWN_TO_NETSUITE = (
    ("HAMMOCK-XL", "Hammock XL", "89.00", 15),
    ("KNIFE-PRO", "Pocket knife", "44.00", 22),
)
TOPICS = (
    "orders/create",
    "orders/updated",
    "orders/edited",
    "orders/cancelled",
    "customers/create",
    "customers/update",
)
# What the flows want that stand in files of their own.
OF_FLOWS = ("fulfillments/create", "fulfillments/update", "refunds/create")
SCOPES = (
    "read_orders",
    "read_all_orders",
    "read_customers",
    "read_fulfillments",
    "write_customers",
    "read_products",
    "write_products",
    "write_inventory",
    "read_inventory",
    "read_locations",
    "read_assigned_fulfillment_orders",
    "read_merchant_managed_fulfillment_orders",
    "write_assigned_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
    "read_shopify_payments_accounts",
    "read_shopify_payments_payouts",
)
LOCATION = "Main warehouse"


def set_stage(
    netsuite: NetSuiteSimulator,
    shopify: ShopifySimulator,
    keys: Mapping[str, str],
    hook: str,
) -> None:
    """Open both accounts for the demo's credentials and fill their shelves."""
    netsuite.add_certificate(
        keys["DEMO_NETSUITE_CLIENT_ID"],
        keys["DEMO_NETSUITE_CERTIFICATE_ID"],
        keys["DEMO_NETSUITE_CERTIFICATE"],
    )
    shopify.add_app(
        keys["DEMO_SHOPIFY_CLIENT_ID"], keys["DEMO_SHOPIFY_CLIENT_SECRET"], SCOPES
    )
    for sku, title, _, stock in PRODUCTS:
        netsuite.add_item(sku, name=title)
        netsuite.set_stock(sku, LOCATION, stock)
    for sku, title, price, stock in PRODUCTS + UNKNOWN_TO_NETSUITE:
        shopify.add_product(sku, title, price, stock={LOCATION: stock})
    for topic in TOPICS:
        shopify.subscribe(topic, hook)
    shopify.set_privacy_address(hook)
