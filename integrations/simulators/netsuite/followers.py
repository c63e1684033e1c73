"""What a transaction does to others: orders follow fulfilments, invoices payments."""

import copy
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from integrations.simulators.netsuite.progress import (
    ZERO,
    Done,
    done_with,
    has_moved,
    quantity_of,
    status_of,
)
from integrations.simulators.netsuite.store import Record, StockLevel, Store, Values

ORDERS = {"salesOrder": "quantityFulfilled", "returnAuthorization": "quantityReceived"}
# Letters that a person or a client gave, and that no fulfilment changes.
BY_HAND = frozenset("AC")


def follow(
    before: Record | None, after: Record | None, store: Store, now: datetime
) -> list[Record]:
    """Bring up to date what a written or deleted transaction touched.

    Returns what changed; each of it counts as modified now, as at the vendor.
    """
    move_stock(before, after, store, now)
    changed = []
    for source in _touched(before, after, store):
        values = _followed(source, store)
        if values != source.values:
            record = Record(source.type, source.id, values, source.created_at, now)
            store.put(record)
            changed.append(record)
    return changed


def sources_of(record: Record) -> set[str]:
    """Return the ids of transactions that a transaction grew from or applies to."""
    found = {line["doc"]["id"] for line in _items(record, "apply")}
    if "createdFrom" in record.values:
        found.add(record.values["createdFrom"]["id"])
    return found


def paid_by_others(invoice_id: str, store: Store, but: str = "") -> Decimal:
    """Return what payments and credits apply to an invoice, `but` one of them."""
    return sum(
        (
            line["amount"]
            for record in store.applied_to(invoice_id)
            if record.id != but
            for line in _items(record, "apply")
            if line["doc"]["id"] == invoice_id
        ),
        ZERO,
    )


def settle_lines(values: Values, done: dict[int, Done], kind: str) -> None:
    """Write onto the lines of an order or return what became of each."""
    for line in values["item"]["items"]:
        part = done.get(line["line"], Done())
        for name, count in (
            (ORDERS[kind], part.moved),
            ("quantityBilled", part.billed),
        ):
            if count or name in line:
                line[name] = count


def move_stock(
    before: Record | None, after: Record | None, store: Store, now: datetime
) -> None:
    """Take from the shelves what left, and put back what came back."""
    moves = dict.fromkeys((*_moves(before), *_moves(after)), ZERO)
    for record, sign in ((before, -1), (after, 1)):
        for place, quantity in _moves(record).items():
            moves[place] += sign * quantity
    for (item, location), quantity in moves.items():
        level = store.stock.get((item, location))
        if level and quantity:
            available, on_hand = level.available + quantity, level.on_hand + quantity
            store.set_level(item, location, StockLevel(available, on_hand, now))


def _moves(record: Record | None) -> dict[tuple[str, str], Decimal]:
    """Return what a fulfilment or receipt adds to each shelf."""
    found: dict[tuple[str, str], Decimal] = {}
    if record is None or record.type not in ("itemFulfillment", "itemReceipt"):
        return found
    sign = -1 if record.type == "itemFulfillment" else 1
    for line in _items(record, "item") if has_moved(record.values) else []:
        if "location" in line and line.get("restock", True):
            place = (line["item"]["id"], line["location"]["id"])
            found[place] = found.get(place, ZERO) + sign * quantity_of(line)
    return found


def _items(record: Record, name: str) -> list[Values]:
    lines: list[Values] = record.values.get(name, {}).get("items", [])
    return lines


def _touched(
    before: Record | None, after: Record | None, store: Store
) -> Iterator[Record]:
    keys = {key for one in (before, after) if one for key in sources_of(one)}
    for key in sorted(keys, key=int):
        if source := store.transaction(key):
            yield source


def _followed(source: Record, store: Store) -> Values:
    values = copy.deepcopy(source.values)
    if source.type in ORDERS:
        done = done_with(source.id, store)
        settle_lines(values, done, source.type)
        if values["status"]["id"] not in BY_HAND:
            letter = status_of(values, done, store)
            values["status"], values["orderStatus"] = {"id": letter}, {"id": letter}
        _note_tracking(source, values, store)
    elif source.type == "invoice":
        settle_invoice(values, paid_by_others(source.id, store))
    return values


def settle_invoice(invoice: Values, paid: Decimal) -> None:
    """Write what is paid and what is due, and the letter that follows."""
    invoice["amountPaid"] = paid
    invoice["amountRemaining"] = invoice["total"] - paid
    invoice["status"] = {"id": "A" if invoice["amountRemaining"] > 0 else "B"}


def _note_tracking(source: Record, values: Values, store: Store) -> None:
    numbers = [
        package["packageTrackingNumber"]
        for record in store.grown_from(source.id)
        for package in _items(record, "package")
        if package.get("packageTrackingNumber")
    ]
    if numbers:
        values["linkedTrackingNumbers"] = " ".join(dict.fromkeys(numbers))
    else:
        values.pop("linkedTrackingNumbers", None)
