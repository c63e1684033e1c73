"""Goods on the move: item fulfilments of an order, item receipts of a return."""

from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.progress import (
    ZERO,
    Done,
    done_with,
    left_to_move,
    quantity_of,
)
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.sales import (
    add_basics,
    check_mandatory,
    check_period,
)
from integrations.simulators.netsuite.schema import RecordType
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]


def finish_movement(
    values: Values,
    before: Record | None,
    kind: RecordType,
    store: Store,
    switches: Switches,
) -> None:
    """Complete a fulfilment or receipt in place; raise Refusal."""
    if "createdFrom" not in values:
        raise refusals.missing("Created From", "createdFrom")
    source = store.transaction(values["createdFrom"]["id"])
    if source is None:
        raise refusals.no_transaction()
    _keep_marked_lines(values)
    check_mandatory(values, kind, switches)
    add_basics(values, kind, store, switches)
    check_period(values, before.values if before else {}, kind, switches)
    _check_quantities(values, source, before.id if before else "", store, switches)
    if kind.name == "itemFulfillment":
        _finish_fulfillment(values, switches)


def _keep_marked_lines(values: Values) -> None:
    """Drop the lines that the client unmarked or gave no quantity."""
    lines = [
        line
        for line in values["item"]["items"]
        if line.get("itemReceive", True) and quantity_of(line) > 0
    ]
    if not lines:
        raise no_lines()
    for line in lines:
        if "orderLine" not in line:
            raise refusals.missing("Order Line", "item.items[0].orderLine")
        line |= {"itemReceive": True, "quantity": quantity_of(line)}
    values["item"] = {"items": lines}


def no_lines() -> Refusal:
    text = "You must have at least one valid line item for this transaction."
    return Refusal(Detail(text, path="item"))


def _check_quantities(
    values: Values, source: Record, own: str, store: Store, switches: Switches
) -> None:
    done = done_with(source.id, store, but=own)
    ordered = {line["line"]: line for line in source.values["item"]["items"]}
    for index, line in enumerate(values["item"]["items"]):
        part = done.get(line["orderLine"], Done())
        origin = ordered.get(line["orderLine"])
        left = left_to_move(origin, part) if origin else ZERO
        place = f"item.items[{index}]"
        if line["quantity"] > left:
            text = switches.over_quantity_text
            raise Refusal(Detail(text, path=f"{place}.quantity"))
        line["quantityRemaining"] = left - line["quantity"]
        if switches.location_is_mandatory and "location" not in line:
            raise refusals.missing("Location", f"{place}.location")


def _finish_fulfillment(values: Values, switches: Switches) -> None:
    values.setdefault("shipStatus", {"id": switches.default_ship_status})
    values["status"] = dict(values["shipStatus"])
    if values["shipStatus"]["id"] == "C":
        values.setdefault("shippedDate", values["tranDate"])
