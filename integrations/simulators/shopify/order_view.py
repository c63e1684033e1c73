"""Orders as GraphQL shows them, worked out from their webhook shape."""

from collections.abc import Callable
from typing import Any

from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.fulfillment_view import (
    SCOPES,
    fulfillment_order_view,
    fulfillment_view,
)
from integrations.simulators.shopify.ids import gid, order_key
from integrations.simulators.shopify.line_view import (
    discount_view,
    line_view,
    shipping_view,
    tax_view,
)
from integrations.simulators.shopify.money import Currencies
from integrations.simulators.shopify.money_view import bag, bag_of, money_v2
from integrations.simulators.shopify.paging import pager
from integrations.simulators.shopify.people_view import address_view, customer_view
from integrations.simulators.shopify.refund_view import refund_view
from integrations.simulators.shopify.repayments import outstanding, received, repaid
from integrations.simulators.shopify.times import zulu
from integrations.simulators.shopify.totals import tip_of
from integrations.simulators.shopify.transaction_view import transaction_view

Payload = dict[str, Any]

PLAIN = {
    "name": "name",
    "confirmationNumber": "confirmation_number",
    "confirmed": "confirmed",
    "number": "order_number",
    "test": "test",
    "note": "note",
    "poNumber": "po_number",
    "sourceName": "source_name",
    "sourceIdentifier": "source_identifier",
    "statusPageUrl": "order_status_url",
    "customerLocale": "customer_locale",
    "currencyCode": "currency",
    "presentmentCurrencyCode": "presentment_currency",
    "taxesIncluded": "taxes_included",
    "taxExempt": "tax_exempt",
    "dutiesIncluded": "duties_included",
    "estimatedTaxes": "estimated_taxes",
    "paymentGatewayNames": "payment_gateway_names",
}
MOMENTS = ("createdAt", "processedAt", "updatedAt", "closedAt", "cancelledAt")
SETS = {
    "subtotalPriceSet": "subtotal_price_set",
    "totalPriceSet": "total_price_set",
    "originalTotalPriceSet": "total_price_set",
    "totalTaxSet": "total_tax_set",
    "totalDiscountsSet": "total_discounts_set",
    "totalShippingPriceSet": "total_shipping_price_set",
    "currentSubtotalPriceSet": "current_subtotal_price_set",
    "currentTotalPriceSet": "current_total_price_set",
    "currentTotalTaxSet": "current_total_tax_set",
    "currentTotalDiscountsSet": "current_total_discounts_set",
    "currentShippingPriceSet": "current_shipping_price_set",
    "currentTotalDutiesSet": "current_total_duties_set",
    "currentTotalAdditionalFeesSet": "current_total_additional_fees_set",
    "originalTotalDutiesSet": "original_total_duties_set",
    "originalTotalAdditionalFeesSet": "original_total_additional_fees_set",
}
FULFILLMENT = {
    None: "UNFULFILLED",
    "partial": "PARTIALLY_FULFILLED",
    "fulfilled": "FULFILLED",
    "restocked": "RESTOCKED",
}


def order_view(order: Payload, context: Context) -> Payload:
    key = order_key(order)
    order = context.seen("orders/", order)
    return {
        "id": order["admin_graphql_api_id"],
        "legacyResourceId": key,
        **{shown: order.get(name) for shown, name in PLAIN.items()},
        **{name: zulu(order.get(_snake(name))) for name in MOMENTS},
        **{shown: bag(order.get(name)) for shown, name in SETS.items()},
        **_states(order),
        **_texts(order),
        **_sums(order, context.store.transactions.get(key, [])),
        **_parties(order, key, context),
        **_lists(order, context),
        **_aftermath(order, key, context),
        "transactions": _transactions(key, context),
        "paymentTerms": _terms(order),
    }


def _snake(name: str) -> str:
    return name.replace("At", "_at")


def _is_edited(order: Payload, key: str, context: Context) -> bool:
    """Say whether lines were edited; refunds alone are no edit."""
    differs = order["current_total_price"] != order["total_price"]
    return key in context.store.edited or (differs and not order["refunds"])


def _aftermath(order: Payload, key: str, context: Context) -> Payload:
    """Show what became of the order: refunds, fulfilments, cancellation."""

    def show_order() -> Payload:
        return order_view(context.store.orders[key], context)

    def fulfillment_orders(info: Any, **arguments: Any) -> Payload:
        context.require_any(SCOPES, "fulfillmentOrders")
        found = context.store.fulfillment_orders_of(key)
        return pager(
            found, lambda row: fulfillment_order_view(row, order, context, show_order)
        )(info, **arguments)

    notes = context.store.staff_notes
    return {
        "edited": _is_edited(order, key, context),
        "cancellation": (
            {"staffNote": notes.get(key) or None} if order["cancelled_at"] else None
        ),
        "refunds": lambda info, first=None: [
            refund_view(row, order, context, show_order)
            for row in order["refunds"][:first]
        ],
        "fulfillments": lambda info, first=None, query=None: [
            fulfillment_view(row, order, context, show_order)
            for row in order["fulfillments"][:first]
        ],
        "fulfillmentOrders": fulfillment_orders,
        "fulfillmentsCount": {
            "count": len(order["fulfillments"]),
            "precision": "EXACT",
        },
    }


