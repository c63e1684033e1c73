"""What Waybill writes to Shopify, record by record: one line here for a new one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from integrations.connectors.base import (
    Compared,
    FieldRule,
    Found,
    Payload,
    Standing,
    Written,
)
from integrations.connectors.errors import RequestRefused
from integrations.connectors.matching import Shelf
from integrations.connectors.shopify import (
    customers,
    held,
    levels,
    parcels,
    prices,
    product_shelf,
    products,
    shipping,
    stock,
)
from integrations.connectors.shopify.graphql import GraphQL

Write = Callable[[GraphQL, Payload, str], Written]
Find = Callable[[GraphQL, str], list[Found]]
Look = Callable[[GraphQL, str, Payload | None], str | None]


@dataclass(frozen=True)
class Target:
    """How one record type is written.

    `create` makes one that must not be there yet, `upsert` one that may be; both
    take payload and key. `find_written` says what stands there of a payload or under
    a key, where Shopify can tell; `compare` lays it beside the payload; `standing` says
    what the record holds now, by its id; `strayed` which of many hold more than sent.
    """

    rules: Mapping[str, FieldRule]
    upsert: Write | None = None
    create: Write | None = None
    update: Write | None = None
    find_written: Look | None = None
    compare: Callable[[GraphQL, Payload], Compared | None] | None = None
    standing: Callable[[GraphQL, str], Standing | None] | None = None
    strayed: Callable[[GraphQL, Mapping[str, Payload]], list[str]] | None = None


TARGETS: dict[str, Target] = {
    "customer": Target(
        customers.CUSTOMER_FIELDS,
        upsert=customers.write_customer,
        update=customers.update_customer,
    ),
    "inventoryLevel": Target(
        levels.LEVEL_FIELDS, upsert=levels.write_level, strayed=held.strayed
    ),
    "fulfillment": Target(
        parcels.FIELDS,
        create=shipping.write,
        find_written=shipping.find_written,
        compare=shipping.compare,
    ),
    "price": Target(prices.PRICE_FIELDS, upsert=prices.write_price),
    "product": Target(
        products.PRODUCT_FIELDS, upsert=products.upsert, update=products.update
    ),
}
# What can be laid beside the source before the first sync, read page by page.
SHELVES: dict[str, Callable[[GraphQL, str], Shelf]] = {"product": product_shelf.page}
# Where Shopify's own admin shows what is written and never read as a source.
PAGES = {"product": "products"}
# By what of its fields a record is looked up.
FINDS: dict[tuple[str, str], Find] = {
    ("inventoryItem", "sku"): stock.find_items,
    ("location", "name"): stock.find_locations,
    ("priceList", "currency"): prices.find_lists,
    ("priceList", "name"): prices.find_named_lists,
    ("productVariant", "sku"): prices.find_variants,
}


def shelf(graphql: GraphQL, record_type: str, cursor: str) -> Shelf:
    """Return a page of what the shop has; raises RequestRefused."""
    if record_type not in SHELVES:
        raise RequestRefused(f"Shopify's {record_type} is not listed.", sent=False)
    return SHELVES[record_type](graphql, cursor)


def target_of(record_type: str) -> Target:
    """Return how a record type is written; raises RequestRefused for another."""
    if record_type not in TARGETS:
        raise RequestRefused(f"Waybill writes no {record_type} to Shopify.", sent=False)
    return TARGETS[record_type]


def find(graphql: GraphQL, record_type: str, by: str, value: str) -> list[Found]:
    """Return every record that a value names; raises RequestRefused."""
    known = FINDS.get((record_type, by))
    if known is None:
        reason = f"Shopify's {record_type} cannot be looked up by {by}."
        raise RequestRefused(reason, sent=False)
    return known(graphql, value)


def write(how: Write | None, what: str) -> Write:
    """Return a way to write, or raise RequestRefused that says what is not done."""
    if how is None:
        raise RequestRefused(what, sent=False)
    return how
