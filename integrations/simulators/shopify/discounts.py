"""Discounts: applications on the order, allocations on its lines."""

from typing import Any

from integrations.simulators.shopify.lines import Allocation, Line
from integrations.simulators.shopify.money import Currencies, Money, total
from integrations.simulators.shopify.options import OrderOptions

Payload = dict[str, Any]


def apply_discounts(
    lines: list[Line], shipping: list[Line], options: OrderOptions
) -> tuple[list[Payload], list[Payload]]:
    """Allocate all discounts; return discount_applications and discount_codes.

    A discount on the order stands in the allocations only, as at Shopify; a discount
    on a line stands in its `total_discount` too.
    """
    applications: list[Payload] = []
    codes: list[Payload] = []
    _discount_lines(lines, options, applications)
    _discount_order(lines, options, applications, codes)
    _discount_shipping(shipping, options, applications, codes)
    return applications, codes


def _discount_lines(
    lines: list[Line], options: OrderOptions, applications: list[Payload]
) -> None:
    left = dict(options.line_discounts)
    for line in lines:
        if line.sku in left:
            line.line_discount = options.currencies.money(left.pop(line.sku))
            index = len(applications)
            line.allocations.append(Allocation(index, line.line_discount))
            value = options.currencies.text(line.line_discount)
            applications.append(_application("line_item", "explicit", "one", value))


def _discount_order(
    lines: list[Line],
    options: OrderOptions,
    applications: list[Payload],
    codes: list[Payload],
) -> None:
    whole = options.currencies.money(options.order_discount)
    if not whole:
        return
    takers = [line for line in lines if line.kind in ("product", "custom")]
    _share_out(whole, takers, len(applications), options.currencies)
    value = options.currencies.text(whole)
    applications.append(
        _coded("line_item", "across", value, "fixed_amount", options.discount_code)
    )
    codes.append(
        {"code": options.discount_code, "amount": value, "type": "fixed_amount"}
    )


def _discount_shipping(
    shipping: list[Line],
    options: OrderOptions,
    applications: list[Payload],
    codes: list[Payload],
) -> None:
    whole = options.currencies.money(options.shipping_discount)
    if not whole:
        return
    _share_out(whole, shipping, len(applications), options.currencies)
    free = not total(line.net for line in shipping)
    value, kind = ("100.0", "percentage") if free else (str(whole.shop), "fixed_amount")
    applications.append(_coded("shipping_line", "each", value, kind, "FREESHIP"))
    amount = options.currencies.text(whole)
    codes.append({"code": "FREESHIP", "amount": amount, "type": "shipping"})


def _share_out(
    whole: Money, lines: list[Line], application: int, currencies: Currencies
) -> None:
    shares = currencies.split(whole, [line.net for line in lines])
    for line, amount in zip(lines, shares, strict=True):
        line.allocations.append(Allocation(application, amount))


def _application(target: str, selection: str, method: str, value: str) -> Payload:
    return {
        "target_type": target,
        "type": "manual",
        "value": value,
        "value_type": "fixed_amount",
        "allocation_method": method,
        "target_selection": selection,
        "title": "Price match",
        "description": "Price match",
    }


def _coded(target: str, method: str, value: str, kind: str, code: str) -> Payload:
    return {
        "target_type": target,
        "type": "discount_code",
        "value": value,
        "value_type": kind,
        "allocation_method": method,
        "target_selection": "all",
        "code": code,
    }
