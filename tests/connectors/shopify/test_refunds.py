from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.connectors import exact
from integrations.connectors.errors import UnreadablePayload
from integrations.connectors.shopify.refunds import derived, described, unfinished
from integrations.connectors.shopify.sources import delivered
from tests.connectors.shopify.conftest import order, sample

PARTS = ("shipping", "duties", "additional_fees", "difference")


def webhook() -> dict[str, Any]:
    return exact.loads(sample("shopify-webhook-refunds-create"))


def discounted() -> dict[str, Any]:
    [refund] = order("shopify-rest-order-refunded-discounted")["refunds"]
    return refund


def whole(facts: dict[str, Any]) -> Decimal:
    """Add the parts up as the credit memo does."""
    lists = ("lines", "tax_lines", "adjustments")
    listed = sum((row["amount"] for name in lists for row in facts[name]), Decimal(0))
    return listed + sum(facts[name] for name in PARTS)


def payment(amount="10.00", status="success", **changes):
    return {"kind": "refund", "status": status, "amount": amount, **changes}


def read(*payments, currency="USD", **changes):
    """A refund as it is read again, without lines unless given."""
    order = {"name": "#1001", "currency": currency, "taxes_included": False}
    return {
        "admin_graphql_api_id": "gid://shopify/Refund/77",
        "order_id": 5,
        "created_at": "2026-03-01T23:30:00-05:00",
        "order": order | changes.pop("order", {}),
        "transactions": list(payments),
        **changes,
    }


def line(net="20.00", tax="0.00", **changes):
    return {
        "quantity": 1,
        "restock_type": "return",
        "subtotal_set": {"shop_money": {"amount": net, "currency_code": "USD"}},
        "total_tax_set": {"shop_money": {"amount": tax, "currency_code": "USD"}},
        "line_item": {
            "admin_graphql_api_id": "gid://shopify/LineItem/9",
            "sku": "TENT-2P",
            "title": "Tent",
            "tax_lines": changes.pop("tax_lines", []),
        },
        **changes,
    }


def test_the_webhook_of_a_refund_is_described():
    found = delivered("refunds/create", sample("shopify-webhook-refunds-create"))
    assert (found.entity, found.key) == ("refund", "890088186047892319")
    assert found.amount == Decimal("85.00")
    assert found.currency == "USD"
    assert found.skus[0] == "SKU2006-001" and len(found.skus) == 5
    assert found.changed_at.isoformat() == "2022-01-01T00:00:00+00:00"


def test_money_and_lines_of_the_sample_differ_and_the_difference_is_a_line():
    facts = derived(webhook())
    assert sum(row["amount"] for row in facts["lines"]) == Decimal("414.95")
    assert facts["settled"] == Decimal("85.00")
    assert facts["difference"] == Decimal("-329.95")
    assert whole(facts) == Decimal("85.00")


def test_an_unexplained_rest_of_the_discounted_order_is_a_line():
    facts = derived(discounted())
    assert [row["amount"] for row in facts["lines"]] == [
        Decimal("195.66"),
        Decimal("195.67"),
    ]
    assert [row["is_returned"] for row in facts["lines"]] == [True, True]
    assert facts["tax_lines"] == [
        {"title": "Tax", "amount": Decimal("7.96"), "channel_liable": False}
    ]
    assert facts["settled"] == Decimal("209.00")
    assert facts["difference"] == Decimal("-190.29")
    assert whole(facts) == Decimal("209.00")


def test_a_webhook_is_not_yet_the_whole_of_a_refund():
    assert unfinished(webhook())
    assert unfinished(read(payment())) == ""


def test_money_on_its_way_and_states_nobody_knows_are_not_settled():
    assert unfinished(read(payment(), payment(status="pending")))
    assert unfinished(read(payment(status="awaiting_response")))
    assert unfinished(read(payment(status="a_state_of_2029")))
    assert derived(read(payment(status="a_state_of_2029")))["state"] == "pending"
    assert derived(read(payment(), payment("5", "failure")))["state"] == "settled"
    assert derived(read(payment(status="error")))["state"] == "failed"
    assert derived(read())["state"] == "none"


def test_only_settled_money_counts():
    facts = derived(read(payment("12.00"), payment("5.00", "failure")))
    assert facts["settled"] == Decimal("12.00")
    sale = {**payment("99.00"), "kind": "sale"}
    assert derived(read(payment("12.00"), sale))["settled"] == Decimal("12.00")


