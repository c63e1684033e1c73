"""Deliveries: who signed them, and what object they bring."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

from requests.structures import CaseInsensitiveDict

from integrations.connectors import exact
from integrations.connectors.base import (
    Payload,
    SourceObject,
    WebhookHead,
    first,
)
from integrations.connectors.errors import (
    BadSignature,
    RequestRefused,
    TopicUnsupported,
    UnreadablePayload,
)
from integrations.connectors.secret import (
    Secret,
)
from integrations.connectors.shopify.values import (
    amount,
    key_of,
    moment,
    plain,
    rows,
    unreadable,
)

TOPICS = {
    "orders/create": "order",
    "orders/updated": "order",
    "customers/create": "customer",
    "customers/update": "customer",
}
# An address has one of these at least.
ADDRESS_FIELDS = {"address1", "city", "zip", "country", "country_code", "last_name"}


def verify(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[Secret], shop: str
) -> WebhookHead:
    """Check signature and shop of a delivery; raises BadSignature.

    While a secret is being changed Shopify signs with the old one for up to an
    hour, so any secret of the connection will do.
    """
    told = CaseInsensitiveDict(headers)
    signature = _header(told, "Hmac-Sha256").encode("latin-1", "replace")
    good = [hmac.compare_digest(signature, _sign(one, body)) for one in secrets if one]
    if not any(good):
        raise BadSignature()
    sender = _header(told, "Shop-Domain").lower()
    # Deliveries of the Events mechanism have no X- on their headers, and no shop.
    if sender != shop.lower() and (sender or "X-Shopify-Hmac-Sha256" in told):
        raise BadSignature(
            f"The delivery comes from {sender or 'no shop'}, not {shop}."
        )
    return WebhookHead(
        delivery_id=_header(told, "Webhook-Id") or hashlib.sha256(body).hexdigest(),
        topic=_header(told, "Topic"),
        event_id=_header(told, "Event-Id"),
        triggered_at=_header(told, "Triggered-At"),
        api_version=_header(told, "API-Version"),
    )


def version_of(headers: Mapping[str, str]) -> str:
    """Return the API version that a delivery says it is written in."""
    return _header(CaseInsensitiveDict(headers), "API-Version")


def _sign(secret: Secret, body: bytes) -> bytes:
    digest = hmac.new(secret.reveal().encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest)


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"X-Shopify-{name}") or headers.get(f"Shopify-{name}") or ""


def read(topic: str, body: bytes) -> SourceObject:
    """Return the object of a delivery; raises UnreadablePayload or TopicUnsupported."""
    entity = TOPICS.get(topic)
    if entity is None:
        raise TopicUnsupported(f"Deliveries of {topic or 'no topic'} are not read.")
    return source_object(entity, parse(body, entity))


def parse(body: bytes, entity: str) -> Payload:
    """Return the JSON object of a body; raises UnreadablePayload with the reason.

    An answer of the REST API wraps the object in its own name; a webhook does not.
    """
    try:
        found = exact.loads(body)
    except UnicodeDecodeError as error:
        raise UnreadablePayload("The body is not written in UTF-8.") from error
    except ValueError as error:
        raise UnreadablePayload(f"The body is no proper JSON: {error}") from error
    except RecursionError as error:
        raise UnreadablePayload("The body is nested too deeply.") from error
    if not isinstance(found, dict):
        raise UnreadablePayload("The body is no JSON object.")
    inner = found.get(entity)
    return inner if len(found) == 1 and isinstance(inner, dict) else found


def source_object(entity: str, payload: Payload) -> SourceObject:
    """Describe an order or a customer; raises UnreadablePayload."""
    if entity == "order":
        return _order(payload)
    if entity == "customer":
        return _customer(payload)
    raise RequestRefused(f"Shopify is not a source of {entity}.", sent=False)


def _order(payload: Payload) -> SourceObject:
    customer = _inner(payload, "customer")
    billing, shipping = _place(payload, "billing"), _place(payload, "shipping")
    address = billing or shipping
    emails = (payload.get("email"), payload.get("contact_email"), customer.get("email"))
    return SourceObject(
        entity="order",
        key=key_of(payload, "Order"),
        payload=payload,
        changed_at=_changed_at(payload),
        label=plain(payload.get("name"), 120),
        party=_name(customer) or _name(address),
        email=plain(first(emails), 254),
        skus=_skus(payload),
        amount=amount(payload.get("total_price"), "total_price"),
        currency=plain(payload.get("currency"), 3),
        tracking=tuple(dict.fromkeys(_tracking(payload))),
    )


def _customer(payload: Payload) -> SourceObject:
    name = _name(payload) or _name(_inner(payload, "default_address"))
    email = plain(payload.get("email"), 254)
    return SourceObject(
        entity="customer",
        key=key_of(payload, "Customer"),
        payload=payload,
        changed_at=_changed_at(payload),
        label=(name or email or plain(payload.get("phone")))[:120],
        party=name,
        email=email,
        currency=plain(payload.get("currency"), 3),
    )


def _changed_at(payload: Payload) -> Any:
    found = moment(payload, "updated_at")
    return found.astimezone(UTC) if found else None


def _inner(payload: Payload, name: str) -> Payload:
    """Return an object inside another; an absent one is empty."""
    found = payload.get(name)
    if found is not None and not isinstance(found, dict):
        raise unreadable(name, found, "object")
    return found or {}


def _place(payload: Payload, of: str) -> Payload:
    """Return an address; one of an unknown shape must not vanish on the way."""
    name = f"{of}_address"
    found = _inner(payload, name)
    if found and ADDRESS_FIELDS.isdisjoint(found):
        raise unreadable(name, found, "address")
    return found


def _name(person: Payload) -> str:
    parts = (plain(person.get("first_name")), plain(person.get("last_name")))
    return " ".join(part for part in parts if part) or plain(person.get("company"))


def _skus(payload: Payload) -> tuple[str, ...]:
    found = (plain(line.get("sku")) for _, line in rows(payload, "line_items"))
    return tuple(dict.fromkeys(sku for sku in found if sku))


def _tracking(payload: Payload) -> Iterator[str]:
    """Yield the tracking numbers of what was shipped; an odd shape is no reason to stop.

    They help to find an order and are never sent on.
    """
    shipments = payload.get("fulfillments")
    for one in shipments if isinstance(shipments, list) else ():
        shipment = one if isinstance(one, dict) else {}
        many = shipment.get("tracking_numbers")
        numbers = many if isinstance(many, list) else []
        for number in (shipment.get("tracking_number"), *numbers):
            if plain(number):
                yield plain(number)
