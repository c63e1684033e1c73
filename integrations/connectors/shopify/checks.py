"""The check of a Shopify connection, in words for the person who set it up."""

from integrations.connectors.base import CheckLine, CheckResult
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    PermissionMissing,
)
from integrations.connectors.shopify.graphql import GraphQL

SHOP = """
query WaybillCheck {
  shop { name myshopifyDomain currencyCode }
  currentAppInstallation { accessScopes { handle } }
}
"""
_SHIPMENTS = "the flow of fulfilments from NetSuite needs"
# Scope, what it allows, and what alone needs it; nothing: every connection does.
SCOPES = (
    ("read_orders", "read orders", ""),
    ("read_customers", "read customers", ""),
    ("read_all_orders", "read orders of more than 60 days ago", "older orders need"),
    ("write_inventory", "set stock levels", "the stock flow needs"),
    ("read_locations", "read locations", "stock, refunds and fulfilments need"),
    ("read_fulfillments", "read fulfilments", "the flow of shipments needs"),
    (
        "write_merchant_managed_fulfillment_orders",
        "fulfil orders from the shop's own locations",
        _SHIPMENTS,
    ),
    (
        "write_assigned_fulfillment_orders",
        "fulfil orders from locations of warehouse apps",
        _SHIPMENTS,
    ),
    ("write_products", "write products", "the flows of products and prices need"),
    ("write_customers", "write customers", "the flow of customers from NetSuite needs"),
    (
        "read_shopify_payments_accounts",
        "see the account of Shopify Payments",
        "reconciliation needs",
    ),
    ("read_shopify_payments_payouts", "read payouts", "reconciliation needs"),
)
SCOPE_REMEDY = (
    "Add the scope {scope} to the app in the Dev Dashboard, release the version, and "
    "approve it in the shop."
)
ACCESS_REMEDY = (
    "Set the credentials of the app again, and see that it is installed in the shop."
)


def check(graphql: GraphQL, shop: str) -> CheckResult:
    """Try the log-in, whose shop it is, and each scope, one line each."""
    try:
        data = graphql.run(SHOP)
    except (AccessRefused, PermissionMissing) as error:
        return CheckResult((CheckLine(False, str(error), ACCESS_REMEDY),))
    except ConnectorError as error:
        remedy = "Check shop, address and API version, then try again."
        return CheckResult((CheckLine(False, str(error), remedy),))
    found = data.get("shop") or {}
    installed = data.get("currentAppInstallation") or {}
    granted = {scope.get("handle") for scope in installed.get("accessScopes") or []}
    lines = [_shop_line(found, shop)]
    lines += [_scope_line(*scope, granted) for scope in SCOPES]
    return CheckResult(tuple(lines))


def _shop_line(found: dict[str, str], shop: str) -> CheckLine:
    domain = str(found.get("myshopifyDomain"))
    if domain.lower() != shop.lower():
        return CheckLine(
            False,
            f"These credentials belong to {domain}, not to {shop}.",
            "Set the credentials of the right shop.",
        )
    words = f"{found.get('name')} ({found.get('currencyCode')})"
    return CheckLine(True, f"The log-in to {words} works.")


def _scope_line(
    scope: str, allows: str, only: str, granted: set[str | None]
) -> CheckLine:
    if scope in granted or scope.replace("read_", "write_") in granted:
        return CheckLine(True, f"The app may {allows}.")
    why = f", which only {only}" if only else ""
    text = f"The app may not {allows}{why}."
    return CheckLine(bool(only), text, SCOPE_REMEDY.format(scope=scope))
