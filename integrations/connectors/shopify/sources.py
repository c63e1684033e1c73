"""What Shopify is a source of, entity by entity: one line here for a new one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from integrations.connectors.base import Payload, SourceObject
from integrations.connectors.errors import (
    OnlyNamed,
    RequestRefused,
    TopicUnsupported,
)
from integrations.connectors.shopify import (
    described,
    fulfillments,
    orders,
    reading,
    refund_reading,
    refunds,
    standing,
)
from integrations.connectors.shopify.graphql import GraphQL
from integrations.connectors.shopify.values import key_of, moment, unreadable
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

    The first topic tells that it is new, the last one any change of it. `read` returns
    the payload of one object in the shape of its webhook; `unfinished` says why a
    payload must be read again before it is sent, or nothing; `page` is where Shopify's
    own admin shows it. `derived_now` tells the facts by what stands now; `named` says
    of which topics the deliveries only name the object, and how.
    """

    topics: tuple[str, ...]
    described: Callable[[Payload], SourceObject]
    read: Callable[[GraphQL, str], Payload]
    derived: Callable[[Payload], Payload] = _nothing
    unfinished: Callable[[Payload], str] = _told
    page: str = ""
    # Where in the payload a derived fact is mended, if it is one value of it.
    place: Callable[[Payload, str], str] = _nowhere
    derived_now: Callable[[Payload], Payload] | None = None
    named: Mapping[str, Callable[[Payload], OnlyNamed]] = field(default_factory=dict)


def _customer_id(payload: Payload) -> Payload:
    return {"customer_id": key_of(payload, "Customer")}


def _edited(payload: Payload) -> OnlyNamed:
    """Return which order was edited: the delivery holds differences and no more."""
    inner = payload.get("order_edit")
    edit = inner if isinstance(inner, dict) else payload
    at = moment(edit, "committed_at") or moment(edit, "created_at")
    if at is None:
        raise unreadable("order_edit.committed_at", None, "time")
    return OnlyNamed("order", key_of({"id": edit.get("order_id")}, "Order"), at)


SOURCES: dict[str, Source] = {
    "order": Source(
        ("orders/create", "orders/cancelled", "orders/edited", "orders/updated"),
        described.order,
        reading.order,
        orders.derived,
        page="orders",
        place=orders.place_of,
        derived_now=standing.derived,
        named={"orders/edited": _edited},
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
    """Return the object of a delivery.

    Raises UnreadablePayload, TopicUnsupported, and OnlyNamed where it brings none.
    """
    entity = TOPICS.get(topic)
    if entity is None:
        raise TopicUnsupported(f"Deliveries of {topic or 'no topic'} are not read.")
    source, payload = source_of(entity), parse(body, entity)
    if topic in source.named:
        raise source.named[topic](payload)
    return source.described(payload)
