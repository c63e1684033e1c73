"""Refunds in the shape of a refunds/create webhook of version 2026-04.

The signs are Shopify's: money refunded is the sum of the lines with their tax, less
the order adjustments. A shipping refund of 5.00 is an adjustment of -5.00 and stands
once more under `refund_shipping_lines`; a discrepancy is positive when less was paid
back than the lines say, negative when more was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.ids import gid
from integrations.simulators.shopify.money import ZERO, Currencies, Money, total
from integrations.simulators.shopify.store import Store
from integrations.simulators.shopify.totals import line_left, read_set

Payload = dict[str, Any]
# What line items inside refunds and fulfilments do not carry, in webhooks.
LEFT_OUT = ("attributed_staffs", "current_quantity", "sales_line_item_group_id")


@dataclass(frozen=True)
class Returned:
    """Pieces of one order line that a refund takes back."""

    line: Payload
    quantity: int
    restock_type: str
    location_id: int | None = None

    @property
    def is_restocked(self) -> bool:
        return self.restock_type != "no_restock"

    def parts(self) -> dict[str, Money]:
        """Return net, tax and duty; several partial refunds add up to the cent."""
        currencies = self.currencies
        before = line_left(self.line, currencies)
        left = self.line["current_quantity"] - self.quantity
        after = line_left({**self.line, "current_quantity": left}, currencies)
        return {name: before[name] - after[name] for name in before}

    @property
    def currencies(self) -> Currencies:
        price = self.line["price_set"]
        return Currencies(
            price["shop_money"]["currency_code"],
            price["presentment_money"]["currency_code"],
        )


@dataclass(frozen=True)
class ShippingBack:
    """What a refund gives back of one shipping line, before tax, and its tax."""

    line: Payload
    amount: Money
    tax: Money = ZERO


@dataclass
class Draft:
    """A refund while it is being worked out."""

    returned: list[Returned] = field(default_factory=list)
    shipping: list[ShippingBack] = field(default_factory=list)
    note: str | None = None
    discrepancy: Money = ZERO
    transactions: list[Payload] = field(default_factory=list)

    def calculated(self, taxes_included: bool) -> Money:
        """Return what lines and shipping are worth together."""
        rows = [row.parts() for row in self.returned]
        worth = total(parts["net"] + parts["duty"] for parts in rows)
        worth = worth + total(back.amount for back in self.shipping)
        if taxes_included:
            return worth
        taxes = total(parts["tax"] for parts in rows)
        return worth + taxes + total(back.tax for back in self.shipping)


def refund_payload(
    store: Store, order: Payload, draft: Draft, money: list[Payload], at: str
) -> Payload:
    """Write a refund; ids are given here, once."""
    number = store.new_id("Refund")
    currencies = Currencies(order["currency"], order["presentment_currency"])
    return {
        "id": number,
        "order_id": order["id"],
        "created_at": at,
        "note": draft.note,
        "user_id": None,
        "processed_at": at,
        "duties": _duties(draft.returned, currencies),
        "total_duties_set": currencies.money_set(
            total(row.parts()["duty"] for row in draft.returned)
        ),
        "return": None,
        "restock": any(row.is_restocked for row in draft.returned),
        "refund_shipping_lines": [
            _shipping_row(store, back, currencies) for back in draft.shipping
        ],
        "admin_graphql_api_id": gid("Refund", number),
        "order_adjustments": _adjustments(store, order, number, draft, currencies),
        "refund_line_items": [_line_row(store, row) for row in draft.returned],
        "transactions": money,
    }


def bare_line(line: Payload, quantity: int | None = None) -> Payload:
    """Return a line item as refunds and fulfilments carry it."""
    bare = {name: value for name, value in line.items() if name not in LEFT_OUT}
    return bare if quantity is None else {**bare, "quantity": quantity}


def _line_row(store: Store, row: Returned) -> Payload:
    """Write one line; its `subtotal` and `total_tax` are JSON numbers, not text.

    With included taxes the subtotal is gross, as line prices are.
    """
    parts, currencies = row.parts(), row.currencies
    return {
        "id": store.new_id("RefundLineItem"),
        "quantity": row.quantity,
        "line_item_id": row.line["id"],
        "location_id": row.location_id,
        "restock_type": row.restock_type,
        "subtotal": float(parts["net"].shop),
        "total_tax": float(parts["tax"].shop),
        "subtotal_set": currencies.money_set(parts["net"]),
        "total_tax_set": currencies.money_set(parts["tax"]),
        "line_item": bare_line(row.line),
    }


def _duties(returned: Sequence[Returned], currencies: Currencies) -> list[Payload]:
    return [
        {
            "duty_id": int(row.line["duties"][0]["id"]),
            "amount_set": currencies.money_set(row.parts()["duty"]),
        }
        for row in returned
        if row.line["duties"] and row.parts()["duty"]
    ]


def _shipping_row(store: Store, back: ShippingBack, currencies: Currencies) -> Payload:
    shown = {
        name: value
        for name, value in back.line.items()
        if name not in ("current_discounted_price_set", "is_removed")
    }
    return {
        "id": store.new_id("RefundShippingLine"),
        "shipping_line_id": back.line["id"],
        "subtotal_amount_set": currencies.money_set(back.amount),
        "shipping_line": shown,
    }


def _adjustments(
    store: Store, order: Payload, number: int, draft: Draft, currencies: Currencies
) -> list[Payload]:
    rows = []
    for back in draft.shipping:
        bare = back.amount - back.tax if order["taxes_included"] else back.amount
        reason = "Shipping refund"
        rows.append((ZERO - bare, ZERO - back.tax, "shipping_refund", reason))
    if draft.discrepancy:
        reason = "Refund discrepancy"
        rows.append((draft.discrepancy, ZERO, "refund_discrepancy", reason))
    return [
        {
            "id": store.new_id("OrderAdjustment"),
            "order_id": order["id"],
            "refund_id": number,
            **currencies.both("amount", amount),
            **currencies.both("tax_amount", tax),
            "kind": kind,
            "reason": reason,
        }
        for amount, tax, kind, reason in rows
    ]


def draft_shipping_back(order: Payload, wanted: Decimal | None) -> list[ShippingBack]:
    """Share a shipping refund over the shipping lines; None gives all of it back.

    `wanted` is an amount before tax in shop currency. Raises ValueError when less
    is left than that.
    """
    currencies = Currencies(order["currency"], order["presentment_currency"])
    backs, missing = [], wanted
    for line in order["shipping_lines"]:
        left = read_set(line["current_discounted_price_set"])
        taken = left.shop if missing is None else min(missing, left.shop)
        if line["is_removed"] or not taken:
            continue
        share = taken / left.shop
        backs.append(_back(line, currencies, left, share))
        missing = None if missing is None else missing - taken
    if missing:
        raise ValueError(f"{missing} more than what is left of the shipping")
    return backs


def _back(
    line: Payload, currencies: Currencies, left: Money, share: Decimal
) -> ShippingBack:
    amount = currencies.scaled(left, share)
    paid = read_set(line["discounted_price_set"])
    tax = total(read_set(row["price_set"]) for row in line["tax_lines"])
    before = currencies.scaled(tax, left.shop / paid.shop)
    after = currencies.scaled(tax, (left - amount).shop / paid.shop)
    return ShippingBack(line, amount, before - after)


def shipping_after(backs: Sequence[ShippingBack]) -> None:
    """Lower what is current on the shipping lines that were refunded."""
    for back in backs:
        money_set = back.line["current_discounted_price_set"]
        currencies = Currencies(
            money_set["shop_money"]["currency_code"],
            money_set["presentment_money"]["currency_code"],
        )
        left = read_set(money_set) - back.amount
        back.line["current_discounted_price_set"] = currencies.money_set(left)
