"""What stands of an order now, told like an order that was placed so.

Shopify leaves `total_*` and the lines of an order as they were placed; `current_*` says
what edits, cancellations and refunds left. What was sent and came back stands all the
same: a credit memo answers for it, not the order. So a line stands with its current
pieces and those that were refunded after they had been sent.

Parts of a line (discounts, taxes, duties) stand by the share of its pieces. Cents lost
by that are made good on the largest part, so that all add up to Shopify's own current
sums, where those tell the same: once sent goods came back, they do not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.connectors.base import Payload
from integrations.connectors.shopify import orders
from integrations.connectors.shopify.values import (
    ZERO,
    amount,
    key_of,
    plain,
    rows,
    shop_amount,
)

# Digits behind the point, where a currency does not have two.
PLACES = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
SENT_BEFORE = "return"
UNSURE = ("no_restock", "legacy_restock")


def derived(order: Payload) -> Payload:
    """Return the facts of an order as it stands; raises UnreadablePayload."""
    left = {path: _left(order, row) for path, row in rows(order, "line_items")}
    placed = orders.derived(order)
    if _stands_as_placed(order, left, placed):
        return placed
    facts = orders.derived(_standing(order, left))
    told = None if _tells_less(order) else _told(order, "current_total_price")
    return {**facts, "total": orders.worth(facts) if told is None else told}


def _stands_as_placed(
    order: Payload, left: dict[str, Decimal], placed: Payload
) -> bool:
    """Say whether nothing was taken from an order, and nothing added to it."""
    if order.get("cancelled_at"):
        return False
    for path, row in rows(order, "line_items"):
        if left[path] != amount(row.get("quantity"), f"{path}quantity"):
            return False
    total = amount(order.get("total_price"), "total_price")
    current = _told(order, "current_total_price")
    return orders.worth(placed) == total or current in (None, total)


def _told(order: Payload, name: str) -> Decimal | None:
    return None if order.get(name) is None else amount(order[name], name)


# How many pieces of a line stand


def _left(order: Payload, row: Payload) -> Decimal:
    if order.get("cancelled_at"):
        return ZERO
    now = row.get("current_quantity")
    if now is None:
        return amount(row.get("quantity"), "quantity")
    return amount(now, "current_quantity") + _came_back(order, key_of(row, "LineItem"))


def _came_back(order: Payload, key: str) -> Decimal:
    """Return how many pieces of a line were refunded after they had been sent.

    Of pieces that were not put back on a shelf Shopify does not say whether they had
    been sent: so many count as were sent, and all where the shipments are not known.
    """
    back = _pieces(order, key, (SENT_BEFORE,))
    unsure = _pieces(order, key, UNSURE)
    sent = _sent(order, key)
    return back + (unsure if sent is None else min(unsure, max(sent - back, ZERO)))


def _pieces(order: Payload, key: str, kinds: tuple[str, ...]) -> Decimal:
    return sum(
        (
            amount(one.get("quantity"), f"{path}quantity")
            for path, one in _refunded(order)
            if plain(one.get("line_item_id")) == key
            and one.get("restock_type") in kinds
        ),
        ZERO,
    )


def _refunded(order: Payload) -> Iterator[tuple[str, Payload]]:
    for path, refund in rows(order, "refunds"):
        yield from rows(refund, "refund_line_items", path)


def _sent(order: Payload, key: str) -> Decimal | None:
    """Return how many pieces of a line left; None where the order does not tell."""
    if not isinstance(order.get("fulfillments"), list):
        return None
    return sum(
        (
            amount(one.get("quantity"), f"{inner}quantity")
            for path, shipment in rows(order, "fulfillments")
            if shipment.get("status") in ("success", "pending", "open")
            for inner, one in rows(shipment, "line_items", path)
            if plain(one.get("id")) == key
        ),
        ZERO,
    )


def _tells_less(order: Payload) -> bool:
    """Say whether the current sums leave out what stands: sent goods, or postage."""
    if order.get("cancelled_at"):
        return True
    if any(
        list(rows(one, "refund_shipping_lines")) for _, one in rows(order, "refunds")
    ):
        return True
    return any(
        _came_back(order, key_of(row, "LineItem"))
        for _, row in rows(order, "line_items")
    )


# The order in the shape in which it was placed


@dataclass
class _Part:
    """One amount that stands by the share of its line."""

    holder: Payload
    name: str
    is_scaled: bool

    @property
    def worth(self) -> Decimal:
        return amount(self.holder.get(self.name), self.name)


def _standing(order: Payload, left: dict[str, Decimal]) -> Payload:
    places = PLACES.get(str(order.get("currency")), 2)
    goods = [
        _row(row, path, left[path], places) for path, row in rows(order, "line_items")
    ]
    carriage = [_carriage(order, row) for _, row in rows(order, "shipping_lines")]
    kept = [*goods, *(row for row in carriage if not row.get("is_removed"))]
    if not _tells_less(order):
        _make_good(_parts_of(kept, "tax_lines", "price"), order, "current_total_tax")
        discounts = _parts_of(kept, "discount_allocations", "amount")
        _make_good(discounts, order, "current_total_discounts")
    sums = {} if _tells_less(order) else order
    tax, off = (_told(sums, f"current_total_{x}") for x in ("tax", "discounts"))
    is_off = bool(order.get("cancelled_at"))
    return {
        **order,
        "line_items": goods,
        "shipping_lines": carriage,
        "tax_lines": list(_taxes(order, kept)),
        "total_tax": ZERO if tax is None else tax,
        "total_discounts": orders.discounts_in(kept) if off is None else off,
        "original_total_duties_set": _duties(order, goods),
        **(_NOTHING if is_off else {}),
    }


_NOTHING: Payload = {
    "total_tip_received": None,
    "original_total_duties_set": None,
    "original_total_additional_fees_set": None,
    "total_discounts": ZERO,
}


def _row(row: Payload, path: str, left: Decimal, places: int) -> Payload:
    """Return a line with the pieces that stand, and its parts by their share."""
    placed = amount(row.get("quantity"), f"{path}quantity")
    if left == placed:
        return {
            **row,
            "tax_lines": _copies(row, "tax_lines"),
            "discount_allocations": _copies(row, "discount_allocations"),
        }
    share = left / placed if placed else Decimal(bool(left))
    scaled = _Share(share, places)
    return {
        **row,
        "quantity": left,
        "is_removed": not left,
        "total_discount": scaled.of(_bare_discount(row), f"{path}total_discount"),
        "tax_lines": scaled.rows(row, "tax_lines", "price"),
        "discount_allocations": scaled.rows(row, "discount_allocations", "amount"),
        "duties": [
            {**duty, "shop_money": scaled.money(duty)}
            for _, duty in rows(row, "duties")
        ],
    }


def _bare_discount(row: Payload) -> Any:
    """Return the discount of a line, unless its allocations tell all of it."""
    whole = amount(row.get("total_discount"), "total_discount")
    return whole if whole > orders.discounts_in([row]) else None


def _copies(row: Payload, name: str) -> list[Payload]:
    return [dict(one) for _, one in rows(row, name)]


@dataclass(frozen=True)
class _Share:
    """A share of a line, in money of so many places."""

    share: Decimal
    places: int

    def of(self, value: Any, path: str) -> Decimal:
        smallest = Decimal(1).scaleb(-self.places)
        found = amount(value, path) * self.share
        return found.quantize(smallest, rounding=ROUND_HALF_UP)

    def rows(self, row: Payload, name: str, field: str) -> list[Payload]:
        return [
            {**one, field: self.of(one.get(field), f"{path}{field}"), "is_scaled": True}
            for path, one in rows(row, name)
        ]

    def money(self, money_set: Payload) -> Payload:
        found = shop_amount(money_set, "duties.shop_money.amount") * self.share
        smallest = Decimal(1).scaleb(-self.places)
        return {"amount": found.quantize(smallest, rounding=ROUND_HALF_UP)}


def _carriage(order: Payload, row: Payload) -> Payload:
    is_off = bool(order.get("cancelled_at")) or bool(row.get("is_removed"))
    return {**row, "is_removed": is_off}


def _parts_of(kept: Iterable[Payload], name: str, field: str) -> list[_Part]:
    return [
        _Part(one, field, bool(one.get("is_scaled")))
        for row in kept
        for _, one in rows(row, name)
    ]


def _make_good(parts: list[_Part], order: Payload, name: str) -> None:
    """Put the cents that sharing lost or won on the largest part that was shared."""
    told = _told(order, name)
    shared = [part for part in parts if part.is_scaled]
    if told is None or not shared:
        return
    lost = told - sum((part.worth for part in parts), ZERO)
    places = PLACES.get(str(order.get("currency")), 2)
    if abs(lost) <= len(shared) * Decimal(1).scaleb(-places):
        largest = max(shared, key=lambda part: part.worth)
        largest.holder[largest.name] = largest.worth + lost


def _taxes(order: Payload, kept: Iterable[Payload]) -> Iterator[Payload]:
    """Yield the taxes of what stands, each named as the order names it."""
    sums: dict[tuple[str, bool], Decimal] = {}
    for _, one in rows(order, "tax_lines"):
        sums.setdefault(_tax_key(one), ZERO)
    for part in _parts_of(kept, "tax_lines", "price"):
        key = _tax_key(part.holder)
        sums[key] = sums.get(key, ZERO) + part.worth
    for (title, is_liable), found in sums.items():
        yield {"title": title, "price": found, "channel_liable": is_liable}


def _tax_key(tax: Payload) -> tuple[str, bool]:
    return plain(tax.get("title")), bool(tax.get("channel_liable"))


def _duties(order: Payload, goods: Iterable[Payload]) -> Payload:
    """Return all duties that stand: those of the lines, and what no line carries."""
    path = "original_total_duties_set"
    placed = [row for _, row in rows(order, "line_items")]
    rest = max(shop_amount(order.get(path), path) - _itemised(placed), ZERO)
    return {"shop_money": {"amount": _itemised(goods) + rest}}


def _itemised(lines: Iterable[Payload]) -> Decimal:
    path = "duties.shop_money.amount"
    return sum(
        (shop_amount(duty, path) for line in lines for _, duty in rows(line, "duties")),
        ZERO,
    )
