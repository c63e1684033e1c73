"""How far an order or a return has come: what was shipped, received and billed.

Nothing of it is counted up: it is read off the transactions that grew out of the
order, so a changed or deleted one leaves no trace.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.transaction_types import BILLS, MOVEMENTS

Values = dict[str, Any]
ZERO, ONE = Decimal(0), Decimal(1)
SHIPPED = "C"
# What can be put into a parcel, unless the item says otherwise.
_SHIPPABLE = {"InvtPart", "NonInvtPart", "Kit", "Assembly"}


@dataclass
class Done:
    """What became of one line; `taken` is on fulfilments that may not have left."""

    taken: Decimal = ZERO
    moved: Decimal = ZERO
    billed: Decimal = ZERO

    @property
    def any(self) -> bool:
        return bool(self.taken or self.billed)


def done_with(source_id: str, store: Store, but: str = "") -> dict[int, Done]:
    """Return what became of each line of a transaction, `but` one descendant's part."""
    done: defaultdict[int, Done] = defaultdict(Done)
    for record in store.grown_from(source_id):
        if record.id == but:
            continue
        for line in record.values.get("item", {}).get("items", []):
            if "orderLine" in line:
                _count(done[line["orderLine"]], record, line)
    return done


def _count(done: Done, record: Record, line: Values) -> None:
    quantity = quantity_of(line)
    if record.type in MOVEMENTS:
        done.taken += quantity
        done.moved += quantity if has_moved(record.values) else ZERO
    elif record.type in BILLS:
        done.billed += quantity


def has_moved(movement: Values) -> bool:
    """Say whether the goods moved: a receipt always, a fulfilment once shipped."""
    return bool(movement.get("shipStatus", {}).get("id", SHIPPED) == SHIPPED)


def quantity_of(line: Values) -> Decimal:
    """Return a line's quantity; a line that has none counts as one."""
    quantity: Decimal | None = line.get("quantity")
    return ONE if quantity is None else quantity


def is_shippable(line: Values, store: Store) -> bool:
    item = store.target(("item",), line["item"]["id"])
    if item is None:
        return False
    chosen = item.values.get("isFulfillable")
    return item.kind.item_type in _SHIPPABLE if chosen is None else bool(chosen)


def left_to_move(line: Values, done: Done) -> Decimal:
    if line.get("isClosed"):
        return ZERO
    return max(quantity_of(line) - done.taken, ZERO)


def left_to_bill(
    line: Values, done: Done, store: Store, *, in_advance: bool
) -> Decimal:
    """Return what may be billed now: what moved, or all of it where allowed."""
    ready = quantity_of(line)
    if is_shippable(line, store) and (line.get("isClosed") or not in_advance):
        ready = done.moved
    elif line.get("isClosed"):
        ready = done.billed
    return max(ready - done.billed, ZERO)


def status_of(order: Values, done: Mapping[int, Done], store: Store) -> str:
    """Return the letter of an approved order or return."""
    parts = [(line, done.get(line["line"], Done())) for line in order["item"]["items"]]
    untouched = not any(part.moved or part.billed for _, part in parts)
    if untouched and all(line.get("isClosed") for line, _ in parts):
        return "H"
    waiting = any(
        not line.get("isClosed")
        and is_shippable(line, store)
        and part.moved < quantity_of(line)
        for line, part in parts
    )
    if not waiting:
        bills = [left_to_bill(*part, store, in_advance=True) for part in parts]
        return "F" if any(bills) else "G"
    if not any(part.moved for _, part in parts):
        return "B"
    return "E" if any(part.moved > part.billed for _, part in parts) else "D"
