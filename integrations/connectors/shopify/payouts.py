"""Payouts of Shopify Payments and the balance transactions they are made of.

https://shopify.dev/docs/api/admin-graphql/latest/objects/ShopifyPaymentsAccount
PayPal, Klarna and manual payments never appear here, nor do gift cards.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Payload
from integrations.connectors.errors import ServerFault, UnreadablePayload
from integrations.connectors.payouts import (
    FINEST,
    LARGEST,
    LineFound,
    LinePage,
    PayoutFound,
    PayoutPage,
)
from integrations.connectors.shopify.graphql import GraphQL, next_page
from integrations.connectors.shopify.payout_types import kind_of
from integrations.connectors.shopify.values import amount, plain, unreadable

PAYOUT, ROW = "ShopifyPaymentsPayout", "ShopifyPaymentsBalanceTransaction"
# Kept whole in raw: what the provider itself adds up.
SUMMARY = (
    *("adjustmentsFee", "adjustmentsGross", "advanceFees", "advanceGross"),
    *("chargesFee", "chargesGross", "refundsFee", "refundsFeeGross"),
    *("reservedFundsFee", "reservedFundsGross"),
    *("retriedPayoutsFee", "retriedPayoutsGross"),
)
# A payout costs 15 points, a line 7: both stay below the 1,000 of a query.
PAYOUTS_A_PAGE, LINES_A_PAGE = 50, 100

PAYOUTS = """
query WaybillPayouts($first: Int!, $after: String, $search: String!) {
  shopifyPaymentsAccount {
    payouts(first: $first, after: $after, query: $search, sortKey: ISSUED_AT) {
      nodes {
        id issuedAt status transactionType externalTraceId
        net { amount currencyCode }
        summary { %s }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
""" % " ".join(f"{name} {{ amount }}" for name in SUMMARY)  # noqa: UP031
LINES = """
query WaybillPayoutLines($first: Int!, $after: String, $search: String!) {
  shopifyPaymentsAccount {
    balanceTransactions(
      first: $first, after: $after, query: $search, sortKey: PROCESSED_AT
    ) {
      nodes {
        id type sourceType sourceId sourceOrderTransactionId
        transactionDate test adjustmentReason
        amount { amount currencyCode }
        fee { amount currencyCode }
        net { amount currencyCode }
        associatedOrder { id name }
        associatedPayout { id status }
        adjustmentsOrders { name }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


def payouts(
    graphql: GraphQL, since: datetime, until: datetime, cursor: str
) -> PayoutPage:
    """Return a page of the payouts issued in [since, until), oldest first."""
    search = f"issued_at:>='{_zulu(since)}' AND issued_at:<'{_zulu(until)}'"
    asked = {"first": PAYOUTS_A_PAGE, "after": cursor or None, "search": search}
    account = graphql.run(PAYOUTS, asked).get("shopifyPaymentsAccount")
    if account is None:
        return PayoutPage(has_account=False)
    page = _connection(account, "payouts")
    rows, problems = _readable(page.get("nodes") or [])
    return PayoutPage(rows, next_page(page) or "", problems=problems)


def _readable(
    nodes: list[Payload],
) -> tuple[tuple[PayoutFound, ...], tuple[str, ...]]:
    rows, problems = [], []
    for node in nodes:
        try:
            rows.append(_payout(node))
        except UnreadablePayload as error:
            problems.append(str(error))
    return tuple(rows), tuple(problems)


def lines(graphql: GraphQL, payout_id: str, cursor: str) -> LinePage:
    """Return a page of the raw lines of one payout.

    Raises ServerFault when a line of another payout is among them: a search filter
    that is not understood is left out by Shopify, and would give every line there is.
    """
    search = f"payments_transfer_id:{payout_id}"
    asked = {"first": LINES_A_PAGE, "after": cursor or None, "search": search}
    account = graphql.run(LINES, asked).get("shopifyPaymentsAccount")
    page = _connection(account, "balanceTransactions")
    rows = tuple(page.get("nodes") or [])
    for node in rows:
        _refuse_stranger(node, payout_id)
    return LinePage(rows, next_page(page) or "")


def read_line(node: Payload) -> LineFound:
    """Read one line exactly; raises UnreadablePayload, naming the field."""
    key = _key(node, ROW)
    where = f"balanceTransactions[{key}]."
    net, currency = _money(node, "net", where)
    whole, of_amount = _money(node, "amount", where)
    fee, of_fee = _money(node, "fee", where)
    if {of_amount, of_fee} != {currency}:
        raise unreadable(f"{where}amount", of_amount, f"amount in {currency}")
    type_name = plain(node.get("type"), 80)
    order = node.get("associatedOrder") or {}
    adjusted = [plain(one.get("name")) for one in node.get("adjustmentsOrders") or []]
    return LineFound(
        id=key,
        type=type_name,
        kind=kind_of(type_name),
        amount=whole,
        fee=fee,
        net=net,
        currency=currency,
        at=_time(node, "transactionDate", where),
        order_id=plain(order.get("id")).rpartition("/")[2],
        order_name=plain(order.get("name") or ", ".join(adjusted), 120),
        reason=plain(node.get("adjustmentReason"), 120),
        is_test=node.get("test") is True,
    )


def _payout(node: Payload) -> PayoutFound:
    key = _key(node, PAYOUT)
    where = f"payouts[{key}]."
    net, currency = _money(node, "net", where)
    return PayoutFound(
        id=key,
        status=plain(node.get("status"), 40).lower(),
        net=net,
        currency=currency,
        issued_at=_time(node, "issuedAt", where),
        is_withdrawal=node.get("transactionType") == "WITHDRAWAL",
        trace=plain(node.get("externalTraceId"), 120),
        raw=node,
    )


def _connection(account: Any, name: str) -> Payload:
    found = account.get(name) if isinstance(account, dict) else None
    if not isinstance(found, dict):
        raise ServerFault(f"Shopify's answer holds no {name}.")
    return found


def _refuse_stranger(node: Payload, payout_id: str) -> None:
    told = (node.get("associatedPayout") or {}).get("id")
    if str(told).rpartition("/")[2] != payout_id:
        raise ServerFault(
            f"Shopify was asked for the lines of payout {payout_id} and gave "
            f"{node.get('id')}, which belongs to {told or 'no payout'}. None was kept."
        )


def _key(node: Payload, kind: str) -> str:
    head, _, key = plain(node.get("id")).rpartition("/")
    if head != f"gid://shopify/{kind}" or not key.isdecimal():
        raise unreadable("id", node.get("id"), f"{kind} id")
    return key[:40]


def _money(node: Payload, name: str, where: str) -> tuple[Decimal, str]:
    """Return an amount and its currency; both must be there, to the last digit."""
    told = node.get(name)
    money = told if isinstance(told, dict) else {}
    value, currency = money.get("amount"), plain(money.get("currencyCode"), 3)
    if value is None or value == "":
        raise unreadable(f"{where}{name}.amount", value, "amount")
    if len(currency) != 3:
        raise unreadable(f"{where}{name}.currencyCode", currency, "currency")
    found = amount(value, f"{where}{name}.amount")
    if found != found.quantize(FINEST) or abs(found) >= LARGEST:
        wanted = "amount below 1,000,000,000,000 with at most three decimals"
        raise unreadable(f"{where}{name}.amount", value, wanted)
    return found, currency


def _time(node: Payload, name: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(str(node.get(name)))
    except ValueError as error:
        raise unreadable(f"{where}{name}", node.get(name), "time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _zulu(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
