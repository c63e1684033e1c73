"""Refunds as GraphQL shows them.

Shipping is a list of its own here; the adjustments that webhooks repeat it in are
left out, and only discrepancies are `orderAdjustments`.
"""

from collections.abc import Callable
from typing import Any

from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.ids import gid, order_key
from integrations.simulators.shopify.line_view import line_view, shipping_view
from integrations.simulators.shopify.money import Currencies, total
from integrations.simulators.shopify.money_view import bag, bag_of
from integrations.simulators.shopify.paging import pager
from integrations.simulators.shopify.repayments import repaid
from integrations.simulators.shopify.stock_view import location_view
from integrations.simulators.shopify.times import zulu
from integrations.simulators.shopify.totals import read_set
from integrations.simulators.shopify.transaction_view import transaction_view

Payload = dict[str, Any]


def refund_view(
    refund: Payload, order: Payload, context: Context, show_order: Callable[[], Payload]
) -> Payload:
    rows = context.store.transactions.get(order_key(order), [])
    ids = {row["id"] for row in refund["transactions"]}
    own = [row for row in rows if row["id"] in ids]
    currencies = Currencies(order["currency"], order["presentment_currency"])
    return {
        "id": refund["admin_graphql_api_id"],
        "legacyResourceId": order_key(refund),
        "createdAt": zulu(refund["created_at"]),
        "processedAt": zulu(refund["processed_at"]),
        "updatedAt": zulu(_changed_at(refund, own)),
        "note": refund["note"],
        "order": lambda info: show_order(),
        "totalRefundedSet": bag_of(currencies, repaid(own, ("success", "pending"))),
        "duties": [_duty(row) for row in refund["duties"]],
        "refundLineItems": pager(
            refund["refund_line_items"], lambda row: _line(row, order, context)
        ),
        "refundShippingLines": pager(
            refund["refund_shipping_lines"],
            lambda row: _shipping(row, refund, order, currencies),
        ),
        "orderAdjustments": pager(
            [x for x in refund["order_adjustments"] if _is_discrepancy(x)], _adjustment
        ),
        "transactions": pager(own, lambda row: transaction_view(row, rows)),
    }


def _changed_at(refund: Payload, own: list[Payload]) -> str:
    times = [str(refund["created_at"]), *(str(row["processed_at"]) for row in own)]
    return max(times)


def _is_discrepancy(row: Payload) -> bool:
    return bool(row["kind"] == "refund_discrepancy")


def _duty(row: Payload) -> Payload:
    return {
        "amountSet": bag(row["amount_set"]),
        "originalDuty": {"id": gid("Duty", row["duty_id"])},
    }


def _line(row: Payload, order: Payload, context: Context) -> Payload:
    key = order_key(row["line_item"])
    line = next(x for x in order["line_items"] if order_key(x) == key)
    places = context.store.locations
    place = next((x for x in places if x.id == row["location_id"]), None)
    return {
        "id": gid("RefundLineItem", row["id"]),
        "lineItem": lambda info: line_view(line, order, context),
        "quantity": row["quantity"],
        "restockType": row["restock_type"].upper(),
        "restocked": row["restock_type"] != "no_restock",
        "location": location_view(place) if place else None,
        "priceSet": bag(row["line_item"]["price_set"]),
        "subtotalSet": bag(row["subtotal_set"]),
        "totalTaxSet": bag(row["total_tax_set"]),
    }


def _shipping(
    row: Payload, refund: Payload, order: Payload, currencies: Currencies
) -> Payload:
    line = next(
        x for x in order["shipping_lines"] if x["id"] == row["shipping_line_id"]
    )
    index = refund["refund_shipping_lines"].index(row)
    repeated = [x for x in refund["order_adjustments"] if not _is_discrepancy(x)]
    tax = total([]) - read_set(repeated[index]["tax_amount_set"])
    return {
        "id": gid("RefundShippingLine", row["id"]),
        "shippingLine": shipping_view(line, order),
        "subtotalAmountSet": bag(row["subtotal_amount_set"]),
        "taxAmountSet": bag_of(currencies, tax),
    }


def _adjustment(row: Payload) -> Payload:
    return {
        "id": gid("OrderAdjustment", row["id"]),
        "amountSet": bag(row["amount_set"]),
        "taxAmountSet": bag(row["tax_amount_set"]),
        "reason": "REFUND_DISCREPANCY",
    }
