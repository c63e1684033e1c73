"""Item fulfilments: which lines of the sales order leave, and what changes afterwards.

A shop tells which of its own lines it shipped; NetSuite wants its own number of the
line in `orderLine`, and each line that stays switched off, or it ships that as well
("Transforming Records"). So the order is read first. Its line is found by the shop's
line id where a column of it holds one, else by its item, and never guessed.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.base import FieldRule, Payload
from integrations.connectors.errors import (
    DecisionNeeded,
    RecordRejected,
    ReferenceUnknown,
)
from integrations.connectors.netsuite.records import lines_of

RECORD = "itemFulfillment"
# What a mapping says of a shipment that NetSuite has no field for.
LINE_KEY, CANCELLED = "lineKey", "cancelled"
OWN_FIELDS = {
    CANCELLED: FieldRule(label="Cancelled at the source", type="yes or no"),
    f"item.items[].{LINE_KEY}": FieldRule(label="Line of the order", type="text"),
}
ZERO = Decimal(0)
# Lines of an order that never stand on its fulfilment.
NEVER_SHIPPED = {
    "Service", "OthCharge", "Discount", "Markup", "Subtotal", "Description", "Payment",
    "TaxItem", "TaxGroup", "GiftCert", "DwnLdItem", "ShipItem", "EndGroup",
}  # fmt: skip
NOT_NOW = {
    "A": "waits for approval in NetSuite. Approve it there, then press Retry now.",
    "C": "was cancelled in NetSuite. Decide what becomes of the goods, then exclude "
    "this one with a reason.",
    "H": "is closed in NetSuite. Reopen its lines there and press Retry now, or "
    "exclude this one with a reason.",
}


@dataclass(frozen=True)
class OrderLine:
    """One line of a sales order as it stands now.

    `marks` are the words by which another system may have left its id on it.
    """

    number: int
    unique_key: int
    item: str
    left: Decimal
    marks: frozenset[str]
    is_shippable: bool


@dataclass(frozen=True)
class Picked:
    """What leaves: each wanted line with the order's, and the lines that stay."""

    lines: Sequence[tuple[Payload, OrderLine]]
    staying: Sequence[OrderLine]

    def items(self, *, by_unique_key: bool = False) -> list[Payload]:
        """Return the lines of the body; accounts differ in what names a line."""

        def name(line: OrderLine) -> int:
            return line.unique_key if by_unique_key else line.number

        leaving = [
            {**_sent(wanted), "orderLine": name(line), "itemReceive": True}
            for wanted, line in self.lines
        ]
        staying = [
            {"orderLine": name(line), "itemReceive": False} for line in self.staying
        ]
        return leaving + staying


def _sent(wanted: Payload) -> Payload:
    return {
        name: value for name, value in wanted.items() if name not in (LINE_KEY, "item")
    }


def pick(payload: Payload, order: Payload) -> Picked:
    """Find the lines of an order that a shipment holds; raises RecordRejected."""
    _refuse_state(order)
    lines = [_line(one) for one in lines_of(order, "item")]
    picked = _Picking(lines, _name(order)).pick(lines_of(payload, "item"))
    taken = {line.number for _, line in picked}
    staying = [
        line
        for line in lines
        if line.is_shippable and line.left > 0 and line.number not in taken
    ]
    return Picked(picked, staying)


def blames_order_line(error: ReferenceUnknown) -> bool:
    """Say whether NetSuite did not know the line of the order by what we called it."""
    return any(path.endswith("orderLine") for path in error.fields)


def _refuse_state(order: Payload) -> None:
    status = order.get("status")
    letter = status.get("id") if isinstance(status, dict) else status
    if reason := NOT_NOW.get(str(letter)):
        text = f"Sales order {_name(order)} {reason}"
        raise RecordRejected(text, fields={"createdFrom.id": text})


def _name(order: Payload) -> str:
    return str(order.get("tranId") or order.get("id"))


def _line(row: Payload) -> OrderLine:
    left = _number(row.get("quantity"), Decimal(1)) - _number(
        row.get("quantityFulfilled")
    )
    marks = {
        str(_plain(value))
        for name, value in row.items()
        if value and (name.startswith("custcol") or name == "taxDetailsReference")
    }
    return OrderLine(
        number=int(_number(row.get("line"))),
        unique_key=int(_number(row.get("lineUniqueKey"))),
        item=str(_plain(row.get("item"))),
        left=ZERO if row.get("isClosed") else left,
        marks=frozenset(marks),
        is_shippable=str(_plain(row.get("itemType"))) not in NEVER_SHIPPED,
    )


def _plain(value: Any) -> Any:
    return value.get("id") if isinstance(value, dict) else value


def _number(value: Any, missing: Decimal = ZERO) -> Decimal:
    try:
        return missing if value is None else Decimal(str(value))
    except InvalidOperation:
        return missing


