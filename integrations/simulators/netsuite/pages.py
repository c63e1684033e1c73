"""Pages for a person: look at the account, add records, read the journal."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from integrations.simulators.base import Call, Request, Response
from integrations.simulators.netsuite.account import Account
from integrations.simulators.netsuite.order_totals import CUSTOM_PRICE
from integrations.simulators.netsuite.prices import BASE_LEVEL
from integrations.simulators.netsuite.refusals import Refusal
from integrations.simulators.netsuite.store import Record
from integrations.simulators.netsuite.style import STYLE

_SHOWN = 50
_ORDER = "salesOrder"
_HTML = {"Content-Type": "text/html; charset=utf-8"}


class Pages:
    """Writes the pages of one account."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def style(self, request: Request) -> Response:
        return Response(200, STYLE, {"Content-Type": "text/css; charset=utf-8"})

    def index(self, request: Request, problem: str = "") -> Response:
        with self.account.lock:
            body = "".join(self._index(problem))
        status = 400 if problem else 200
        return _page(f"NetSuite account {self.account.account_id}", body, status)

    def order(self, request: Request, key: str) -> Response:
        with self.account.lock:
            record = self.account.store.get("salesOrder", key)
            if record is None:
                return _page("Not found", "<p>There is no such order.</p>", 404)
            return _page(f"Sales order {record.label}", self._order(record))

    def record(self, request: Request, name: str, key: str) -> Response:
        """Show a record of any type: where links of other consoles lead."""
        if name == "salesOrder":
            return self.order(request, key)
        with self.account.lock:
            record = self.account.store.get(name, key)
            if record is None:
                return _page("Not found", "<p>There is no such record.</p>", 404)
            rows = [
                [escape(field), escape(_plain(value))]
                for field, value in record.plain().items()
                if not isinstance(value, dict | list) or _plain(value)
            ]
            back = '<p><a href="/">Back to the account</a></p>'
            title = f"{name} {record.label}"
            return _page(title, f"{back}{_table('Fields', [], rows)}")

    def add_item(self, request: Request) -> Response:
        form = _form(request)
        return self._add(
            lambda: self.account.add_item(
                form.get("sku", ""), name=form.get("name", "")
            )
        )

    def add_customer(self, request: Request) -> Response:
        names = ("companyName", "firstName", "lastName", "email", "phone")
        form = {name: text for name, text in _form(request).items() if name in names}
        return self._add(
            lambda: self.account.add_customer(**{k: v for k, v in form.items() if v})
        )

    def add_order(self, request: Request) -> Response:
        form = _form(request)
        return self._add(lambda: self._create_order(form))

    def set_stock(self, request: Request) -> Response:
        form = _form(request)
        return self._add(
            lambda: self.account.set_stock(
                form.get("sku", ""),
                form.get("location", "") or "1",
                Decimal(form.get("available", "")),
            )
        )

    def set_price(self, request: Request) -> Response:
        form = _form(request)
        return self._add(
            lambda: self.account.set_price(
                form.get("sku", ""),
                Decimal(form.get("price", "")),
                currency=form.get("currency", ""),
            )
        )

    def act(self, request: Request, key: str, act: str) -> Response:
        """Approve an order, ship what is left of it, or bill what was shipped."""
        tracking = _form(request).get("tracking", "")
        packages = {"items": [{"packageTrackingNumber": tracking}]} if tracking else {}
        account = self.account
        acts: dict[str, Callable[[], object]] = {
            "approve": lambda: account.change(_ORDER, key, orderStatus={"id": "B"}),
            "ship": lambda: account.make(
                _ORDER,
                key,
                "itemFulfillment",
                **({"package": packages} if packages else {}),
            ),
            "bill": lambda: account.make(_ORDER, key, "invoice"),
        }
        if act not in acts:
            return _page("Not found", "<p>There is no such page.</p>", 404)
        return self._add(acts[act], f"/ui/orders/{key}")

    def _add(self, create: Any, back: str = "/") -> Response:
        try:
            create()
        except (Refusal, ValueError, InvalidOperation, LookupError) as error:
            problem = str(error) or "That could not be read."
            with self.account.lock:
                body = "".join(self._index(problem))
            return _page(f"NetSuite account {self.account.account_id}", body, 400)
        return Response(303, b"", {"Location": back})

    def _create_order(self, form: dict[str, str]) -> None:
        with self.account.lock:
            item = self.account.store.holder("item", form.get("sku", ""))
            line = {
                "item": {"id": item.id if item else form.get("sku", "")},
                "quantity": Decimal(form.get("quantity") or 1),
                "rate": Decimal(form.get("rate") or 0),
                "price": CUSTOM_PRICE,
            }
            customer = {"id": form.get("customer", "")}
            payload = {"entity": customer, "item": {"items": [line]}}
            self.account.seeder.record("salesOrder", payload)

    def _index(self, problem: str) -> Iterable[str]:
        account = self.account
        if problem:
            yield f'<p class="problem" role="alert">{escape(problem)}</p>'
        access = "revoked" if account.gate.closed else "open"
        yield (
            f"<p>Release {escape(account.release)}, allowance {account.allowance}, "
            f"access {access}, refused over the allowance: {account.over_allowance}</p>"
        )
        yield self._orders()
        yield self._customers()
        yield self._items()
        yield self._journal()

    def _orders(self) -> str:
        records = list(self.account.store.of_type("salesOrder").values())
        rows = [
            [
                f'<a href="/ui/orders/{record.id}">{escape(record.label)}</a>',
                escape(record.values.get("otherRefNum", "")),
                escape(self._label("customer", record.values["entity"]["id"])),
                escape(self._money(record)),
                escape(record.values.get("externalId", "")),
            ]
            for record in _latest(records)
        ]
        table = _table(
            "Sales orders",
            ["Order", "PO number", "Customer", "Total", "External ID"],
            rows,
        )
        form = _form_for(
            "/ui/orders",
            "Add order",
            {
                "customer": "Customer ID",
                "sku": "SKU",
                "quantity": "Quantity",
                "rate": "Rate",
            },
        )
        return _section("Sales orders", len(records), table, form)

    def _customers(self) -> str:
        records = list(self.account.store.of_type("customer").values())
        rows = [
            [
                record.id,
                escape(record.label),
                escape(record.values.get("altName", "")),
                escape(record.values.get("email", "")),
                escape(record.values.get("externalId", "")),
            ]
            for record in _latest(records)
        ]
        table = _table(
            "Customers", ["ID", "Entity", "Name", "Email", "External ID"], rows
        )
        fields = {
            "firstName": "First name",
            "lastName": "Last name",
            "companyName": "Company",
            "email": "Email",
        }
        form = _form_for("/ui/customers", "Add customer", fields)
        return _section("Customers", len(records), table, form)

    def _items(self) -> str:
        records = list(self.account.store.of_family("item"))
        rows = [
            [
                record.id,
                escape(record.label),
                escape(record.values.get("displayName", "")),
                escape(record.kind.item_type),
                self._prices(record),
                self._stock(record),
                "inactive" if record.values.get("isInactive") else "active",
            ]
            for record in _latest(sorted(records, key=lambda record: int(record.id)))
        ]
        headings = ["ID", "SKU", "Name", "Type", "Prices", "Stock", "State"]
        table = _table("Items", headings, rows)
        form = _form_for("/ui/items", "Add item", {"sku": "SKU", "name": "Name"})
        fields = {"sku": "SKU", "available": "Available", "location": "Location"}
        form += _form_for("/ui/stock", "Set stock", fields)
        fields = {"sku": "SKU", "price": "Price", "currency": "Currency"}
        form += _form_for("/ui/prices", "Set price", fields)
        return _section("Items", len(records), table, form)

    def _prices(self, item: Record) -> str:
        """Return the base prices of an item, one for each currency."""
        shown = [
            f"{line['price']:f} {self._label('currency', line['currencyPage']['id'])}"
            for line in item.values.get("price", {}).get("items", [])
            if line["priceLevel"]["id"] == BASE_LEVEL and not line["quantity"]["value"]
        ]
        return escape(", ".join(shown))

    def _stock(self, item: Record) -> str:
        stock = self.account.store.stock
        shown = [
            f"{stock[item.id, place].available:f}"
            for place in self.account.store.of_type("location")
            if (item.id, place) in stock
        ]
        return escape(" / ".join(shown))

    def _journal(self) -> str:
        calls = self.account.journal
        rows = [_journal_row(call) for call in _latest(calls)]
        table = _table("Requests", ["Time (UTC)", "Request", "Answer", "Content"], rows)
        return _section("Requests", len(calls), table, "")

    def _order(self, record: Record) -> str:
        values = record.values
        facts = [
            ("Status", record.kind.statuses[values["status"]["id"]]),
            ("Customer", self._label("customer", values["entity"]["id"])),
            ("Date", values["tranDate"].isoformat()),
            ("PO number", values.get("otherRefNum", "")),
            ("External ID", values.get("externalId", "")),
            ("Memo", values.get("memo", "")),
            ("Ship to", values.get("shippingAddress", {}).get("addrText", "")),
            ("Subtotal", f"{values['subtotal']:f}"),
            ("Discount", f"{values['discountTotal']:f}"),
            ("Shipping", f"{values.get('shippingCost', Decimal(0)):f}"),
            ("Tax", f"{values['taxTotal']:f}"),
            ("Total", self._money(record)),
        ]
        rows = [[escape(name), escape(text)] for name, text in facts if text]
        lines = [self._line(line) for line in values["item"]["items"]]
        back = '<p><a href="/">Back to the account</a></p>'
        headings = ["Line", "Item", "Description", "Quantity", "Rate", "Amount"]
        headings += ["Shipped", "Billed", "State"]
        facts_shown = _table("Order", [], rows)
        shown = f"{back}{facts_shown}<h2>Lines</h2>{_table('Lines', headings, lines)}"
        return f"{shown}{self._acts(record)}{self._related(record)}"

    def _acts(self, record: Record) -> str:
        """Return the buttons for what may come next."""
        path, letter = f"/ui/orders/{record.id}", record.values["status"]["id"]
        forms = []
        if letter == "A":
            forms.append(_form_for(f"{path}/approve", "Approve", {}))
        if letter in "BDE":
            fields = {"tracking": "Tracking number"}
            forms.append(_form_for(f"{path}/ship", "Ship what is left", fields))
        if letter in "EF":
            forms.append(_form_for(f"{path}/bill", "Bill what was shipped", {}))
        return "".join(forms)

    def _related(self, record: Record) -> str:
        rows = [
            [
                f'<a href="/ui/records/{one.type}/{one.id}">{escape(one.label)}</a>',
                escape(one.kind.label),
                escape(one.kind.statuses.get(_plain(one.values.get("status")), "")),
                escape(one.values.get("externalId", "")),
            ]
            for one in self.account.store.grown_from(record.id)
        ]
        headings = ["Number", "Kind", "Status", "External ID"]
        table = _table("Related records", headings, rows)
        return f"<h2>Related records</h2>{table}"

    def _line(self, line: dict[str, Any]) -> list[str]:
        numbers = (line.get("quantity"), line.get("rate"), line["amount"])
        done = (line.get("quantityFulfilled"), line.get("quantityBilled"))
        return [
            str(line["line"]),
            escape(self._label("item", line["item"]["id"])),
            escape(line.get("description", "")),
            *("" if number is None else f"{number:f}" for number in (*numbers, *done)),
            "closed" if line.get("isClosed") else "open",
        ]

    def _label(self, record_type: str, key: str) -> str:
        record = self.account.store.target((record_type,), key)
        if record is None:
            return key
        return record.values.get("altName") or record.label

    def _money(self, record: Record) -> str:
        currency = self._label("currency", record.values["currency"]["id"])
        return f"{record.values['total']:f} {currency}"


