"""Amounts of lines and totals of an order, to the cent."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.prices import BASE_LEVEL, price_of
from integrations.simulators.netsuite.store import Store
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]
CUSTOM_PRICE, BASE_PRICE = {"id": "-1"}, {"id": BASE_LEVEL}
_ZERO = Decimal(0)
_PLACES = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "KWD": 3, "BHD": 3, "JOD": 3}


def finish_amounts(
    order: Values, before: Values, store: Store, switches: Switches
) -> None:
    """Settle each line's amount, then subtotal, taxes and total, in place."""
    places = decimal_places(order, store)
    old = {line["line"]: line for line in before.get("item", {}).get("items", [])}
    lines = order["item"]["items"]
    for index, line in enumerate(lines):
        stood = old.get(line["line"])
        _apply_price_level(line, stood, order["currency"]["id"], store, switches)
        _finish_line(line, stood, index, places)
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


def decimal_places(order: Values, store: Store) -> int:
    currency = store.get("currency", order["currency"]["id"])
    return _PLACES.get(currency.values["symbol"], 2) if currency else 2


def _finish_line(line: Values, old: Values | None, index: int, places: int) -> None:
    if line["itemType"]["id"] not in ("Discount", "TaxItem"):
        line.setdefault("quantity", Decimal(1))
    if _is_stale(line, old):
        line.pop("amount")
    if "amount" not in line:
        if "rate" not in line:
            raise refusals.missing("Amount", f"item.items[{index}].amount")
        line["amount"] = line["rate"] * line.get("quantity", Decimal(1))
    line["amount"] = rounded(line["amount"], places)


def _apply_price_level(
    line: Values, old: Values | None, currency: str, store: Store, switches: Switches
) -> None:
    """Let the item's own price win, unless the line says that its price is custom.

    A line that grew out of another transaction keeps the price it was sold at, and
    so does a stored line that nobody touched.
    """
    if "orderLine" in line or _is_untouched(line, old):
        return
    item = store.target(("item",), line["item"]["id"])
    level = line.get("price", BASE_PRICE)["id"]
    quantity = line.get("quantity", Decimal(1))
    listed = price_of(item, currency, level, quantity) if item else None
    line.setdefault("price", BASE_PRICE if listed is not None else CUSTOM_PRICE)
    if listed is None or line["price"] == CUSTOM_PRICE or not switches.price_level_wins:
        return
    if line.get("rate") != listed:
        line["rate"] = listed
        line.pop("amount", None)


def _is_untouched(line: Values, old: Values | None) -> bool:
    names = ("item", "price", "quantity", "rate")
    return old is not None and all(line.get(one) == old.get(one) for one in names)


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
