"""Values out of Shopify's JSON; what cannot be read names its field."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.base import Payload
from integrations.connectors.errors import UnreadablePayload

# Larger amounts fit no ledger; they come from broken or hostile senders.
LARGEST = Decimal("1e15")
ZERO = Decimal(0)

_GID = re.compile(r"gid://shopify/(\w+)/(\d{1,40})(\?.*)?")


def unreadable(path: str, value: Any, wanted: str) -> UnreadablePayload:
    """Return the error for a value that is not what its field should hold."""
    shown = repr(value)
    text = f"{path} is {shown[:80]}, which is no {wanted}."
    return UnreadablePayload(text, fields={path: text})


def key_of(payload: Payload, kind: str, path: str = "") -> str:
    """Return the digits of the global id.

    The plain `id` counts only where there is no global one: senders written in
    JavaScript round ids above 2**53.
    """
    gid = payload.get("admin_graphql_api_id")
    match = _GID.fullmatch(gid) if isinstance(gid, str) else None
    if match and match[1] == kind:
        return match[2]
    plain = payload.get("id")
    is_number = isinstance(plain, int) and not isinstance(plain, bool) and plain > 0
    if not gid and (is_number or (isinstance(plain, str) and plain.isdecimal())):
        return str(plain)[:40]
    raise unreadable(f"{path}admin_graphql_api_id", gid, f"{kind} id")


def amount(value: Any, path: str) -> Decimal:
    """Return an amount of money; an absent one is zero."""
    if value is None or value == "":
        return ZERO
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise unreadable(path, value, "amount")
    try:
        found = Decimal(value)
    except InvalidOperation as error:
        raise unreadable(path, value, "amount") from error
    if not found.is_finite() or abs(found) >= LARGEST:
        raise unreadable(path, value, "amount")
    return found


def shop_amount(money_set: Any, path: str) -> Decimal:
    """Return the amount in shop currency of a `*_set`; an absent one is zero."""
    shop = money_set.get("shop_money") if isinstance(money_set, dict) else None
    return amount(shop.get("amount") if isinstance(shop, dict) else None, path)


def rows(payload: Payload, name: str, path: str = "") -> Iterator[tuple[str, Payload]]:
    """Yield the objects of a list, each with its path."""
    found = payload.get(name)
    if found is None:
        return
    if not isinstance(found, list):
        raise unreadable(path + name, found, "list")
    for index, row in enumerate(found):
        if not isinstance(row, dict):
            raise unreadable(f"{path}{name}[{index}]", row, "object")
        yield f"{path}{name}[{index}].", row


def moment(payload: Payload, name: str) -> datetime | None:
    """Return a time with its own offset, or None where there is none."""
    value = payload.get(name)
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise unreadable(name, value, "time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def plain(value: Any, limit: int = 200) -> str:
    """Return text that every database takes: no NUL, no half characters."""
    if not isinstance(value, str | int):
        return ""
    text = str(value).replace("\x00", "")
    return text.encode("utf-8", "replace").decode().strip()[:limit]
