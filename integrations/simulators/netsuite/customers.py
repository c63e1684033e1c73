"""What the account demands of a customer, and what it fills in."""

from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.record_types import CUSTOMER
from integrations.simulators.netsuite.store import Store
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]


def finish_customer(customer: Values, store: Store, switches: Switches) -> None:
    """Complete a customer in place; raise Refusal when something is missing."""
    customer.setdefault("isPerson", False)
    customer.setdefault("isInactive", False)
    for name in _mandatory(customer, switches):
        if not customer.get(name):
            raise refusals.missing(CUSTOMER[name].label or name, name)
    customer["altName"] = _full_name(customer)
    if not customer.get("entityId"):
        customer["entityId"] = _entity_id(customer, store, switches)
    _finish_addresses(customer, store)


def _mandatory(customer: Values, switches: Switches) -> list[str]:
    names = ["lastName"] if customer["isPerson"] else ["companyName"]
    if switches.one_world:
        names.append("subsidiary")
    return [*names, *switches.mandatory_customer_fields]


def _full_name(customer: Values) -> str:
    if not customer["isPerson"]:
        return str(customer.get("companyName", ""))
    parts = (customer.get("firstName"), customer.get("lastName"))
    return " ".join(part for part in parts if part)


def _entity_id(customer: Values, store: Store, switches: Switches) -> str:
    if switches.auto_numbering:
        return f"CUST{store.number('customer number')}"
    return _full_name(customer)


def _finish_addresses(customer: Values, store: Store) -> None:
    lines = customer.get("addressBook", {}).get("items", [])
    for line in lines:
        line.setdefault("id", str(store.number("address")))
        line["addressId"] = line["internalId"] = line["id"]
        line.setdefault("addressBookAddress", {})
        add_address_text(line["addressBookAddress"])
    for purpose in ("defaultBilling", "defaultShipping"):
        _keep_one_default(lines, purpose)


def _keep_one_default(lines: list[Values], purpose: str) -> None:
    chosen = [line for line in lines if line.get(purpose)]
    for line in lines:
        line[purpose] = bool(chosen) and line is chosen[-1]


def add_address_text(address: Values) -> None:
    """Write `addrText`, unless the client took that over with `override`."""
    if address.get("override"):
        return
    town = " ".join(
        address[name] for name in ("city", "state", "zip") if address.get(name)
    )
    names = ("attention", "addressee", "addr1", "addr2", "addr3")
    lines = [*(address.get(name) for name in names), town]
    country = address.get("country", {}).get("id")
    address["addrText"] = "\n".join(line for line in [*lines, country] if line)
