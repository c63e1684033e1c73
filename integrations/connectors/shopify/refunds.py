"""Refunds: what one is, whether it is settled, and the sums that follow from it.

All figures are in shop currency and exact. What was given back, part by part, and the
difference to the money that really went back add up to that money, always:

    lines + tax_lines + shipping + duties + additional_fees + adjustments
        + difference = settled

A webhook tells of lines and money, but not in which currency and not whether prices
hold tax; and its money is that of the moment. So a refund counts as told only when it
was read by `refund_reading`, which adds the `order`, and when none of its money is on
its way any more.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from integrations.connectors.base import Payload, SourceObject, first
from integrations.connectors.shopify.values import (
    ZERO,
    amount,
    key_of,
    moment,
    plain,
    rows,
    shop_amount,
    unreadable,
)

SETTLED, PENDING, FAILED, NO_MONEY = "settled", "pending", "failed", "none"
# Shopify's states of a payment that are final; any other may still change.
SUCCESS = "success"
LOST = frozenset({"failure", "error"})
# Pieces that came back; of all others no stock was ever missing, or is found again.
RETURNED = frozenset({"return", "legacy_restock"})
ON_ITS_WAY = "its money is on its way"
HALF_TOLD = "Shopify tells the whole of a refund only when it is asked"


def described(payload: Payload) -> SourceObject:
    """Describe a refund by the number of its order; raises UnreadablePayload."""
    money = list(_money(payload))
    kept = [found for found, state in money if state not in LOST]
    skus = (plain(_line_item(row, path).get("sku")) for path, row in _lines(payload))
    return SourceObject(
        entity="refund",
        key=key_of(payload, "Refund"),
        payload=payload,
        changed_at=_changed_at(payload),
        label=plain(_order(payload).get("name"), 120),
        skus=tuple(dict.fromkeys(sku for sku in skus if sku)),
        amount=sum(kept, ZERO),
        currency=_currency(payload),
    )


def unfinished(payload: Payload) -> str:
    """Say why a refund must be read from Shopify again before it is sent, or nothing."""
    if not _order(payload):
        return HALF_TOLD
    return ON_ITS_WAY if _state(payload) == PENDING else ""


def derived(payload: Payload) -> Payload:
    """Return the facts of a refund; raises UnreadablePayload."""
    gross = bool(_order(payload).get("taxes_included"))
    lines = [_line(one, gross) for one in enumerate(_lines(payload))]
    shipping, shipping_tax = _shipping(payload, gross)
    adjustments = list(_adjustments(payload))
    taxes = list(_tax_lines(lines, shipping_tax))
    settled = _sum(found for found, state in _money(payload) if state == SUCCESS)
    parts = {
        "shipping": shipping,
        "duties": _duties(payload),
        "additional_fees": shop_amount(
            payload.get("total_additional_fees_set"), "total_additional_fees_set"
        ),
    }
    listed = (row["amount"] for row in (*lines, *taxes, *adjustments))
    return {
        "refund_id": key_of(payload, "Refund"),
        "refund_date": _refund_date(payload),
        "currency": _currency(payload),
        "state": _state(payload),
        "lines": lines,
        "tax_lines": taxes,
        "shipping_tax": shipping_tax,
        "adjustments": adjustments,
        **parts,
        "settled": settled,
        "difference": settled - _sum(listed) - _sum(iter(parts.values())),
        "gateways": list(dict.fromkeys(_gateways(payload))),
    }


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _order(payload: Payload) -> Payload:
    """Return what was read of the order beside the refund; nothing in a webhook."""
    found = payload.get("order")
    if found is not None and not isinstance(found, dict):
        raise unreadable("order", found, "object")
    return found or {}


def _lines(payload: Payload) -> Iterator[tuple[str, Payload]]:
    return rows(payload, "refund_line_items")


def _line_item(row: Payload, path: str) -> Payload:
    found = row.get("line_item")
    if not isinstance(found, dict):
        raise unreadable(f"{path}line_item", found, "object")
    return found


def _changed_at(payload: Payload) -> datetime | None:
    """Return when it last changed: a webhook names no such time of its own."""
    told = (moment(payload, name) for name in ("updated_at", "created_at"))
    paid = (_paid_at(row) for _, row in rows(payload, "transactions"))
    known = [at for at in (*told, *paid) if at]
    return max(known).astimezone(UTC) if known else None


def _paid_at(transaction: Payload) -> datetime | None:
    return moment(transaction, "processed_at") or moment(transaction, "created_at")


def _refund_date(payload: Payload) -> str | None:
    """Return the day on the shop's own calendar on which the money went back."""
    told = moment(payload, "processed_at") or moment(payload, "created_at")
    settled = (
        moment(row, "processed_at")
        for path, row in rows(payload, "transactions")
        if _status(row, path) == SUCCESS
    )
    known = [at for at in (told, *settled) if at]
    return max(known).date().isoformat() if known else None


def _currency(payload: Payload) -> str:
    """Return the shop's currency, as the order or any amount of the refund names it."""
    sets = [payload.get("total_duties_set")]
    sets += [row.get("subtotal_set") for _, row in _lines(payload)]
    shop = (one.get("shop_money") for one in sets if isinstance(one, dict))
    named = [one.get("currency_code") for one in shop if isinstance(one, dict)]
    return plain(first([_order(payload).get("currency"), *named]), 3)


def _money(payload: Payload) -> Iterator[tuple[Decimal, str]]:
    """Yield each payment back with its state."""
    for path, row in rows(payload, "transactions"):
        if plain(row.get("kind")).lower() == "refund":
            yield _paid_back(payload, row, path), _status(row, path)


def _status(row: Payload, path: str) -> str:
    found = plain(row.get("status")).lower()
    if not found:
        raise unreadable(f"{path}status", row.get("status"), "state of a payment")
    return found


