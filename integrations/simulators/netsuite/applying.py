"""Credits and payments laid against invoices, to the cent."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.followers import paid_by_others
from integrations.simulators.netsuite.order_totals import decimal_places, rounded
from integrations.simulators.netsuite.progress import ZERO
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.sales import (
    add_basics,
    add_currency,
    check_mandatory,
    check_period,
    customer_of,
)
from integrations.simulators.netsuite.schema import RecordType
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.subsidiaries import check_home
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]


def finish_payment(
    payment: Values,
    before: Record | None,
    kind: RecordType,
    store: Store,
    switches: Switches,
) -> None:
    """Complete a customer payment in place; raise Refusal."""
    old = before.values if before else {}
    customer = customer_of(payment, "customer", old, store)
    check_mandatory(payment, kind, switches)
    add_basics(payment, kind, store, switches)
    add_currency(payment, customer, store)
    check_period(payment, old, kind, switches)
    check_home(payment, customer, "customer", switches)
    finish_till(payment)
    amount = payment.get("payment")
    if amount is None:
        raise refusals.missing("Payment Amount", "payment")
    payment["payment"] = rounded(amount, decimal_places(payment, store))
    payment["total"] = payment["payment"]
    apply(payment, "customer", before.id if before else "", store, switches)


def finish_till(values: Values) -> None:
    """Settle where the money lies: among undeposited funds, or on an account."""
    values.setdefault("undepFunds", "account" not in values)
    values["status"] = {"id": "B" if values["undepFunds"] else "C"}


def apply(
    values: Values, payer: str, own: str, store: Store, switches: Switches
) -> None:
    """Settle what of a total lies against which invoice; raise Refusal.

    `payer` names the field that holds the customer, `own` is the id of the credit or
    payment, empty for a new one.
    """
    _Applying(values, payer, own, store, switches).settle()


@dataclass(frozen=True)
class _Applying:
    values: Values
    payer: str
    own: str
    store: Store
    switches: Switches

    def settle(self) -> None:
        left: Decimal = self.values["total"]
        lines: list[Values] = []
        for index, wish in enumerate(self._wishes()):
            line = self._line(wish, f"apply.items[{index}]", left)
            if line["amount"]:
                lines.append({**line, "line": len(lines) + 1})
                left -= line["amount"]
        self.values["apply"] = {"items": lines}
        self.values["applied"] = self.values["total"] - left
        self.values["unapplied"] = left

    def _wishes(self) -> list[Values]:
        """Return one line for each invoice, the last word on each counting."""
        latest: dict[str, Values] = {}
        for index, line in enumerate(self.values.get("apply", {}).get("items", [])):
            if "doc" not in line:
                raise refusals.missing("Apply", f"apply.items[{index}].doc")
            key = line["doc"]["id"]
            latest[key] = {**latest.get(key, {}), **line}
        if self.values.get("autoApply"):
            for invoice in self.store.of_type("invoice").values():
                if self._fits(invoice):
                    wish = {"doc": {"id": invoice.id}, "apply": True}
                    latest.setdefault(invoice.id, wish)
        return list(latest.values())

    def _line(self, wish: Values, place: str, left: Decimal) -> Values:
        key = wish["doc"]["id"]
        invoice = self.store.get("invoice", key)
        if invoice is None or not self._fits(invoice):
            raise refusals.invalid_value(key, "doc", f"{place}.doc")
        due = invoice.values["total"] - paid_by_others(key, self.store, but=self.own)
        amount: Decimal = wish.get("amount", min(due, left))
        if not wish.get("apply", False):
            amount = ZERO
        amount = rounded(amount, decimal_places(self.values, self.store))
        if amount > due or amount < 0:
            text = self.switches.over_apply_text
            raise Refusal(Detail(text, path=f"{place}.amount"))
        if amount > left:
            text = self.switches.over_payment_text
            raise Refusal(Detail(text, path=f"{place}.amount"))
        facts = {"total": invoice.values["total"], "due": due, "refNum": invoice.label}
        return {**wish, "apply": True, "amount": amount, **facts}

    def _fits(self, invoice: Record) -> bool:
        """Say whether an invoice has the same customer and currency."""
        customer, currency = invoice.values["entity"], invoice.values["currency"]
        mine = (self.values[self.payer], self.values["currency"])
        return mine == (customer, currency)
