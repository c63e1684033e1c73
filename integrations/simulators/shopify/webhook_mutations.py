"""Webhook subscriptions over GraphQL; their user errors carry no code."""

from typing import Any

from integrations.simulators.shopify.context import Context, Info
from integrations.simulators.shopify.subscriptions import (
    TOPIC_OF_ENUM,
    TOPIC_SCOPES,
    Subscription,
    enum_of,
    uri_problem,
)
from integrations.simulators.shopify.times import zulu

Payload = dict[str, Any]


def subscription_view(subscription: Subscription) -> Payload:
    at = zulu(subscription.created_at)
    version = subscription.api_version
    return {
        "id": subscription.gid,
        "legacyResourceId": str(subscription.id),
        "topic": enum_of(subscription.topic),
        "uri": subscription.uri,
        "format": subscription.format,
        "name": subscription.name or None,
        "includeFields": list(subscription.include_fields),
        "filter": subscription.filter or None,
        "apiVersion": {"handle": version, "displayName": version, "supported": True},
        "endpoint": {
            "__typename": "WebhookHttpEndpoint",
            "callbackUrl": subscription.uri,
        },
        "callbackUrl": subscription.uri,
        "createdAt": at,
        "updatedAt": at,
    }


def own_subscriptions(context: Context) -> list[Subscription]:
    """Return the subscriptions of the asking app; others are out of its sight."""
    client_id = context.token.app.client_id
    return [x for x in context.webhooks.subscriptions if x.client_id == client_id]


def create_subscription(info: Info, topic: str, wanted: Payload) -> Payload:
    context: Context = info.context
    topic = TOPIC_OF_ENUM[topic]
    uri = _uri(wanted)
    forced = context.forced_user_error("webhookSubscriptionCreate")
    problem = _scope_problem(topic, context) or _uri_problem(topic, uri, None, context)
    if forced or problem:
        return _refused([forced or problem])
    made = context.webhooks.subscribe(
        topic,
        uri,
        context.token.app.client_id,
        context.version,
        name=wanted.get("name") or "",
        include_fields=tuple(wanted.get("includeFields") or ()),
        format=wanted.get("format") or "JSON",
        filter=wanted.get("filter") or "",
    )
    return {"webhookSubscription": subscription_view(made), "userErrors": []}


def update_subscription(info: Info, id: str, wanted: Payload) -> Payload:
    """Change what is named; the version becomes that of this request."""
    context: Context = info.context
    found = _find(context, id)
    if found is None:
        return _refused([_missing()])
    uri = _uri(wanted) or found.uri
    problem = _uri_problem(found.topic, uri, found, context)
    if problem:
        return _refused([problem])
    found.uri, found.api_version = uri, context.version
    found.name = wanted.get("name", found.name) or ""
    found.include_fields = tuple(
        wanted.get("includeFields", found.include_fields) or ()
    )
    found.format = wanted.get("format") or found.format
    found.filter = wanted.get("filter", found.filter) or ""
    return {"webhookSubscription": subscription_view(found), "userErrors": []}


def delete_subscription(info: Info, id: str) -> Payload:
    found = _find(info.context, id)
    if found is None:
        return {"deletedWebhookSubscriptionId": None, "userErrors": [_missing()]}
    info.context.webhooks.unsubscribe(found)
    return {"deletedWebhookSubscriptionId": id, "userErrors": []}


def _find(context: Context, wanted: str) -> Subscription | None:
    return next((x for x in own_subscriptions(context) if x.gid == wanted), None)


def _uri(wanted: Payload) -> str:
    return str(wanted.get("uri") or wanted.get("callbackUrl") or "")


def _scope_problem(topic: str, context: Context) -> Payload | None:
    scope = TOPIC_SCOPES.get(topic.partition("/")[0])
    if scope is None or context.token.grants(scope):
        return None
    return {
        "field": ["topic"],
        "message": (
            "You do not have permission to create or update webhooks "
            f"with {topic} topic."
        ),
    }


def _uri_problem(
    topic: str, uri: str, itself: Subscription | None, context: Context
) -> Payload | None:
    message = uri_problem(uri, context.allow_http)
    taken = any(
        (x.topic, x.uri) == (topic, uri) and x is not itself
        for x in own_subscriptions(context)
    )
    if taken:
        message = "Address for this topic has already been taken"
    if not message:
        return None
    return {"field": ["webhookSubscription", "uri"], "message": message}


def _missing() -> Payload:
    return {"field": ["id"], "message": "Webhook subscription does not exist"}


def _refused(errors: list[Any]) -> Payload:
    return {"webhookSubscription": None, "userErrors": errors}
