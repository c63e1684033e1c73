"""Facts that follow from an order, so that mappings need no arithmetic.

All figures are those of the order as it was placed (`total_*`, never `current_*`; what
stands now is told by `standing.py`), in shop currency, with tax taken out of the prices
of shops that show prices with tax. For a sound order the parts add up to `total`:

    lines + shipping_total + tip + duties + additional_fees + tax_lines
        - discounts - discount_unallocated
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Payload
from integrations.connectors.shopify.values import (
    ZERO,
    amount,
    key_of,
    moment,
    plain,
    rows,
    shop_amount,
)

GIFT_CARD_GATEWAY = "gift_card"


def derived(payload: Payload) -> Payload:
    """Return the facts of an order; raises UnreadablePayload."""
    lines = [
        _line(payload, row, path)
        for path, row in rows(payload, "line_items")
        if _is_kept(row)
    ]
    shipping = [row for _, row in rows(payload, "shipping_lines") if _is_kept(row)]
    discounts = list(_discounts(payload))
    has_tip_line = any(line["is_tip"] for line in lines)
    tip = amount(payload.get("total_tip_received"), "total_tip_received")
    return {
        "order_id": key_of(payload, "Order"),
        "customer_id": _customer_id(payload),
        "order_date": _order_date(payload),
        "lines": lines,
        "discounts": discounts,
        "discount_unallocated": _unallocated(payload, discounts, shipping),
        "shipping_total": _sum(_shipping_net(payload, row) for row in shipping),
        "shipping_taxes": list(_shipping_taxes(shipping)),
        "shipping_title": plain(shipping[0].get("title")) if shipping else "",
        "tip": ZERO if has_tip_line else tip,
        "duties": list(_duties(payload)),
        "additional_fees": shop_amount(
            payload.get("original_total_additional_fees_set"),
            "original_total_additional_fees_set",
        ),
        "tax_lines": list(_tax_lines(payload)),
        "gift_card_tender": GIFT_CARD_GATEWAY in _gateways(payload),
        "note_text": _note_text(payload),
        "total": amount(payload.get("total_price"), "total_price"),
    }


def worth(facts: Payload) -> Decimal:
    """Return what the parts of an order add up to."""
    added = ("lines", "duties", "tax_lines")
    parts = (one["amount"] for name in added for one in facts[name])
    taken = (one["amount"] for one in facts["discounts"])
    single = (facts[name] for name in ("shipping_total", "tip", "additional_fees"))
    off: Decimal = facts["discount_unallocated"]
    return _sum(parts) + _sum(single) - _sum(taken) - off


def discounts_in(lines: Iterable[Payload]) -> Decimal:
    """Return all that is taken off lines, of goods and of shipping."""
    return _sum(found for row in lines for found, _ in _allocations(row, ""))


def place_of(payload: Payload, fact: str) -> str:
    """Return where in the order a derived fact is mended, or nothing.

    Only a fact that is one value of the order as it stands has such a place.
    """
    if fact != "shipping_title":
        return ""
    kept = (path for path, row in rows(payload, "shipping_lines") if _is_kept(row))
    path = next(kept, "")
    return f"{path}title" if path else ""


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _customer_id(payload: Payload) -> str | None:
    customer = payload.get("customer")
    if not isinstance(customer, dict) or not customer:
        return None
    return key_of(customer, "Customer", "customer.")


def _order_date(payload: Payload) -> str | None:
    """Return the day on the shop's own calendar on which the order was placed."""
    placed = moment(payload, "processed_at") or moment(payload, "created_at")
    return placed.date().isoformat() if placed else None


def _line(order: Payload, row: Payload, path: str) -> Payload:
    quantity = amount(row.get("quantity"), f"{path}quantity")
    price = amount(row.get("price"), f"{path}price")
    tax = _tax(row, path)
    gross = bool(order.get("taxes_included"))
    is_tip = _is_tip(row)
    has_product = any(row.get(name) for name in ("product_id", "variant_id", "sku"))
    is_gift_card = bool(row.get("gift_card"))
    return {
        "line_id": key_of(row, "LineItem", path),
        "source_path": path.rstrip("."),
        "sku": plain(row.get("sku")),
        "title": plain(row.get("title")),
        "quantity": quantity,
        "rate": None if gross else price,
        "amount": price * quantity - (tax if gross else ZERO),
        "tax": tax,
        "is_gift_card": is_gift_card,
        "is_tip": is_tip,
        "is_custom": not (has_product or is_tip or is_gift_card),
    }


def _is_tip(row: Payload) -> bool:
    """Recognise a tip that stands among the lines; nothing but its title says so."""
    named = plain(row.get("title")).casefold() == "tip"
    return named and not row.get("variant_id") and not row.get("product_id")