def test_shipping_is_told_twice_by_webhooks_and_counts_once():
    adjustment = {
        "amount": "-5.00",
        "tax_amount": "-0.35",
        "kind": "shipping_refund",
        "reason": "Shipping refund",
    }
    repeated = {"subtotal_amount_set": {"shop_money": {"amount": "5.00"}}}
    facts = derived(
        read(
            payment("5.35"),
            order_adjustments=[adjustment],
            refund_shipping_lines=[repeated],
        )
    )
    assert (facts["shipping"], facts["shipping_tax"]) == (
        Decimal("5.00"),
        Decimal("0.35"),
    )
    assert facts["difference"] == 0
    assert facts["adjustments"] == []


def test_an_adjustment_without_lines_is_booked_as_what_was_given():
    adjustment = {"amount": "-10.00", "tax_amount": "0.00", "reason": "DAMAGE"}
    facts = derived(read(payment("10.00"), order_adjustments=[adjustment]))
    [row] = facts["adjustments"]
    assert (row["amount"], row["reason"]) == (Decimal("10.00"), "Damage")
    assert facts["difference"] == 0


def test_tax_that_prices_hold_is_taken_out_of_lines_and_shipping():
    shipping = {
        "subtotal_amount_set": {"shop_money": {"amount": "6.00"}},
        "tax_amount_set": {"shop_money": {"amount": "1.00"}},
    }
    facts = derived(
        read(
            payment("30.00"),
            order={"taxes_included": True},
            refund_line_items=[line("24.00", "4.00")],
            refund_shipping_lines=[shipping],
        )
    )
    assert facts["lines"][0]["amount"] == Decimal("20.00")
    assert facts["shipping"] == Decimal("5.00")
    assert facts["tax_lines"][0]["amount"] == Decimal("5.00")
    assert facts["difference"] == 0


def test_tax_that_a_marketplace_owes_stands_apart():
    theirs = line(tax="2.00", tax_lines=[{"channel_liable": True}])
    facts = derived(
        read(payment("43.00"), refund_line_items=[theirs, line(tax="1.00")])
    )
    assert facts["tax_lines"] == [
        {"title": "Tax", "amount": Decimal("1.00"), "channel_liable": False},
        {"title": "Tax", "amount": Decimal("2.00"), "channel_liable": True},
    ]


def test_the_date_is_the_day_in_the_shop_on_which_the_money_went():
    assert derived(read(payment()))["refund_date"] == "2026-03-01"
    later = payment(processed_at="2026-03-05T09:00:00-05:00")
    assert derived(read(later))["refund_date"] == "2026-03-05"
    lost = payment(status="failure", processed_at="2026-03-09T09:00:00-05:00")
    assert derived(read(later, lost))["refund_date"] == "2026-03-05"


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"transactions": [payment("ten")]}, "transactions[0].amount"),
        ({"transactions": [payment(status=None)]}, "transactions[0].status"),
        ({"transactions": [payment(currency="EUR")]}, "transactions[0].currency"),
        ({"refund_line_items": [{"quantity": 1}]}, "refund_line_items[0].line_item"),
        ({"order_adjustments": {}}, "order_adjustments"),
        ({"order": "#1001"}, "order"),
    ],
)
def test_what_cannot_be_read_names_its_field(broken, field):
    payload = read() | broken
    with pytest.raises(UnreadablePayload) as caught:
        derived(payload), described(payload)
    assert field in caught.value.fields


PLACES = {"USD": 2, "JPY": 0, "KWD": 3}


@st.composite
def refunds(draw):
    """Any refund: lines, taxes, shipping, adjustments, and money in several payments."""
    currency = draw(st.sampled_from(sorted(PLACES)))
    scale = -PLACES[currency]
    money = st.integers(0, 10**9).map(lambda n: str(Decimal(n).scaleb(scale)))
    signed = st.integers(-(10**6), 10**6).map(lambda n: str(Decimal(n).scaleb(scale)))
    lines = draw(st.lists(st.builds(line, money, money), max_size=6))
    adjustments = st.fixed_dictionaries(
        {
            "amount": signed,
            "tax_amount": signed,
            "kind": st.sampled_from(["shipping_refund", "refund_discrepancy"]),
        }
    )
    statuses = st.sampled_from(["success", "success", "failure", "error"])
    return read(
        *draw(st.lists(st.builds(payment, money, statuses), max_size=4)),
        currency=currency,
        order={"taxes_included": draw(st.booleans())},
        refund_line_items=lines,
        order_adjustments=draw(st.lists(adjustments, max_size=4)),
    )


@given(refunds())
def test_f79_parts_add_up_to_the_settled_money_to_the_minor_unit(refund):
    facts = derived(refund)
    settled = sum(
        (
            Decimal(row["amount"])
            for row in refund["transactions"]
            if row["status"] == "success"
        ),
        Decimal(0),
    )
    assert facts["settled"] == settled == whole(facts)
    unit = Decimal(1).scaleb(-PLACES[refund["order"]["currency"]])
    assert facts["difference"] % unit == 0
