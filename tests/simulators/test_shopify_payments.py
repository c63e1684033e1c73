"""Payouts and balance transactions of the simulated shop, over Admin GraphQL."""

from decimal import Decimal

import pytest

from tests.simulators.shopify_shop import SCOPES, Shop

PAYOUTS = """
query Payouts($first: Int!, $after: String, $search: String) {
  shopifyPaymentsAccount {
    payouts(first: $first, after: $after, query: $search, sortKey: ISSUED_AT) {
      nodes {
        id legacyResourceId issuedAt status transactionType externalTraceId
        net { amount currencyCode }
        summary {
          chargesGross { amount } chargesFee { amount } refundsFeeGross { amount }
          adjustmentsGross { amount } retriedPayoutsGross { amount }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
ROWS = """
query Rows($first: Int!, $after: String, $search: String, $hide: Boolean = false) {
  shopifyPaymentsAccount {
    balanceTransactions(first: $first, after: $after, query: $search,
                        sortKey: PROCESSED_AT, hideTransfers: $hide) {
      nodes {
        id type sourceType sourceId sourceOrderTransactionId test adjustmentReason
        associatedOrder { id name } associatedPayout { id status }
        amount { amount currencyCode } fee { amount } net { amount }
        transactionDate
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
PAYS = ("read_shopify_payments_accounts", "read_shopify_payments_payouts")


@pytest.fixture
def shop():
    shop = Shop()
    shop.simulator.add_token("shpat_money", (*SCOPES, *PAYS))
    return shop


def ask(shop, query, **variables):
    asked = {"first": 50, **variables}
    data = shop.data(query, asked, token="shpat_money")
    return data["shopifyPaymentsAccount"]


def payouts(shop, **variables):
    return ask(shop, PAYOUTS, **variables)["payouts"]["nodes"]


def rows(shop, **variables):
    return ask(shop, ROWS, **variables)["balanceTransactions"]["nodes"]


def summed(found):
    return sum((Decimal(row["net"]["amount"]) for row in found), Decimal(0))


def test_a_shop_without_shopify_payments_has_no_account(shop):
    assert ask(shop, PAYOUTS) is None


def test_the_account_and_its_payouts_need_their_scopes(shop):
    shop.simulator.open_payments("EUR")

    for scopes, field in (((), "shopifyPaymentsAccount"), (PAYS[:1], "payouts")):
        shop.simulator.add_token("shpat_less", (*SCOPES, *scopes))
        [error] = shop.errors(PAYOUTS, {"first": 1}, token="shpat_less")
        assert error["extensions"]["code"] == "ACCESS_DENIED"
        assert field in error["message"]


def test_a_payout_is_the_sum_of_its_rows_without_its_own(shop):
    simulator = shop.simulator
    simulator.open_payments("EUR")
    order = shop.place(1001)
    simulator.charge(order, "3.20", "100.00")
    simulator.repay(order, "20.00")
    simulator.lose_dispute(order, "10.00")
    made = simulator.pay_out(trace="BANK-7")

    [payout] = payouts(shop)
    found = rows(shop, search=f"payments_transfer_id:{made.id}")

    assert payout["net"] == {"amount": "51.8", "currencyCode": "EUR"}
    assert (payout["status"], payout["transactionType"]) == ("SCHEDULED", "DEPOSIT")
    assert payout["externalTraceId"] == "BANK-7"
    assert payout["summary"]["chargesGross"]["amount"] == "100.0"
    assert payout["summary"]["adjustmentsGross"]["amount"] == "-10.0"
    own = [row for row in found if row["type"] == "TRANSFER"]
    assert summed(own) == Decimal("-51.80")
    hidden = rows(shop, search=f"payments_transfer_id:{made.id}", hide=True)
    assert summed(hidden) == Decimal("51.80")
    assert hidden[0]["associatedOrder"]["name"] == order["name"]
    assert hidden[0]["associatedPayout"] == {"id": made.gid, "status": "SCHEDULED"}


def test_each_currency_has_its_own_balance_and_payout(shop):
    simulator = shop.simulator
    simulator.open_payments("EUR")
    simulator.balance_row("CHARGE", "10.00")
    simulator.balance_row("CHARGE", "1200", currency="JPY")

    simulator.pay_out("JPY")

    assert [row["net"]["currencyCode"] for row in payouts(shop)] == ["JPY"]
    [pending] = [r for r in rows(shop) if r["associatedPayout"]["status"] == "PENDING"]
    assert pending["associatedPayout"]["id"] is None
    assert pending["amount"]["currencyCode"] == "EUR"


def test_a_row_left_out_counts_in_the_payout_and_stands_on_no_list(shop):
    shop.simulator.open_payments("EUR")
    shop.simulator.balance_row("CHARGE", "10.00")
    lost = shop.simulator.balance_row("CHARGE", "3.20")

    shop.simulator.pay_out(leave_out=[lost])

    assert payouts(shop)[0]["net"]["amount"] == "13.2"
    assert summed(rows(shop, hide=True)) == Decimal("10.00")


def test_a_failed_payout_comes_back_in_a_new_one(shop):
    simulator = shop.simulator
    simulator.open_payments("EUR")
    simulator.balance_row("CHARGE", "10.00")
    first = simulator.pay_out()
    simulator.set_payout_status(first, "FAILED")
    shop.clock.tick(days=1)
    second = simulator.pay_out()

    found = payouts(shop)

    assert [row["status"] for row in found] == ["FAILED", "SCHEDULED"]
    assert found[1]["summary"]["retriedPayoutsGross"]["amount"] == "10.0"
    again = rows(shop, search=f"payments_transfer_id:{second.id}", hide=True)
    assert [row["type"] for row in again] == ["TRANSFER_FAILURE"]


def test_a_balance_below_zero_is_a_withdrawal(shop):
    shop.simulator.open_payments("USD")
    shop.simulator.adjust("-25.00")
    shop.simulator.pay_out()

    [payout] = payouts(shop)

    assert payout["transactionType"] == "WITHDRAWAL"
    assert payout["net"]["amount"] == "-25.0"


def test_lists_are_paged_and_a_page_has_its_price(shop):
    shop.simulator.open_payments("EUR")
    for _ in range(5):
        shop.simulator.balance_row("CHARGE", "1.00")
    first = ask(shop, ROWS, first=2)["balanceTransactions"]
    after = first["pageInfo"]["endCursor"]

    rest = ask(shop, ROWS, first=50, after=after)["balanceTransactions"]

    assert first["pageInfo"]["hasNextPage"]
    ids = [row["id"] for row in [*first["nodes"], *rest["nodes"]]]
    assert len(set(ids)) == 5
    [error] = shop.errors(ROWS, {"first": 250}, token="shpat_money")
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_payouts_are_found_by_the_time_they_were_issued(shop):
    shop.simulator.open_payments("EUR")
    shop.simulator.balance_row("CHARGE", "1.00")
    shop.simulator.pay_out()
    shop.clock.tick(days=3)
    shop.simulator.balance_row("CHARGE", "2.00")
    shop.simulator.pay_out()

    found = payouts(shop, search="issued_at:>='2026-11-22T00:00:00Z'")

    assert [row["net"]["amount"] for row in found] == ["2.0"]
