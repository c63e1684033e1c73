"""Customers: which were saved by SuiteQL, what they hold by the record API.

SuiteQL is not confirmed to show tax and price level of a customer, so each that was
saved is read as a record. Inactive ones, and those that no shop could know, are not.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from integrations.connectors.base import Payload, SourceObject, first
from integrations.connectors.errors import RecordMissing, UnreadablePayload
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import checks, places, records, suiteql
from integrations.connectors.netsuite.places import (
    LAST_DAY,
    MODIFIED,
    NEW,
    SHORT,
    Place,
)

_SAVED = MODIFIED.format(table="customer")
_SELECT = f"""
SELECT id, {_SAVED} AS modified FROM customer
WHERE isinactive = 'F' AND (externalid IS NOT NULL OR email IS NOT NULL)
"""  # noqa: S608
_PAGE = "id FETCH FIRST {page} ROWS ONLY"
ALL = f"{_SELECT} AND id > ? ORDER BY {_PAGE}"
CHANGED = f"""{_SELECT} AND ({_SAVED} > ? OR ({_SAVED} = ? AND id > ?))
ORDER BY {_SAVED}, {_PAGE}"""
PLAIN = (
    *("id", "entityId", "externalId", "isPerson", "companyName", "firstName"),
    *("lastName", "email", "phone", "comments", "taxable", "creditLimit"),
)
REFERENCES = ("priceLevel", "terms", "category", "currency")

rest = partial(places.rest, overlap=SHORT)


def changes(client: ApiClient, since: str) -> Iterator[tuple[SourceObject, str]]:
    """Yield the customers that were saved, each with the place behind it."""
    seen_at = checks.server_time(client)
    place = places.begin(client, "customer", since, daily=LAST_DAY)
    while True:
        rows = _page(client, place)
        for row in rows:
            key = suiteql.text(row, "id")
            place = place.behind(suiteql.text(row, "modified"), key)
            try:
                found = read(client, key)
            except RecordMissing:
                continue  # deleted since the page was read
            yield customer(found, seen_at), str(place)
        if len(rows) < suiteql.PAGE:
            return


def read(client: ApiClient, key: str) -> Payload:
    """Return one customer as the mapping reads it; raises RecordMissing."""
    found = client.request("GET", f"{records.PATH}/customer/{key}").mapping()
    payload: Payload = {name: found[name] for name in PLAIN if name in found}
    payload |= {
        name: {"name": str(found[name].get("refName") or "")}
        for name in REFERENCES
        if isinstance(found.get(name), dict)
    }
    # By what the shop may know them: none of these is a value that is carried there.
    payload["known_as"] = {
        name: found[name] for name in ("externalId", "email") if found.get(name)
    }
    payload["lastModifiedDate"] = found.get("lastModifiedDate")
    return payload


def customer(payload: Payload, seen_at: datetime | None = None) -> SourceObject:
    """Describe a customer; raises UnreadablePayload.

    When it was saved is no part of its content: a save that changes nothing else is
    nothing new.
    """
    if not payload.get("id"):
        raise UnreadablePayload("The customer has no id.")
    kept = {name: one for name, one in payload.items() if name != "lastModifiedDate"}
    name = _name(payload)
    return SourceObject(
        entity="customer",
        key=str(payload["id"]),
        payload=kept,
        changed_at=records.changed_at(payload) or seen_at,
        label=(name or str(payload.get("entityId") or payload["id"]))[:120],
        party=name[:200],
        email=str(payload.get("email") or "")[:254],
        currency=_symbol(payload.get("currency")),
    )


def _page(client: ApiClient, place: Place) -> list[suiteql.Row]:
    is_new = place.kind == NEW
    asked = " ".join((CHANGED if is_new else ALL).format(page=suiteql.PAGE).split())
    values = (place.mark, place.mark) if is_new else ()
    return suiteql.query(client, asked, *values, place.after or "0")


def _name(payload: Payload) -> str:
    parts = (str(payload.get(name) or "") for name in ("firstName", "lastName"))
    person = " ".join(part for part in parts if part)
    return str(first((payload.get("companyName"), person)) or "")


def _symbol(currency: Any) -> str:
    name = currency.get("name") if isinstance(currency, dict) else ""
    return name if isinstance(name, str) and len(name) == 3 else ""
