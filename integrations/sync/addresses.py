"""Which addresses a connection may call."""

from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from integrations.connectors.registry import connector_class
from integrations.models import Connection


def base_url_problem(connection: Connection) -> str:
    """Say what is wrong with the address of a connection, or nothing.

    In production only https addresses of the vendor, or of a host named in
    WAYBILL_EXTRA_VENDOR_HOSTS, may be called.
    """
    if not connection.base_url:
        return ""
    url = urlsplit(connection.base_url)
    host = (url.hostname or "").lower()
    if url.scheme not in ("http", "https") or not host or url.username is not None:
        return (
            "Base URL: this is no web address. Write https://, the host and no user "
            "name, or leave it empty for the vendor's own address."
        )
    if settings.PRODUCTION and not _is_allowed(connection, url):
        return _not_allowed(connection, host)
    return _other_account(connection, host)


def _other_account(connection: Connection, host: str) -> str:
    """Say so when a vendor's address names another account than the connection."""
    kind = connector_class(connection.system)
    if not connection.account_id or not host.endswith(kind.host_suffixes):
        return ""
    own = urlsplit(kind.default_base_url(connection.account_id)).hostname or ""
    if host.partition(".")[0] == own.partition(".")[0]:
        return ""
    return (
        f"Base URL: {host} is the address of another account than "
        f"{connection.account_id}. Correct one of the two, or leave the base URL empty."
    )


def _is_allowed(connection: Connection, url: SplitResult) -> bool:
    host = (url.hostname or "").lower()
    extra = {name.lower() for name in settings.EXTRA_VENDOR_HOSTS}
    if {host, url.netloc.lower()} & extra:
        return url.scheme == "https"
    suffixes = connector_class(connection.system).host_suffixes
    ours = any(f".{host}".endswith("." + suffix.lstrip(".")) for suffix in suffixes)
    return ours and url.scheme == "https"


def _not_allowed(connection: Connection, host: str) -> str:
    suffixes = connector_class(connection.system).host_suffixes
    vendor = " or ".join(suffix.lstrip(".") for suffix in suffixes)
    return (
        f"Base URL: {host} may not be called. Use https and a host of the vendor "
        f"({vendor}), leave the field empty, or have the host added to "
        "WAYBILL_EXTRA_VENDOR_HOSTS."
    )
