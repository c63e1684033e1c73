"""Customers as webhooks carry them (2026-04: no tags, no consent)."""

from copy import deepcopy
from datetime import datetime
from typing import Any

from integrations.simulators.shopify.ids import customer_id, gid
from integrations.simulators.shopify.times import SHOP_TIMEZONE, shop_time, utc_now

Payload = dict[str, Any]

PRIVATE_FIELDS = ("email", "phone", "first_name", "last_name", "note")
PRIVATE_ORDER_FIELDS = ("email", "contact_email", "phone", "browser_ip", "note")
PRIVATE_ADDRESS_FIELDS = (
    "first_name",
    "last_name",
    "name",
    "company",
    "address1",
    "address2",
    "phone",
    "latitude",
    "longitude",
)


def make_address(
    first_name: str | None = "Jane", last_name: str | None = "Doe", **changes: Any
) -> Payload:
    """Return an address of an order."""
    address: Payload = {
        "first_name": first_name,
        "address1": "12 Harbour Road",
        "phone": "555-555-0112",
        "city": "Portland",
        "zip": "04101",
        "province": "Maine",
        "country": "United States",
        "last_name": last_name,
        "address2": None,
        "company": None,
        "latitude": None,
        "longitude": None,
        "name": " ".join(filter(None, (first_name, last_name))),
        "country_code": "US",
        "province_code": "ME",
    }
    return {**address, **changes}


def customer_address(number: int, address: Payload) -> Payload:
    """Return an order's address as a customer's address book keeps it."""
    kept = {k: v for k, v in address.items() if k not in ("latitude", "longitude")}
    return {
        "id": number + 1_000_000_000_000,
        "customer_id": number,
        **kept,
        "country_name": address.get("country"),
        "default": True,
    }


def make_customer(
    email: str | None,
    first_name: str | None = "Jane",
    last_name: str | None = "Doe",
    *,
    currency: str = "USD",
    created_at: datetime | str | None = None,
    timezone: str = SHOP_TIMEZONE,
    address: Payload | None = None,
    **changes: Any,
) -> Payload:
    """Return a complete customers/create payload; the id follows from the e-mail.

    A customer without an e-mail is known by the phone number in `changes`.
    """
    number = customer_id(email or str(changes.get("phone")))
    at = shop_time(created_at or utc_now(), timezone)
    address = address or make_address(first_name, last_name)
    customer: Payload = {
        "id": number,
        "created_at": at,
        "updated_at": at,
        "first_name": first_name,
        "last_name": last_name,
        "state": "disabled",
        "note": None,
        "verified_email": email is not None,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": email,
        "phone": None,
        "currency": currency,
        "addresses": [],
        "tax_exemptions": [],
        "admin_graphql_api_id": gid("Customer", number),
        "default_address": customer_address(number, address),
    }
    return {**customer, **changes}


def order_customer(customer: Payload) -> Payload:
    """Return a customer as orders carry it: without the address book."""
    return {name: value for name, value in customer.items() if name != "addresses"}


def without_private_data(topic: str, payload: Payload) -> Payload:
    """Return a payload as an app without approval for customer data gets it."""
    bare = deepcopy(payload)
    if topic.startswith("orders/"):
        _blank(bare, PRIVATE_ORDER_FIELDS)
        for address in ("billing_address", "shipping_address"):
            _blank(bare.get(address), PRIVATE_ADDRESS_FIELDS)
        _bare_customer(bare.get("customer"))
    elif topic.startswith("customers/"):
        _bare_customer(bare)
    elif topic.startswith("fulfillments/"):
        _blank(bare, ("email",))
        _blank(bare.get("destination"), PRIVATE_ADDRESS_FIELDS)
    return bare


def _bare_customer(customer: Payload | None) -> None:
    _blank(customer, PRIVATE_FIELDS)
    if customer:
        _blank(customer.get("default_address"), PRIVATE_ADDRESS_FIELDS)
        for address in customer.get("addresses", []):
            _blank(address, PRIVATE_ADDRESS_FIELDS)


def _blank(part: Payload | None, names: tuple[str, ...]) -> None:
    for name in names:
        if part and name in part:
            part[name] = None
