"""Tokens for programs: shown once, kept as a digest, worth what their person may do."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from errorqueue.clock import DatabaseTime, database_time
from errorqueue.models import ApiToken
from errorqueue.text import one_line

User = Any
PREFIX = "wb_"
LONGEST_LIFE = timedelta(days=3 * 366)
# Noting each use would be a write for each call.
NOTED_EVERY = timedelta(minutes=1)


class NotMakeable(ValueError):
    """Such a token cannot be made; the text names the field and the remedy."""


@transaction.atomic
def make(user: User, name: str, expires: datetime | None = None) -> str:
    """Make a token of `user` and return its text: this is the only time it is known.

    Raises NotMakeable for a name that is empty or taken, or a time that is past.
    """
    name, now = one_line(name, 80), database_time()
    if not name:
        raise NotMakeable("Name: write what the token is for.")
    if expires and not now < expires < now + LONGEST_LIFE:
        raise NotMakeable("Expires: choose a time between now and three years on.")
    plain = PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            ApiToken.objects.create(
                user=user,
                name=name,
                digest=digest_of(plain),
                hint=plain[-4:],
                made_at=now,
                expires_at=expires,
            )
    except IntegrityError as error:
        raise NotMakeable(
            f"Name: you have a token “{name}” already, perhaps a revoked one. "
            "Choose another name."
        ) from error
    return plain


def find(plain: str) -> ApiToken | None:
    """Return the token of this text, unless it is revoked, expired or its person left.

    It is looked up by its digest, so that the time the look-up takes tells nothing.
    """
    digest = digest_of(plain)
    alive = Q(expires_at=None) | Q(expires_at__gt=DatabaseTime())
    found = (
        ApiToken.objects.filter(alive, digest=digest, revoked_at=None)
        .filter(user__is_active=True)
        .select_related("user")
        .first()
    )
    if found is None or not hmac.compare_digest(found.digest, digest):
        return None
    _note_use(found)
    return found


def revoke(token: ApiToken) -> bool:
    """End a token at once; say whether it was in force."""
    alive = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
    return bool(alive.update(revoked_at=database_time()))


def digest_of(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def _note_use(token: ApiToken) -> None:
    now = database_time()
    if token.used_at and token.used_at > now - NOTED_EVERY:
        return
    mine = ApiToken.objects.filter(pk=token.pk)
    stale = mine.filter(Q(used_at=None) | Q(used_at__lte=now - NOTED_EVERY))
    stale.update(used_at=now)
