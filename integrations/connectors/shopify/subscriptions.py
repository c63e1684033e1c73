"""The app's own webhook subscriptions: read, set up, put right.

Shopify removes a subscription that was made over the API after eight failed
deliveries. Those made by hand in the shop's admin, or by the app's own configuration
file, are not shown to the API.
"""

from collections.abc import Iterator
from typing import Any

from integrations.connectors.base import Account, Setting
from integrations.connectors.listed import Subscription
from integrations.connectors.shopify.graphql import GraphQL
from integrations.connectors.shopify.sources import TOPICS

FORMAT = "JSON"
OURS, ELSEWHERE = "waybill", "elsewhere"
KEPT_BY = Setting(
    "subscriptions",
    "Webhook subscriptions",
    required=False,
    help="waybill: set up and kept by Waybill. elsewhere: set up by hand in the shop's "
    "admin or in the app's configuration file, which Waybill cannot see.",
    choices=(OURS, ELSEWHERE),
    default=OURS,
)
READ = """
query WaybillSubscriptions($first: Int!, $after: String) {
  webhookSubscriptions(first: $first, after: $after) {
    nodes { id topic uri format includeFields filter apiVersion { handle } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CREATE = """
mutation WaybillSubscribe(
  $topic: WebhookSubscriptionTopic!, $wanted: WebhookSubscriptionInput!
) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $wanted) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
"""
MEND = """
mutation WaybillResubscribe($id: ID!, $wanted: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $wanted) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
"""


def are_ours(account: Account) -> bool:
    """Say whether Waybill is to keep the subscriptions of this shop."""
    return bool(account.options.get(KEPT_BY.name, OURS) != ELSEWHERE)


def read(graphql: GraphQL, version: str) -> list[Subscription]:
    """Return every subscription of this app, with what is wrong with its shape."""
    return [
        Subscription(
            str(node.get("id")),
            topic_of(str(node.get("topic"))),
            str(node.get("uri") or ""),
            tuple(_faults(node, version)),
        )
        for node in graphql.nodes(READ, "webhookSubscriptions")
    ]


def create(graphql: GraphQL, topic: str, address: str) -> None:
    """Subscribe to a topic in the API version of this connection."""
    wanted = {"uri": address, "format": FORMAT}
    graphql.run(CREATE, {"topic": enum_of(topic), "wanted": wanted})


def mend(graphql: GraphQL, subscription: Subscription) -> None:
    """Set the shape right; the API version becomes that of this connection."""
    wanted = {
        "uri": subscription.address,
        "format": FORMAT,
        "includeFields": [],
        "filter": "",
    }
    graphql.run(MEND, {"id": subscription.id, "wanted": wanted})


def _faults(node: dict[str, Any], version: str) -> Iterator[str]:
    used = str((node.get("apiVersion") or {}).get("handle") or "")
    if used != version:
        yield f"API version {used or 'unknown'} instead of {version}"
    if node.get("format") != FORMAT:
        yield f"format {node.get('format')} instead of {FORMAT}"
    if node.get("includeFields"):
        yield "only some fields"
    if node.get("filter"):
        yield f"only what passes the filter {node['filter']!r}"


def enum_of(topic: str) -> str:
    """Return GraphQL's name of a topic: orders/create is ORDERS_CREATE."""
    return topic.replace("/", "_").upper()


def topic_of(enum: str) -> str:
    """Return a topic that is read by its GraphQL name; other names stay as they are."""
    return _TOPICS.get(enum, enum)


_TOPICS = {enum_of(topic): topic for topic in TOPICS}
