"""The privacy webhooks that every app must answer.

https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance

Their addresses are entered in the settings of the app and shown to no API. They are
signed like any other delivery; what they ask is due within 30 days.
"""

from typing import Any

from integrations.connectors.base import Payload
from integrations.connectors.errors import TopicUnsupported, UnreadablePayload
from integrations.connectors.privacy import Demand, Wish
from integrations.connectors.shopify.values import plain, unreadable
from integrations.connectors.shopify.webhooks import parse

TOPICS = {
    "customers/data_request": Wish.DATA,
    "customers/redact": Wish.CUSTOMER,
    "shop/redact": Wish.SHOP,
}
# A shorter word stands in the data of others, too.
SHORTEST_PHONE = 7
MOST_ORDERS = 100_000


def read(topic: str, body: bytes, shop: str) -> Demand:
    """Return what is demanded; raises UnreadablePayload or TopicUnsupported.

    The shop is taken from the body, which is signed: the same app may be installed in
    several shops, and the headers of a delivery are anybody's.
    """
    wish = TOPICS.get(topic)
    if wish is None:
        raise TopicUnsupported(f"{topic} asks nothing about personal data.")
    payload = parse(body, "")
    sender = plain(payload.get("shop_domain")).lower()
    if sender != shop.lower():
        raise UnreadablePayload(
            f"shop_domain is {sender or 'missing'}, but this connection is {shop}: "
            "nothing of it is erased or told."
        )
    return Demand(wish) if wish == Wish.SHOP else _about_customer(wish, payload)


def _about_customer(wish: Wish, payload: Payload) -> Demand:
    customer = payload.get("customer")
    if not isinstance(customer, dict):
        raise unreadable("customer", customer, "object")
    key = _id(customer.get("id"), "customer.id")
    email, phone = plain(customer.get("email"), 254), plain(customer.get("phone"), 40)
    return Demand(
        wish,
        number=_number(payload.get("data_request")),
        customer=key,
        email=email if is_address(email) else "",
        orders=_orders(payload, wish),
        words=tuple(_words(key, email, phone)),
    )


def _number(found: Any) -> str:
    return _id(found.get("id"), "data_request.id") if isinstance(found, dict) else ""


def _orders(payload: Payload, wish: Wish) -> tuple[str, ...]:
    name = "orders_requested" if wish == Wish.DATA else "orders_to_redact"
    found = payload.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or len(found) > MOST_ORDERS:
        raise unreadable(name, found, "list of orders")
    return tuple(dict.fromkeys(_id(one, name) for one in found))


def _id(value: Any, path: str) -> str:
    text = "" if isinstance(value, bool) else plain(value, 40)
    if not (text.isascii() and text.isdecimal()):
        raise unreadable(path, value, "id")
    return text


def _words(key: str, email: str, phone: str) -> list[str]:
    words = [f'gid://shopify/Customer/{key}"']
    if is_address(email):
        words.append(email)
    if sum(sign.isdecimal() for sign in phone) >= SHORTEST_PHONE:
        words.append(phone)
    return words


def is_address(email: str) -> bool:
    """Say whether a text is an e-mail address, and not a piece of many."""
    name, _, host = email.rpartition("@")
    return bool(name) and "." in host.strip(".") and " " not in email
