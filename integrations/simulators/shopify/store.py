"""What the shop holds: orders, customers, products, places and stock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.bulk import BulkDesk
from integrations.simulators.shopify.catalogue import PriceList, Product
from integrations.simulators.shopify.fulfillment_orders import FulfillmentOrder
from integrations.simulators.shopify.ids import (
    BASES,
    LOCATION_BASE,
    catalogue_ids,
    gid,
    order_key,
    tail,
)
from integrations.simulators.shopify.jobs import Jobs
from integrations.simulators.shopify.money import Amount
from integrations.simulators.shopify.payments import PaymentsAccount

Payload = dict[str, Any]
MAIN_WAREHOUSE = "Main warehouse"
DEFAULT_CHOICE = "Default Title"


@dataclass
class Location:
    id: int
    name: str
    active: bool = True

    @property
    def gid(self) -> str:
        return gid("Location", self.id)


@dataclass
class Variant:
    """A variant with its inventory item; `title` is that of its product."""

    sku: str
    title: str
    price: Decimal
    product_id: int
    variant_id: int
    item_id: int
    updated_at: datetime
    tracked: bool = True
    bundle: bool = False
    compare_at_price: Decimal | None = None
    cost: Decimal | None = None
    barcode: str | None = None
    taxable: bool = True
    requires_shipping: bool = True
    choices: tuple[str, ...] = (DEFAULT_CHOICE,)
    weight: Decimal = Decimal(0)
    weight_unit: str = "KILOGRAMS"
    hs_code: str | None = None
    country: str | None = None

    @property
    def gid(self) -> str:
        return gid("ProductVariant", self.variant_id)

    @property
    def name(self) -> str:
        """Return the title of the variant itself, which says its choices."""
        return " / ".join(self.choices)

    @property
    def item_gid(self) -> str:
        return gid("InventoryItem", self.item_id)


@dataclass
class Level:
    """Stock of one item at one location; on hand follows from the rest."""

    item_id: int
    location_id: int
    updated_at: datetime
    available: int = 0
    committed: int = 0
    reserved: int = 0
    incoming: int = 0

    @property
    def on_hand(self) -> int:
        return self.available + self.committed + self.reserved

    @property
    def gid(self) -> str:
        number = self.item_id * 10 + self.location_id % 10
        return gid("InventoryLevel", f"{number}?inventory_item_id={self.item_id}")

    def quantity(self, name: str) -> int:
        value: int = getattr(self, name, 0)
        return value


@dataclass
class Store:
    """The shop's records; orders and customers are kept as webhooks carry them."""

    shop: str
    name: str
    currency: str
    timezone: str
    orders: dict[str, Payload] = field(default_factory=dict)
    transactions: dict[str, list[Payload]] = field(default_factory=dict)
    customers: dict[str, Payload] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)
    price_lists: list[PriceList] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    locations: list[Location] = field(default_factory=list)
    levels: dict[tuple[int, int], Level] = field(default_factory=dict)
    _by_variant: dict[int, Variant] = field(default_factory=dict)
    _by_item: dict[int, Variant] = field(default_factory=dict)
    _by_product: dict[int, list[Variant]] = field(default_factory=dict)
    _levels_by_item: dict[int, list[Level]] = field(default_factory=dict)
    fulfillment_orders: dict[str, FulfillmentOrder] = field(default_factory=dict)
    routes: dict[str, list[FulfillmentOrder]] = field(default_factory=dict)
    fulfillments: dict[str, Payload] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    staff_notes: dict[str, str] = field(default_factory=dict)
    edited: set[str] = field(default_factory=set)
    jobs: Jobs = field(default_factory=Jobs)
    bulk: BulkDesk = field(default_factory=BulkDesk)
    counts: dict[str, int] = field(default_factory=dict)
    # None: the shop does not use Shopify Payments.
    payments: PaymentsAccount | None = None

    def new_id(self, kind: str) -> int:
        """Return the next id of a kind of record."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return BASES[kind] + self.counts[kind]

    def find_order(self, wanted: str | int) -> Payload:
        """Return an order by gid, id, name or number; raise KeyError."""
        text = tail(str(wanted))
        if text in self.orders:
            return self.orders[text]
        for order in self.orders.values():
            if text.lstrip("#") == str(order["order_number"]) or text == order["name"]:
                return order
        raise KeyError(f"no order {wanted}")

    def find_customer(self, wanted: str | int) -> Payload:
        """Return a customer by gid, id or e-mail; raise KeyError."""
        text = tail(str(wanted))
        for key, customer in self.customers.items():
            if text in (key, customer["email"]):
                return customer
        raise KeyError(f"no customer {wanted}")

    def fulfillment_orders_of(self, key: str) -> list[FulfillmentOrder]:
        """Return the fulfilment orders of an order, the oldest first."""
        return self.routes.get(key, [])

    def find_fulfillment_order(self, wanted: str | int) -> FulfillmentOrder:
        """Return one by gid or id, or the first open one of an order; or KeyError."""
        text = tail(str(wanted))
        if text in self.fulfillment_orders:
            return self.fulfillment_orders[text]
        rows = self.fulfillment_orders_of(order_key(self.find_order(wanted)))
        for found in rows:
            if found.remaining:
                return found
        raise KeyError(f"nothing is left to send of order {wanted}")

    def find_fulfillment(self, wanted: str | int) -> Payload:
        """Return one by gid, id, name or tracking number; raise KeyError."""
        text = tail(str(wanted))
        if text in self.fulfillments:
            return self.fulfillments[text]
        for row in self.fulfillments.values():
            if text == row["name"] or text in row["tracking_numbers"]:
                return row
        raise KeyError(f"no fulfilment {wanted}")

    def save_order(self, order: Payload, transactions: Iterable[Payload]) -> None:
        self.orders[order_key(order)] = order
        self.transactions[order_key(order)] = list(transactions)

    def location(self, name: str) -> Location:
        """Return the location of this name, opened at first use."""
        for place in self.locations:
            if place.name == name:
                return place
        place = Location(LOCATION_BASE + 17 * (len(self.locations) + 1), name)
        self.locations.append(place)
        return place

    def add_product(
        self,
        sku: str,
        title: str,
        price: Amount,
        stock: Mapping[str, int],
        now: datetime,
        *,
        tracked: bool = True,
        bundle: bool = False,
    ) -> Variant:
        """Add a product; the same SKU a second time makes an ambiguous SKU."""
        copies = sum(variant.sku == sku for variant in self.variants)
        ids = catalogue_ids(sku, copies)
        variant = Variant(
            sku,
            title,
            Decimal(price),
            ids["product_id"],
            ids["variant_id"],
            ids["item_id"],
            now,
            tracked,
            bundle,
        )
        self.products[variant.product_id] = Product(
            variant.product_id, title, now, now, handle=slug(title)
        )
        self.add_variant(variant)
        for name, quantity in stock.items():
            self.level(
                variant.item_id, self.location(name).id, now
            ).available = quantity
        return variant

    def add_variant(self, variant: Variant) -> None:
        self.variants.append(variant)
        self._by_variant[variant.variant_id] = variant
        self._by_item[variant.item_id] = variant
        self._by_product.setdefault(variant.product_id, []).append(variant)

    def drop_variant(self, variant: Variant) -> None:
        self.variants.remove(variant)
        self._by_product[variant.product_id].remove(variant)
        del self._by_variant[variant.variant_id], self._by_item[variant.item_id]

    def variants_of(self, product_id: int) -> list[Variant]:
        return self._by_product.get(product_id, [])

    def level(self, item_id: int, location_id: int, now: datetime) -> Level:
        """Return the stock of an item at a location, stocked there if it was not."""
        key = (item_id, location_id)
        if key not in self.levels:
            self.levels[key] = Level(item_id, location_id, now)
            self._levels_by_item.setdefault(item_id, []).append(self.levels[key])
        return self.levels[key]

    def levels_of(self, item_id: int) -> list[Level]:
        return self._levels_by_item.get(item_id, [])

    def variant_of(self, variant_id: int | None) -> Variant | None:
        return self._by_variant.get(variant_id or 0)

    def item_of(self, item_gid: str) -> Variant | None:
        number = tail(item_gid)
        found = self._by_item.get(int(number)) if number.isdigit() else None
        return found if found and found.item_gid == item_gid else None

    def variant_by_gid(self, variant_gid: str) -> Variant | None:
        number = tail(variant_gid)
        found = self._by_variant.get(int(number)) if number.isdigit() else None
        return found if found and found.gid == variant_gid else None

    def item_by_id(self, item_id: int) -> Variant:
        """Return the variant of an inventory item; raise KeyError."""
        return self._by_item[item_id]

    def location_of(self, location_gid: str) -> Location | None:
        return next((x for x in self.locations if x.gid == location_gid), None)


def slug(title: str) -> str:
    """Return the handle that Shopify makes of a title."""
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
