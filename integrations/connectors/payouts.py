"""Payouts and the lines they are made of, as every provider's connector reads them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

# What a column of money holds: at most three decimals, below a million million.
FINEST = Decimal("0.001")
LARGEST = Decimal("1e12")


class Kind(StrEnum):
    """What a line is to the books, whatever its provider calls it.

    `UNMAPPED` is no default but a bucket: what lands there has a type that nobody has
    judged yet.
    """

    SALE = "sale"
    REFUND = "refund"
    FEE = "fee"
    TAX = "tax"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    ADJUSTMENT = "adjustment"
    SHOP_CASH = "shop_cash"
    SHIPPING = "shipping"
    CREDIT = "credit"
    LENDING = "lending"
    TRADE = "trade"
    TRANSFER = "transfer"
    RETRIED = "retried"
    RESERVE = "reserve"
    # The row of the payout itself, which is no part of its sum.
    PAYOUT = "payout"
    UNMAPPED = "unmapped"


@dataclass(frozen=True)
class PayoutFound:
    """One payout as its provider tells it; `status` in the provider's own words.

    `net` below zero was pulled from the bank. `trace` is what the bank knows it by.
    """

    id: str
    status: str
    net: Decimal
    currency: str
    issued_at: datetime
    is_withdrawal: bool = False
    trace: str = ""
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LineFound:
    """One movement of money inside a payout; `net` is as given, never reckoned."""

    id: str
    type: str
    kind: Kind
    amount: Decimal
    fee: Decimal
    net: Decimal
    currency: str
    at: datetime
    order_id: str = ""
    order_name: str = ""
    reason: str = ""
    is_test: bool = False

    @property
    def is_odd(self) -> bool:
        """Say whether the net is given as something else than amount less fee."""
        return self.net != self.amount - self.fee


@dataclass(frozen=True)
class PayoutPage:
    """A page of payouts; an empty cursor says that it was the last.

    Without an account this provider pays nothing out here. `problems` names, in words,
    the payouts that could not be read: they stop no other.
    """

    rows: tuple[PayoutFound, ...] = ()
    cursor: str = ""
    has_account: bool = True
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class LinePage:
    """A page of the lines of one payout as raw rows, for `read_payout_line`."""

    rows: tuple[dict[str, Any], ...] = ()
    cursor: str = ""
