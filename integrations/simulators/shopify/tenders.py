"""How an order was paid: status, gateways, terms, and the transactions beside it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.ids import TRANSACTION_BASE, gid, order_key
from integrations.simulators.shopify.money import written
from integrations.simulators.shopify.options import OrderOptions
from integrations.simulators.shopify.times import parse_time, shop_time

Payload = dict[str, Any]
SETTLED = ("paid", "partially_refunded", "refunded")


def payment_fields(order: Payload, options: OrderOptions) -> Payload:
    """Return the fields of an order that follow from the way it was paid."""
    outstanding = Decimal(order["total_price"]) - paid_amount(order, options)
    return {
        "financial_status": _status(options),
        "fulfillment_status": options.fulfillment_status,
        "payment_gateway_names": _gateways(order, options),
        "payment_terms": _terms(order, options),
        "total_outstanding": written(outstanding, order["currency"]),
    }


def paid_amount(order: Payload, options: OrderOptions) -> Decimal:
    """Return what was captured, in shop currency; gift cards are captured at once."""
    if options.amount_paid is not None:
        return Decimal(options.amount_paid)
    if _status(options) in SETTLED:
        return Decimal(order["total_price"])
    return Decimal(options.gift_card_tender)


def _status(options: OrderOptions) -> str:
    if options.cancelled and options.financial_status == "paid":
        return "voided"
    return "pending" if options.payment_terms else options.financial_status


def _gateways(order: Payload, options: OrderOptions) -> list[str]:
    tender = Decimal(options.gift_card_tender)
    gateways = ["gift_card"] if tender else []
    if tender < Decimal(order["total_price"]) and not options.payment_terms:
        gateways.append(options.gateway)
    return gateways


def _terms(order: Payload, options: OrderOptions) -> Payload | None:
    days = options.payment_terms
    if not days:
        return None
    issued = parse_time(order["created_at"])
    due = shop_time(issued + timedelta(days=days), options.timezone)
    amount = {"amount": order["total_price"], "currency": order["currency"]}
    return {
        **amount,
        "payment_terms_name": f"Net {days}",
        "payment_terms_type": "net",
        "due_in_days": days,
        "payment_schedules": [
            {
                **amount,
                "issued_at": order["created_at"],
                "due_at": due,
                "completed_at": None,
                "expected_payment_method": options.gateway,
            }
        ],
    }


def make_transactions(order: Payload, options: OrderOptions) -> list[Payload]:
    """Return the transactions that GraphQL shows and webhooks leave out."""
    rows: list[Payload] = []
    tender = Decimal(options.gift_card_tender)
    if tender:
        rows.append(_transaction(order, len(rows), "gift_card", "sale", tender))
    captured = paid_amount(order, options) - tender
    if captured:
        rows.append(_transaction(order, len(rows), options.gateway, "sale", captured))
    elif order["financial_status"] in ("authorized", "voided"):
        rest = Decimal(order["total_price"]) - tender
        rows.append(
            _transaction(order, len(rows), options.gateway, "authorization", rest)
        )
    if order["financial_status"] == "voided" and not captured:
        void = _transaction(order, len(rows), options.gateway, "void", rest)
        rows.append({**void, "parent_id": rows[-1]["id"]})
    return rows


def standard_transactions(order: Payload) -> list[Payload]:
    """Return transactions for a payload that came without any."""
    outstanding = Decimal(order.get("total_outstanding") or 0)
    captured = Decimal(order["total_price"]) - outstanding
    gateways = order.get("payment_gateway_names") or ["manual"]
    return [_transaction(order, 0, gateways[-1], "sale", captured)] if captured else []


def _transaction(
    order: Payload, index: int, gateway: str, kind: str, amount: Decimal
) -> Payload:
    number = TRANSACTION_BASE + int(order["order_number"]) * 100 + index
    return {
        "id": number,
        "admin_graphql_api_id": gid("OrderTransaction", number),
        "order_id": order_key(order),
        "parent_id": None,
        "amount": written(amount, order["currency"]),
        "amount_set": both_currencies(order, amount),
        "currency": order["currency"],
        "gateway": gateway,
        "kind": kind,
        "status": "success",
        "test": order["test"],
        "created_at": order["created_at"],
        "processed_at": order["processed_at"],
        "payment_id": f"{order['name']}.{index + 1}",
        "error_code": None,
    }


def both_currencies(order: Payload, amount: Decimal) -> Payload:
    """Convert a tender at the order's own rate."""
    price = order["total_price_set"]
    shop = Decimal(price["shop_money"]["amount"])
    other = Decimal(price["presentment_money"]["amount"])
    converted = amount * other / shop if shop else amount
    presentment = price["presentment_money"]["currency_code"]
    return {
        "shop_money": {
            "amount": written(amount, order["currency"]),
            "currency_code": order["currency"],
        },
        "presentment_money": {
            "amount": written(converted, presentment),
            "currency_code": presentment,
        },
    }
