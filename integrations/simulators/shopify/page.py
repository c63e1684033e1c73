"""The shop as a page for people: what it holds, and a form to buy something."""

import json
import re
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from integrations.simulators.base import Call, Request, Response
from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.listing import (
    customer_row,
    delivery_row,
    order_row,
    stock_rows,
)
from integrations.simulators.shopify.order_page import OrderPage
from integrations.simulators.shopify.page_parts import (
    LONGEST_LIST,
    SECURITY,
    Columns,
    Payload,
    field,
    section,
)

if TYPE_CHECKING:
    from integrations.simulators.shopify.simulator import ShopifySimulator

STYLE = Path(__file__).with_name("style.css")
ORDERS: Columns = (
    ("name", "Order"),
    ("email", "Customer"),
    ("total", "Total"),
    ("financial_status", "Payment"),
    ("fulfillment_status", "Sent"),
    ("skus", "SKUs"),
    ("updated_at", "Changed"),
)
CUSTOMERS: Columns = (
    ("name", "Name"),
    ("email", "E-mail"),
    ("id", "Id"),
    ("updated_at", "Changed"),
)
STOCK: Columns = (
    ("sku", "SKU"),
    ("title", "Product"),
    ("price", "Price"),
    ("location", "Location"),
    ("available", "Available"),
    ("committed", "Committed"),
    ("on_hand", "On hand"),
)
DELIVERIES: Columns = (
    ("topic", "Topic"),
    ("status", "Status"),
    ("tries", "Tries"),
    ("answers", "Answers"),
    ("uri", "Address"),
    ("triggered_at", "Fired"),
)
JOURNAL: Columns = (
    ("at", "Time"),
    ("method", "Method"),
    ("path", "Path"),
    ("operation", "Operation"),
    ("status", "Status"),
)


