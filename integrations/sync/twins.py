"""One account under two names: told by its id and by its address, however written."""

from collections.abc import Iterable
from posixpath import normpath
from urllib.parse import urlsplit

from integrations.models import Connection
from integrations.models.account import base_url_of

DEFAULT_PORTS = {"http": 80}


def account_key(connection: Connection) -> tuple[str, str]:
    """Name an account alike however it was written: 123456_SB1, 123456-sb1."""
    key = connection.account_id.strip().casefold().replace("-", "_")
    return connection.system, key


def address_key(connection: Connection) -> tuple[str, int, str]:
    """Name where requests go; the same address is the same account.

    Raises ValueError for what is no address.
    """
    url = urlsplit(base_url_of(connection))
    port = url.port or DEFAULT_PORTS.get(url.scheme, 443)
    return (url.hostname or "").rstrip("."), port, normpath(f"/{url.path.strip('/')}")


def twin_of(connection: Connection) -> Connection | None:
    """Return the stored connection that `twin_among` finds, by name."""
    others = Connection.objects.exclude(pk=connection.pk)
    return twin_among(connection, others.order_by("name"))


def twin_among(
    connection: Connection, others: Iterable[Connection]
) -> Connection | None:
    """Return a connection of the other environment with the same account or address.

    Unsigned mappings would reach production through such a twin.
    """
    account, address = account_key(connection), _address(connection)
    for other in others:
        is_same = account_key(other) == account
        is_same = is_same or address is not None and _address(other) == address
        if is_same and other.environment != connection.environment:
            return other
    return None


def _address(connection: Connection) -> tuple[str, int, str] | None:
    """Return the address, or nothing of one that cannot be read or names no host."""
    try:
        key = address_key(connection)
    except ValueError:
        return None
    return key if key[0] else None


def twin_words(twin: Connection, environment: str) -> str:
    """Say which connection has the account already, and what to do."""
    return (
        f"{twin} is the same account as {twin.environment}, by its id or its address. "
        f"Give the account and the base URL of the {environment}, or choose "
        f"{twin.environment} here too."
    )
