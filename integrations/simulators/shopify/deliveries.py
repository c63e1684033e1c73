"""One webhook delivery: what is sent, how it is signed, how it is posted."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import requests

from integrations.simulators.shopify.subscriptions import Subscription

CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 5.0

Post = Callable[[str, bytes, dict[str, str]], int]


def post_over_http(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send one delivery; a redirect is an answer like any other."""
    with requests.post(
        url,
        data=body,
        headers=headers,
        timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
        allow_redirects=False,
        stream=True,
    ) as response:
        return response.status_code


@dataclass(eq=False)
class Delivery:
    """One event on its way to one address.

    `status` is due, sending, delivered, failed, lost or kept back. The body and
    the address are those of the first try for good.
    """

    id: str
    event_id: str
    topic: str
    api_version: str
    uri: str
    body: bytes
    triggered_at: datetime
    due_at: datetime
    subscription: Subscription
    tries: int = 0
    status: str = "due"
    answers: list[int | str] = field(default_factory=list)
    started_at: datetime | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "Delivery":
        """Return a second delivery of the same event, under the same ids."""
        return replace(self, answers=[], headers={})


def sign(secret: str, body: bytes) -> str:
    """Return the signature over the raw body: base64 of HMAC-SHA256."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def headers_of(delivery: Delivery, shop: str, secret: str) -> dict[str, str]:
    """Return the headers of one try."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-Topic": delivery.topic,
        "X-Shopify-Hmac-Sha256": sign(secret, delivery.body),
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-API-Version": delivery.api_version,
        "X-Shopify-Webhook-Id": delivery.id,
        "X-Shopify-Event-Id": delivery.event_id,
        "X-Shopify-Triggered-At": _nanoseconds(delivery.triggered_at),
    }
    if delivery.subscription.name:
        headers["X-Shopify-Name"] = delivery.subscription.name
    return headers


def _nanoseconds(moment: datetime) -> str:
    """Write a moment with nine digits, more than most parsers expect."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
