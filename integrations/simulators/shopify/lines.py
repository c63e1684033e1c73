"""Line items and shipping lines of an order, with discounts, taxes and duties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.ids import (
    LINE_BASE,
    LONG_BASE,
    SHIPPING_BASE,
    catalogue_ids,
    gid,
    javascript_number,
)
from integrations.simulators.shopify.money import ZERO, Currencies, Money, total
from integrations.simulators.shopify.options import LineSpec, OrderOptions

Payload = dict[str, Any]


@dataclass
class Allocation:
    """A share of one discount application."""

    application: int
    amount: Money


@dataclass
class Line:
    """One line while the order is being worked out; `kind` names odd ones."""

    title: str
    price: Money
    quantity: int = 1
    sku: str | None = None
    kind: str = "product"
    extra: Payload = field(default_factory=dict)
    allocations: list[Allocation] = field(default_factory=list)
    line_discount: Money = ZERO
    taxes: list[Money] = field(default_factory=list)
    duty: Money = ZERO

    @property
    def gross(self) -> Money:
        return self.price * self.quantity

    @property
    def net(self) -> Money:
        return self.gross - total(share.amount for share in self.allocations)

    @property
    def taxable(self) -> bool:
        return self.kind in ("product", "custom", "shipping")


def draft_lines(specs: Sequence[LineSpec], options: OrderOptions) -> list[Line]:
    """Read the wanted lines and add those that options ask for."""
    money = options.currencies.money
    lines = [_draft(spec, money) for spec in specs]
    if options.custom_line:
        title, price, quantity = options.custom_line
        lines.append(Line(title, money(price), quantity, None, "custom"))
    if options.gift_card_sold:
        lines.append(
            Line(
                "Gift Card",
                money(options.gift_card_sold),
                sku="GIFT-CARD",
                kind="gift_card",
            )
        )
    if options.tip and options.tip_line:
        lines.append(Line("Tip", money(options.tip), kind="tip"))
    return lines


def _draft(spec: LineSpec, money: Any) -> Line:
    if isinstance(spec, Mapping):
        known = {"sku", "title", "price", "quantity", "kind"}
        extra = {name: value for name, value in spec.items() if name not in known}
        return Line(
            spec["title"],
            money(spec["price"]),
            spec.get("quantity", 1),
            spec.get("sku"),
            spec.get("kind", "product"),
            extra,
        )
    sku, title, price, quantity = spec
    return Line(title, money(price), quantity, sku)


def draft_shipping(options: OrderOptions) -> list[Line]:
    money = options.currencies.money
    return [
        Line(title, money(price), kind="shipping") for title, price in options.shipping
    ]


def add_taxes(line: Line, options: OrderOptions) -> None:
    """Tax the net amount, from outside or from within it."""
    if not line.taxable or (line.kind == "shipping" and not options.tax_shipping):
        return
    rates = [rate for _, rate in options.tax_rates]
    divisor = 1 + sum(rates, Decimal(0)) if options.taxes_included else Decimal(1)
    line.taxes = [options.currencies.scaled(line.net, rate / divisor) for rate in rates]


def tax_line(
    title: str, rate: Decimal, amount: Money, options: OrderOptions
) -> Payload:
    return {
        "channel_liable": options.channel_liable,
        **options.currencies.both("price", amount),
        "rate": float(rate),
        "title": title,
    }


def tax_lines(line: Line, options: OrderOptions) -> list[Payload]:
    return [
        tax_line(title, rate, amount, options)
        for (title, rate), amount in zip(options.tax_rates, line.taxes, strict=False)
    ]


def allocations(line: Line, currencies: Currencies) -> list[Payload]:
    return [
        {
            **currencies.both("amount", share.amount),
            "discount_application_index": share.application,
        }
        for share in line.allocations
        if share.amount
    ]


def line_id(order_number: int, index: int, long: bool) -> tuple[int, int]:
    """Return the id as written and the exact id."""
    if long:
        exact = LONG_BASE + order_number * 1000 + index
        return javascript_number(exact), exact
    number = LINE_BASE + order_number * 1000 + index
    return number, number


def line_item(
    order_number: int, index: int, line: Line, options: OrderOptions
) -> Payload:
    """Write one line item in the 2026-04 shape."""
    currencies = options.currencies
    written, exact = line_id(order_number, index, options.long_id)
    left = options.edited.get(line.sku or line.title, line.quantity)
    cancelled_or_sent = options.cancelled or options.fulfillment_status == "fulfilled"
    item: Payload = {
        "id": written,
        "admin_graphql_api_id": gid("LineItem", exact),
        "attributed_staffs": [],
        "current_quantity": left,
        "fulfillable_quantity": 0 if cancelled_or_sent else left,
        "fulfillment_service": "gift_card" if line.kind == "gift_card" else "manual",
        "fulfillment_status": options.fulfillment_status,
        "gift_card": line.kind == "gift_card",
        "grams": 250 if line.kind == "product" else 0,
        "name": line.title,
        **currencies.both("price", line.price),
        **_product_of(line),
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": line.kind in ("product", "custom"),
        "sales_line_item_group_id": None,
        "sku": line.sku,
        "taxable": line.taxable,
        "title": line.title,
        **currencies.both("total_discount", line.line_discount),
        "tax_lines": tax_lines(line, options),
        "duties": _duties(exact, line, currencies),
        "discount_allocations": allocations(line, currencies),
    }
    return {**item, **line.extra}


def _product_of(line: Line) -> Payload:
    known = line.sku is not None and line.kind in ("product", "gift_card")
    ids = catalogue_ids(line.sku or "")
    return {
        "product_exists": known,
        "product_id": ids["product_id"] if known else None,
        "variant_id": ids["variant_id"] if known else None,
        "variant_inventory_management": "shopify" if line.kind == "product" else None,
        "variant_title": None,
        "vendor": None,
    }


def _duties(line_number: int, line: Line, currencies: Currencies) -> list[Payload]:
    if not line.duty:
        return []
    money = currencies.money_set(line.duty)
    return [
        {
            "id": str(line_number + 1),
            "harmonized_system_code": "950300",
            "country_code_of_origin": "CN",
            **money,
            "tax_lines": [],
            "admin_graphql_api_id": gid("Duty", line_number + 1),
        }
    ]


def shipping_line(
    order_number: int, index: int, line: Line, options: OrderOptions
) -> Payload:
    """Write one shipping line in the 2026-04 shape."""
    currencies = options.currencies
    return {
        "id": SHIPPING_BASE + order_number * 1000 + index,
        "carrier_identifier": None,
        "code": line.title,
        "current_discounted_price_set": currencies.money_set(line.net),
        **currencies.both("discounted_price", line.net),
        "is_removed": False,
        "phone": None,
        **currencies.both("price", line.price),
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": line.title,
        "tax_lines": tax_lines(line, options),
        "discount_allocations": allocations(line, currencies),
    }
