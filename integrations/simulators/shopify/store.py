"""What the shop holds: orders, customers, products, places and stock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.ids import (
    LOCATION_BASE,
    catalogue_ids,
    gid,
    order_key,
    tail,
)
from integrations.simulators.shopify.money import Amount

Payload = dict[str, Any]
MAIN_WAREHOUSE = "Main warehouse"


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
    """A product with its one variant and inventory item."""

    sku: str
    title: str
    price: Decimal
    product_id: int
    variant_id: int
    item_id: int
    updated_at: datetime
    tracked: bool = True
    bundle: bool = False

    @property
    def gid(self) -> str:
        return gid("ProductVariant", self.variant_id)

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
    variants: list[Variant] = field(default_factory=list)
    locations: list[Location] = field(default_factory=list)
    levels: dict[tuple[int, int], Level] = field(default_factory=dict)

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
        self.variants.append(variant)
        for name, quantity in stock.items():
            self.level(
                variant.item_id, self.location(name).id, now
            ).available = quantity
        return variant

    def level(self, item_id: int, location_id: int, now: datetime) -> Level:
        """Return the stock of an item at a location, stocked there if it was not."""
        return self.levels.setdefault(
            (item_id, location_id), Level(item_id, location_id, now)
        )

    def levels_of(self, item_id: int) -> list[Level]:
        return [level for level in self.levels.values() if level.item_id == item_id]

    def variant_of(self, variant_id: int | None) -> Variant | None:
        return next((v for v in self.variants if v.variant_id == variant_id), None)

    def item_of(self, item_gid: str) -> Variant | None:
        return next((v for v in self.variants if v.item_gid == item_gid), None)

    def location_of(self, location_gid: str) -> Location | None:
        return next((x for x in self.locations if x.gid == location_gid), None)
