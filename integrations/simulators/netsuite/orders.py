"""What the account demands of a sales order, and what it fills in."""

import copy
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.customers import add_address_text
from integrations.simulators.netsuite.order_totals import finish_amounts
from integrations.simulators.netsuite.record_types import SALES_ORDER
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.subsidiaries import check_subsidiary
from integrations.simulators.netsuite.switches import Switches
from integrations.simulators.netsuite.taxes import check_taxes

Values = dict[str, Any]
_ADDRESSES = {
    "shippingAddress": ("shipAddressList", "defaultShipping"),
    "billingAddress": ("billAddressList", "defaultBilling"),
}


def finish_order(
    order: Values, before: Values, store: Store, switches: Switches
) -> None:
    """Complete an order in place; raise Refusal when it breaks a rule.

    `before` is the stored order, empty for a new one.
    """
    customer = _customer(order, store)
    _check_mandatory(order, switches)
    _check_items(order, store)
    _add_defaults(order, customer, store, switches)
    _check_period(order, switches)
    check_subsidiary(order, customer, store, switches)
    check_taxes(order, switches)
    _add_addresses(order, customer)
    finish_amounts(order, before, store, switches)


def _customer(order: Values, store: Store) -> Record:
    if not order.get("entity"):
        raise refusals.missing("Customer", "entity")
    customer = store.get("customer", order["entity"]["id"])
    if customer is None or customer.values.get("isInactive"):
        raise refusals.invalid_value(order["entity"]["id"], "entity", "entity")
    return customer


def _check_mandatory(order: Values, switches: Switches) -> None:
    for name in switches.mandatory_order_fields:
        if order.get(name) in (None, ""):
            raise refusals.missing(SALES_ORDER[name].label or name, name)
    if not order.get("item", {}).get("items"):
        text = "You must enter at least one line item for this transaction."
        raise Refusal(Detail(text, path="item"))


def _check_items(order: Values, store: Store) -> None:
    for index, line in enumerate(order["item"]["items"]):
        place = f"item.items[{index}].item"
        if not line.get("item"):
            raise refusals.missing("Item", place)
        item = store.target(("item",), line["item"]["id"])
        if item is None or item.values.get("isInactive"):
            key = line["item"]["id"]
            raise refusals.invalid_value(key, "item", place, "INVALID_CONTENT")
        line["itemType"] = {"id": item.kind.item_type}
        if line.get("lineUniqueKey") is None:
            line["lineUniqueKey"] = str(store.number("line key", 5001))


def _add_defaults(
    order: Values, customer: Record, store: Store, switches: Switches
) -> None:
    today = switches.now().astimezone(ZoneInfo(switches.time_zone)).date()
    order.setdefault("tranDate", today)
    if not order.get("tranId"):
        order["tranId"] = f"SO{store.number('sales order', 10001)}"
    order.setdefault("orderStatus", {"id": switches.default_order_status})
    order["status"] = dict(order["orderStatus"])
    order.setdefault("toBeEmailed", bool(customer.values.get("emailTransactions")))
    order.setdefault("source", {"id": "restWebServices"})
    if "currency" not in order:
        first = next(iter(store.of_type("currency").values()))
        order["currency"] = customer.values.get("currency") or {"id": first.id}
    if "email" not in order and customer.values.get("email"):
        order["email"] = customer.values["email"]


def _check_period(order: Values, switches: Switches) -> None:
    closed = switches.books_closed_until
    if closed is not None and order["tranDate"] <= closed:
        raise refusals.closed_period()


def _add_addresses(order: Values, customer: Record) -> None:
    """Take addresses from the customer's book where the order brings none."""
    book = customer.values.get("addressBook", {}).get("items", [])
    for name, (chosen, default) in _ADDRESSES.items():
        if chosen in order:
            key = order.pop(chosen)["id"]
            entry = next((line for line in book if line["id"] == key), None)
            if entry is None:
                raise refusals.invalid_value(key, chosen, chosen)
            order[name] = copy.deepcopy(entry["addressBookAddress"])
        elif name not in order:
            entry = next((line for line in book if line.get(default)), None)
            if entry:
                order[name] = copy.deepcopy(entry["addressBookAddress"])
        if name in order:
            add_address_text(order[name])
