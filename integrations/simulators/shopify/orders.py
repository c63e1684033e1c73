"""Orders in the shape of an orders/create webhook of version 2026-04 and later."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from integrations.simulators.shopify.customers import (
    make_address,
    make_customer,
    order_customer,
    without_private_data,
)
from integrations.simulators.shopify.discounts import apply_discounts
from integrations.simulators.shopify.ids import (
    LONG_BASE,
    ORDER_BASE,
    gid,
    javascript_number,
    token_for,
)
from integrations.simulators.shopify.lines import (
    Line,
    add_taxes,
    draft_lines,
    draft_shipping,
    line_item,
    shipping_line,
    tax_line,
)
from integrations.simulators.shopify.money import total
from integrations.simulators.shopify.options import LineSpec, OrderOptions
from integrations.simulators.shopify.tenders import make_transactions, payment_fields
from integrations.simulators.shopify.times import parse_time, shop_time, utc_now
from integrations.simulators.shopify.totals import current_totals, placed_totals

Payload = dict[str, Any]
OPTION_NAMES = frozenset(field.name for field in fields(OrderOptions))
STANDARD_LINES: tuple[LineSpec, ...] = (("SKU-1", "Canvas bag", "20.00", 1),)


class OrderPayload(dict[str, Any]):
    """A webhook body, with the transactions that Shopify keeps beside it."""

    transactions: list[Payload]


def make_order(
    number: int | str = 1001,
    lines: Sequence[LineSpec] = STANDARD_LINES,
    **changes: Any,
) -> OrderPayload:
    """Return a complete orders/create payload whose money adds up to the cent.

    A line is (sku, title, price, quantity) or a mapping with these names and any
    field of a line item. `changes` are options of OrderOptions, or fields of the
    payload that are laid over the result. Raises TypeError for any other name.
    """
    number = int(str(number).lstrip("#"))
    chosen = {name: changes.pop(name) for name in list(changes) if name in OPTION_NAMES}
    options = OrderOptions(**chosen)
    order = OrderPayload(_build(number, lines, options))
    unknown = sorted(set(changes) - set(order))
    if unknown:
        raise TypeError(f"orders have no option or field named {', '.join(unknown)}")
    order.update(changes)
    order.transactions = make_transactions(order, options)
    return order


def _build(number: int, specs: Sequence[LineSpec], options: OrderOptions) -> Payload:
    lines, shipping = draft_lines(specs, options), draft_shipping(options)
    applications, codes = apply_discounts(lines, shipping, options)
    for line in (*lines, *shipping):
        add_taxes(line, options)
    _add_duties(lines, options)
    order = {
        **_identity(number, options),
        **_circumstances(number, options),
        **placed_totals(lines, shipping, options),
        **_charges(options),
        **_parties(number, options),
        "discount_codes": codes,
        "discount_applications": applications,
        "fulfillments": [],
        "line_items": [line_item(number, *x, options) for x in enumerate(lines)],
        "line_item_groups": [],
        "refunds": [],
        "returns": [],
        "shipping_lines": [
            shipping_line(number, *x, options) for x in enumerate(shipping)
        ],
        "tax_lines": _order_taxes([*lines, *shipping], options),
    }
    order.update(current_totals(order))
    order.update(payment_fields(order, options))
    order["total_weight"] = _weight(order)
    return order if options.private_data else without_private_data("orders/", order)


def _add_duties(lines: list[Line], options: OrderOptions) -> None:
    if options.duties:
        goods = [line for line in lines if line.kind == "product"] or lines
        whole = options.currencies.money(options.duties)
        shares = options.currencies.split(whole, [line.net for line in goods])
        for line, share in zip(goods, shares, strict=True):
            line.duty = share


def _identity(number: int, options: OrderOptions) -> Payload:
    exact = (LONG_BASE if options.long_id else ORDER_BASE) + number
    at = shop_time(options.created_at or utc_now(), options.timezone)
    cancelled_at = shop_time(parse_time(at) + timedelta(minutes=5), options.timezone)
    return {
        "id": javascript_number(exact) if options.long_id else exact,
        "admin_graphql_api_id": gid("Order", exact),
        "name": f"#{number}",
        "number": number - 1000,
        "order_number": number,
        "confirmation_number": token_for(f"confirmation {number}")[:9].upper(),
        "created_at": at,
        "processed_at": at,
        "updated_at": cancelled_at if options.cancelled else at,
        "closed_at": None,
        "cancelled_at": cancelled_at if options.cancelled else None,
        "cancel_reason": options.cancelled,
        "test": options.test,
        "confirmed": True,
    }


def _circumstances(number: int, options: OrderOptions) -> Payload:
    token = token_for(f"order {number}")
    return {
        "app_id": 580111,
        "browser_ip": "203.0.113.7",
        "buyer_accepts_marketing": False,
        "cart_token": None,
        "checkout_token": token_for(f"checkout {number}"),
        "client_details": None,
        "currency": options.currency,
        "presentment_currency": options.currencies.presentment,
        "customer_locale": "en",
        "device_id": None,
        "duties_included": False,
        "estimated_taxes": False,
        "landing_site": None,
        "landing_site_ref": None,
        "location_id": None,
        "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
        "merchant_of_record_app_id": None,
        "note": None,
        "note_attributes": [],
        "order_status_url": f"https://shop.example/orders/{token}/authenticate",
        "po_number": None,
        "reference": None,
        "referring_site": None,
        "source_identifier": None,
        "source_name": "pos" if options.cash_rounding else "web",
        "source_url": None,
        "tags": "",
        "tax_exempt": False,
        "taxes_included": options.taxes_included,
        "token": token,
        "user_id": None,
    }


def _charges(options: OrderOptions) -> Payload:
    currencies = options.currencies
    duties = currencies.money(options.duties)
    fees = currencies.money(options.additional_fees)
    rounding = currencies.money(options.cash_rounding)
    return {
        "original_total_duties_set": currencies.money_set(duties) if duties else None,
        "original_total_additional_fees_set": (
            currencies.money_set(fees) if fees else None
        ),
        "total_cash_rounding_payment_adjustment_set": currencies.money_set(rounding),
        "total_cash_rounding_refund_adjustment_set": currencies.money_set(
            currencies.money(0)
        ),
    }


def _parties(number: int, options: OrderOptions) -> Payload:
    usual = make_address(options.first_name, options.last_name)
    shipping = {**usual, **(options.shipping_address or {})}
    parties: Payload = {
        "email": options.email or "",
        "contact_email": options.email,
        "phone": options.phone,
        "billing_address": {**shipping, **(options.billing_address or {})},
        "shipping_address": shipping if options.shipping else None,
        "customer": _customer(shipping, options),
        "payment_terms": None,
    }
    if options.company:
        invented = {"id": 5_230_001, "location_id": 9_730_001}
        given = options.company
        parties["company"] = invented if given is True else given
    return parties


def _customer(address: Payload, options: OrderOptions) -> Payload | None:
    if not options.customer or not (options.email or options.phone):
        return None
    if options.customer is not True:
        return dict(options.customer)
    return order_customer(
        make_customer(
            options.email,
            options.first_name,
            options.last_name,
            currency=options.currency,
            created_at=options.created_at,
            timezone=options.timezone,
            address=address,
            phone=options.phone,
        )
    )


def _order_taxes(lines: list[Line], options: OrderOptions) -> list[Payload]:
    rows = []
    for index, (title, rate) in enumerate(options.tax_rates):
        amount = total(line.taxes[index] for line in lines if line.taxes)
        rows.append(tax_line(title, rate, amount, options))
    return rows


def _weight(order: Payload) -> int:
    return sum(item["grams"] * item["quantity"] for item in order["line_items"])
