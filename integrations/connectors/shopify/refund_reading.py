"""Reads one refund again: its webhook's shape, with what the webhook leaves out.

Beside the refund stands the `order`: number, currency, whether prices hold tax, whether
it was a test. Payments are in shop currency, whatever the buyer paid in.
"""

from integrations.connectors.base import Payload
from integrations.connectors.errors import RecordRejected
from integrations.connectors.shopify import reading, rest_shape
from integrations.connectors.shopify.graphql import GraphQL, next_page

# A query may cost 1,000 points; a line costs about 12.
LINES_PER_PAGE = 50
MOST_PAYMENTS = 50

_MONEY = "{ shopMoney { amount currencyCode } }"
REFUND = f"""
query WaybillRefund($id: ID!, $payments: Int!) {{
  shop {{ ianaTimezone }}
  refund(id: $id) {{
    id legacyResourceId createdAt processedAt updatedAt note
    order {{ id legacyResourceId name test currencyCode taxesIncluded }}
    duties {{ amountSet {_MONEY} }}
    refundShippingLines(first: 20) {{
      nodes {{ subtotalAmountSet {_MONEY} taxAmountSet {_MONEY} }}
    }}
    orderAdjustments(first: 50) {{
      nodes {{ amountSet {_MONEY} taxAmountSet {_MONEY} reason }}
    }}
    transactions(first: $payments) {{
      nodes {{
        id kind status gateway test createdAt processedAt errorCode
        amountSet {_MONEY}
      }}
      pageInfo {{ hasNextPage }}
    }}
  }}
}}
"""
LINES = f"""
query WaybillRefundLines($id: ID!, $first: Int!, $after: String) {{
  refund(id: $id) {{
    refundLineItems(first: $first, after: $after) {{
      nodes {{
        quantity restockType
        location {{ id name }}
        subtotalSet {_MONEY} totalTaxSet {_MONEY}
        lineItem {{
          id title name sku quantity isGiftCard
          taxLines {{ title channelLiable priceSet {_MONEY} }}
          variant {{ legacyResourceId }}
          product {{ legacyResourceId }}
        }}
      }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
"""


def refund(graphql: GraphQL, key: str) -> Payload:
    """Return a refund with all its lines; raises RecordMissing, RecordRejected."""
    gid = {"id": f"gid://shopify/Refund/{key}"}
    data = graphql.run(REFUND, {**gid, "payments": MOST_PAYMENTS})
    found = reading.present(data, "refund", key)
    if (found.get("transactions") or {}).get("pageInfo", {}).get("hasNextPage"):
        raise RecordRejected(
            f"Refund {key} was paid back in more than {MOST_PAYMENTS} payments, which "
            "is more than Waybill reads. Book it by hand and exclude it.",
            fields={"transactions": f"more than {MOST_PAYMENTS} payments"},
        )
    return rest_shape.refund(found, _lines(graphql, gid, key), reading.zone_of(data))


def _lines(graphql: GraphQL, gid: dict[str, str], key: str) -> list[Payload]:
    lines: list[Payload] = []
    after: str | None = None
    while True:
        asked = {**gid, "first": LINES_PER_PAGE, "after": after}
        read = reading.present(graphql.run(LINES, asked), "refund", key)
        lines += read["refundLineItems"]["nodes"]
        after = next_page(read["refundLineItems"])
        if after is None:
            return lines
