"""Amounts of lines and totals of an order, to the cent."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.store import Store
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]
CUSTOM_PRICE, BASE_PRICE = {"id": "-1"}, {"id": "1"}
_ZERO = Decimal(0)
_PLACES = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "KWD": 3, "BHD": 3, "JOD": 3}


def finish_amounts(
    order: Values, before: Values, store: Store, switches: Switches
) -> None:
    """Settle each line's amount, then subtotal, taxes and total, in place."""
    places = _decimal_places(order, store)
    old = {line["line"]: line for line in before.get("item", {}).get("items", [])}
    lines = order["item"]["items"]
    for index, line in enumerate(lines):
        _finish_line(line, old.get(line["line"]), index, places, store, switches)
    details = order.get("taxDetails", {}).get("items", [])
    taxes = sum((detail["taxAmount"] for detail in details), _ZERO)
    order["subtotal"] = rounded(sum((line["amount"] for line in lines), _ZERO), places)
    order["discountTotal"] = rounded(_discount(order), places)
    order["taxTotal"] = rounded(taxes, places)
    freight = sum(
        (order.get(n) or _ZERO for n in ("shippingCost", "handlingCost")), _ZERO
    )
    parts = (order["subtotal"], order["discountTotal"], freight, order["taxTotal"])
    order["total"] = rounded(sum(parts, _ZERO), places)


def rounded(amount: Decimal, places: int) -> Decimal:
    """Round half up, as NetSuite does with money."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _decimal_places(order: Values, store: Store) -> int:
    currency = store.get("currency", order["currency"]["id"])
    return _PLACES.get(currency.values["symbol"], 2) if currency else 2


def _finish_line(
    line: Values,
    old: Values | None,
    index: int,
    places: int,
    store: Store,
    switches: Switches,
) -> None:
    _apply_price_level(line, store, switches)
    if line["itemType"]["id"] not in ("Discount", "TaxItem"):
        line.setdefault("quantity", Decimal(1))
    if _is_stale(line, old):
        line.pop("amount")
    if "amount" not in line:
        if "rate" not in line:
            raise refusals.missing("Amount", f"item.items[{index}].amount")
        line["amount"] = line["rate"] * line.get("quantity", Decimal(1))
    line["amount"] = rounded(line["amount"], places)


def _apply_price_level(line: Values, store: Store, switches: Switches) -> None:
    """Let the item's own price win, unless the line says that its price is custom."""
    item = store.target(("item",), line["item"]["id"])
    base = item.values.get("basePrice") if item else None
    line.setdefault("price", BASE_PRICE if base is not None else CUSTOM_PRICE)
    if base is None or line["price"] == CUSTOM_PRICE or not switches.price_level_wins:
        return
    if line.get("rate") != base:
        line["rate"] = base
        line.pop("amount", None)


def _is_stale(line: Values, old: Values | None) -> bool:
    """Say whether quantity or rate changed under an amount that stayed."""
    if old is None or line.get("amount") != old.get("amount"):
        return False
    return any(line.get(name) != old.get(name) for name in ("quantity", "rate"))


def _discount(order: Values) -> Decimal:
    if "discountItem" not in order:
        return _ZERO
    rate: Decimal = order.get("discountRate") or _ZERO
    return -abs(rate)
