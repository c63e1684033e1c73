"""Deliveries: who signed them, and the JSON object they bring."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping

from requests.structures import CaseInsensitiveDict

from integrations.connectors import exact
from integrations.connectors.base import Payload, WebhookHead
from integrations.connectors.errors import BadSignature, UnreadablePayload
from integrations.connectors.secret import Secret


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
