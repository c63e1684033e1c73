"""What the account demands of every sale and bill, and what it fills in."""

import copy
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.customers import add_address_text
from integrations.simulators.netsuite.order_totals import finish_amounts
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.schema import RecordType
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.subsidiaries import check_subsidiary
from integrations.simulators.netsuite.switches import Switches
from integrations.simulators.netsuite.taxes import check_taxes

Values = dict[str, Any]
_ADDRESSES = {
    "shippingAddress": ("shipAddressList", "defaultShipping"),
    "billingAddress": ("billAddressList", "defaultBilling"),
}
# An order moves no money yet: it may stand in a period whose books are closed.
_NOT_POSTING = {"salesOrder", "returnAuthorization"}


def finish_sale(
    sale: Values, before: Values, kind: RecordType, store: Store, switches: Switches
) -> None:
    """Complete a sale or bill in place; raise Refusal when it breaks a rule.

    `before` is what was stored, empty for a new one.
    """
    customer = customer_of(sale, "entity", before, store)
    check_mandatory(sale, kind, switches)
    _check_items(sale, before, store)
    add_basics(sale, kind, store, switches)
    _add_defaults(sale, customer, store)
    check_period(sale, before, kind, switches)
    check_subsidiary(sale, customer, store, switches)
    check_taxes(sale, switches)
    _add_addresses(sale, customer)
    finish_amounts(sale, before, store, switches)


def customer_of(values: Values, name: str, before: Values, store: Store) -> Record:
    """Return the customer of a transaction; one gone inactive keeps what it has."""
    if not values.get(name):
        raise refusals.missing("Customer", name)
    key = values[name]["id"]
    customer = store.get("customer", key)
    grown = "createdFrom" in values or values[name] == before.get(name)
    if customer is None or (customer.values.get("isInactive") and not grown):
        raise refusals.invalid_value(key, name, name)
    return customer


def check_mandatory(values: Values, kind: RecordType, switches: Switches) -> None:
    names = switches.mandatory_fields.get(kind.name, ())
    if kind.name == "salesOrder":
        names = (*switches.mandatory_order_fields, *names)
    for name in names:
        if values.get(name) in (None, ""):
            label = kind.fields[name].label if name in kind.fields else ""
            raise refusals.missing(label or name, name)
    if "item" in kind.fields and not values.get("item", {}).get("items"):
        text = "You must enter at least one line item for this transaction."
        raise Refusal(Detail(text, path="item"))


def _check_items(sale: Values, before: Values, store: Store) -> None:
    old = {line["line"]: line for line in before.get("item", {}).get("items", [])}
    for index, line in enumerate(sale["item"]["items"]):
        place = f"item.items[{index}].item"
        if not line.get("item"):
            raise refusals.missing("Item", place)
        item = store.target(("item",), line["item"]["id"])
        stood = old.get(line["line"], {}).get("item") == line["item"]
        stood = stood or "orderLine" in line
        if item is None or (item.values.get("isInactive") and not stood):
            key = line["item"]["id"]
            raise refusals.invalid_value(key, "item", place, "INVALID_CONTENT")
        line["itemType"] = {"id": item.kind.item_type}
        if line.get("lineUniqueKey") is None:
            line["lineUniqueKey"] = str(store.number("line key", 5001))


def add_basics(
    values: Values, kind: RecordType, store: Store, switches: Switches
) -> None:
    """Give a transaction its date and number where the client left them out."""
    today = switches.now().astimezone(ZoneInfo(switches.time_zone)).date()
    values.setdefault("tranDate", today)
    if not values.get("tranId"):
        series = "sales order" if kind.name == "salesOrder" else kind.name
        values["tranId"] = f"{kind.prefix}{store.number(series, 10001)}"


def _add_defaults(sale: Values, customer: Record, store: Store) -> None:
    sale.setdefault("toBeEmailed", bool(customer.values.get("emailTransactions")))
    sale.setdefault("source", {"id": "restWebServices"})
    add_currency(sale, customer, store)
    if "email" not in sale and customer.values.get("email"):
        sale["email"] = customer.values["email"]


def add_currency(values: Values, customer: Record, store: Store) -> None:
    if "currency" not in values:
        first = next(iter(store.of_type("currency").values()))
        values["currency"] = customer.values.get("currency") or {"id": first.id}


def check_period(
    values: Values, before: Values, kind: RecordType, switches: Switches
) -> None:
    """Refuse a date in closed books; what posts may not leave them either."""
    dates = [values["tranDate"]] if values else []
    if before and kind.name in _NOT_POSTING and dates == [before["tranDate"]]:
        return
    if before and kind.name not in _NOT_POSTING:
        dates.append(before["tranDate"])
    closed = switches.books_closed_until
    if closed is not None and any(day <= closed for day in dates):
        raise refusals.closed_period()


def _add_addresses(sale: Values, customer: Record) -> None:
    """Take addresses from the customer's book where the sale brings none."""
    book = customer.values.get("addressBook", {}).get("items", [])
    for name, (chosen, default) in _ADDRESSES.items():
        if chosen in sale:
            key = sale.pop(chosen)["id"]
            entry = next((line for line in book if line["id"] == key), None)
            if entry is None:
                raise refusals.invalid_value(key, chosen, chosen)
            sale[name] = copy.deepcopy(entry["addressBookAddress"])
        elif name not in sale:
            entry = next((line for line in book if line.get(default)), None)
            if entry:
                sale[name] = copy.deepcopy(entry["addressBookAddress"])
        if name in sale:
            add_address_text(sale[name])
