"""Payouts and balance transactions as the connector reads them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from integrations.connectors import exact
from integrations.connectors.errors import (
    PermissionMissing,
    ServerFault,
    UnreadablePayload,
)
from integrations.connectors.payouts import Kind
from integrations.connectors.shopify import payouts
from integrations.connectors.shopify.payout_types import KINDS, kind_of
from tests.connectors.shopify.conftest import sample

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


def money(amount, currency="EUR"):
    return {"amount": str(amount), "currencyCode": currency}


def row(**changes):
    return {
        "id": "gid://shopify/ShopifyPaymentsBalanceTransaction/77412310",
        "type": "CHARGE",
        "transactionDate": "2026-11-12T08:00:00Z",
        "test": False,
        "adjustmentReason": None,
        "amount": money("100.0"),
        "fee": money("3.2"),
        "net": money("96.8"),
        "associatedOrder": {"id": "gid://shopify/Order/5601", "name": "#1001"},
        "associatedPayout": {
            "id": "gid://shopify/ShopifyPaymentsPayout/7",
            "status": "PAID",
        },
        "adjustmentsOrders": [],
        **changes,
    }


def payout(**changes):
    return {
        "id": "gid://shopify/ShopifyPaymentsPayout/7",
        "issuedAt": "2026-11-12T00:00:00Z",
        "status": "PAID",
        "transactionType": "DEPOSIT",
        "externalTraceId": "TR-1",
        "net": money("96.8"),
        **changes,
    }


def answer(name, *nodes, cursor=None):
    info = {"hasNextPage": bool(cursor), "endCursor": cursor}
    held = {name: {"nodes": list(nodes), "pageInfo": info}}
    return {"data": {"shopifyPaymentsAccount": held}}


def test_a_payout_is_read_to_the_digit(line, shopify):
    line.reply(200, answer("payouts", payout(), cursor="next"))

    page = shopify.payouts(SINCE, UNTIL)

    [found] = page.rows
    assert (found.id, found.status, found.trace) == ("7", "paid", "TR-1")
    assert (found.net, found.currency) == (Decimal("96.8"), "EUR")
    assert page.cursor == "next"
    search = line.body()["variables"]["search"]
    assert "issued_at:>='2026-11-01T00:00:00Z'" in search


def test_a_withdrawal_is_told_by_its_direction(line, shopify):
    pulled = payout(transactionType="WITHDRAWAL", net=money("-25.0"))
    line.reply(200, answer("payouts", pulled))

    [found] = shopify.payouts(SINCE, UNTIL).rows

    assert found.is_withdrawal
    assert found.net == Decimal("-25.0")


def test_a_shop_without_shopify_payments_has_no_account(line, shopify):
    line.reply(200, {"data": {"shopifyPaymentsAccount": None}})

    assert not shopify.payouts(SINCE, UNTIL).has_account


def test_a_missing_scope_is_named(line, shopify):
    needed = "`read_shopify_payments_payouts` access scope."
    extensions = {"code": "ACCESS_DENIED", "requiredAccess": needed}
    error = {"message": "Access denied for payouts field.", "extensions": extensions}
    line.reply(200, {"errors": [error]})

    with pytest.raises(PermissionMissing, match="read_shopify_payments_payouts"):
        shopify.payouts(SINCE, UNTIL)


def test_a_line_keeps_its_net_as_given(shopify):
    odd = row(type="ADJUSTMENT", amount=money("-1.5"), fee=money("-0.25"))

    found = shopify.read_payout_line({**odd, "net": money("-1.75")})

    assert found.net == Decimal("-1.75")
    assert (found.kind, found.order_id) == (Kind.ADJUSTMENT, "5601")
    assert (found.order_name, found.currency) == ("#1001", "EUR")


def test_the_names_of_adjusted_orders_stand_in_for_the_order(shopify):
    adjusted = [{"name": "#1001"}, {"name": "#1002"}]

    found = shopify.read_payout_line(
        row(associatedOrder=None, adjustmentsOrders=adjusted)
    )

    assert (found.order_id, found.order_name) == ("", "#1001, #1002")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"net": None}, "net.amount"),
        ({"net": money("")}, "net.amount"),
        ({"fee": money("x")}, "fee.amount"),
        ({"fee": money("0.0001")}, "fee.amount"),
        ({"net": money("1000000000000")}, "net.amount"),
        ({"net": money("1.0", "")}, "net.currencyCode"),
        ({"amount": money("100.0", "USD")}, "amount"),
        ({"transactionDate": "yesterday"}, "transactionDate"),
        ({"id": "77"}, "id"),
    ],
)
def test_f79_what_cannot_be_kept_to_the_digit_is_refused(shopify, changes, field):
    with pytest.raises(UnreadablePayload, match=field.replace(".", r"\.")):
        shopify.read_payout_line(row(**changes))


def test_a_filter_that_shopify_leaves_out_brings_in_no_strangers(line, shopify):
    stranger = row(associatedPayout={"id": "gid://shopify/X/8", "status": "PAID"})
    line.reply(200, answer("balanceTransactions", row(), stranger))

    with pytest.raises(ServerFault, match="None was kept"):
        shopify.payout_lines("7")


def test_lines_come_page_by_page(line, shopify):
    line.reply(200, answer("balanceTransactions", row(), cursor="more"))

    page = shopify.payout_lines("7", "before")

    assert page.cursor == "more"
    assert page.rows[0]["type"] == "CHARGE"
    asked = line.body()["variables"]
    assert (asked["search"], asked["after"]) == ("payments_transfer_id:7", "before")


def test_f81_a_type_that_nobody_judged_is_unmapped():
    assert kind_of("QUANTUM_FEE") is Kind.UNMAPPED
    assert kind_of("charge") is Kind.UNMAPPED
    assert Kind.UNMAPPED not in KINDS.values()


def test_every_published_type_has_been_judged_once():
    assert len(KINDS) == 117
    assert {kind for kind in Kind if kind is not Kind.UNMAPPED} == set(KINDS.values())


def test_the_rows_of_the_rest_sample_are_read_with_their_values(shopify):
    rows = exact.loads(sample("shopify-rest-balance-transactions"))["transactions"]

    found = [shopify.read_payout_line(as_graphql(one)) for one in rows]

    assert [str(one.net) for one in found] == [one["net"] for one in rows]
    assert sum(one.net != one.amount - one.fee for one in found) > 0
    assert {one.type for one in found if one.kind is Kind.UNMAPPED} >= {"CREDIT"}


def as_graphql(one):
    """Put a row of the REST sample into the shape that GraphQL has; values as told."""
    currency = one["currency"]
    return row(
        id=f"gid://shopify/{payouts.ROW}/{one['id']}",
        type=one["type"].upper(),
        transactionDate=one["processed_at"],
        amount=money(one["amount"], currency),
        fee=money(one["fee"], currency),
        net=money(one["net"], currency),
        adjustmentReason=one["adjustment_reason"],
    )
