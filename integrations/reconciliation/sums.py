"""What lines add up to: values in, values out, to the last minor unit.

A line in another currency than its payout is counted and never added. The row of the
payout itself is no part of its sum.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrations.connectors.payouts import Kind, LineFound

ZERO = Decimal(0)
# The parts of a waterfall, in the order in which money runs down it.
ORDER = (
    ("sales", "Gross sales", (Kind.SALE,)),
    ("refunds", "Refunds", (Kind.REFUND,)),
    ("fees", "Fees", (Kind.FEE,)),
    ("taxes", "Taxes and duties", (Kind.TAX,)),
    ("disputes", "Disputes", (Kind.DISPUTE, Kind.DISPUTE_REVERSAL)),
    ("adjustments", "Adjustments", (Kind.ADJUSTMENT,)),
    ("shop-cash", "Shop Cash", (Kind.SHOP_CASH,)),
    ("shipping", "Shipping labels", (Kind.SHIPPING,)),
    ("credits", "Credits of the provider", (Kind.CREDIT,)),
    ("lending", "Advances and loans", (Kind.LENDING,)),
    ("trade", "Trade with other merchants", (Kind.TRADE,)),
    ("transfers", "Transfers between balances", (Kind.TRANSFER,)),
    ("retried", "Payouts that did not arrive", (Kind.RETRIED,)),
    ("reserve", "Reserve", (Kind.RESERVE,)),
    ("unmapped", "Unmapped types", (Kind.UNMAPPED,)),
)
PART_KINDS: dict[str, tuple[Kind, ...]] = {key: kinds for key, _, kinds in ORDER}
FEES, ODD = "fees", "odd"


@dataclass
class Share:
    """The lines of one kind together."""

    count: int = 0
    amount: Decimal = ZERO
    fee: Decimal = ZERO
    net: Decimal = ZERO
    with_fee: int = 0
    odd: int = 0

    def add(self, line: LineFound) -> None:
        self.count += 1
        self.amount += line.amount
        self.fee += line.fee
        self.net += line.net
        self.with_fee += bool(line.fee)
        self.odd += line.is_odd

    def as_json(self) -> dict[str, Any]:
        """Return it for a column of JSON; money as text."""
        return {name: _kept(value) for name, value in vars(self).items()}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Share":
        """Read what `as_json` wrote."""
        return cls(
            count=int(kept["count"]),
            amount=Decimal(kept["amount"]),
            fee=Decimal(kept["fee"]),
            net=Decimal(kept["net"]),
            with_fee=int(kept["with_fee"]),
            odd=int(kept["odd"]),
        )


def _kept(value: int | Decimal) -> int | str:
    return f"{value:f}" if isinstance(value, Decimal) else int(value)


@dataclass
class Sums:
    """What the lines of one payout add up to."""

    count: int = 0
    net: Decimal = ZERO
    kinds: dict[str, Share] = field(default_factory=dict)
    unmapped: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)


def sum_up(lines: Iterable[LineFound], currency: str) -> Sums:
    """Add up the lines of a payout that is in this currency."""
    sums = Sums()
    for line in lines:
        if line.kind == Kind.PAYOUT:
            continue
        sums.count += 1
        if line.kind == Kind.UNMAPPED:
            sums.unmapped[line.type] += 1
        if line.currency != currency:
            sums.strangers[line.currency] += 1
            continue
        sums.net += line.net
        sums.kinds.setdefault(line.kind, Share()).add(line)
    return sums


@dataclass(frozen=True)
class Part:
    """One step of the waterfall: how many lines made it, and the money they moved."""

    key: str
    label: str
    count: int
    money: Decimal


def parts_of(kinds: Mapping[str, Share]) -> list[Part]:
    """Split what lines add up to into parts, so that the parts add up to the net.

    What a sale cost stands under fees; a net that is not amount less fee leaves a rest,
    and the rest is a part of its own.
    """
    found = [_part(key, label, named, kinds) for key, label, named in ORDER]
    return [part for part in [*found, _rest(kinds)] if part.count or part.money]


def _part(
    key: str, label: str, named: tuple[Kind, ...], kinds: Mapping[str, Share]
) -> Part:
    mine = [kinds[kind] for kind in named if kind in kinds]
    count, money = sum(one.count for one in mine), _total(one.amount for one in mine)
    if key == FEES:
        others = [one for kind, one in kinds.items() if kind not in named]
        count += sum(one.with_fee for one in others)
        money -= _total(one.fee for one in kinds.values())
    return Part(key, label, count, money)


def _rest(kinds: Mapping[str, Share]) -> Part:
    odd = sum(one.odd for one in kinds.values())
    rest = _total(one.net - one.amount + one.fee for one in kinds.values())
    return Part(ODD, "Net other than amount less fee", odd, rest)


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
