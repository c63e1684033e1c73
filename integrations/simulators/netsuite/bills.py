"""Invoices, cash sales, credit memos and cash refunds, grown or made alone."""

from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.applying import apply, finish_till
from integrations.simulators.netsuite.followers import paid_by_others, settle_invoice
from integrations.simulators.netsuite.progress import Done, done_with, quantity_of
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.sales import finish_sale
from integrations.simulators.netsuite.schema import RecordType
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]


def finish_bill(
    bill: Values,
    before: Record | None,
    kind: RecordType,
    store: Store,
    switches: Switches,
) -> None:
    """Complete a bill or credit in place; raise Refusal when it breaks a rule."""
    own = before.id if before else ""
    finish_sale(bill, before.values if before else {}, kind, store, switches)
    _check_source(bill, own, store, switches)
    if kind.name == "invoice":
        _check_paid(bill, own, store, switches)
    elif kind.name == "creditMemo":
        apply(bill, "entity", own, store, switches)
        bill["amountPaid"], bill["amountRemaining"] = bill["applied"], bill["unapplied"]
        bill["status"] = {"id": "A" if bill["unapplied"] else "B"}
    else:
        finish_till(bill)


def _check_paid(bill: Values, own: str, store: Store, switches: Switches) -> None:
    paid = paid_by_others(own, store)
    if paid > bill["total"]:
        raise Refusal(Detail(switches.over_apply_text, path="item"))
    settle_invoice(bill, paid)


def _check_source(bill: Values, own: str, store: Store, switches: Switches) -> None:
    """Refuse to bill more of a line than its order or return has."""
    if "createdFrom" not in bill:
        return
    source = store.transaction(bill["createdFrom"]["id"])
    if source is None or source.type not in ("salesOrder", "returnAuthorization"):
        return
    done = done_with(source.id, store, but=own)
    ordered = {line["line"]: line for line in source.values["item"]["items"]}
    for index, line in enumerate(bill["item"]["items"]):
        if "orderLine" not in line:
            continue
        place = f"item.items[{index}]"
        origin = ordered.get(line["orderLine"])
        if origin is None:
            key = line["orderLine"]
            raise refusals.invalid_value(key, "orderLine", f"{place}.orderLine")
        billed = done.get(line["orderLine"], Done()).billed
        if quantity_of(line) + billed > quantity_of(origin):
            text = switches.over_quantity_text
            raise Refusal(Detail(text, path=f"{place}.quantity"))
