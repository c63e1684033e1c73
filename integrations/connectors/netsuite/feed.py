"""The change feed: what Waybill's own scripts in the account push.

docs/netsuite-script.md says what they promise. An event tells that something changed
and never what it is now.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from requests.structures import CaseInsensitiveDict

from integrations.connectors import exact
from integrations.connectors.base import Payload, WebhookHead
from integrations.connectors.errors import BadSignature, UnreadablePayload
from integrations.connectors.secret import Secret

TOPIC = "changes"
VERSION = 1
UNREAD_VERSION = (
    "The change feed is written in version {version}, and this version of Waybill reads "
    f"{VERSION}. Install the script that came with this version, or update Waybill."
)


def verify(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[Secret], account: str
) -> WebhookHead:
    """Check who signed a push and for which account; raises BadSignature.

    While a secret is being changed either will do. The signature covers time and body
    and no id, so it is the id itself: what was captured and is sent again under another
    one is the same delivery, however late. That is why its age does not matter.
    """
    told = CaseInsensitiveDict(headers)
    signature = told.get("X-Waybill-Signature", "").encode("latin-1", "replace")
    stamp = told.get("X-Waybill-Timestamp", "")
    good = [
        hmac.compare_digest(signature, _sign(one, stamp, body))
        for one in secrets
        if one
    ]
    if not any(good):
        raise BadSignature()
    _refuse_other_account(body, account)
    return WebhookHead(
        delivery_id=signature.decode(),
        topic=TOPIC,
        event_id=told.get("X-Waybill-Delivery", ""),
        triggered_at=stamp,
    )


def _sign(secret: Secret, stamp: str, body: bytes) -> bytes:
    text = stamp.encode("latin-1", "replace") + b"." + body
    digest = hmac.new(secret.reveal().encode(), text, hashlib.sha256)
    return f"sha256={digest.hexdigest()}".encode()


def _refuse_other_account(body: bytes, account: str) -> None:
    """Raise BadSignature for a copy of the account: it copied script and secret, too.

    What cannot be read at all is kept, and quarantined by whoever reads it.
    """
    try:
        sender = _parsed(body).get("account")
    except UnreadablePayload:
        return
    if isinstance(sender, str) and sender.upper() != account.upper():
        raise BadSignature(
            f"The change feed comes from the account {sender}, not {account}. After a "
            "sandbox refresh, set address and secret of the script anew."
        )


def items(body: bytes) -> list[tuple[str, str]]:
    """Return change and item id of each event; raises UnreadablePayload."""
    told = _parsed(body)
    if told.get("version") != VERSION:
        raise UnreadablePayload(UNREAD_VERSION.format(version=told.get("version")))
    events = told.get("events")
    if not isinstance(events, list) or not events:
        raise UnreadablePayload("The change feed holds no list of events.")
    return list(_changes(events))


def _changes(events: list[Any]) -> Iterator[tuple[str, str]]:
    for place, event in enumerate(events):
        found = event if isinstance(event, dict) else {}
        change, key = found.get("change"), found.get("record_id")
        if not isinstance(change, str) or not change:
            raise _unreadable(place, "change", change)
        # A key goes into a query among others, where one odd one would spoil all.
        if not isinstance(key, str) or not (key.isascii() and key.isdecimal()):
            raise _unreadable(place, "record_id", key)
        yield change, key


def _unreadable(place: int, name: str, value: Any) -> UnreadablePayload:
    return UnreadablePayload(f"events[{place}].{name} is {value!r}, and that is none.")


def _parsed(body: bytes) -> Payload:
    try:
        found = exact.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadablePayload(f"The body is no proper JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnreadablePayload("The body is no JSON object.")
    return found
