"""What happens in Shopify Payments: money comes in, goes back, is paid out."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.money import Amount
from integrations.simulators.shopify.payments import (
    PAYOUT,
    TRANSACTION,
    BalanceTransaction,
    PaymentsAccount,
    Payout,
    net_of,
)
from integrations.simulators.shopify.shop import Shop

Payload = dict[str, Any]
# How the money of a payout that did not arrive comes back to the balance.
GIVEN_BACK = {"FAILED": "TRANSFER_FAILURE", "CANCELED": "TRANSFER_CANCEL"}


class PaymentActions(Shop):
    """The verbs of the payment provider; mixed into the simulator."""

    def open_payments(self, currency: str = "", country: str = "US") -> PaymentsAccount:
        """Let the shop use Shopify Payments; until then its account is null."""
        with self.lock:
            made = PaymentsAccount(currency or self.store.currency, country)
            self.store.payments = self.store.payments or made
            return self.store.payments

    @property
    def payments(self) -> PaymentsAccount:
        """The account; raises LookupError for a shop without Shopify Payments."""
        if self.store.payments is None:
            raise LookupError("the shop does not use Shopify Payments")
        return self.store.payments

    def balance_row(
        self,
        type: str,
        amount: Amount,
        fee: Amount = 0,
        *,
        net: Amount | None = None,
        currency: str = "",
        order: Payload | None = None,
        at: datetime | None = None,
        **facts: Any,
    ) -> BalanceTransaction:
        """Enter one movement; its net is amount less fee unless it is given."""
        with self.lock:
            whole, cost = Decimal(amount), Decimal(fee)
            row = BalanceTransaction(
                self.store.new_id(TRANSACTION),
                type,
                whole,
                cost,
                whole - cost if net is None else Decimal(net),
                currency or self.payments.currency,
                at or self.now(),
                order_gid=order["admin_graphql_api_id"] if order else "",
                order_name=order["name"] if order else "",
                **facts,
            )
            self.payments.rows[row.id] = row
            return row

    def charge(
        self,
        order: Payload,
        fee: Amount = 0,
        amount: Amount | None = None,
        **facts: Any,
    ) -> BalanceTransaction:
        """Take the money for an order in."""
        rows = self.store.transactions.get(order_key(order), [])
        told = {"source_type": "CHARGE", "source_id": int(order_key(order)), **facts}
        if rows:
            told = {"order_transaction": int(rows[-1]["id"]), **told}
        money = order["total_price"] if amount is None else amount
        return self.balance_row("CHARGE", money, fee, order=order, **told)

    def repay(
        self, order: Payload, amount: Amount, fee: Amount = 0, **facts: Any
    ) -> BalanceTransaction:
        """Give money of an order back; fees usually stay."""
        told = {"source_type": "REFUND", **facts}
        return self.balance_row("REFUND", -Decimal(amount), fee, order=order, **told)

    def lose_dispute(
        self, order: Payload, amount: Amount, fee: Amount = "15.00", **facts: Any
    ) -> BalanceTransaction:
        """Let the bank take the money of an order back, and a fee with it."""
        told = {"source_type": "DISPUTE", "order": order, **facts}
        return self.balance_row("DISPUTE_WITHDRAWAL", -Decimal(amount), fee, **told)

    def win_dispute(
        self, order: Payload, amount: Amount, fee: Amount = "15.00", **facts: Any
    ) -> BalanceTransaction:
        """Give back what a dispute had taken, its fee included."""
        told = {"source_type": "DISPUTE", "order": order, **facts}
        return self.balance_row("DISPUTE_REVERSAL", amount, -Decimal(fee), **told)

    def adjust(
        self, amount: Amount, reason: str = "billing", **facts: Any
    ) -> BalanceTransaction:
        """Change the balance for another reason than an order."""
        told = {"source_type": "ADJUSTMENT", "reason": reason, **facts}
        return self.balance_row("ADJUSTMENT", amount, **told)

    def reserve(self, amount: Amount, **facts: Any) -> BalanceTransaction:
        """Hold money back."""
        return self.balance_row("RESERVED_FUNDS", -Decimal(amount), **facts)

    def release_reserve(self, amount: Amount, **facts: Any) -> BalanceTransaction:
        """Let go of money that was held back."""
        return self.balance_row("RESERVED_FUNDS_REVERSAL", amount, **facts)

    def fee(self, amount: Amount, tax: Amount = 0, **facts: Any) -> BalanceTransaction:
        """Charge a fee of its own, and the tax on it as a row beside it."""
        told = {"source_type": "SYSTEM_ADJUSTMENT", **facts}
        row = self.balance_row("REFERRAL_FEE", -Decimal(amount), **told)
        if Decimal(tax):
            self.balance_row("REFERRAL_FEE_TAX", -Decimal(tax), **told)
        return row

    def pay_out(
        self,
        currency: str = "",
        *,
        leave_out: Iterable[BalanceTransaction] = (),
        status: str = "SCHEDULED",
        at: datetime | None = None,
        trace: str | None = None,
    ) -> Payout:
        """Pay out all that is pending in a currency; less than nothing is pulled.

        What is left out counts in the payout but stands on none of its lists.
        """
        with self.lock:
            wanted = currency or self.payments.currency
            rows = self.payments.pending(wanted)
            net, moment = net_of(rows), at or self.now()
            number = self.store.new_id(PAYOUT)
            payout = Payout(number, net, wanted, moment, status, trace)
            self.payments.payouts[number] = payout
            for row in rows:
                row.payout = number
            for row in leave_out:
                row.hidden = True
            self._own_row(payout)
            return payout

    def _own_row(self, payout: Payout) -> None:
        own = self.balance_row(
            "TRANSFER",
            -payout.net,
            currency=payout.currency,
            at=payout.issued_at,
            source_type="TRANSFER",
            source_id=payout.id,
        )
        own.payout = payout.id

    def set_payout_status(self, payout: Payout, status: str) -> None:
        """Move a payout on; one that fails gives its money back to the balance."""
        with self.lock:
            payout.status = status
            given_back = GIVEN_BACK.get(status)
            if given_back:
                facts: Payload = {"source_type": "TRANSFER", "source_id": payout.id}
                money, currency = payout.net, payout.currency
                self.balance_row(given_back, money, currency=currency, **facts)

    def change_row(self, row: BalanceTransaction, **changes: Any) -> BalanceTransaction:
        """Let a row stand otherwise from now on."""
        with self.lock:
            changed = replace(row, **changes)
            self.payments.rows[row.id] = changed
            return changed
