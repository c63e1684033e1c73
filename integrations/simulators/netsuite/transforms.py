"""One transaction made from another: what it begins with, and what the client says.

Oracle help section_157901123882. A body names lines by `orderLine` (or by `line`);
what it leaves out is taken whole, as far as something of it is left.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.movements import no_lines
from integrations.simulators.netsuite.progress import (
    ZERO,
    Done,
    done_with,
    is_shippable,
    left_to_bill,
    left_to_move,
    quantity_of,
)
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.schema import Field, RecordType
from integrations.simulators.netsuite.shares import OWN_PRICE, Shares
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.sublists import merge
from integrations.simulators.netsuite.switches import Switches
from integrations.simulators.netsuite.transaction_types import MOVEMENTS

Values = dict[str, Any]
TARGETS: Mapping[str, tuple[str, ...]] = {
    "salesOrder": ("itemFulfillment", "invoice", "cashSale", "returnAuthorization"),
    "invoice": ("creditMemo", "customerPayment", "returnAuthorization"),
    "cashSale": ("cashRefund", "returnAuthorization"),
    "cashRefund": ("creditMemo",),
    "returnAuthorization": ("itemReceipt", "creditMemo", "cashRefund"),
}
_LINE_FACTS = (
    "item", "quantity", "rate", "amount", "price", "description", "location",
    "department", "class", "units", "options", "taxCode", "taxRate1", "isTaxable",
    "taxDetailsReference",
)  # fmt: skip
_STOCK_FACTS = ("item", "itemType", "description", "location")
_NOT_INHERITED = {
    "externalId", "tranId", "tranDate", "status", "orderStatus", "item", "subtotal",
    "taxTotal", "total", "taxDetails", "apply", "applied", "unapplied", "amountPaid",
    "amountRemaining", "createdFrom", "linkedTrackingNumbers", "toBeEmailed", "source",
    "shippingCost", "handlingCost", "discountRate", "discountTotal", "memo", "dueDate",
    "postingPeriod",
}  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """What a transform starts from."""

    source: Record
    kind: RecordType
    store: Store
    switches: Switches

    @property
    def reference(self) -> Refusal:
        """What the account says when the source is in no state for this."""
        name, key = self.kind.name.lower(), self.source.id
        text = f"You can not initialize {name}: invalid reference {key}."
        return Refusal(Detail(text))


def transformed(
    origin: Origin,
    fields: Mapping[str, Field],
    changes: Values,
    replace: frozenset[str],
) -> Values:
    """Return the new transaction as the client wants it, unfinished; raise Refusal."""
    sent = changes.pop("item", None)
    begun = _begin(origin, fields)
    values = merge(fields, begun, changes)
    if "item" not in fields:
        return _payment(origin, values)
    values["createdFrom"] = {"id": origin.source.id}
    lines = _choose(origin, _lines(origin), sent, only_sent="item" in replace)
    values["item"] = {"items": lines}
    if origin.kind.name not in MOVEMENTS:
        Shares(origin.source, origin.kind.name, origin.store).divide(values, changes)
        _apply_itself(origin, values)
    return values


def check_pair(origin: Origin) -> None:
    """Refuse a transform that does not exist, or a source in the wrong state."""
    source = origin.source
    if origin.kind.name not in TARGETS.get(source.type, ()):
        text = f"The transformation to {origin.kind.name} is not supported."
        raise Refusal(Detail(text, "INVALID_REQUEST"))
    is_order = source.type in ("salesOrder", "returnAuthorization")
    if is_order and source.values["status"]["id"] in "ACH":
        raise origin.reference


def _begin(origin: Origin, fields: Mapping[str, Field]) -> Values:
    """Take over what both records have, but not what belongs to the source alone."""
    values = copy.deepcopy(origin.source.values)
    names = fields.keys() - _NOT_INHERITED
    if origin.kind.name == "customerPayment":
        names = {"currency", "exchangeRate", "subsidiary"}
    return {name: value for name, value in values.items() if name in names}


def _payment(origin: Origin, values: Values) -> Values:
    """Pay an invoice: its customer, and what is due of it."""
    invoice = origin.source
    due = invoice.values["amountRemaining"]
    if not due > 0:
        raise origin.reference
    values.setdefault("customer", dict(invoice.values["entity"]))
    wish = {"doc": {"id": invoice.id}, "apply": True}
    told = values.get("apply", {}).get("items", [])
    values["apply"] = {"items": [wish, *told]}
    values.setdefault("payment", due)
    return values


def _apply_itself(origin: Origin, values: Values) -> None:
    """Lay a credit memo against its invoice where the account does so unasked."""
    pair = (origin.source.type, origin.kind.name)
    if pair == ("invoice", "creditMemo") and origin.switches.credit_applies_itself:
        wish = {"doc": {"id": origin.source.id}, "apply": True}
        told = values.get("apply", {}).get("items", [])
        values["apply"] = {"items": [wish, *told]}


def _lines(origin: Origin) -> list[Values]:
    """Return what is left of each line of the source, as lines of the target."""
    done = done_with(origin.source.id, origin.store)
    facts = _STOCK_FACTS if origin.kind.name in MOVEMENTS else _LINE_FACTS
    count = _COUNTS.get((origin.source.type, origin.kind.name), _whole)
    lines = []
    for line in origin.source.values["item"]["items"]:
        left = count(origin, line, done.get(line["line"], Done()))
        if left <= 0:
            continue
        begun = {
            name: copy.deepcopy(value)
            for name, value in line.items()
            if name in facts or name.startswith("custcol")
        }
        if "quantity" in line:
            begun["quantity"] = left
        lines.append({**begun, **_place(origin, line), "orderLine": line["line"]})
    if not lines:
        raise origin.reference
    return [{**line, "line": number} for number, line in enumerate(lines, start=1)]


def _place(origin: Origin, line: Values) -> Values:
    """Return where a fulfilment takes goods from when its line does not say."""
    head = origin.source.values.get("location")
    if origin.kind.name not in MOVEMENTS or "location" in line or not head:
        return {}
    return {"location": dict(head)}


def _whole(origin: Origin, line: Values, done: Done) -> Decimal:
    return quantity_of(line)


def _movable(origin: Origin, line: Values, done: Done) -> Decimal:
    shippable = is_shippable(line, origin.store)
    return left_to_move(line, done) if shippable else ZERO


def _billable(origin: Origin, line: Values, done: Done) -> Decimal:
    ahead = origin.switches.bill_in_advance
    return left_to_bill(line, done, origin.store, in_advance=ahead)


def _refundable(origin: Origin, line: Values, done: Done) -> Decimal:
    ahead = origin.switches.refund_in_advance
    return left_to_bill(line, done, origin.store, in_advance=ahead)


def _returnable(origin: Origin, line: Values, done: Done) -> Decimal:
    """Only what was shipped can come back; services are given back as a whole."""
    return done.moved if is_shippable(line, origin.store) else quantity_of(line)


_COUNTS: Mapping[tuple[str, str], Callable[[Origin, Values, Done], Decimal]] = {
    ("salesOrder", "itemFulfillment"): _movable,
    ("salesOrder", "invoice"): _billable,
    ("salesOrder", "cashSale"): _billable,
    ("salesOrder", "returnAuthorization"): _returnable,
    ("returnAuthorization", "itemReceipt"): _movable,
    ("returnAuthorization", "creditMemo"): _refundable,
    ("returnAuthorization", "cashRefund"): _refundable,
}


def _choose(
    origin: Origin, lines: list[Values], sent: list[Values] | None, *, only_sent: bool
) -> list[Values]:
    """Meet the lines that are left with those of the body."""
    mentioned, added = _sort_out(origin, lines, sent or [])
    takes_all = origin.switches.transforms_take_unmentioned_lines
    keep = sent is None or (takes_all and not only_sent)
    chosen = [
        _changed(line, mentioned.get(line["line"], {}))
        for line in lines
        if keep or line["line"] in mentioned
    ]
    chosen += [_new_line(origin, line) for line in added]
    chosen = [line for line in chosen if quantity_of(line) > 0]
    if not chosen:
        raise no_lines()
    return [{**line, "line": number} for number, line in enumerate(chosen, start=1)]


def _sort_out(
    origin: Origin, lines: list[Values], sent: list[Values]
) -> tuple[dict[int, Values], list[Values]]:
    """Return what the body says of lines that are left, and what it adds."""
    mentioned: dict[int, Values] = {}
    added: list[Values] = []
    for index, line in enumerate(sent):
        number = _meant(origin, lines, line, f"item.items[{index}]")
        if number is None:
            added.append(line)
        else:
            mentioned[number] = {**mentioned.get(number, {}), **line}
    return mentioned, added


def _meant(origin: Origin, lines: list[Values], line: Values, place: str) -> int | None:
    """Return the number of the line that a line of the body speaks of."""
    wanted = line.get("orderLine")
    if wanted is None:
        numbers = [one["line"] for one in lines if one["line"] == line.get("line")]
        return numbers[0] if numbers else None
    for one in lines:
        if wanted == _order_line(origin, one):
            return int(one["line"])
    if line.get("itemReceive") is False:
        return -1
    raise refusals.invalid_value(wanted, "orderLine", f"{place}.orderLine")


def _order_line(origin: Origin, line: Values) -> int:
    """Return the number that accounts give a line of the order in `orderLine`."""
    number: int = line["orderLine"]
    if not origin.switches.order_line_is_the_unique_key:
        return number
    items = origin.source.values["item"]["items"]
    return next(int(one["lineUniqueKey"]) for one in items if one["line"] == number)


def _changed(line: Values, told: Values) -> Values:
    """Lay the client's words over a line; a cleared field goes."""
    if "rate" in told and "amount" not in told:
        line = {name: value for name, value in line.items() if name != "amount"}
    merged = {
        **line,
        **{k: v for k, v in told.items() if k not in ("line", "orderLine")},
    }
    if {"rate", "amount"} & told.keys():
        merged[OWN_PRICE] = True
    return {name: value for name, value in merged.items() if value is not None}


def _new_line(origin: Origin, line: Values) -> Values:
    if origin.kind.name in MOVEMENTS:
        raise refusals.missing("Order Line", "item.items[0].orderLine")
    return {name: value for name, value in line.items() if value is not None}
