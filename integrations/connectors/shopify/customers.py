"""Customers of the shop: changed in the fields that are named, never created.

Consent to marketing has mutations of its own, which are not used: a consent that no
person gave in the shop must not appear there.
"""

import re
from typing import Any

from integrations.connectors.base import FieldRule, Payload, Written
from integrations.connectors.errors import (
    RecordConflict,
    RecordMissing,
    RecordRejected,
    RequestRefused,
)
from integrations.connectors.shopify.graphql import GraphQL

_FIELDS = (
    "id firstName lastName note taxExempt tags defaultEmailAddress { emailAddress }"
)
ONE = f"""
query WaybillStandingCustomer($id: ID!) {{
  customer(id: $id) {{ {_FIELDS} }}
}}
"""
BY_EMAIL = f"""
query WaybillCustomersByEmail($first: Int!, $after: String, $search: String!) {{
  customers(first: $first, after: $after, query: $search) {{
    nodes {{ {_FIELDS} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
UPDATE = """
mutation WaybillCustomerUpdate($input: CustomerInput!) {
  customerUpdate(input: $input) {
    customer { id }
    userErrors { field message }
  }
}
"""
# Shopify tells no rule of these fields; this is all that is ever written of a customer.
CUSTOMER_FIELDS = {
    "firstName": FieldRule(label="First name", type="text"),
    "lastName": FieldRule(label="Last name", type="text"),
    "note": FieldRule(label="Note", type="text"),
    "taxExempt": FieldRule(label="Tax exempt", type="yes or no"),
    "tags.price_level": FieldRule(label="Tag “Price level: …”", type="text"),
    "find.externalId": FieldRule(label="Known by: external id", type="text"),
    "find.email": FieldRule(label="Known by: e-mail address", type="text"),
}
PLAIN = ("firstName", "lastName", "note", "taxExempt")
# The end of the external ids under which customers of a shop are written elsewhere.
_OURS = re.compile(r"-customer-(\d+)$")


def write_customer(graphql: GraphQL, payload: Payload, reference: str) -> Written:
    """Change the customer that the payload names; raises where it is none, or two.

    The id inside our own external id counts only with the same e-mail address, since
    another console may have written it for another shop.
    """
    _refuse_others(payload)
    return _change(graphql, payload, _named(graphql, payload.get("find") or {}))


def update_customer(graphql: GraphQL, payload: Payload, target_id: str) -> Written:
    """Change the customer with this id; raises RecordMissing.

    Nothing is asked where nothing of the payload is written.
    """
    _refuse_others(payload)
    key = target_id.rpartition("/")[2]
    if not any(name in payload for name in (*PLAIN, "tags")):
        return Written(key, adopted=True)
    standing = _standing(graphql, key)
    if standing is None:
        raise RecordMissing(f"The shop has no customer {key} any more.")
    return _change(graphql, payload, standing)


def _change(graphql: GraphQL, payload: Payload, standing: Payload) -> Written:
    """Send what differs from what stands there, if anything does."""
    wanted = {name: payload[name] for name in PLAIN if name in payload}
    if "tags" in payload:
        wanted["tags"] = _tags(standing.get("tags") or [], payload["tags"])
    news = {
        name: value
        for name, value in wanted.items()
        if (value or None) != (_plain(standing.get(name)) or None)
    }
    if news:
        graphql.run(UPDATE, {"input": {"id": standing["id"], **news}})
    key = str(standing["id"]).rpartition("/")[2]
    return Written(key, adopted=not news)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _tags(standing: list[str], ours: Payload) -> list[str]:
    """Put our tags in the place of those with their prefix; the shop's own stay.

    The name of a field is the prefix: `price_level` makes "Price level: Wholesale".
    """
    named = {_prefix(name): value for name, value in ours.items()}
    others = [one for one in standing if not one.startswith(tuple(named))]
    return sorted([*others, *(f"{x}{value}" for x, value in named.items() if value)])


def _prefix(name: str) -> str:
    return f"{name.replace('_', ' ').capitalize()}: "


def _refuse_others(payload: Payload) -> None:
    known = {name.partition(".")[0] for name in CUSTOMER_FIELDS}
    for name in payload:
        if name not in known:
            text = f"Waybill does not write {name} of customers in Shopify."
            raise RequestRefused(text, fields={name: text}, sent=False)


def _named(graphql: GraphQL, find: Payload) -> Payload:
    email = str(find.get("email") or "").strip()
    match = _OURS.search(str(find.get("externalId") or ""))
    known = _standing(graphql, match[1]) if match else None
    if known is not None and _same(_email(known), email):
        return known
    found = _by_email(graphql, email) if email else []
    if len(found) == 1:
        return found[0]
    raise _several(email, found) if found else _nobody(email)


def _several(email: str, found: list[Payload]) -> RecordConflict:
    keys = ", ".join(str(one["id"]).rpartition("/")[2] for one in found)
    text = (
        f"{len(found)} customers of the shop have the e-mail address {email}: {keys}. "
        "Merge them in Shopify, then retry."
    )
    return RecordConflict(text, fields={"find.email": text}, sent=False)


def _nobody(email: str) -> RecordRejected:
    named = (
        f"has the e-mail address {email}" if email else "is named: no e-mail address"
    )
    text = (
        f"No customer of the shop {named}, and Waybill creates none there. Correct the "
        "address in NetSuite, or exclude this customer."
    )
    return RecordRejected(text, fields={"find.email": text}, sent=False)


def _standing(graphql: GraphQL, key: str) -> Payload | None:
    found = graphql.run(ONE, {"id": f"gid://shopify/Customer/{key}"}).get("customer")
    return found if isinstance(found, dict) else None


def _by_email(graphql: GraphQL, email: str) -> list[Payload]:
    """Return every customer with exactly this address; the search takes words."""
    quoted = email.replace("\\", "\\\\").replace('"', '\\"')
    search = {"search": f'email:"{quoted}"'}
    rows = graphql.nodes(BY_EMAIL, "customers", search)
    return [row for row in rows if _same(_email(row), email)]


def _email(customer: Payload) -> str:
    return str((customer.get("defaultEmailAddress") or {}).get("emailAddress") or "")


def _same(left: str, right: str) -> bool:
    return bool(left) and left.casefold() == right.casefold()