class _Picking:
    """Lays what was shipped against the lines of one order."""

    def __init__(self, lines: list[OrderLine], order: str) -> None:
        self.lines = lines
        self.order = order
        self.found: dict[int, OrderLine] = {}

    def pick(self, wanted: list[Payload]) -> list[tuple[Payload, OrderLine]]:
        by_item: defaultdict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(wanted):
            line = self._named(place, one)
            if line is None:
                by_item[str(_plain(one.get("item")))].append(place)
            else:
                self.found[place] = line
        for item, places in by_item.items():
            self._by_item(item, places, wanted)
        for place, one in enumerate(wanted):
            self._check_quantity(place, one)
        return [(one, self.found[place]) for place, one in enumerate(wanted)]

    def _named(self, place: int, one: Payload) -> OrderLine | None:
        """Return the line that a person or the shop's line id names."""
        if one.get("orderLine"):
            wanted = _number(one["orderLine"])
            named = [line for line in self.lines if line.number == wanted]
            if not named:
                text = f"has no line {one['orderLine']}. Look up its number there."
                raise self._refusal(place, "orderLine", text)
            return named[0]
        key = str(one.get(LINE_KEY) or "")
        marked = [line for line in self.lines if key and key in line.marks]
        return marked[0] if len(marked) == 1 else None

    def _by_item(self, item: str, places: list[int], wanted: list[Payload]) -> None:
        """Lay all that was shipped of one item against the order's lines of it."""
        taken = {line.number for line in self.found.values()}
        lines = [one for one in self.lines if one.item == item]
        left = [one for one in lines if one.left > 0 and one.number not in taken]
        if not left:
            raise self._nothing_left(places[0], lines)
        if len(left) == len(places) == 1:
            self.found[places[0]] = left[0]
            return
        places = sorted(places, key=lambda place: _quantity(wanted[place]))
        left = sorted(left, key=lambda line: line.left)
        all_leave = [_quantity(wanted[one]) for one in places] == [x.left for x in left]
        if not all_leave:
            raise self._ambiguous(places[0], left)
        self.found |= dict(zip(places, left, strict=True))

    def _check_quantity(self, place: int, one: Payload) -> None:
        line, quantity = self.found[place], _quantity(one)
        if quantity > line.left:
            text = (
                f"has only {max(line.left, ZERO):f} left to ship on its line "
                f"{line.number}, and {quantity:f} left the warehouse. Somebody shipped "
                "it in NetSuite already, or the order was changed there: correct it "
                "there and press Retry now, or exclude this one with a reason."
            )
            raise self._refusal(place, "quantity", text)

    def _nothing_left(self, place: int, lines: list[OrderLine]) -> RecordRejected:
        if not lines:
            return self._refusal(
                place,
                "item.id",
                "has no line with this item. Add it there, as the order was changed in "
                "the shop, then press Retry now.",
            )
        return self._refusal(
            place,
            "item.id",
            "has nothing left to ship of this item. If it was shipped in NetSuite "
            "already, exclude this one with that reason; if not, correct the order "
            "there and press Retry now.",
        )

    def _ambiguous(self, place: int, left: list[OrderLine]) -> RecordRejected:
        numbers = ", ".join(str(line.number) for line in left)
        return self._refusal(
            place,
            "item.id",
            f"has this item on several lines ({numbers}), and nothing says which of "
            "them left. Edit this record and give its line `order_line` with the "
            "number of the right one. To have it told by itself, let the mapping of "
            "orders write the shop's line id into a column of the line (custcol_…).",
        )

    def _refusal(self, place: int, field: str, text: str) -> RecordRejected:
        said = f"Sales order {self.order} {text}"
        return RecordRejected(said, fields={f"item.items[{place}].{field}": said})


def _quantity(wanted: Payload) -> Decimal:
    return _number(wanted.get("quantity"), Decimal(1))


# What changes afterwards


def refuse_cancelled(payload: Payload, present: Payload | None = None) -> None:
    """Raise DecisionNeeded for a shipment that was cancelled at its source.

    Whether the goods left, only people know; and a fulfilment that is billed or whose
    stock was counted must not vanish behind their back.
    """
    if not payload.get(CANCELLED):
        return
    if present is None:
        raise DecisionNeeded(
            "It was cancelled at its source, and NetSuite has no item fulfilment of "
            "it: nothing is left to do there. Exclude this record with that reason."
        )
    raise DecisionNeeded(
        "It was cancelled at its source after it had become item fulfilment "
        f"{_name(present)} in NetSuite, which still says "
        "that the goods left. If they never did, delete that item fulfilment in "
        "NetSuite (one that is billed: credit the invoice first). If they did, book "
        "their return there. Then exclude this record with what you decided."
    )


def changes(payload: Payload, present: Payload) -> Payload:
    """Return what of a standing fulfilment is to be changed: its tracking, or nothing.

    Parcels that people noted without a number stay, and so do weight and words of
    those whose number stays.
    """
    wanted = lines_of(payload, "package")
    standing = lines_of(present, "package")
    known = {_tracking(one): one for one in standing if _tracking(one)}
    if not wanted or {_tracking(one) for one in wanted} == known.keys():
        return {}
    unnumbered = [one for one in standing if not _tracking(one)]
    kept = [*unnumbered, *(known.get(_tracking(one), one) for one in wanted)]
    return {"package": {"items": [dict(_writable(one)) for one in kept]}}


def _tracking(package: Payload) -> str:
    return str(package.get("packageTrackingNumber") or "")


def _writable(package: Payload) -> Iterator[tuple[str, Any]]:
    for name, value in package.items():
        if name != "links" and value is not None:
            yield name, value
