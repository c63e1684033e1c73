"""What fills the account: the stock of a new one, and records added by hand."""

from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite.record_types import RECORD_TYPES
from integrations.simulators.netsuite.store import Record, StockLevel, Store, Values
from integrations.simulators.netsuite.switches import Switches
from integrations.simulators.netsuite.writing import Manner, Writer

SPECIAL_ITEMS = {
    "Discount": "discountItem",
    "Shopify tip": "otherChargeSaleItem",
    "Shopify gift card": "giftCertificateItem",
    "Import duty": "otherChargeSaleItem",
    "Sales tax": "salesTaxItem",
    "Marketplace tax": "salesTaxItem",
    "Additional fee": "otherChargeSaleItem",
    "Unlisted product": "nonInventorySaleItem",
    "Goods not returned": "nonInventorySaleItem",
    "Refunded shipping": "otherChargeSaleItem",
    "Refund adjustment": "otherChargeSaleItem",
    "Refund difference": "otherChargeSaleItem",
}


class Seeder:
    """Adds records past the API; the caller holds the store's lock."""

    def __init__(self, store: Store, switches: Switches, writer: Writer) -> None:
        self.store = store
        self.switches = switches
        self.writer = writer

    def fill(self) -> None:
        """Give a new account its lists and special items."""
        for symbol in ("USD", "EUR", "GBP", "CAD"):
            self.value("currency", symbol)
        self.value("subsidiary", "Parent company")
        self.value("location", "Main warehouse")
        for name in ("Standard", "Express", "DHL Express"):
            self.value("shipItem", name)
        self.value("priceLevel", "Custom", record_id="-1")
        self.value("priceLevel", "Base Price")
        self.value("taxType", "Sales tax")
        for name, kind in SPECIAL_ITEMS.items():
            self.record(kind, {"itemId": name, "displayName": name})

    def value(
        self,
        record_type: str,
        name: str,
        *,
        record_id: str = "",
        subsidiaries: tuple[str, ...] = (),
    ) -> str:
        """Add one entry of a list such as locations or terms."""
        values: Values = {"name": name}
        if record_type == "currency":
            values["symbol"] = name
        if record_type == "shipItem":
            values["itemId"] = name
        if subsidiaries:
            values["subsidiary"] = {"items": [{"id": one} for one in subsidiaries]}
        record_id = record_id or str(self.store.number(record_type))
        now = self.switches.now()
        self.store.put(Record(record_type, record_id, values, now, now))
        return record_id

    def record(self, record_type: str, payload: dict[str, Any]) -> str:
        """Create a record as the API would, names checked strictly."""
        kind = RECORD_TYPES[record_type]
        draft = self.writer.draft(kind, payload, Manner(names="error"))
        return self.writer.commit(draft).id

    def set_stock(self, item_id: str, location_id: str, available: Decimal) -> None:
        now = self.switches.now()
        level = StockLevel(available, available, now)
        self.store.set_level(item_id, location_id, level)