def _states(order: Payload) -> Payload:
    financial = (order.get("financial_status") or "pending").upper()
    fulfillment = order.get("fulfillment_status")
    reason = order.get("cancel_reason")
    return {
        "closed": order.get("closed_at") is not None,
        "cancelReason": reason.upper() if reason else None,
        "displayFinancialStatus": financial,
        "displayFulfillmentStatus": FULFILLMENT.get(
            fulfillment, str(fulfillment).upper()
        ),
        "fullyPaid": financial == "PAID",
        "unpaid": financial in ("PENDING", "AUTHORIZED", "EXPIRED"),
    }


def _texts(order: Payload) -> Payload:
    codes = [row["code"] for row in order["discount_codes"]]
    tags = [tag.strip() for tag in (order.get("tags") or "").split(",") if tag.strip()]
    return {
        "email": order.get("email") or None,
        "phone": order.get("phone"),
        "tags": tags,
        "customAttributes": [
            {"key": row["name"], "value": row["value"]}
            for row in order["note_attributes"]
        ],
        "discountCode": codes[0] if codes else None,
        "discountCodes": codes,
    }


def _sums(order: Payload, transactions: list[Payload]) -> Payload:
    currencies = Currencies(order["currency"], order["presentment_currency"])
    paid, back = received(transactions), repaid(transactions)
    goods = order["line_items"]
    return {
        "totalTipReceivedSet": bag_of(currencies, tip_of(order)),
        "totalReceivedSet": bag_of(currencies, paid),
        "totalRefundedSet": bag_of(currencies, back),
        "netPaymentSet": bag_of(currencies, paid - back),
        "totalOutstandingSet": bag_of(currencies, outstanding(order, transactions)),
        "totalWeight": str(order["total_weight"]),
        "totalCashRoundingAdjustment": {
            "paymentSet": bag(order["total_cash_rounding_payment_adjustment_set"]),
            "refundSet": bag(order["total_cash_rounding_refund_adjustment_set"]),
        },
        "subtotalLineItemsQuantity": sum(row["quantity"] for row in goods),
        "currentSubtotalLineItemsQuantity": sum(
            row["current_quantity"] for row in goods
        ),
        "additionalFees": _fees(order),
    }


def _fees(order: Payload) -> list[Payload]:
    fee = order["original_total_additional_fees_set"]
    if not fee:
        return []
    return [
        {
            "id": gid("AdditionalFee", order_key(order)),
            "name": "Additional fee",
            "price": bag(fee),
            "taxLines": [],
        }
    ]


def _parties(order: Payload, key: str, context: Context) -> Payload:
    customer = order.get("customer")
    company = order.get("company")

    def shown_customer(info: Any) -> Payload | None:
        context.require("read_customers", "customer")
        return customer_view(customer, context) if customer else None

    def entity(info: Any) -> Payload | None:
        return _company(company) if company else shown_customer(info)

    return {
        "customer": shown_customer,
        "purchasingEntity": entity,
        "billingAddress": address_view(order.get("billing_address"), key),
        "shippingAddress": address_view(order.get("shipping_address"), key),
    }


def _company(company: Payload) -> Payload:
    number, place = company["id"], company["location_id"]
    return {
        "__typename": "PurchasingCompany",
        "company": {"id": gid("Company", number), "name": f"Company {number}"},
        "location": {
            "id": gid("CompanyLocation", place),
            "name": f"Location {place}",
        },
    }


def _lists(order: Payload, context: Context) -> Payload:
    shipping = order["shipping_lines"]
    standing = [line for line in shipping if not line["is_removed"]]

    def shipping_lines(info: Any, **arguments: Any) -> Payload:
        rows = shipping if arguments.get("includeRemovals") else standing
        return pager(rows, lambda row: shipping_view(row, order))(info, **arguments)

    return {
        "taxLines": [tax_view(row) for row in order["tax_lines"]],
        "lineItems": pager(
            order["line_items"], lambda row: line_view(row, order, context)
        ),
        "shippingLine": shipping_view(standing[0], order) if standing else None,
        "shippingLines": shipping_lines,
        "discountApplications": pager(
            list(range(len(order["discount_applications"]))),
            lambda index: discount_view(index, order),
        ),
    }


def _transactions(key: str, context: Context) -> Callable[..., list[Payload]]:
    rows = context.store.transactions.get(key, [])
    return lambda info, **arguments: [
        transaction_view(row, rows) for row in rows[: arguments.get("first")]
    ]


def _terms(order: Payload) -> Payload | None:
    terms = order.get("payment_terms")
    if not terms:
        return None
    key = order_key(order)
    schedules = [
        {
            "id": gid("PaymentSchedule", f"{key}{index}"),
            "issuedAt": zulu(row["issued_at"]),
            "dueAt": zulu(row["due_at"]),
            "completedAt": zulu(row["completed_at"]),
            "amount": money_v2(row["amount"], row["currency"]),
        }
        for index, row in enumerate(terms["payment_schedules"])
    ]
    return {
        "id": gid("PaymentTerms", key),
        "paymentTermsName": terms["payment_terms_name"],
        "paymentTermsType": terms["payment_terms_type"].upper(),
        "dueInDays": terms["due_in_days"],
        "paymentSchedules": pager(schedules, lambda row: row),
    }
