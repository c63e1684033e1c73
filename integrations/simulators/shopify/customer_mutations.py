"""customerUpdate: the fields named and no others, with plain user errors."""

import re
from typing import Any

from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.customers import customer_address
from integrations.simulators.shopify.ids import tail
from integrations.simulators.shopify.people_view import customer_view

Payload = dict[str, Any]
FIELDS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "phone": "phone",
    "note": "note",
    "taxExempt": "tax_exempt",
    "taxExemptions": "tax_exemptions",
}
ADDRESS_FIELDS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "company": "company",
    "address1": "address1",
    "address2": "address2",
    "city": "city",
    "zip": "zip",
    "phone": "phone",
    "provinceCode": "province_code",
    "countryCode": "country_code",
}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PHONE = re.compile(r"\+?[\d\s().-]{7,}")


def update_customer(root: Any, info: Info, input: Payload) -> Payload:
    """Change a customer and fire customers/update, an echo to who asked for it."""
    context: Context = info.context
    found = context.store.customers.get(tail(input.get("id") or ""))
    forced = context.forced_user_error("customerUpdate")
    if forced or found is None:
        missing = {"field": ["id"], "message": "Customer does not exist"}
        return {"customer": None, "userErrors": [forced or missing]}
    errors = _problems(found, input, context)
    if errors:
        return {"customer": None, "userErrors": errors}
    key = tail(found["admin_graphql_api_id"])
    changes = {FIELDS[name]: input[name] for name in FIELDS if name in input}
    if input.get("tags") is not None:
        context.store.tags[key] = input["tags"]
    if input.get("addresses"):
        rows = [_address(found, row) for row in input["addresses"]]
        changes |= {"addresses": rows, "default_address": rows[0]}
    kept = context.shop.update_customer(key, **changes)
    context.note("customer", found["admin_graphql_api_id"], "updated", changes)
    return {"customer": customer_view(kept, context), "userErrors": []}


def _problems(found: Payload, wanted: Payload, context: Context) -> list[UserError]:
    errors = []
    for name, pattern, label in (("email", EMAIL, "Email"), ("phone", PHONE, "Phone")):
        value = wanted.get(name)
        if value and not pattern.fullmatch(value):
            errors.append(_error([name], f"{label} is invalid"))
        elif value and _is_taken(found, name, value, context):
            errors.append(_error([name], f"{label} has already been taken"))
    return errors


def _is_taken(found: Payload, name: str, value: str, context: Context) -> bool:
    others = [x for x in context.store.customers.values() if x is not found]
    return any((x[name] or "").lower() == value.lower() for x in others)


def _address(customer: Payload, row: Payload) -> Payload:
    address = {kept: row.get(name) for name, kept in ADDRESS_FIELDS.items()}
    names = (address["first_name"], address["last_name"])
    address |= {
        "name": " ".join(filter(None, names)),
        "province": row.get("provinceCode"),
        "country": row.get("countryCode"),
    }
    return customer_address(customer["id"], address)


def _error(field: list[str], message: str) -> UserError:
    return {"field": field, "message": message}