def _paid_back(payload: Payload, row: Payload, path: str) -> Decimal:
    """Return a payment in shop currency; one in the buyer's may not pass for it."""
    own, shop = plain(row.get("currency"), 3), _order(payload).get("currency")
    if own and shop and own != shop:
        raise unreadable(f"{path}currency", own, f"amount in {shop}")
    return amount(row.get("amount"), f"{path}amount")


def _state(payload: Payload) -> str:
    """Say what became of the money; a state that Shopify adds one day is not final."""
    states = {state for _, state in _money(payload)}
    if states - LOST - {SUCCESS}:
        return PENDING
    if SUCCESS in states:
        return SETTLED
    return FAILED if states else NO_MONEY


def _gateways(payload: Payload) -> Iterator[str]:
    for path, row in rows(payload, "transactions"):
        if _status(row, path) == SUCCESS:
            yield plain(row.get("gateway"))


def _line(counted: tuple[int, tuple[str, Payload]], gross: bool) -> Payload:
    index, (path, row) = counted
    item = _line_item(row, path)
    tax = _told(row, "total_tax", path)
    restock_type = plain(row.get("restock_type"))
    has_product = any(item.get(name) for name in ("product_id", "variant_id", "sku"))
    is_gift_card, is_tip = bool(item.get("gift_card")), _is_tip(item)
    return {
        # One line of an order may be given back in several rows of one refund.
        "line_id": f"{key_of(item, 'LineItem', f'{path}line_item.')}-{index}",
        "source_path": path.rstrip("."),
        "sku": plain(item.get("sku")),
        "title": plain(item.get("title")),
        "quantity": amount(row.get("quantity"), f"{path}quantity"),
        "amount": _told(row, "subtotal", path) - (tax if gross else ZERO),
        "tax": tax,
        "channel_liable": _is_channel_liable(item, path),
        "restock_type": restock_type,
        "is_returned": restock_type in RETURNED,
        "location": plain(row.get("location_name")),
        "is_gift_card": is_gift_card,
        "is_tip": is_tip,
        "is_custom": not (has_product or is_tip or is_gift_card),
    }


def _duties(payload: Payload) -> Decimal:
    """Return the duties given back: webhooks sum them up, GraphQL does not."""
    path = "total_duties_set"
    if isinstance(payload.get(path), dict):
        return shop_amount(payload[path], path)
    return _sum(
        shop_amount(row.get("amount_set"), f"{inner}amount_set")
        for inner, row in rows(payload, "duties")
    )


def _is_tip(item: Payload) -> bool:
    named = plain(item.get("title")).casefold() == "tip"
    return named and not item.get("variant_id") and not item.get("product_id")


def _told(row: Payload, name: str, path: str) -> Decimal:
    """Return an amount of a line: as its set tells it, else the plain number."""
    found = row.get(f"{name}_set")
    if isinstance(found, dict):
        return shop_amount(found, f"{path}{name}_set")
    return amount(row.get(name), f"{path}{name}")


def _is_channel_liable(item: Payload, path: str) -> bool:
    """Say whether the marketplace owes all tax of a line; a mixed line is ours."""
    taxes = [tax for _, tax in rows(item, "tax_lines", f"{path}line_item.")]
    return bool(taxes) and all(tax.get("channel_liable") for tax in taxes)


def _tax_lines(lines: list[Payload], shipping_tax: Decimal) -> Iterator[Payload]:
    """Yield the tax given back: the seller's own, then that of a marketplace."""
    theirs = _sum(line["tax"] for line in lines if line["channel_liable"])
    ours = _sum(line["tax"] for line in lines) - theirs + shipping_tax
    for found, is_theirs in ((ours, False), (theirs, True)):
        if found:
            yield {"title": "Tax", "amount": found, "channel_liable": is_theirs}


def _shipping(payload: Payload, gross: bool) -> tuple[Decimal, Decimal]:
    """Return what went back of shipping, without tax, and the tax of it.

    Webhooks tell it twice, as an adjustment below zero and, since 2024, as lines of
    shipping that hold no tax of their own. GraphQL tells it once.
    """
    told = [
        (amount(row.get("amount"), f"{path}amount"), _tax_of(row, path))
        for path, row in rows(payload, "order_adjustments")
        if _is_shipping(row)
    ]
    if told:
        return -_sum(net for net, _ in told), -_sum(tax for _, tax in told)
    found = [
        (
            shop_amount(row.get("subtotal_amount_set"), f"{path}subtotal_amount_set"),
            shop_amount(row.get("tax_amount_set"), f"{path}tax_amount_set"),
        )
        for path, row in rows(payload, "refund_shipping_lines")
    ]
    tax = _sum(tax for _, tax in found)
    paid = _sum(net for net, _ in found)
    return paid - (tax if gross else ZERO), tax


def _tax_of(row: Payload, path: str) -> Decimal:
    return amount(row.get("tax_amount"), f"{path}tax_amount")


def _is_shipping(adjustment: Payload) -> bool:
    return plain(adjustment.get("kind")) == "shipping_refund"


def _adjustments(payload: Payload) -> Iterator[Payload]:
    """Yield what was given back beyond lines and shipping; below zero what was kept.

    Shopify's sign is the other way round: 5.00 is what the buyer did not get.
    """
    for path, row in rows(payload, "order_adjustments"):
        found = amount(row.get("amount"), f"{path}amount") + _tax_of(row, path)
        if found and not _is_shipping(row):
            reason = plain(first([row.get("reason"), row.get("kind")]))
            spoken = reason.replace("_", " ").capitalize()
            yield {
                "amount": -found,
                "reason": spoken,
                "source_path": path.rstrip("."),
            }
