"""One order as a page: what became of it, and forms to let more become of it."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from integrations.simulators.base import Request, Response
from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.listing import (
    fulfillment_order_row,
    fulfillment_row,
    order_row,
)
from integrations.simulators.shopify.page_parts import Columns, Payload, field, section

if TYPE_CHECKING:
    from integrations.simulators.shopify.simulator import ShopifySimulator

ORDER: Columns = (
    ("name", "Order"),
    ("email", "Customer"),
    ("total", "Total"),
    ("current_total", "Now"),
    ("financial_status", "Payment"),
    ("fulfillment_status", "Sent"),
    ("updated_at", "Changed"),
)
LINES: Columns = (
    ("sku", "SKU"),
    ("title", "Title"),
    ("quantity", "Ordered"),
    ("current", "Left of it"),
    ("unsent", "Not sent"),
)
ROUTES: Columns = (
    ("id", "Fulfilment order"),
    ("location", "Location"),
    ("status", "Status"),
    ("left", "Left to send"),
    ("holds", "Holds"),
)
SHIPMENTS: Columns = (
    ("name", "Fulfilment"),
    ("status", "Status"),
    ("tracking", "Tracking"),
    ("pieces", "Pieces"),
)
REFUNDS: Columns = (
    ("id", "Refund"),
    ("pieces", "Pieces"),
    ("money", "Money"),
    ("status", "Status"),
    ("note", "Note"),
)
Show = Callable[[str, str], Response]
Form = dict[str, str]


class OrderPage:
    """Serves the page of an order and its forms."""

    def __init__(
        self,
        simulator: "ShopifySimulator",
        show: Show,
        missing: Callable[[str], Response],
    ) -> None:
        self.simulator = simulator
        self.show = show
        self.missing = missing

    def add_routes(self) -> None:
        self.simulator.route("GET", r"/admin/orders/(?P<key>\d+)", self._get)
        self.simulator.route(
            "POST", r"/ui/orders/(?P<key>\d+)/(?P<act>[a-z]+)", self._post
        )

    def _get(self, request: Request, key: str) -> Response:
        """Show one order where the shop's admin has it."""
        if key not in self.simulator.store.orders:
            return self.missing("There is no such order.")
        return self.show(self._content(self.simulator.store.orders[key]), "")

    def _post(self, request: Request, key: str, act: str) -> Response:
        acts = {
            "send": self._send,
            "refund": self._refund,
            "settle": self._settle,
            "edit": self._edit,
            "hold": self._hold,
            "release": self._release,
            "cancel": self._cancel,
        }
        if key not in self.simulator.store.orders or act not in acts:
            return self.missing("There is no such order or act.")
        try:
            acts[act](key, request.form())
        except (LookupError, ValueError, ArithmeticError) as error:
            order = self.simulator.store.orders[key]
            response = self.show(self._content(order), f"Not done: {error}")
            response.status = 400
            return response
        return Response(303, "", {"Location": f"/admin/orders/{key}"})

    def _send(self, key: str, form: Form) -> None:
        number = form.get("tracking", "").strip()
        self.simulator.fulfil_order(
            key,
            _pieces(form),
            company=form.get("company") or None,
            numbers=[number] if number else [],
        )

    def _refund(self, key: str, form: Form) -> None:
        self.simulator.refund_order(
            key,
            _pieces(form) or {},
            money=form.get("money") or None,
            status="pending" if form.get("pending") else "success",
            note=form.get("note") or None,
        )

    def _settle(self, key: str, form: Form) -> None:
        self.simulator.settle_refund(key)

    def _edit(self, key: str, form: Form) -> None:
        pieces = _pieces(form)
        if not pieces:
            raise ValueError("name a SKU and how many pieces shall be left of it")
        self.simulator.edit_order(key, pieces)

    def _hold(self, key: str, form: Form) -> None:
        self.simulator.hold(key, "other", form.get("notes", ""))

    def _release(self, key: str, form: Form) -> None:
        self.simulator.release_hold(key)

    def _cancel(self, key: str, form: Form) -> None:
        self.simulator.cancel_order(key, note=form.get("note", ""))

    def _content(self, order: Payload) -> str:
        store, key = self.simulator.store, order_key(order)
        row = {
            **order_row(order),
            "total": order["total_price"],
            "current_total": order["current_total_price"],
        }
        routes = [
            fulfillment_order_row(x, store) for x in store.fulfillment_orders_of(key)
        ]
        return "".join(
            (
                section("order", order["name"], ORDER, [row]),
                section(
                    "lines", "Lines", LINES, [_line(x) for x in order["line_items"]]
                ),
                section(
                    "routes", "Fulfilment orders", ROUTES, _spelled(routes, "left")
                ),
                section("shipments", "Fulfilments", SHIPMENTS, _shipments(order)),
                section(
                    "refunds", "Refunds", REFUNDS, [_back(x) for x in order["refunds"]]
                ),
                _forms(key),
            )
        )


def _pieces(form: Form) -> dict[str, int] | None:
    sku = form.get("sku", "").strip()
    return {sku: int(form.get("quantity") or 0)} if sku else None


def _line(line: Payload) -> Payload:
    return {
        "sku": line["sku"],
        "title": line["title"],
        "quantity": line["quantity"],
        "current": line["current_quantity"],
        "unsent": line["fulfillable_quantity"],
    }


def _shipments(order: Payload) -> list[Payload]:
    return _spelled([fulfillment_row(x) for x in order["fulfillments"]], "pieces")


def _spelled(rows: list[Payload], name: str) -> list[Payload]:
    return [{**row, name: _counted(row[name])} for row in rows]


def _counted(pieces: dict[Any, int]) -> str:
    return ", ".join(f"{count} × {sku}" for sku, count in pieces.items())


def _back(refund: Payload) -> Payload:
    rows = refund["refund_line_items"]
    return {
        "id": refund["id"],
        "pieces": _counted({x["line_item"]["sku"]: x["quantity"] for x in rows}),
        "money": ", ".join(x["amount"] for x in refund["transactions"]),
        "status": ", ".join(x["status"] for x in refund["transactions"]),
        "note": refund["note"],
    }


def _forms(key: str) -> str:
    pieces = field("sku", "SKU", "text", "") + field(
        "quantity", "Pieces", "number", "1"
    )
    left = field("sku", "SKU", "text", "") + field(
        "quantity", "Pieces from now on", "text", "0"
    )
    everything = field("sku", "SKU, or nothing for all", "text", "") + field(
        "quantity", "Pieces of it", "number", "1"
    )
    tracking = field("company", "Carrier", "text", "UPS") + field(
        "tracking", "Tracking number", "text", ""
    )
    money = field("money", "Money, or nothing for the worth", "text", "") + field(
        "note", "Note", "text", ""
    )
    pending = (
        '<label>Arrives later<input type="checkbox" name="pending" value="1"></label>'
    )
    return "".join(
        (
            _form(key, "send", "Send", everything + tracking),
            _form(key, "refund", "Refund", pieces + money + pending),
            _form(key, "settle", "Settle pending refunds", ""),
            _form(key, "edit", "Edit what is left of a line", left),
            _form(key, "hold", "Hold", field("notes", "Why", "text", "")),
            _form(key, "release", "Release", ""),
            _form(key, "cancel", "Cancel order", field("note", "Note", "text", "")),
        )
    )


def _form(key: str, act: str, label: str, fields: str) -> str:
    return (
        f'<section><h2>{escape(label)}</h2><form method="post" '
        f'action="/ui/orders/{escape(key)}/{act}"><div class="fields">{fields}</div>'
        f'<button type="submit">{escape(label)}</button></form></section>'
    )
