"""Secrets of subscribers, and the signature that proves a message is ours.

The secret that a new one took the place of signs along for a day, so that nobody has
to change both sides in the same second.
"""

import hashlib
import hmac
import json
import secrets
from datetime import datetime, timedelta

from errorqueue.clock import database_time
from errorqueue.models import Subscriber
from errorqueue.sealing import seal, unseal

PREFIX = "whsec_"
HEADER = "Waybill-Signature"
BOTH_FOR = timedelta(days=1)


def renew_secret(subscriber: Subscriber) -> str:
    """Give a subscriber a new secret and return it: it is not shown again."""
    fresh = PREFIX + secrets.token_urlsafe(32)
    known = secrets_of(subscriber)[:1] if subscriber.sealed_secret else []
    until = (database_time() + BOTH_FOR).isoformat()
    kept = json.dumps({"secrets": [fresh, *known], "both_until": until})
    subscriber.sealed_secret = seal(_context(subscriber), kept)
    subscriber.save(update_fields=["sealed_secret"])
    return fresh


def secrets_of(subscriber: Subscriber) -> list[str]:
    """Return the secrets in force, the newest first.

    Raises SealBroken when no key of WAYBILL_FIELD_KEYS opens them.
    """
    kept = json.loads(unseal(_context(subscriber), subscriber.sealed_secret))
    found: list[str] = kept["secrets"]
    is_over = database_time() > datetime.fromisoformat(kept["both_until"])
    return found[:1] if is_over else found


def signature(keys: list[str], moment: int, body: bytes) -> str:
    """Return the header over time and body: `t=…,v1=…`, one v1 for each secret."""
    signed = str(moment).encode() + b"." + body
    marks = [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest() for key in keys]
    return ",".join([f"t={moment}", *(f"v1={mark}" for mark in marks)])


def _context(subscriber: Subscriber) -> str:
    return f"subscriber:{subscriber.pk}"
