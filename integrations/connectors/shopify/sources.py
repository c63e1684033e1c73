"""What Shopify is a source of, entity by entity: one line here for a new one."""

from collections.abc import Callable
from dataclasses import dataclass

from integrations.connectors.base import Payload, SourceObject
from integrations.connectors.errors import RequestRefused, TopicUnsupported
from integrations.connectors.shopify import (
    described,
    fulfillments,
    orders,
    reading,
    refund_reading,
    refunds,
)
from integrations.connectors.shopify.graphql import GraphQL
from integrations.connectors.shopify.values import key_of
from integrations.connectors.shopify.webhooks import parse


def _nothing(payload: Payload) -> Payload:
    return {}


def _nowhere(payload: Payload, fact: str) -> str:
    return ""


def _told(payload: Payload) -> str:
    return ""


@dataclass(frozen=True)
class Source:
    """How one entity is told by webhook, described, completed and read again.

    `read` returns the payload of one object in the shape of its webhook; `unfinished`
    says why a payload must be read again before it is sent, or nothing; `page` is where
    Shopify's own admin shows it.
    """

    topics: tuple[str, ...]
    described: Callable[[Payload], SourceObject]
    read: Callable[[GraphQL, str], Payload]
    derived: Callable[[Payload], Payload] = _nothing
    unfinished: Callable[[Payload], str] = _told
    page: str = ""
    # Where in the payload a derived fact is mended, if it is one value of it.
    place: Callable[[Payload, str], str] = _nowhere


def _customer_id(payload: Payload) -> Payload:
    return {"customer_id": key_of(payload, "Customer")}


SOURCES: dict[str, Source] = {
    "order": Source(
        ("orders/create", "orders/updated"),
        described.order,
        reading.order,
        orders.derived,
        page="orders",
        place=orders.place_of,
    ),
    "customer": Source(
        ("customers/create", "customers/update"),
        described.customer,
        reading.customer,
        _customer_id,
        page="customers",
    ),
    "fulfillment": Source(
        ("fulfillments/create", "fulfillments/update"),
        fulfillments.described,
        reading.fulfillment,
        fulfillments.derived,
        place=fulfillments.place_of,
    ),
    "refund": Source(
        ("refunds/create",),
        refunds.described,
        refund_reading.refund,
        refunds.derived,
        refunds.unfinished,
    ),
}
TOPICS = {topic: name for name, one in SOURCES.items() for topic in one.topics}


def source_of(entity: str) -> Source:
    """Return how an entity is read; raises RequestRefused for one that is not."""
    if entity not in SOURCES:
        raise RequestRefused(f"Shopify is not a source of {entity}.", sent=False)
    return SOURCES[entity]


def delivered(topic: str, body: bytes) -> SourceObject:
    """Return the object of a delivery; raises UnreadablePayload or TopicUnsupported."""
    entity = TOPICS.get(topic)
    if entity is None:
        raise TopicUnsupported(f"Deliveries of {topic or 'no topic'} are not read.")
    return source_of(entity).described(parse(body, entity))
