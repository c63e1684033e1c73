"""Edits of an order: pieces and lines added or removed, shipping added or removed.

What was placed stays as it was (`total_*`, the `quantity` of a lowered line); what
stands now is in `current_*`. The webhook is a difference and no more.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.ids import LONG_BASE, order_key
from integrations.simulators.shopify.lines import (
    Line,
    add_taxes,
    draft_lines,
    line_item,
    shipping_line,
)
from integrations.simulators.shopify.money import ZERO
from integrations.simulators.shopify.options import LineSpec, OrderOptions
from integrations.simulators.shopify.repayments import (
    money_fields,
    order_currencies,
)
from integrations.simulators.shopify.routing import route_line, withdraw
from integrations.simulators.shopify.shipments import sending_state
from integrations.simulators.shopify.shop import Shop, new_event
from integrations.simulators.shopify.store import Level
from integrations.simulators.shopify.totals import current_totals, read_set

Payload = dict[str, Any]


@dataclass
class Difference:
    """What one edit changed."""

    additions: list[Payload] = field(default_factory=list)
    removals: list[Payload] = field(default_factory=list)
    shipping_additions: list[Payload] = field(default_factory=list)
    shipping_removals: list[Payload] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)

    def payload(self) -> Payload:
        return {
            "line_items": {"additions": self.additions, "removals": self.removals},
            "discounts": {"line_item": {"additions": [], "removals": []}},
            "shipping_lines": {
                "additions": self.shipping_additions,
                "removals": self.shipping_removals,
            },
        }


class OrderEdits(Shop):
    """The verb that edits an order."""

    def edit_order(
        self,
        wanted: str | int,
        quantities: Mapping[str, int] | None = None,
        *,
        add: Sequence[LineSpec] = (),
        shipping_add: Sequence[Sequence[Any]] = (),
        shipping_remove: Sequence[str] = (),
        restock: bool = True,
        note: str = "",
    ) -> Payload:
        """Change an order and fire orders/updated and orders/edited.

        `quantities` maps a SKU or line id to the pieces that stay or shall be; `add`
        holds new lines as `make_order` takes them; shipping goes by title. Raises
        ValueError for pieces that were sent, and for titles that are not there.
        """
        with self.lock:
            event, order = new_event(), deepcopy(self.store.find_order(wanted))
            diff = Difference()
            self._edit_lines(order, quantities or {}, restock, diff)
            self._add_lines(order, add, diff)
            _remove_shipping(order, shipping_remove, diff)
            _add_shipping(order, shipping_add, diff)
            edited = self._commit_edit(order, event)
            body = self._edit_payload(edited, diff, note)
            self.webhooks.fire("orders/edited", body, event)
            self.announce_levels(diff.levels, event)
            return edited

    def _edit_lines(
        self, order: Payload, wishes: Mapping[str, int], restock: bool, diff: Difference
    ) -> None:
        for line in order["line_items"]:
            stands = line["current_quantity"]
            by_sku = wishes.get(line["sku"], stands)
            change = wishes.get(order_key(line), by_sku) - stands
            if change < 0:
                diff.levels += self._lower(order, line, -change, restock)
                diff.removals.append({"id": line["id"], "delta": -change})
            elif change > 0:
                diff.levels += self._raise(order, line, change)
                diff.additions.append({"id": line["id"], "delta": change})

    def _add_lines(
        self, order: Payload, specs: Sequence[LineSpec], diff: Difference
    ) -> None:
        for spec in specs:
            made = _added_line(order, spec)
            order["line_items"].append(made)
            diff.levels += self._route(order, made, made["quantity"])
            diff.additions.append({"id": made["id"], "delta": made["quantity"]})

    def _lower(
        self, order: Payload, line: Payload, pieces: int, restock: bool
    ) -> list[Level]:
        left = line["current_quantity"] - pieces
        if left < 0 or pieces > line["fulfillable_quantity"]:
            raise ValueError(f"{line['sku'] or line['title']} cannot become {left}")
        line["current_quantity"] = left
        line["fulfillable_quantity"] -= pieces
        return withdraw(self.store, order, line, pieces, restock, self.now())

    def _raise(self, order: Payload, line: Payload, pieces: int) -> list[Level]:
        currencies = order_currencies(order)
        rates = [Decimal(str(row["rate"])) for row in line["tax_lines"]]
        divisor = 1 + sum(rates, Decimal(0)) if order["taxes_included"] else Decimal(1)
        worth = read_set(line["price_set"]) * pieces
        for row, rate in zip(line["tax_lines"], rates, strict=True):
            more = currencies.scaled(worth, rate / divisor)
            row.update(currencies.both("price", read_set(row["price_set"]) + more))
        for name in ("quantity", "current_quantity", "fulfillable_quantity"):
            line[name] += pieces
        return self._route(order, line, pieces)

    def _route(self, order: Payload, line: Payload, pieces: int) -> list[Level]:
        return route_line(self.store, order, line, pieces, self.now())

    def _commit_edit(self, order: Payload, event: str) -> Payload:
        key = order_key(order)
        self.store.edited.add(key)
        if order["fulfillments"]:
            order.update(sending_state(order))
        order.update(current_totals(order))
        order.update(money_fields(order, self.store.transactions.get(key, [])))
        changed = {name: order[name] for name in order if name != "updated_at"}
        return self.change_order(key, changed, event)

    def _edit_payload(self, order: Payload, diff: Difference, note: str) -> Payload:
        """Return the orders/edited body."""
        return {
            "order_edit": {
                "id": self.store.new_id("OrderEdit"),
                "app_id": order["app_id"],
                "created_at": order["updated_at"],
                "notify_customer": False,
                "order_id": order["id"],
                "staff_note": note,
                "user_id": None,
                **diff.payload(),
                "committed_at": order["updated_at"],
            }
        }


def _options(order: Payload) -> OrderOptions:
    """Return the options that make a line as this order's lines were made."""
    currencies = order_currencies(order)
    other = currencies.presentment
    taxes = [(row["title"], str(row["rate"])) for row in order["tax_lines"]]
    return OrderOptions(
        currency=order["currency"],
        presentment=None
        if other == order["currency"]
        else (other, str(currencies.rate)),
        taxes=taxes,
        taxes_included=order["taxes_included"],
        long_id=int(order_key(order)) >= LONG_BASE,
    )


def _added_line(order: Payload, spec: LineSpec) -> Payload:
    options = _options(order)
    (line,) = draft_lines([spec], options)
    add_taxes(line, options)
    return line_item(order["order_number"], len(order["line_items"]), line, options)


def _remove_shipping(order: Payload, titles: Sequence[str], diff: Difference) -> None:
    """Mark shipping lines as removed; they stay in the order."""
    nothing = order_currencies(order).money_set(ZERO)
    for title in titles:
        row = _standing_line(order, title)
        row.update(is_removed=True, current_discounted_price_set=nothing)
        diff.shipping_removals.append({"id": row["id"]})


def _standing_line(order: Payload, title: str) -> Payload:
    for row in order["shipping_lines"]:
        if row["title"] == title and not row["is_removed"]:
            found: Payload = row
            return found
    raise ValueError(f"order {order['name']} has no shipping line {title}")


def _add_shipping(
    order: Payload, rows: Sequence[Sequence[Any]], diff: Difference
) -> None:
    options, lines = _options(order), order["shipping_lines"]
    for title, price in rows:
        line = Line(title, options.currencies.money(price), kind="shipping")
        add_taxes(line, options)
        lines.append(shipping_line(order["order_number"], len(lines), line, options))
        diff.shipping_additions.append({"id": lines[-1]["id"]})
