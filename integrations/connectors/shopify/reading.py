"""Reads one order, customer or fulfilment again, in the shape that its webhook had."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.connectors.base import Payload
from integrations.connectors.errors import RecordMissing, ServerFault
from integrations.connectors.shopify import rest_shape
from integrations.connectors.shopify.graphql import GraphQL, next_page

# A query may cost 1,000 points; a line with its lists costs about 20.
LINES_PER_PAGE = 25
REFUNDED_PER_PAGE = 100

_MONEY = "{ shopMoney { amount currencyCode } }"
_TAXES = f"taxLines {{ title rate channelLiable priceSet {_MONEY} }}"
_ALLOCATIONS = (
    f"discountAllocations {{ allocatedAmountSet {_MONEY} "
    "discountApplication { index } }"
)
_PLACE = """{
  id firstName lastName name company address1 address2 city zip phone
  province provinceCode country countryCodeV2
}"""
_PERSON = f"""{{
  id legacyResourceId firstName lastName state note verifiedEmail taxExempt
  createdAt updatedAt
  defaultEmailAddress {{ emailAddress }} defaultPhoneNumber {{ phoneNumber }}
  defaultAddress {_PLACE}
}}"""

ORDER = f"""
query WaybillOrder($id: ID!) {{
  shop {{ ianaTimezone }}
  order(id: $id) {{
    id legacyResourceId name number confirmed test email phone note tags poNumber
    sourceName sourceIdentifier cancelReason displayFinancialStatus
    createdAt processedAt updatedAt closedAt cancelledAt
    currencyCode presentmentCurrencyCode taxesIncluded taxExempt dutiesIncluded
    paymentGatewayNames discountCodes
    customAttributes {{ key value }}
    totalPriceSet {_MONEY} subtotalPriceSet {_MONEY} totalTaxSet {_MONEY}
    totalDiscountsSet {_MONEY} totalTipReceivedSet {_MONEY}
    originalTotalDutiesSet {_MONEY} originalTotalAdditionalFeesSet {_MONEY}
    currentTotalPriceSet {_MONEY} currentTotalTaxSet {_MONEY}
    currentTotalDiscountsSet {_MONEY}
    displayFulfillmentStatus
    refunds(first: 100) {{ id }}
    {_TAXES}
    customer {_PERSON}
    billingAddress {_PLACE}
    shippingAddress {_PLACE}
    purchasingEntity {{
      ... on PurchasingCompany {{ company {{ id }} location {{ id }} }}
    }}
    paymentTerms {{ paymentTermsName dueInDays }}
    shippingLines(first: 10, includeRemovals: true) {{
      nodes {{
        title code source isRemoved
        originalPriceSet {_MONEY} discountedPriceSet {_MONEY}
        {_ALLOCATIONS} {_TAXES}
      }}
    }}
    discountApplications(first: 25) {{
      nodes {{
        index
        ... on DiscountCodeApplication {{ code }}
        ... on AutomaticDiscountApplication {{ title }}
        ... on ManualDiscountApplication {{ title }}
      }}
    }}
  }}
}}
"""
LINES = f"""
query WaybillLines($id: ID!, $first: Int!, $after: String) {{
  order(id: $id) {{
    lineItems(first: $first, after: $after) {{
      nodes {{
        id title name sku variantTitle vendor quantity currentQuantity isGiftCard
        requiresShipping taxable
        originalUnitPriceSet {_MONEY}
        {_ALLOCATIONS} {_TAXES}
        duties {{ harmonizedSystemCode countryCodeOfOrigin price {_MONEY} }}
        variant {{ legacyResourceId }}
        product {{ legacyResourceId }}
      }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
"""
REFUND = """
query WaybillRefundedLines($id: ID!, $first: Int!, $after: String) {
  refund(id: $id) {
    id
    refundLineItems(first: $first, after: $after) {
      nodes { quantity restockType lineItem { id } }
      pageInfo { hasNextPage endCursor }
    }
    refundShippingLines(first: 5) { nodes { id } }
  }
}
"""
CUSTOMER = f"""
query WaybillCustomer($id: ID!) {{
  shop {{ ianaTimezone }}
  customer(id: $id) {_PERSON}
}}
"""


FULFILLMENT = f"""
query WaybillFulfillment($id: ID!) {{
  shop {{ ianaTimezone }}
  fulfillment(id: $id) {{
    id legacyResourceId name status createdAt updatedAt
    trackingInfo {{ company number url }}
    location {{ legacyResourceId }}
    order {{ legacyResourceId email shippingAddress {_PLACE} }}
  }}
}}
"""
SHIPPED_LINES = """
query WaybillFulfillmentLines($id: ID!, $first: Int!, $after: String) {
  fulfillment(id: $id) {
    fulfillmentLineItems(first: $first, after: $after) {
      nodes {
        quantity
        lineItem {
          id title name sku variantTitle vendor isGiftCard requiresShipping taxable
          product { legacyResourceId }
          variant { legacyResourceId }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


ZONE = "query WaybillZone { shop { ianaTimezone } }"


def zone(graphql: GraphQL) -> ZoneInfo:
    """Return the time zone of the shop."""
    return zone_of(graphql.run(ZONE))


def order(graphql: GraphQL, key: str) -> Payload:
    """Return an order with all its lines; raises RecordMissing."""
    gid = {"id": f"gid://shopify/Order/{key}"}
    data = graphql.run(ORDER, gid)
    found = present(data, "order", key)
    lines: list[Payload] = []
    after: str | None = None
    while True:
        asked = {**gid, "first": LINES_PER_PAGE, "after": after}
        page = present(graphql.run(LINES, asked), "order", key)["lineItems"]
        lines += page["nodes"]
        after = next_page(page)
        if after is None:
            refunds = [_refund(graphql, str(one["id"])) for one in found["refunds"]]
            return rest_shape.order(found, lines, zone_of(data), refunds)


def _refund(graphql: GraphQL, gid: str) -> Payload:
    """Return which lines a refund took back; raises RecordMissing."""
    rows: list[Payload] = []
    after: str | None = None
    while True:
        asked = {"id": gid, "first": REFUNDED_PER_PAGE, "after": after}
        found = present(graphql.run(REFUND, asked), "refund", gid)
        page = found["refundLineItems"]
        rows += page["nodes"]
        after = next_page(page)
        if after is None:
            return {**found, "refundLineItems": {"nodes": rows}}


def customer(graphql: GraphQL, key: str) -> Payload:
    """Return a customer; raises RecordMissing."""
    data = graphql.run(CUSTOMER, {"id": f"gid://shopify/Customer/{key}"})
    return rest_shape.customer(present(data, "customer", key), zone_of(data))


def fulfillment(graphql: GraphQL, key: str) -> Payload:
    """Return a fulfilment with all its lines; raises RecordMissing."""
    gid = {"id": f"gid://shopify/Fulfillment/{key}"}
    data = graphql.run(FULFILLMENT, gid)
    found = present(data, "fulfillment", key)
    lines: list[Payload] = []
    after: str | None = None
    while True:
        asked = {**gid, "first": LINES_PER_PAGE, "after": after}
        part = present(graphql.run(SHIPPED_LINES, asked), "fulfillment", key)
        page = part["fulfillmentLineItems"]
        lines += page["nodes"]
        after = next_page(page)
        if after is None:
            return rest_shape.fulfillment(found, lines, zone_of(data))


def present(data: Payload, name: str, key: str) -> dict[str, Any]:
    """Return the object that was asked for by its id; raises RecordMissing."""
    found = data.get(name)
    if not isinstance(found, dict):
        raise RecordMissing(
            f"Shopify shows no {name} {key}. It was deleted, or it is older than 60 "
            "days and the app lacks the scope read_all_orders."
        )
    return found


def zone_of(data: Payload) -> ZoneInfo:
    """Return the shop's time zone: GraphQL tells times in UTC, webhooks in this."""
    name = str((data.get("shop") or {}).get("ianaTimezone"))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ServerFault(f"Shopify names the time zone {name!r}.") from error
