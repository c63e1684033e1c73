"""The price matrix of an item: one price for each currency, level and quantity.

Oracle help section_159531460854. The three together are a line's key: a line that is
sent again replaces the older one.
"""

from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.store import Record, Store

Values = dict[str, Any]
BASE_LEVEL = "1"
ZERO = Decimal(0)


def finish_prices(item: Values, store: Store) -> None:
    """Bring an item's matrix into order in place; raise Refusal."""
    lines: dict[tuple[str, str, Decimal], Values] = {}
    for index, line in enumerate(item.get("price", {}).get("items", [])):
        done = _finish_line(line, f"price.items[{index}]", store)
        lines[_key(done)] = done
    home = first_currency(store)
    base = (home, BASE_LEVEL, ZERO)
    if item.get("basePrice") is not None and base not in lines:
        lines[base] = _line(home, BASE_LEVEL, ZERO, item["basePrice"], store)
    if lines:
        item["price"] = {"items": [lines[key] for key in sorted(lines)]}
    if base in lines:
        item["basePrice"] = lines[base]["price"]


def price_of(
    item: Record, currency: str, level: str, quantity: Decimal
) -> Decimal | None:
    """Return what a piece costs when so many are bought, if that is set."""
    found: Decimal | None = None
    for line in item.values.get("price", {}).get("items", []):
        place = (line["currencyPage"]["id"], line["priceLevel"]["id"])
        if place == (currency, level) and line["quantity"]["value"] <= abs(quantity):
            found = line["price"]
    return found


def with_price(item: Record, line: Values) -> Values:
    """Return an item's values with one more line, for the hands of a person."""
    lines = item.values.get("price", {}).get("items", [])
    return {**item.values, "price": {"items": [*lines, line]}}


def first_currency(store: Store) -> str:
    """Return the id of the account's own currency."""
    return next(iter(store.of_type("currency")), "1")


def _finish_line(line: Values, place: str, store: Store) -> Values:
    currency, level = line.get("currencyPage"), line.get("priceLevel")
    quantity = line.get("quantity", {}).get("value", ZERO)
    if line.get("price") is None:
        raise refusals.missing("Price", f"{place}.price")
    return _line(
        currency["id"] if currency else first_currency(store),
        level["id"] if level else BASE_LEVEL,
        quantity,
        line["price"],
        store,
    )


def _line(
    currency: str, level: str, quantity: Decimal, price: Decimal, store: Store
) -> Values:
    named = store.get("priceLevel", level)
    return {
        "currencyPage": {"id": currency},
        "priceLevel": {"id": level},
        "priceLevelName": named.label if named else level,
        "quantity": {"value": quantity},
        "price": price,
    }


def _key(line: Values) -> tuple[str, str, Decimal]:
    return (
        line["currencyPage"]["id"],
        line["priceLevel"]["id"],
        line["quantity"]["value"],
    )
