"""What becomes of an order after it was placed: cancelled, refunded, settled."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.ids import order_key, tail
from integrations.simulators.shopify.money import ZERO, Amount
from integrations.simulators.shopify.order_edits import OrderEdits
from integrations.simulators.shopify.refunds import (
    Draft,
    Returned,
    bare_line,
    draft_shipping_back,
    refund_payload,
    shipping_after,
)
from integrations.simulators.shopify.repayments import (
    in_both,
    money_fields,
    received,
    repaid,
    repay,
    repayment,
    transaction_payload,
)
from integrations.simulators.shopify.routing import restock_pieces, withdraw
from integrations.simulators.shopify.shipments import sending_state
from integrations.simulators.shopify.shop import new_event
from integrations.simulators.shopify.store import Level
from integrations.simulators.shopify.totals import current_totals

Payload = dict[str, Any]
Wish = Mapping[str, Any]
RESTOCK_TYPES = ("no_restock", "cancel", "return")


class OrderLife(OrderEdits):
    """The verbs for orders that stand."""

    def cancel_order(
        self,
        wanted: str | int,
        reason: str = "customer",
        *,
        restock: bool = True,
        refund: bool = True,
        note: str = "",
    ) -> Payload:
        """Cancel an order: nothing is left to send, stock and money go back.

        Pieces and shipping are taken back whether money was paid or not, as Shopify
        does; without `refund` what was paid is kept. Raises ValueError when the
        order is cancelled already or something of it was sent.
        """
        with self.lock:
            order = deepcopy(self.store.find_order(wanted))
            problem = cancel_problem(order)
            if problem:
                raise ValueError(problem)
            draft = self._whole_of(order, "cancel" if restock else "no_restock")
            money = self._net_paid(order) if refund else Decimal(0)
            if money:
                self._pay_back(order, draft, money, "success", explain=True)
            at = self.shop_time(self.now())
            order.update(cancelled_at=at, cancel_reason=reason, closed_at=at)
            if not received(self._transactions(order)):
                order["financial_status"] = "voided"
            self.store.staff_notes[order_key(order)] = note
            return self._book(order, draft, "orders/cancelled")

    def refund_order(
        self,
        wanted: str | int,
        lines: Mapping[str, int] | Sequence[Wish] = (),
        *,
        shipping: Amount | bool = 0,
        money: Amount | None = None,
        payments: Sequence[Wish] | None = None,
        status: str = "success",
        restock_type: str = "",
        place: str = "",
        explain: bool = True,
        note: str | None = None,
    ) -> Payload:
        """Refund pieces, shipping, money, or any of them without the others.

        `lines` maps a SKU to pieces, or holds rows of `line` (SKU or id), `quantity`,
        `restock_type` and `place`; `shipping` is an amount before tax, or True for
        all that is left. `money` is what the worth of both comes to unless given: 0
        restocks only, any other amount differs from the lines, and then an order
        adjustment says so unless `explain` is false. `payments` names parent and
        amount of each transaction instead. With status "pending" the money is on its
        way until `settle_refund`. Raises ValueError for more than is there.
        """
        with self.lock:
            order = deepcopy(self.store.find_order(wanted))
            draft = Draft(note=note)
            for wish in _wishes(lines):
                named = {"restock_type": restock_type, "place": place, **wish}
                draft.returned.append(self._returned(order, named))
            if shipping:
                amount = None if shipping is True else Decimal(shipping)
                draft.shipping = draft_shipping_back(order, amount)
            if payments is not None:
                self._pay_as_told(order, draft, payments, status)
            else:
                worth = draft.calculated(order["taxes_included"]).shop
                back = worth if money is None else Decimal(money)
                self._pay_back(order, draft, back, status, explain)
            self._book(order, draft, "")
            refund: Payload = self.store.find_order(wanted)["refunds"][-1]
            return refund

    def settle_refund(self, wanted: str | int, status: str = "success") -> Payload:
        """Let pending refunds of an order arrive, or fail."""
        with self.lock:
            order = deepcopy(self.store.find_order(wanted))
            event, at = new_event(), self.shop_time(self.now())
            pending = [x for x in self._transactions(order) if _is_pending(x)]
            if not pending:
                raise ValueError(f"order {order['name']} has no pending refund")
            for row in pending:
                row.update(status=status, processed_at=at)
            by_id = {row["id"]: transaction_payload(row, order) for row in pending}
            for refund in order["refunds"]:
                refund["transactions"] = [
                    by_id.get(row["id"], row) for row in refund["transactions"]
                ]
            order.update(money_fields(order, self._transactions(order)))
            return self._save(order, event, "", list(by_id.values()))

    def _whole_of(self, order: Payload, restock_type: str) -> Draft:
        rows = [
            Returned(line, line["current_quantity"], restock_type)
            for line in order["line_items"]
            if line["current_quantity"]
        ]
        return Draft(rows, draft_shipping_back(order, None))

    def _returned(self, order: Payload, wish: Wish) -> Returned:
        line = _line_of(order, str(wish["line"]))
        pieces = int(wish["quantity"])
        unsent = line["fulfillable_quantity"]
        chosen = wish["restock_type"] or ("cancel" if pieces <= unsent else "return")
        if chosen not in RESTOCK_TYPES:
            raise ValueError(f"restock_type is one of {', '.join(RESTOCK_TYPES)}")
        most = unsent if chosen == "cancel" else line["current_quantity"]
        if not 0 < pieces <= most:
            raise ValueError(
                f"{line['sku'] or line['title']} cannot give {pieces} back"
            )
        place = self._place_of(order, line, wish) if chosen != "no_restock" else None
        return Returned(line, pieces, chosen, place)

    def _place_of(self, order: Payload, line: Payload, wish: Wish) -> int:
        if wish["place"]:
            return self.store.location(str(wish["place"])).id
        rows = self.store.fulfillment_orders_of(order_key(order))
        found = [x for x in rows if x.line_of(order_key(line))]
        return found[-1].location_id if found else self.store.locations[0].id

    def _pay_back(
        self, order: Payload, draft: Draft, money: Decimal, status: str, explain: bool
    ) -> None:
        at = self.shop_time(self.now())
        draft.transactions = repay(self.store, order, money, status, at)
        gap = draft.calculated(order["taxes_included"]).shop - money
        if explain and gap and money:
            draft.discrepancy = in_both(order, gap)

    def _pay_as_told(
        self, order: Payload, draft: Draft, payments: Sequence[Wish], status: str
    ) -> None:
        at, known = self.shop_time(self.now()), self._transactions(order)
        by_gid = {row["admin_graphql_api_id"]: row for row in known}
        for wish in payments:
            parent, amount = by_gid[wish["parent"]], Decimal(wish["amount"])
            row = repayment(self.store, order, parent, amount, status, at)
            draft.transactions.append(row)
        money = sum((Decimal(wish["amount"]) for wish in payments), Decimal(0))
        gap = draft.calculated(order["taxes_included"]).shop - money
        draft.discrepancy = in_both(order, gap) if gap and money else ZERO

    def _net_paid(self, order: Payload) -> Decimal:
        known = self._transactions(order)
        return received(known).shop - repaid(known, ("success", "pending")).shop

    def _transactions(self, order: Payload) -> list[Payload]:
        return self.store.transactions.setdefault(order_key(order), [])

    def _book(self, order: Payload, draft: Draft, topic: str) -> Payload:
        """Write a refund into its order, fire what follows, return the order."""
        event, at = new_event(), self.shop_time(self.now())
        money = [transaction_payload(row, order) for row in draft.transactions]
        refund = refund_payload(self.store, order, draft, money, at)
        levels = self._take_back(order, draft, bool(topic))
        for row, line in zip(refund["refund_line_items"], draft.returned, strict=True):
            row["line_item"] = bare_line(line.line)
        shipping_after(draft.shipping)
        self._transactions(order).extend(draft.transactions)
        order["refunds"] = [*order["refunds"], refund]
        self.store.owners[order_key(refund)] = order_key(order)
        if order["fulfillments"]:
            order.update(sending_state(order))
        order.update(current_totals(order))
        order.update(money_fields(order, self._transactions(order)))
        kept = self._save(order, event, topic, money)
        self.webhooks.fire("refunds/create", refund, event)
        self.announce_levels(levels, event)
        return kept

    def _save(
        self, order: Payload, event: str, topic: str, money: list[Payload]
    ) -> Payload:
        changed = {name: order[name] for name in order if name != "updated_at"}
        kept = self.change_order(order_key(order), changed, event)
        if topic:
            self.webhooks.fire(topic, kept, event)
        for row in money:
            if row["status"] != "pending":
                self.webhooks.fire("order_transactions/create", row, event)
        return kept

    def _take_back(self, order: Payload, draft: Draft, closes: bool) -> list[Level]:
        """Lower the lines; unsent pieces leave their fulfilment orders."""
        now, levels = self.now(), []
        for row in draft.returned:
            line, pieces = row.line, row.quantity
            line["current_quantity"] -= pieces
            if closes or row.restock_type == "cancel":
                line["fulfillable_quantity"] -= pieces
                levels += withdraw(
                    self.store, order, line, pieces, row.is_restocked, now
                )
            elif row.restock_type == "return":
                levels += restock_pieces(self.store, line, row.location_id, pieces, now)
        return levels


def cancel_problem(order: Payload) -> str:
    """Say in Shopify's words why an order cannot be cancelled, or nothing."""
    if order["cancelled_at"]:
        return "Cannot cancel an order that has already been canceled"
    sent = [row for row in order["fulfillments"] if row["status"] != "cancelled"]
    if sent or order["fulfillment_status"] in ("partial", "fulfilled"):
        return "Cannot cancel an order that has outstanding fulfillments"
    return ""


def _wishes(lines: Mapping[str, int] | Sequence[Wish]) -> Sequence[Wish]:
    if isinstance(lines, Mapping):
        return [{"line": sku, "quantity": pieces} for sku, pieces in lines.items()]
    return lines


def _line_of(order: Payload, wanted: str) -> Payload:
    for line in order["line_items"]:
        if wanted in (line["sku"], line["title"]) or tail(wanted) == order_key(line):
            found: Payload = line
            return found
    raise ValueError(f"order {order['name']} has no line {wanted}")


def _is_pending(row: Payload) -> bool:
    return bool(row["kind"] == "refund" and row["status"] == "pending")
