"""What Shopify Payments holds: one balance per currency, and the payouts made of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from integrations.simulators.shopify.ids import gid

ZERO = Decimal(0)
PAYOUT, TRANSACTION = "ShopifyPaymentsPayout", "ShopifyPaymentsBalanceTransaction"
# The types of the payout's own row, which hideTransfers leaves out.
TRANSFERS = frozenset({"TRANSFER"})


@dataclass
class BalanceTransaction:
    """One movement of a balance; `payout` is 0 until one takes it along.

    A hidden one counts in its payout and stands on no list: the sum does not tie.
    """

    id: int
    type: str
    amount: Decimal
    fee: Decimal
    net: Decimal
    currency: str
    at: datetime
    source_type: str | None = None
    source_id: int | None = None
    order_gid: str = ""
    order_name: str = ""
    order_transaction: int | None = None
    reason: str | None = None
    test: bool = False
    payout: int = 0
    hidden: bool = False

    @property
    def gid(self) -> str:
        return gid(TRANSACTION, self.id)


@dataclass
class Payout:
    """What goes to the bank, or with a minus is pulled from it."""

    id: int
    net: Decimal
    currency: str
    issued_at: datetime
    status: str = "SCHEDULED"
    trace: str | None = None

    @property
    def gid(self) -> str:
        return gid(PAYOUT, self.id)

    @property
    def direction(self) -> str:
        return "WITHDRAWAL" if self.net < 0 else "DEPOSIT"


@dataclass
class PaymentsAccount:
    """The account of a shop; absent where a shop does not use Shopify Payments."""

    currency: str
    country: str = "US"
    payouts: dict[int, Payout] = field(default_factory=dict)
    rows: dict[int, BalanceTransaction] = field(default_factory=dict)

    def rows_of(self, payout: Payout) -> list[BalanceTransaction]:
        """Return what a payout is made of, its own row and hidden ones included."""
        return [row for row in self.rows.values() if row.payout == payout.id]

    def pending(self, currency: str) -> list[BalanceTransaction]:
        """Return what no payout has taken along yet."""
        return [
            row
            for row in self.rows.values()
            if not row.payout and row.currency == currency
        ]

    def balances(self) -> dict[str, Decimal]:
        """Return what is held for the merchant, by currency."""
        found = {self.currency: ZERO}
        for row in self.rows.values():
            if not row.payout:
                found[row.currency] = found.get(row.currency, ZERO) + row.net
        return found

    def status_of(self, row: BalanceTransaction) -> str:
        return self.payouts[row.payout].status if row.payout else "PENDING"


def net_of(rows: Iterable[BalanceTransaction]) -> Decimal:
    """Add up the net of rows, without that of the payout itself."""
    return sum((row.net for row in rows if row.type not in TRANSFERS), ZERO)
