"""Money back: the transactions of refunds, and what an order owes after them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.ids import gid, order_key
from integrations.simulators.shopify.money import (
    ZERO,
    Currencies,
    Money,
    total,
    written,
)
from integrations.simulators.shopify.store import Store
from integrations.simulators.shopify.tenders import both_currencies
from integrations.simulators.shopify.totals import read_set

Payload = dict[str, Any]
TAKEN = ("sale", "capture")
# Fields of a transaction that only the webhook's shape has.
WEBHOOK_ONLY: Payload = {
    "message": None,
    "authorization": None,
    "location_id": None,
    "user_id": None,
    "device_id": None,
    "source_name": "web",
    "receipt": {},
    "manual_payment_gateway": False,
    "amount_rounding": None,
}


def received(transactions: Sequence[Payload]) -> Money:
    return total(
        read_set(row["amount_set"])
        for row in transactions
        if row["kind"] in TAKEN and row["status"] == "success"
    )


def repaid(
    transactions: Sequence[Payload], states: Sequence[str] = ("success",)
) -> Money:
    return total(
        read_set(row["amount_set"])
        for row in transactions
        if row["kind"] == "refund" and row["status"] in states
    )


def refundable(row: Payload, transactions: Sequence[Payload]) -> Decimal:
    """Return what is left to refund of a payment; what is pending is spoken for."""
    children = [x for x in transactions if x["parent_id"] == row["id"]]
    back = repaid(children, ("success", "pending"))
    return read_set(row["amount_set"]).shop - back.shop


def repay(
    store: Store, order: Payload, amount: Decimal, status: str, at: str
) -> list[Payload]:
    """Return refund transactions over the payments of an order, oldest first.

    Raises ValueError when that much was not paid.
    """
    known = store.transactions.get(order_key(order), [])
    rows, missing = [], amount
    for parent in known:
        if parent["kind"] in TAKEN and parent["status"] == "success" and missing:
            taken = min(missing, refundable(parent, known))
            if taken > 0:
                rows.append(repayment(store, order, parent, taken, status, at))
                missing -= taken
    if missing:
        raise ValueError(f"{missing} more than what can be refunded of the payments")
    return rows


def repayment(
    store: Store,
    order: Payload,
    parent: Payload,
    amount: Decimal,
    status: str,
    at: str,
) -> Payload:
    """Return one refund transaction; the gateway is the parent's, whatever is asked."""
    number = store.new_id("OrderTransaction")
    count = len(store.transactions.get(order_key(order), []))
    return {
        **parent,
        "id": number,
        "admin_graphql_api_id": gid("OrderTransaction", number),
        "parent_id": parent["id"],
        "kind": "refund",
        "status": status,
        "amount": written(amount, order["currency"]),
        "amount_set": both_currencies(order, amount),
        "created_at": at,
        "processed_at": at,
        "payment_id": f"{order['name']}.{count + 1}",
    }


def transaction_payload(row: Payload, order: Payload) -> Payload:
    """Return a transaction as webhooks carry it: no `amount_set`."""
    unsettled = row["amount"] if row["status"] == "pending" else "0.0"
    money = {"amount": unsettled, "currency": row["currency"]}
    shown = {name: value for name, value in row.items() if name != "amount_set"}
    return {
        **WEBHOOK_ONLY,
        **shown,
        "order_id": order["id"],
        "total_unsettled_set": {"presentment_money": money, "shop_money": dict(money)},
    }


def money_fields(order: Payload, transactions: Sequence[Payload]) -> Payload:
    """Return what an order says of its money after an edit, refund or settlement."""
    owed = outstanding(order, transactions).shop
    status = _status(order, transactions, owed)
    shown = written(owed, order["currency"])
    return {"total_outstanding": shown, "financial_status": status}


def _status(order: Payload, transactions: Sequence[Payload], owed: Decimal) -> str:
    back, paid = repaid(transactions).shop, received(transactions).shop
    if back:
        return "refunded" if back >= paid else "partially_refunded"
    if paid and owed > 0:
        return "partially_paid"
    stands = str(order["financial_status"])
    return "paid" if stands == "partially_paid" and paid else stands


def outstanding(order: Payload, transactions: Sequence[Payload]) -> Money:
    """Return what the buyer still owes; less than nothing is owed to the buyer."""
    kept = received(transactions) - repaid(transactions, ("success", "pending"))
    explained = total(
        read_set(row["amount_set"])
        for refund in order["refunds"]
        for row in refund["order_adjustments"]
        if row["kind"] == "refund_discrepancy"
    )
    return read_set(order["current_total_price_set"]) - kept + explained


def order_currencies(order: Payload) -> Currencies:
    """Return both currencies of an order with the rate it was placed at."""
    price = read_set(order["total_price_set"])
    rate = price.presentment / price.shop if price.shop else Decimal(1)
    return Currencies(order["currency"], order["presentment_currency"], rate)


def in_both(order: Payload, amount: Decimal) -> Money:
    return read_set(both_currencies(order, amount)) if amount else ZERO
