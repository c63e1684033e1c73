"""What merchants do to products and price lists."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.catalogue import (
    STATUSES,
    FixedPrice,
    PriceList,
    Product,
)
from integrations.simulators.shopify.money import Amount
from integrations.simulators.shopify.product_payload import product_payload
from integrations.simulators.shopify.shop import Shop, new_event
from integrations.simulators.shopify.store import MAIN_WAREHOUSE, Variant

Payload = dict[str, Any]
PRODUCT_FIELDS = ("title", "status", "vendor", "product_type", "description", "tags")
VARIANT_FIELDS = ("price", "compare_at_price", "cost", "barcode", "tracked", "taxable")
MONEY = ("price", "compare_at_price", "cost")


class Merchandise(Shop):
    """The verbs for the catalogue."""

    def add_product(
        self,
        sku: str,
        title: str,
        price: Amount,
        *,
        stock: Mapping[str, int] | int = 0,
        tracked: bool = True,
        bundle: bool = False,
    ) -> Variant:
        """Add a product, stocked at the locations named, or at the main warehouse."""
        with self.lock:
            held = {MAIN_WAREHOUSE: stock} if isinstance(stock, int) else stock
            made = self.store.add_product(
                sku, title, price, held, self.now(), tracked=tracked, bundle=bundle
            )
            product = self.store.products[made.product_id]
            self.announce_product("products/create", product)
            return made

    def change_product(self, sku: str, **changes: Any) -> Variant:
        """Change fields of a product or of its variant, as the admin does."""
        with self.lock:
            unknown = sorted(set(changes) - {*PRODUCT_FIELDS, *VARIANT_FIELDS})
            if unknown:
                raise ValueError(f"products have no {', '.join(unknown)}")
            if changes.get("status", STATUSES[0]) not in STATUSES:
                raise ValueError(f"status is one of {', '.join(STATUSES)}")
            variant = self.find_variant(sku)
            for name, value in changes.items():
                if name in VARIANT_FIELDS:
                    setattr(variant, name, _read(name, value))
            mine = {k: v for k, v in changes.items() if k in PRODUCT_FIELDS}
            self.touch_product(self.store.products[variant.product_id], mine)
            variant.updated_at = self.now()
            return variant

    def find_variant(self, sku: str) -> Variant:
        """Return the first variant with a SKU; raise KeyError."""
        for variant in self.store.variants:
            if variant.sku == sku:
                return variant
        raise KeyError(f"no product with SKU {sku}")

    def touch_product(self, product: Product, changes: Mapping[str, Any]) -> None:
        """Write changes into a product and fire products/update."""
        for name, value in changes.items():
            setattr(product, name, value)
        for variant in self.store.variants_of(product.id):
            variant.title = product.title
        product.updated_at = self.now()
        self.announce_product("products/update", product)

    def announce_product(self, topic: str, product: Product) -> None:
        if self.webhooks.is_wanted(topic):
            body = product_payload(product, self.store)
            self.webhooks.fire(topic, body, new_event())

    def delete_product(self, sku: str) -> None:
        """Take a whole product away; its orders keep their lines."""
        with self.lock:
            product_id = self.find_variant(sku).product_id
            for variant in list(self.store.variants_of(product_id)):
                self.store.drop_variant(variant)
            del self.store.products[product_id]
            self.webhooks.fire("products/delete", {"id": product_id}, new_event())

    def add_price_list(
        self, name: str, currency: str, prices: Mapping[str, Amount] | None = None
    ) -> PriceList:
        """Add a price list, with fixed prices by SKU."""
        with self.lock:
            made = PriceList(self.store.new_id("PriceList"), name, currency)
            for sku, price in (prices or {}).items():
                variant = self.find_variant(sku)
                made.fixed[variant.variant_id] = FixedPrice(Decimal(price))
            self.store.price_lists.append(made)
            return made

    def change_price_list_currency(self, name: str, currency: str) -> PriceList:
        """Change the currency of a price list; its fixed prices are gone."""
        with self.lock:
            for found in self.store.price_lists:
                if found.name == name:
                    found.change_currency(currency)
                    return found
            raise KeyError(f"no price list {name}")


def _read(name: str, value: Any) -> Any:
    return Decimal(value) if name in MONEY and value is not None else value
