"""Money in two currencies at once, so that both columns add up to the cent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

Amount = Decimal | str | int
# Decimal places of currencies that do not have two, after ISO 4217.
PLACES = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "BHD": 3, "JOD": 3, "KWD": 3}


def quantum(currency: str) -> Decimal:
    return Decimal(1).scaleb(-PLACES.get(currency, 2))


def written(amount: Decimal, currency: str) -> str:
    """Write an amount with the decimal places of its currency."""
    return str(amount.quantize(quantum(currency), ROUND_HALF_UP))


@dataclass(frozen=True)
class Money:
    """One amount in the shop's and in the buyer's currency."""

    shop: Decimal
    presentment: Decimal

    def __add__(self, other: "Money") -> "Money":
        return Money(self.shop + other.shop, self.presentment + other.presentment)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.shop - other.shop, self.presentment - other.presentment)

    def __mul__(self, factor: int) -> "Money":
        return Money(self.shop * factor, self.presentment * factor)

    def __bool__(self) -> bool:
        return bool(self.shop or self.presentment)


ZERO = Money(Decimal(0), Decimal(0))


def total(amounts: Iterable[Money]) -> Money:
    return sum(amounts, ZERO)


@dataclass(frozen=True)
class Currencies:
    """The two currencies of an order and the rate from the first to the second."""

    shop: str
    presentment: str
    rate: Decimal = Decimal(1)

    def money(self, amount: Amount) -> Money:
        value = Decimal(amount)
        return Money(self._shop(value), self._presentment(value * self.rate))

    def scaled(self, money: Money, factor: Decimal) -> Money:
        """Return a share of an amount, each column rounded half up."""
        return Money(
            self._shop(money.shop * factor),
            self._presentment(money.presentment * factor),
        )

    def split(self, whole: Money, weights: Sequence[Money]) -> list[Money]:
        """Share `whole` out by weight without losing a cent in either column."""
        shop = split(whole.shop, [w.shop for w in weights], quantum(self.shop))
        other = split(
            whole.presentment,
            [w.presentment for w in weights],
            quantum(self.presentment),
        )
        return [Money(*pair) for pair in zip(shop, other, strict=True)]

    def text(self, money: Money) -> str:
        """Write the shop's column, as the plain fields of a webhook do."""
        return str(self._shop(money.shop))

    def money_set(self, money: Money) -> dict[str, Any]:
        presentment = self._presentment(money.presentment)
        return {
            "shop_money": {"amount": self.text(money), "currency_code": self.shop},
            "presentment_money": {
                "amount": str(presentment),
                "currency_code": self.presentment,
            },
        }

    def both(self, name: str, money: Money) -> dict[str, Any]:
        """Return the plain field and its set."""
        return {name: self.text(money), f"{name}_set": self.money_set(money)}

    def _shop(self, value: Decimal) -> Decimal:
        return value.quantize(quantum(self.shop), ROUND_HALF_UP)

    def _presentment(self, value: Decimal) -> Decimal:
        return value.quantize(quantum(self.presentment), ROUND_HALF_UP)


def split(whole: Decimal, weights: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """Share out by largest remainder; the parts add up to the whole."""
    everything = sum(weights, Decimal(0))
    if not everything:
        return [Decimal(0) for _ in weights]
    exact = [whole * weight / everything for weight in weights]
    parts = [value.quantize(unit, ROUND_DOWN) for value in exact]
    missing = int((whole - sum(parts, Decimal(0))) / unit)
    by_remainder = sorted(
        range(len(parts)), key=lambda i: exact[i] - parts[i], reverse=True
    )
    for index in by_remainder[:missing]:
        parts[index] += unit
    return parts


def graphql_decimal(amount: Amount) -> str:
    """Write a decimal as GraphQL does: "1.00" becomes "1.0"."""
    text = format(Decimal(amount), "f")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"
