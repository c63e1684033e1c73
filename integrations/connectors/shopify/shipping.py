"""Fulfilments: parcels that left, over the fulfilment orders that Shopify opened.

Shopify takes no key with `fulfillmentCreate`: the same call twice sends twice, as long
as pieces remain. So what stands there is looked at before each write, by the tracking
numbers, the pieces and the place; and a write without an answer is repeated only when
it can land no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.connectors.base import Compared, Payload, Written
from integrations.connectors.errors import (
    RecordConflict,
    RecordHeld,
    RecordRejected,
    ReferenceUnknown,
    ServerFault,
)
from integrations.connectors.shopify.graphql import GraphQL
from integrations.connectors.shopify.parcels import Parcel, Pieces, read
from integrations.connectors.shopify.shares import (
    Share,
    is_spent,
    lacking,
    picks_of,
    shares_of,
)

# A query may cost 1,000 points, and a fulfilment costs 3.
SENT = """
query WaybillSent($id: ID!) {
  order(id: $id) {
    id name cancelledAt
    fulfillments(first: 100) {
      id name status trackingInfo { number } location { id }
    }
  }
}
"""
SENT_LINES = """
query WaybillSentLines($id: ID!, $after: String) {
  fulfillment(id: $id) {
    fulfillmentLineItems(first: 100, after: $after) {
      nodes { quantity lineItem { sku } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
CREATE = """
mutation WaybillShip($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id name status }
    userErrors { field message }
  }
}
"""
# A fulfilment in one of these states took nothing away; states to come count as sent.
ENDED = ("CANCELLED", "ERROR", "FAILURE")

Node = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """One fulfilment that stands in Shopify."""

    id: str
    name: str
    numbers: frozenset[str]
    location_id: str


def write(graphql: GraphQL, payload: Payload, key: str) -> Written:
    """Create the fulfilment, unless it stands there already.

    Adopted is one with the same tracking numbers, pieces and place, and one that has
    all of them when nothing is left to send (somebody sent it by hand). Raises
    ReferenceUnknown, RecordHeld and RecordRejected.
    """
    parcel = read(payload)
    order = _order(graphql, parcel)
    same = _same(graphql, order, parcel)
    if same and parcel.numbers:
        return _written(graphql, parcel, same.id, adopted=True)
    shares = shares_of(graphql, parcel)
    picks = picks_of(parcel, shares)
    if picks:
        return _written(graphql, parcel, _send(graphql, parcel, picks))
    if is_spent(parcel, shares):
        done = same or _covering(graphql, order, parcel)
        if done:
            return _written(graphql, parcel, done.id, adopted=True)
    raise _refusal(parcel, shares, order)


def find_written(graphql: GraphQL, key: str, sent: Payload | None) -> str | None:
    """Return the fulfilment that this payload made; None when there is none.

    Raises RecordConflict where it cannot be told: without a tracking number another
    shipment of the same pieces looks alike.
    """
    if not sent:
        return None
    parcel = read(sent)
    try:
        order = _order(graphql, parcel)
    except ReferenceUnknown:
        return None
    same = _same(graphql, order, parcel)
    if same is None or parcel.numbers:
        return same.id if same else None
    if picks_of(parcel, shares_of(graphql, parcel)):
        raise RecordConflict(
            f"Nobody can tell whether an earlier try arrived: Shopify has {same.name} "
            "with the same pieces and, like this shipment, without a tracking number. "
            f"If {same.name} is this shipment, exclude this record with that reason. "
            "If it is another one, give this shipment a tracking number by Edit and "
            "retry, or fulfil it in Shopify by hand and exclude it.",
            code="LOOKS_ALIKE",
        )
    return same.id


def compare(graphql: GraphQL, payload: Payload) -> Compared | None:
    """Return the fulfilment that was made of this; known by content, so none differs."""
    found = find_written(graphql, "", payload)
    return Compared(found, {}) if found else None


# What stands there


def _order(graphql: GraphQL, parcel: Parcel) -> Node:
    found = graphql.run(SENT, {"id": parcel.order_id}).get("order")
    if isinstance(found, dict):
        return found
    text = (
        f"Shopify shows no order {parcel.order_key}. It was deleted, or it is "
        "older than 60 days and the app lacks the scope read_all_orders."
    )
    raise ReferenceUnknown(text, fields={"orderId": text})


def _same(graphql: GraphQL, order: Node, parcel: Parcel) -> Sent | None:
    """Return the fulfilment with just these tracking numbers, pieces and this place."""
    wanted = frozenset(parcel.numbers)
    for one in _standing(order):
        is_here = parcel.location_id in ("", one.location_id)
        is_like = is_here and one.numbers == wanted
        if is_like and _pieces(graphql, one.id) == parcel.pieces:
            return one
    return None


def _covering(graphql: GraphQL, order: Node, parcel: Parcel) -> Sent | None:
    """Return the fulfilment that has all these tracking numbers and pieces, and more.

    Somebody may have sent several of NetSuite's shipments as one.
    """
    wanted = frozenset(parcel.numbers)
    for one in _standing(order) if wanted else ():
        if wanted <= one.numbers:
            pieces = _pieces(graphql, one.id)
            if all(pieces.get(sku, 0) >= n for sku, n in parcel.pieces.items()):
                return one
    return None


def _standing(order: Node) -> Iterator[Sent]:
    for node in order.get("fulfillments") or []:
        if node.get("status") not in ENDED:
            told = (one.get("number") for one in node.get("trackingInfo") or [])
            numbers = frozenset(str(number) for number in told if number)
            place = str((node.get("location") or {}).get("id") or "")
            yield Sent(str(node["id"]), str(node["name"]), numbers, place)


def _pieces(graphql: GraphQL, fulfillment_id: str) -> Pieces:
    found: Pieces = {}
    for node in graphql.nodes_of(SENT_LINES, fulfillment_id, "fulfillmentLineItems"):
        sku = str((node.get("lineItem") or {}).get("sku") or "")
        found[sku] = found.get(sku, 0) + int(node.get("quantity") or 0)
    return found


# Sending


def _send(graphql: GraphQL, parcel: Parcel, picks: list[Node]) -> str:
    tracking: Node = {"company": parcel.carrier} if parcel.carrier else {}
    if parcel.numbers:
        tracking["numbers"] = list(parcel.numbers)
    if parcel.urls:
        tracking["urls"] = list(parcel.urls)
    asked: Node = {
        "lineItemsByFulfillmentOrder": picks,
        "notifyCustomer": parcel.notify,
    }
    if tracking:
        asked["trackingInfo"] = tracking
    made = graphql.run(CREATE, {"fulfillment": asked}).get("fulfillmentCreate") or {}
    found = (made.get("fulfillment") or {}).get("id")
    if not found:
        raise ServerFault("Shopify took the fulfilment but did not say under which id.")
    return str(found)


def _written(
    graphql: GraphQL, parcel: Parcel, target_id: str, *, adopted: bool = False
) -> Written:
    page = f"{graphql.client.base_url}/admin/orders/{parcel.order_key}"
    return Written(target_id, adopted=adopted, url=page)


# Why it cannot be sent


def _refusal(parcel: Parcel, shares: Sequence[Share], order: Node) -> RecordRejected:
    """Say what keeps the pieces back, and what a person does about it."""
    name = str(order.get("name"))
    short = lacking(parcel, [one for one in shares if _is_here(one, parcel)])
    if kept := [one for one in shares if one.holds and one.has_any(short)]:
        return _on_hold(name, kept)
    if any(one.status == "SCHEDULED" and one.has_any(short) for one in shares):
        return _scheduled(name)
    if is_spent(parcel, shares):
        return _too_many(name, parcel, shares, order)
    is_open = [one for one in shares if one.is_open and one.has_any(parcel.pieces)]
    if lacking(parcel, is_open):
        return _with_others(name, [one for one in shares if one.has_any(short)])
    return _elsewhere(name, parcel, is_open)


def _is_here(share: Share, parcel: Parcel) -> bool:
    return share.is_open and parcel.location_id in ("", share.location_id)


def _on_hold(name: str, kept: Sequence[Share]) -> RecordHeld:
    reasons = dict.fromkeys(reason for share in kept for reason in share.holds)
    places = dict.fromkeys(share.location for share in kept)
    return RecordHeld(
        f"Order {name} is on hold in Shopify at {', '.join(places)}: "
        f"{'; '.join(reasons)}. It was shipped in NetSuite all the same. See to the "
        "reason, open the order in Shopify and choose Release fulfillment hold, then "
        "press Retry now.",
        code="ON_HOLD",
    )


def _scheduled(name: str) -> RecordHeld:
    return RecordHeld(
        f"Order {name} is scheduled for a later day in Shopify. Open the order there "
        "and mark it as ready to fulfill, then press Retry now.",
        code="SCHEDULED",
    )


def _with_others(name: str, shares: Sequence[Share]) -> RecordHeld:
    """Shopify lets nobody but a fulfilment service send these."""
    told = (f"{one.location} ({one.status})" for one in shares if not one.is_open)
    return RecordHeld(
        f"Shopify does not let order {name} be sent by us: it is with "
        f"{', '.join(dict.fromkeys(told))}, which reports its shipments itself. Move "
        "the items to a location of the shop in Shopify, then press Retry now; or "
        "exclude this when they were sent from there.",
        code="WITH_OTHERS",
    )


def _elsewhere(name: str, parcel: Parcel, shares: Sequence[Share]) -> RecordRejected:
    """The pieces are there, but not at the place that sent them, or not at one."""
    places = ", ".join(dict.fromkeys(share.location for share in shares))
    if not parcel.location_id:
        text = (
            f"Order {name} is split over {places} in Shopify, which sends from one "
            "place at a time, and this shipment names none. Fill locationId in the "
            "mapping, or move the items to one location in Shopify, then retry."
        )
    else:
        text = (
            f"Shopify means to send order {name} from {places}, not from the location "
            "that shipped it in NetSuite. Open the order in Shopify, choose Change "
            "fulfillment location, then press Retry now."
        )
    return RecordRejected(text, code="OTHER_LOCATION", fields={"locationId": text})


def _too_many(
    name: str, parcel: Parcel, shares: Sequence[Share], order: Node
) -> RecordRejected:
    fields = {}
    for sku in lacking(parcel, [one for one in shares if one.is_open]):
        left = sum(share.left(sku) for share in shares if share.is_open)
        fields[f"lines[{parcel.places[sku]}].quantity"] = (
            f"NetSuite shipped {parcel.pieces[sku]} of {sku or 'a line without SKU'}; "
            f"order {name} has {left} left to send in Shopify."
        )
    return RecordRejected(
        " ".join([*fields.values(), _why_less(order)]), code="TOO_MANY", fields=fields
    )


def _why_less(order: Node) -> str:
    if order.get("cancelledAt"):
        return "The order was cancelled in Shopify. Settle it there, then exclude this."
    sent = ", ".join(one.name for one in _standing(order))
    if not sent:
        return (
            "Compare the order in both systems: items may have been removed from it, "
            "refunded before they were sent, or have another SKU."
        )
    return (
        f"Shopify has sent {sent} already. If one of them is this shipment, add its "
        "tracking numbers to it there and press Retry now: it is then taken as this "
        "one. If not, correct the quantity in NetSuite."
    )
