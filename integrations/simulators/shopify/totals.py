"""The two families of totals: as placed, and as they stand now."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.lines import Line
from integrations.simulators.shopify.money import ZERO, Currencies, Money, total
from integrations.simulators.shopify.options import OrderOptions

Payload = dict[str, Any]


def placed_totals(
    lines: Sequence[Line], shipping: Sequence[Line], options: OrderOptions
) -> Payload:
    """Return the totals of the order as it was placed.

    A tip line repeats `total_tip_received` and is counted once, under the latter.
    """
    currencies = options.currencies
    goods = [line for line in lines if line.kind != "tip"]
    subtotal = total(line.net for line in goods)
    carriage = total(line.net for line in shipping)
    tax = total(amount for line in (*lines, *shipping) for amount in line.taxes)
    extras = extra_charges(options)
    price = subtotal + carriage + extras + (ZERO if options.taxes_included else tax)
    charged = total(line.gross for line in goods)
    discounts = total(s.amount for x in (*lines, *shipping) for s in x.allocations)
    return {
        **currencies.both("subtotal_price", subtotal),
        **currencies.both("total_discounts", discounts),
        **currencies.both("total_line_items_price", charged),
        **currencies.both("total_price", price),
        **currencies.both("total_tax", tax),
        "total_shipping_price_set": currencies.money_set(
            total(line.gross for line in shipping)
        ),
        "total_tip_received": currencies.text(currencies.money(options.tip)),
    }


def extra_charges(options: OrderOptions) -> Money:
    money = options.currencies.money
    return money(options.tip) + money(options.duties) + money(options.additional_fees)


def current_totals(order: Payload) -> Payload:
    """Return the `current_*` fields that follow from what is left on the lines."""
    currencies = Currencies(order["currency"], order["presentment_currency"])
    goods = [line_left(item, currencies) for item in order["line_items"]]
    carriage = [
        _carriage(x, currencies) for x in order["shipping_lines"] if not x["is_removed"]
    ]
    parts = [*goods, *carriage]
    subtotal = total(part["net"] for part in goods)
    shipping = total(part["net"] for part in carriage)
    tax = total(part["tax"] for part in parts)
    duties = total(part["duty"] for part in parts)
    fees = read_set(order["original_total_additional_fees_set"])
    charges = tip_of(order) + duties + fees
    price = subtotal + shipping + charges + (ZERO if order["taxes_included"] else tax)
    return {
        "current_shipping_price_set": currencies.money_set(shipping),
        **currencies.both("current_subtotal_price", subtotal),
        **currencies.both(
            "current_total_discounts", total(part["discount"] for part in parts)
        ),
        **currencies.both("current_total_price", price),
        **currencies.both("current_total_tax", tax),
        "current_total_duties_set": currencies.money_set(duties) if duties else None,
        "current_total_additional_fees_set": order[
            "original_total_additional_fees_set"
        ],
    }


def read_set(money_set: Payload | None) -> Money:
    if not money_set:
        return ZERO
    return Money(
        Decimal(money_set["shop_money"]["amount"]),
        Decimal(money_set["presentment_money"]["amount"]),
    )


def _sum_sets(rows: Sequence[Payload], name: str) -> Money:
    return total(read_set(row[name]) for row in rows)


def line_left(item: Payload, currencies: Currencies) -> dict[str, Money]:
    """Return net, discount, tax and duty of what is left on a line."""
    share = Decimal(item["current_quantity"]) / (item["quantity"] or 1)
    if is_tip(item):
        share = Decimal(0)
    discount = currencies.scaled(
        _sum_sets(item["discount_allocations"], "amount_set"), share
    )
    gross = read_set(item["price_set"]) * item["quantity"]
    tax = _sum_sets(item["tax_lines"], "price_set")
    duty = total(read_set(duty) for duty in item["duties"])
    return {
        "net": currencies.scaled(gross, share) - discount,
        "discount": discount,
        "tax": currencies.scaled(tax, share),
        "duty": currencies.scaled(duty, share),
    }


def _carriage(line: Payload, currencies: Currencies) -> dict[str, Money]:
    """Return what is left of a shipping line after refunds."""
    paid = read_set(line["discounted_price_set"])
    left = read_set(line["current_discounted_price_set"])
    share = left.shop / paid.shop if paid.shop else Decimal(1)
    tax = _sum_sets(line["tax_lines"], "price_set")
    return {
        "net": left,
        "discount": _sum_sets(line["discount_allocations"], "amount_set"),
        "tax": currencies.scaled(tax, share),
        "duty": ZERO,
    }


def is_tip(item: Payload) -> bool:
    return bool(item["title"] == "Tip" and item["variant_id"] is None)


def tip_of(order: Payload) -> Money:
    """Return the tip in both currencies; the payload states it in shop money only.

    The presentment tip is what the placed total holds beyond its other parts.
    """
    shop = Decimal(order["total_tip_received"])
    if not shop:
        return ZERO
    rest = read_set(order["total_price_set"]) - read_set(order["subtotal_price_set"])
    for line in order["shipping_lines"]:
        rest = rest - read_set(line["discounted_price_set"])
    if not order["taxes_included"]:
        rest = rest - read_set(order["total_tax_set"])
    rest = rest - read_set(order["original_total_duties_set"])
    rest = rest - read_set(order["original_total_additional_fees_set"])
    return Money(shop, rest.presentment)
