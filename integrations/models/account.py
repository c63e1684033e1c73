"""From a row to what a connector needs, without a word over the line."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC
from typing import Any

from integrations.connectors.base import (
    Account,
    Connector,
    Payload,
    Services,
)
from integrations.connectors.registry import connector_class
from integrations.connectors.secret import (
    AccessToken,
    Secret,
)
from integrations.models.connection import Connection, Credential


class Offline(Exception):
    """This connector was made for reading only and may not call its vendor."""


class _NoTokens:
    def get(self, fetch: Callable[[], AccessToken]) -> Secret:
        raise Offline

    def forget(self, token: Secret) -> None:
        raise Offline


def _no_gate() -> AbstractContextManager[None]:
    raise Offline


def account_of(connection: Connection) -> Account:
    """Return the connection with its secrets opened; raises SealBroken."""
    kept = list(connection.credentials.all())
    secrets = {item.name: item.open() for item in kept}
    return _account(connection, secrets, version_of(kept))


def version_of(credentials: Sequence[Credential]) -> str:
    """Name a state of credentials: when the last was set, and a mark of all.

    The mark is made of their names and times, so it tells nothing of a secret, and
    stays when only the key that seals them is changed.
    """
    if not credentials:
        return ""
    times = sorted((one.name, one.set_at.isoformat()) for one in credentials)
    mark = hashlib.sha256(repr(times).encode()).hexdigest()[:6]
    newest = max(one.set_at for one in credentials).astimezone(UTC)
    return f"set {newest:%Y-%m-%d %H:%M:%S} UTC, {mark}"


def _account(
    connection: Connection, secrets: dict[str, Secret], version: str = ""
) -> Account:
    return Account(
        key=connection.slug,
        namespace=connection.namespace,
        account_id=connection.account_id,
        base_url=base_url_of(connection),
        api_version=connection.api_version
        or connector_class(connection.system).default_api_version,
        auth_method=connection.auth_method,
        credentials=secrets,
        options=options_of(connection),
        credentials_version=version,
    )


def base_url_of(connection: Connection) -> str:
    """Return the address in use, without a slash at the end."""
    own = connector_class(connection.system).default_base_url(connection.account_id)
    return (connection.base_url or own).rstrip("/")


def options_of(connection: Connection) -> dict[str, Any]:
    """Return every option of the connector, as set or as it comes."""
    offered = connector_class(connection.system).options
    return {option.name: option.default for option in offered} | connection.options


def reader_of(connection: Connection) -> Connector:
    """Return a connector that verifies and reads, and refuses to call."""
    return _offline(connection, account_of(connection))


def keyless_of(connection: Connection) -> Connector:
    """Return a connector that opens no secret: good for reading and for links."""
    return _offline(connection, _account(connection, {}))


def _offline(connection: Connection, account: Account) -> Connector:
    services = Services(tokens=_NoTokens(), gate=_no_gate)
    return connector_class(connection.system)(account, services)


def derived_of(
    connection: Connection, entity: str, payload: Payload, *, now: bool = False
) -> Payload:
    """Return the facts that the source's connector sees in a payload.

    They tell of it as it was made, with `now` of what stands of it.
    """
    connector = keyless_of(connection)
    return (connector.derived_now if now else connector.derived)(entity, payload)
