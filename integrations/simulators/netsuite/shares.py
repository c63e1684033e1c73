"""What part of a sale's money a bill takes, so that all bills together take all."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite.order_totals import decimal_places, rounded
from integrations.simulators.netsuite.progress import ZERO, quantity_of
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.transaction_types import BILLS

Values = dict[str, Any]
# Marks a line whose price the client gave; never stored.
OWN_PRICE = "own price"
_FREIGHT = ("shippingCost", "handlingCost")


@dataclass(frozen=True)
class Shares:
    """Divides one source; `earlier` are the lines and bills that took of it before."""

    source: Record
    target: str
    store: Store

    @property
    def earlier(self) -> list[Record]:
        same = BILLS if self.target in BILLS else (self.target,)
        return [
            one for one in self.store.grown_from(self.source.id) if one.type in same
        ]

    def divide(self, values: Values, told: Values) -> None:
        """Give a new bill its part of lines, freight, discount and taxes.

        What the client `told` stays as it is.
        """
        for line in values["item"]["items"]:
            origin = self._origins.get(line.get("orderLine", 0))
            if not line.pop(OWN_PRICE, False) and origin and "amount" in origin:
                amounts = [one["amount"] for one in self._lines(line["orderLine"])]
                taken = sum(amounts, ZERO)
                line["amount"] = self._part(origin["amount"], line, taken)
        for name in ("discountRate", *(_FREIGHT if self.target in BILLS else ())):
            if name in self.source.values and name not in told:
                values[name] = self._rest(name)
        if "taxDetails" in self.source.values and "taxDetails" not in told:
            values["taxDetails"] = {"items": list(self._taxes(values))}

    @property
    def _origins(self) -> dict[int, Values]:
        return {line["line"]: line for line in self.source.values["item"]["items"]}

    def _lines(self, number: int) -> Iterator[Values]:
        for bill in self.earlier:
            for line in bill.values["item"]["items"]:
                if line.get("orderLine") == number:
                    yield line

    def _part(self, total: Decimal, line: Values, taken: Decimal) -> Decimal:
        """Return a line's part; the last one takes what rounding left over."""
        whole = quantity_of(self._origins[line["orderLine"]])
        before = sum(map(quantity_of, self._lines(line["orderLine"])), ZERO)
        quantity = quantity_of(line)
        if not whole or before >= whole:
            return total
        if quantity + before >= whole:
            return total - taken
        places = decimal_places(self.source.values, self.store)
        return rounded(total * quantity / whole, places)

    def _rest(self, name: str) -> Decimal:
        total: Decimal = self.source.values[name]
        taken = sum((abs(one.values.get(name, ZERO)) for one in self.earlier), ZERO)
        return max(abs(total) - taken, ZERO).copy_sign(total)

    def _taxes(self, values: Values) -> Iterator[Values]:
        """Yield the source's tax details in the measure of what is taken."""
        lines = {
            line["taxDetailsReference"]: line
            for line in values["item"]["items"]
            if "taxDetailsReference" in line and "orderLine" in line
        }
        sold = {one.get("taxDetailsReference") for one in self._origins.values()}
        for detail in self.source.values["taxDetails"]["items"]:
            reference = detail.get("taxDetailsReference", {}).get("id", "")
            spent = sum(self._spent(detail), ZERO)
            if reference in lines:
                tax = self._part(detail["taxAmount"], lines[reference], spent)
                yield {**detail, "taxAmount": tax}
            elif reference not in sold and any(values.get(n) for n in _FREIGHT):
                yield {**detail, "taxAmount": detail["taxAmount"] - spent}

    def _spent(self, detail: Values) -> Iterator[Decimal]:
        same = ("taxDetailsReference", "taxType", "taxCode", "lineName")
        for bill in self.earlier:
            for one in bill.values.get("taxDetails", {}).get("items", []):
                if all(one.get(name) == detail.get(name) for name in same):
                    yield one["taxAmount"]
