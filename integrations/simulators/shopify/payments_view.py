"""Shopify Payments as GraphQL shows it: the account, its payouts, its balance."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.context import Context, Info
from integrations.simulators.shopify.filters import search
from integrations.simulators.shopify.ids import digest_number, gid
from integrations.simulators.shopify.money_view import money_v2
from integrations.simulators.shopify.paging import connect
from integrations.simulators.shopify.payments import (
    PAYOUT,
    TRANSFERS,
    ZERO,
    BalanceTransaction,
    PaymentsAccount,
    Payout,
)
from integrations.simulators.shopify.times import zulu

Payload = dict[str, Any]
WHOLE = "read_shopify_payments"
ACCOUNT_SCOPES = (WHOLE, "read_shopify_payments_accounts")
PAYOUT_SCOPES = (WHOLE, "read_shopify_payments_payouts")
CHARGES = frozenset({"CHARGE"})
REFUNDS = frozenset({"REFUND", "REFUND_FAILURE"})
RESERVES = frozenset(
    {"RESERVED_FUNDS", "RESERVED_FUNDS_REVERSAL", "RESERVED_FUNDS_WITHDRAWAL"}
)
RETRIED = frozenset({"TRANSFER_FAILURE", "TRANSFER_CANCEL", "TRANSFER_REFUND"})
ADVANCES = frozenset({"ADVANCE", "ADVANCE_FUNDING"})
# Everything else, disputes included, counts as an adjustment.
NAMED = CHARGES | REFUNDS | RESERVES | RETRIED | ADVANCES | TRANSFERS

PAYOUT_FILTERS: dict[str, Callable[[Payout], Any]] = {
    "id": lambda payout: Decimal(payout.id),
    "issued_at": lambda payout: payout.issued_at,
    "status": lambda payout: payout.status,
    "currency": lambda payout: payout.currency,
}
PAYOUT_SORTS: dict[str, Callable[[Payout], Any]] = {
    "AMOUNT": lambda payout: str(payout.net),
    "ID": lambda payout: payout.id,
    "ISSUED_AT": lambda payout: zulu(payout.issued_at),
    "STATUS": lambda payout: payout.status,
}
ROW_FILTERS: dict[str, Callable[[BalanceTransaction], Any]] = {
    "id": lambda row: Decimal(row.id),
    "payments_transfer_id": lambda row: Decimal(row.payout) if row.payout else None,
    "processed_at": lambda row: row.at,
    "transaction_type": lambda row: row.type,
    "currency": lambda row: row.currency,
}
ROW_SORTS: dict[str, Callable[[BalanceTransaction], Any]] = {
    "ID": lambda row: row.id,
    "PROCESSED_AT": lambda row: zulu(row.at),
    "TRANSACTION_TYPE": lambda row: row.type,
}


def account(root: Any, info: Info) -> Payload | None:
    """Return the account; null for a shop that does not use Shopify Payments."""
    context: Context = info.context
    context.require_any(ACCOUNT_SCOPES, "shopifyPaymentsAccount")
    found = context.store.payments
    if found is None:
        return None
    return {
        "id": gid("ShopifyPaymentsAccount", digest_number(context.store.shop)),
        "activated": True,
        "country": found.country,
        "defaultCurrency": found.currency,
        "balance": [money_v2(sum_, name) for name, sum_ in found.balances().items()],
        "payouts": lambda info, **asked: _payouts(info.context, found, asked),
        "balanceTransactions": lambda info, **asked: _rows(info.context, found, asked),
    }


def _payouts(context: Context, held: PaymentsAccount, asked: Payload) -> Payload:
    context.require_any(PAYOUT_SCOPES, "payouts")
    way = asked.get("transactionType")
    known = [row for row in held.payouts.values() if way in (None, row.direction)]
    found = search(context, "payouts", asked.get("query"), known, PAYOUT_FILTERS)
    value = PAYOUT_SORTS.get(asked["sortKey"], PAYOUT_SORTS["ISSUED_AT"])
    return connect(
        found,
        lambda row: (value(row), row.id),
        lambda row: payout_view(row, held),
        asked,
    )


def _rows(context: Context, held: PaymentsAccount, asked: Payload) -> Payload:
    context.require_any(PAYOUT_SCOPES, "balanceTransactions")
    left_out = TRANSFERS if asked.get("hideTransfers") else frozenset()
    known = [
        row for row in held.rows.values() if not row.hidden and row.type not in left_out
    ]
    path = "balanceTransactions"
    found = search(context, path, asked.get("query"), known, ROW_FILTERS)
    value = ROW_SORTS.get(asked["sortKey"], ROW_SORTS["PROCESSED_AT"])
    return connect(
        found,
        lambda row: (value(row), row.id),
        lambda row: row_view(row, held),
        asked,
    )


def payout_view(payout: Payout, held: PaymentsAccount) -> Payload:
    net = money_v2(payout.net, payout.currency)
    return {
        "id": payout.gid,
        "legacyResourceId": str(payout.id),
        "issuedAt": zulu(payout.issued_at),
        "status": payout.status,
        "transactionType": payout.direction,
        "net": net,
        "gross": net,
        "externalTraceId": payout.trace,
        "businessEntity": {"id": gid("BusinessEntity", 1)},
        "summary": lambda info: _summary(payout, held),
    }


def _summary(payout: Payout, held: PaymentsAccount) -> Payload:
    rows = held.rows_of(payout)
    groups = {
        "charges": [row for row in rows if row.type in CHARGES],
        "refunds": [row for row in rows if row.type in REFUNDS],
        "reservedFunds": [row for row in rows if row.type in RESERVES],
        "retriedPayouts": [row for row in rows if row.type in RETRIED],
        "advance": [row for row in rows if row.type in ADVANCES],
        "adjustments": [row for row in rows if row.type not in NAMED],
    }
    odd = {"refunds": ("refundsFeeGross", "refundsFee")}
    odd["advance"] = ("advanceGross", "advanceFees")
    told: Payload = {"usdcRebateCreditAmount": None}
    for name, mine in groups.items():
        gross, fee = odd.get(name, (f"{name}Gross", f"{name}Fee"))
        whole = sum((row.amount for row in mine), ZERO)
        told[gross] = money_v2(whole, payout.currency)
        told[fee] = money_v2(sum((row.fee for row in mine), ZERO), payout.currency)
    return told


def row_view(row: BalanceTransaction, held: PaymentsAccount) -> Payload:
    order = {"id": row.order_gid, "name": row.order_name} if row.order_gid else None
    return {
        "id": row.gid,
        "type": row.type,
        "sourceType": row.source_type,
        "sourceId": _big(row.source_id),
        "sourceOrderTransactionId": _big(row.order_transaction),
        "associatedOrder": order,
        "associatedPayout": {
            "id": gid(PAYOUT, row.payout) if row.payout else None,
            "status": held.status_of(row),
        },
        "amount": money_v2(row.amount, row.currency),
        "fee": money_v2(row.fee, row.currency),
        "net": money_v2(row.net, row.currency),
        "transactionDate": zulu(row.at),
        "test": row.test,
        "adjustmentReason": row.reason,
        "adjustmentsOrders": [],
    }


def _big(number: int | None) -> str | None:
    """Write a BigInt as Shopify does: in quotes."""
    return None if number is None else str(number)
