"""Products and price lists as the shop keeps them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from integrations.simulators.shopify.ids import gid

STATUSES = ("ACTIVE", "ARCHIVED", "DRAFT", "UNLISTED")


@dataclass(eq=False)
class Product:
    """What several variants share; `options` are the names of their choices."""

    id: int
    title: str
    created_at: datetime
    updated_at: datetime
    status: str = "ACTIVE"
    vendor: str = ""
    product_type: str = ""
    handle: str = ""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=lambda: ["Title"])

    @property
    def gid(self) -> str:
        return gid("Product", self.id)

    @property
    def has_only_default(self) -> bool:
        return self.options == ["Title"]


@dataclass(frozen=True)
class FixedPrice:
    """What one variant costs on one price list."""

    price: Decimal
    compare_at_price: Decimal | None = None


@dataclass(eq=False)
class PriceList:
    """Prices of one currency; variants that are not in it follow the shop's price."""

    id: int
    name: str
    currency: str
    fixed: dict[int, FixedPrice] = field(default_factory=dict)

    @property
    def gid(self) -> str:
        return gid("PriceList", self.id)

    def change_currency(self, currency: str) -> None:
        """Take another currency, which clears every fixed price."""
        if currency != self.currency:
            self.currency, self.fixed = currency, {}