def _plain(value: Any) -> str:
    """Return one value as text; of a reference its id, of a list nothing."""
    if isinstance(value, dict):
        return str(value.get("id", ""))
    return "" if value is None or isinstance(value, list) else str(value)


def _latest(records: list[Any]) -> list[Any]:
    return list(reversed(records[-_SHOWN:]))


def _form(request: Request) -> dict[str, str]:
    text = request.body.decode(errors="replace")
    return {name: value.strip() for name, value in parse_qsl(text)}


def _journal_row(call: Call) -> list[str]:
    when = datetime.fromtimestamp(call.at, UTC).strftime("%H:%M:%S")
    answer = "lost" if call.status is None else str(call.status)
    content = "\n\n".join(text[:4000] for text in (call.request, call.response) if text)
    folded = f"<details><summary>Show</summary><pre>{escape(content)}</pre></details>"
    return [
        when,
        escape(f"{call.method} {call.path}").replace("/", "/<wbr>"),
        answer,
        folded if content else "",
    ]


def _table(title: str, headings: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return "<p>None yet.</p>"
    head = "".join(f"<th scope=col>{name}</th>" for name in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide" role="region" aria-label="{title}" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _form_for(action: str, button: str, fields: dict[str, str]) -> str:
    inputs = "".join(
        f'<label>{label}<input name="{name}" autocomplete="off"></label>'
        for name, label in fields.items()
    )
    return (
        f'<form method="post" action="{action}">{inputs}'
        f"<button>{button}</button></form>"
    )


def _section(title: str, count: int, table: str, form: str) -> str:
    return f"<section><h2>{title} ({count})</h2>{form}{table}</section>"


def _page(title: str, body: str, status: int = 200) -> Response:
    text = (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        '<link rel="stylesheet" href="/style.css"></head>'
        f"<body><main><h1>{escape(title)}</h1>"
        "<p>A simulated account. Nothing here reaches Oracle.</p>"
        f"{body}</main></body></html>"
    )
    return Response(status, text, dict(_HTML))
