"""Orders and returns: which letter they bear, and what may still change on them."""

from collections.abc import Mapping
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.followers import BY_HAND, settle_lines
from integrations.simulators.netsuite.progress import (
    Done,
    done_with,
    quantity_of,
    status_of,
)
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.sales import finish_sale
from integrations.simulators.netsuite.schema import RecordType
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]
_PENDING_APPROVAL, _APPROVED, _CANCELLED = "A", "B", "C"


def finish_order(
    order: Values,
    before: Record | None,
    kind: RecordType,
    store: Store,
    switches: Switches,
) -> None:
    """Complete an order or return in place; raise Refusal when it breaks a rule."""
    old = before.values if before else {}
    done = done_with(before.id, store) if before else {}
    _check_lines(order, old, done, switches)
    finish_sale(order, old, kind, store, switches)
    order.setdefault("orderStatus", {"id": switches.default_order_status})
    letter = _letter(order, old, done, switches)
    if letter not in BY_HAND:
        letter = status_of(order, done, store)
    order["status"], order["orderStatus"] = {"id": letter}, {"id": letter}
    settle_lines(order, done, kind.name)


def _letter(
    order: Values, old: Values, done: Mapping[int, Done], switches: Switches
) -> str:
    """Return the letter the client may give; every later one comes by itself."""
    wanted: str = order["orderStatus"]["id"]
    present: str = old["status"]["id"] if old else ""
    if wanted == present:
        return wanted
    untouched = not any(part.any for part in done.values())
    allowed = {_APPROVED}
    if untouched and present in ("", _PENDING_APPROVAL, _APPROVED):
        allowed.add(_PENDING_APPROVAL)
        if present and switches.orders_can_be_cancelled:
            allowed.add(_CANCELLED)
    if present == _CANCELLED or wanted not in allowed:
        raise refusals.invalid_value(wanted, "orderStatus", "orderStatus")
    return wanted


def _check_lines(
    order: Values, old: Values, done: Mapping[int, Done], switches: Switches
) -> None:
    """Refuse to take back what was shipped or billed, and to revive what was cancelled."""
    before = old.get("item", {}).get("items", [])
    after = order.get("item", {}).get("items", [])
    if old and old["status"]["id"] == _CANCELLED and before != after:
        raise Refusal(Detail(switches.cancelled_order_text, path="item"))
    places = {line["line"]: index for index, line in enumerate(after)}
    for line in before:
        part = done.get(line["line"], Done())
        if not part.any:
            continue
        if line["line"] not in places:
            raise Refusal(Detail(switches.used_line_text, path="item"))
        index = places[line["line"]]
        _check_line(line, after[index], part, f"item.items[{index}]", switches)


def _check_line(
    old: Values, new: Values, part: Done, place: str, switches: Switches
) -> None:
    if new.get("item") != old["item"]:
        raise Refusal(Detail(switches.used_line_text, path=f"{place}.item"))
    if quantity_of(new) < part.taken:
        text = switches.below_fulfilled_text
        raise Refusal(Detail(text, path=f"{place}.quantity"))
    if quantity_of(new) < part.billed:
        text = switches.below_billed_text
        raise Refusal(Detail(text, path=f"{place}.quantity"))
