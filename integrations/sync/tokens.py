"""Access tokens, fetched once for many workers."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from errorqueue import failpoints
from errorqueue.clock import database_time
from integrations.connectors.errors import TimedOut
from integrations.connectors.secret import (
    AccessToken,
    Secret,
)
from integrations.models import Connection, Token, vault

# A token is not used in its last minute: the vendor's clock may differ from ours.
SPARE = timedelta(seconds=60)
PAUSE_SECONDS = 0.1
# So long a token in hand is used without a look at the shared one.
MOMENT = 1.0


class DatabaseTokens:
    """Keeps the token of one connection in the database, encrypted."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.context = f"{connection.pk}:access token"
        self._in_hand: Secret | None = None
        self._until = 0.0

    def get(self, fetch: Callable[[], AccessToken]) -> Secret:
        """Return a good token; one worker fetches, the others wait for it."""
        if self._in_hand is not None and time.monotonic() < self._until:
            return self._in_hand
        give_up = time.monotonic() + settings.CALL_TIMEOUT_SECONDS
        while time.monotonic() < give_up:
            found = self._stored()
            if found:
                return found
            if self._may_fetch():
                return self._fetch(fetch)
            time.sleep(PAUSE_SECONDS)
        raise TimedOut("No access token arrived in time.", sent=False)

    def forget(self, token: Secret) -> None:
        """Drop the token if it is still the stored one."""
        if self._stored() == token:
            Token.objects.filter(connection=self.connection).update(expires_at=None)
        self._in_hand = None

    def _stored(self) -> Secret | None:
        row = Token.objects.filter(
            connection=self.connection, expires_at__gt=database_time() + SPARE
        ).first()
        self._in_hand = vault.unseal(self.context, row.sealed) if row else None
        self._until = time.monotonic() + MOMENT
        return self._in_hand

    def _may_fetch(self) -> bool:
        Token.objects.get_or_create(connection=self.connection)
        now = database_time()
        free = Q(fetching_until=None) | Q(fetching_until__lt=now)
        until = now + timedelta(seconds=settings.CALL_TIMEOUT_SECONDS)
        return bool(
            Token.objects.filter(free, connection=self.connection).update(
                fetching_until=until
            )
        )

    def _fetch(self, fetch: Callable[[], AccessToken]) -> Secret:
        row = Token.objects.filter(connection=self.connection)
        arrived = self._stored()  # another worker's, between our look and our turn
        if arrived:
            row.update(fetching_until=None)
            return arrived
        try:
            failpoints.hit("token.fetch")
            token = fetch()
        except BaseException:
            row.update(fetching_until=None)
            raise
        row.update(
            sealed=vault.seal(self.context, token.value.reveal()),
            expires_at=token.expires_at,
            fetching_until=None,
        )
        return token.value