class Page:
    """Serves the page, its style sheet and the order form."""

    def __init__(self, simulator: "ShopifySimulator") -> None:
        self.simulator = simulator

    def add_routes(self) -> None:
        self.simulator.route("GET", "/", self._show)
        self.simulator.route("GET", "/ui/style.css", self._style)
        self.simulator.route("POST", "/ui/orders", self._place_order)
        OrderPage(self.simulator, self._one, self._missing).add_routes()
        self.simulator.route("GET", r"/admin/customers/(?P<key>\d+)", self._customer)

    def _show(self, request: Request) -> Response:
        return Response(200, self._page(""), dict(SECURITY))

    def _style(self, request: Request) -> Response:
        headers = {"Content-Type": "text/css; charset=utf-8"}
        return Response(200, STYLE.read_text(), headers)

    def _customer(self, request: Request, key: str) -> Response:
        try:
            customer = self.simulator.store.find_customer(key)
        except LookupError:
            return self._missing("There is no such customer.")
        row = customer_row(customer)
        return self._one(section("customer", row["name"], CUSTOMERS, [row]))

    def _missing(self, text: str) -> Response:
        return Response(404, self._page(text), dict(SECURITY))

    def _one(self, content: str, message: str = "") -> Response:
        page = f"{self._head(message)}{content}</main></html>"
        return Response(200, page, dict(SECURITY))

    def _place_order(self, request: Request) -> Response:
        form = request.form()
        try:
            order = self.simulator.new_order(
                lines=self._wanted_lines(form), email=form.get("email", "").strip()
            )
            placed = self.simulator.place_order(order)
        except (ValueError, ArithmeticError) as error:
            return Response(400, self._page(f"Not ordered: {error}"), dict(SECURITY))
        return Response(303, "", {"Location": f"/?placed={placed['order_number']}"})

    def _wanted_lines(self, form: dict[str, str]) -> list[tuple[str, str, str, int]]:
        lines = []
        for variant in self.simulator.store.variants:
            quantity = _whole(form.get(f"quantity-{variant.sku}", ""))
            if quantity:
                price = str(variant.price)
                lines.append((variant.sku, variant.title, price, quantity))
        sku = form.get("other-sku", "").strip()
        if sku:
            price = form.get("other-price", "").strip() or "10.00"
            quantity = _whole(form.get("other-quantity", "")) or 1
            lines.append((sku, f"Product {sku}", price, quantity))
        if not lines:
            raise ValueError("choose at least one product")
        return lines

    def _page(self, message: str) -> str:
        simulator, store = self.simulator, self.simulator.store
        orders = [
            {
                **order_row(x),
                "total": f"{x['total_price']} {x['currency']}",
                "href": f"/admin/orders/{order_key(x)}",
            }
            for x in _newest(store.orders.values())
        ]
        customers = [customer_row(x) for x in _newest(store.customers.values())]
        deliveries = [delivery_row(x) for x in _newest(simulator.webhooks.log)]
        calls = [_call(x) for x in _newest(simulator.journal)]
        sections = (
            section("orders", "Orders", ORDERS, orders),
            section("customers", "Customers", CUSTOMERS, customers),
            section("stock", "Stock", STOCK, stock_rows(store)),
            section("deliveries", "Webhook deliveries", DELIVERIES, deliveries),
            section("journal", "Requests", JOURNAL, calls),
        )
        return "".join((self._head(message), self._form(), *sections, "</main></html>"))

    def _head(self, message: str) -> str:
        name = escape(self.simulator.store.name)
        shop = escape(self.simulator.store.shop)
        access = "refused" if self.simulator.access.revoked else "allowed"
        note = f'<p class="note" role="alert">{escape(message)}</p>' if message else ""
        links = "".join(
            f'<a href="#{anchor}">{text}</a>'
            for anchor, text in (
                ("orders", "Orders"),
                ("customers", "Customers"),
                ("stock", "Stock"),
                ("deliveries", "Webhooks"),
                ("journal", "Requests"),
            )
        )
        return (
            f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{name} · simulated Shopify</title>"
            f'<link rel="stylesheet" href="/ui/style.css"></head><body>'
            f"<header><h1>{name}</h1><p>Simulated Shopify shop <b>{shop}</b>. "
            f'API access is <b class="{access}">{access}</b>.</p>'
            f'<nav aria-label="Sections">{links}</nav></header><main>{note}'
        )

    def _form(self) -> str:
        rows = "".join(_product_field(x) for x in self.simulator.store.variants)
        return (
            '<section><h2>Place an order</h2><form method="post" action="/ui/orders">'
            f'<div class="products">{rows}</div><div class="fields">'
            + field("email", "Customer e-mail", "email", "jane.doe@example.com")
            + field("other-sku", "Another SKU, known or not", "text", "")
            + field("other-quantity", "Its quantity", "number", "1")
            + field("other-price", "Its price", "text", "10.00")
            + '</div><button type="submit">Place order</button></form></section>'
        )


def _product_field(variant: Any) -> str:
    sku, title = escape(variant.sku), escape(variant.title)
    return (
        f"<label><span><b>{title}</b><br><small>{sku} · {variant.price}</small></span>"
        f'<input type="number" min="0" max="999" value="0" inputmode="numeric" '
        f'name="quantity-{sku}"></label>'
    )


def _call(call: Call) -> Payload:
    return {
        "at": datetime.fromtimestamp(call.at, UTC).strftime("%H:%M:%S"),
        "method": call.method,
        "path": call.path,
        "operation": _operation(call.request),
        "status": call.status or "answer lost",
    }


def _operation(body: str) -> str:
    """Return the first field of a GraphQL request, which says what was asked."""
    try:
        query = json.loads(body)["query"]
    except (ValueError, KeyError, TypeError):
        return ""
    found = re.search(r"\{\s*(\w+)", str(query))
    return found[1] if found else ""


def _newest(rows: Any) -> list[Any]:
    return list(rows)[::-1][:LONGEST_LIST]


def _whole(text: str) -> int:
    quantity = int(text or 0)
    if not 0 <= quantity <= 999:
        raise ValueError("quantities go from 0 to 999")
    return quantity
