"""Customers and addresses as GraphQL shows them."""

from typing import Any

from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.ids import gid, order_key
from integrations.simulators.shopify.times import zulu

Payload = dict[str, Any]


def address_view(address: Payload | None, owner: str) -> Payload | None:
    """Show an address; those of orders have no id of their own in webhooks."""
    if not address:
        return None
    return {
        "id": gid("MailingAddress", address.get("id") or owner),
        "firstName": address.get("first_name"),
        "lastName": address.get("last_name"),
        "name": address.get("name"),
        "company": address.get("company"),
        "address1": address.get("address1"),
        "address2": address.get("address2"),
        "city": address.get("city"),
        "province": address.get("province"),
        "provinceCode": address.get("province_code"),
        "country": address.get("country"),
        "countryCodeV2": address.get("country_code"),
        "zip": address.get("zip"),
        "phone": address.get("phone"),
        "latitude": address.get("latitude"),
        "longitude": address.get("longitude"),
    }


def customer_view(customer: Payload, context: Context) -> Payload:
    customer = context.seen("customers/", customer)
    email, phone = customer.get("email"), customer.get("phone")
    names = (customer.get("first_name"), customer.get("last_name"))
    key = order_key(customer)
    return {
        "__typename": "Customer",
        "id": customer["admin_graphql_api_id"],
        "legacyResourceId": key,
        "firstName": names[0],
        "lastName": names[1],
        "displayName": " ".join(filter(None, names)) or email or phone or "Customer",
        "email": email,
        "phone": phone,
        "defaultEmailAddress": {"emailAddress": email} if email else None,
        "defaultPhoneNumber": {"phoneNumber": phone} if phone else None,
        "defaultAddress": address_view(customer.get("default_address"), key),
        "addresses": [address_view(x, key) for x in _addresses(customer)],
        "state": customer["state"].upper(),
        "note": customer.get("note"),
        "verifiedEmail": customer["verified_email"],
        "taxExempt": customer["tax_exempt"],
        "taxExemptions": customer["tax_exemptions"],
        "tags": sorted(context.store.tags.get(key, [])),
        "numberOfOrders": str(_count_orders(key, context)),
        "createdAt": zulu(customer["created_at"]),
        "updatedAt": zulu(customer["updated_at"]),
    }


def _addresses(customer: Payload) -> list[Payload]:
    default = customer.get("default_address")
    return customer.get("addresses") or ([default] if default else [])


def _count_orders(key: str, context: Context) -> int:
    buyers = (order.get("customer") for order in context.store.orders.values())
    return sum(1 for buyer in buyers if buyer and order_key(buyer) == key)