def _tax(row: Payload, path: str) -> Decimal:
    return _sum(
        amount(tax.get("price"), f"{inner}price")
        for inner, tax in rows(row, "tax_lines", path)
    )


def _is_kept(line: Payload) -> bool:
    return not line.get("is_removed")


def _shipping_paid(row: Payload) -> Decimal:
    """Return what was asked for shipping after discounts.

    The discount shows in the allocations, in `discounted_price`, or in both.
    """
    path = "shipping_lines."
    allocated = _sum(found for found, _ in _allocations(row, path))
    price = amount(row.get("price"), f"{path}price")
    if row.get("discounted_price") is None:
        return price - allocated
    discounted = amount(row["discounted_price"], f"{path}discounted_price")
    return min(discounted, price - allocated)


def _shipping_net(order: Payload, row: Payload) -> Decimal:
    included = _tax(row, "shipping_lines.") if order.get("taxes_included") else ZERO
    return _shipping_paid(row) - included


def _shipping_taxes(shipping: Iterable[Payload]) -> Iterator[Payload]:
    for row in shipping:
        for path, tax in rows(row, "tax_lines", "shipping_lines."):
            yield {"amount": amount(tax.get("price"), f"{path}price")}


def _allocations(row: Payload, path: str) -> Iterator[tuple[Decimal, Any]]:
    for inner, one in rows(row, "discount_allocations", path):
        found = amount(one.get("amount"), f"{inner}amount")
        yield found, one.get("discount_application_index")


def _discounts(order: Payload) -> Iterator[Payload]:
    """Yield every discount on a line as a positive amount with its name."""
    for path, row in rows(order, "line_items"):
        sku = plain(row.get("sku"))
        allocated = ZERO
        for found, index in _allocations(row, path):
            allocated += found
            if found:
                yield _discount(found, _title(order, index), sku)
        # Line discounts that no allocation repeats.
        total = amount(row.get("total_discount"), f"{path}total_discount")
        if total > allocated:
            yield _discount(total - allocated, "Discount", sku)


def _discount(found: Decimal, title: str, sku: str) -> Payload:
    return {"amount": found, "code_or_title": title, "line_sku": sku}


def _title(order: Payload, index: Any) -> str:
    applications = [row for _, row in rows(order, "discount_applications")]
    known = isinstance(index, int) and 0 <= index < len(applications)
    row = applications[index] if known else {}
    named = (row.get(name) for name in ("code", "title", "description"))
    return next((plain(name) for name in named if plain(name)), "Discount")


def _unallocated(
    order: Payload, discounts: list[Payload], shipping: list[Payload]
) -> Decimal:
    """Return the discount that no line and no shipping line carries.

    Never below zero: too many allocations must show in the sum of the order.
    """
    on_lines = _sum(discount["amount"] for discount in discounts)
    on_shipping = _sum(
        amount(row.get("price"), "shipping_lines.price") - _shipping_paid(row)
        for row in shipping
    )
    whole = amount(order.get("total_discounts"), "total_discounts")
    return max(ZERO, whole - on_lines - on_shipping)


def _duties(order: Payload) -> Iterator[Payload]:
    """Yield the duties that were charged on top; included ones cost nothing more."""
    if order.get("duties_included"):
        return
    itemised = ZERO
    for path, row in rows(order, "line_items"):
        for inner, duty in rows(row, "duties", path):
            found = shop_amount(duty, f"{inner}shop_money.amount")
            itemised += found
            code = plain(duty.get("harmonized_system_code"))
            yield {"amount": found, "hs_code": code, "line_sku": plain(row.get("sku"))}
    path = "original_total_duties_set"
    rest = shop_amount(order.get(path), path) - itemised
    if rest > 0:
        yield {"amount": rest, "hs_code": "", "line_sku": ""}


def _tax_lines(order: Payload) -> Iterator[Payload]:
    """Yield the taxes as Shopify sums them up; what it names no tax for comes last."""
    named = ZERO
    for path, row in rows(order, "tax_lines"):
        found = amount(row.get("price"), f"{path}price")
        named += found
        yield _tax_line(plain(row.get("title")), found, bool(row.get("channel_liable")))
    rest = amount(order.get("total_tax"), "total_tax") - named
    if rest > 0:
        yield _tax_line("Tax", rest, False)


def _tax_line(title: str, found: Decimal, channel_liable: bool) -> Payload:
    return {"title": title, "amount": found, "channel_liable": channel_liable}


def _gateways(order: Payload) -> list[Any]:
    found = order.get("payment_gateway_names")
    return found if isinstance(found, list) else []


def _note_text(order: Payload) -> str:
    """Return the note and the note's attributes, one a line."""
    lines = [plain(order.get("note"), 5000)]
    for _, row in rows(order, "note_attributes"):
        lines.append(f"{plain(row.get('name'))}: {plain(row.get('value'), 1000)}")
    return "\n".join(line for line in lines if line)
