"""What an order can be made of; every value may also come from JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.money import Amount, Currencies
from integrations.simulators.shopify.times import SHOP_TIMEZONE

LineSpec = Sequence[Any] | Mapping[str, Any]


@dataclass(frozen=True)
class OrderOptions:
    """The variants of an order.

    Discounts, tips, duties and fees are amounts in shop currency. `edited` maps a
    SKU to what is left of it; `presentment` is a currency and its rate;
    `company` and `customer` take True for invented ones. `line_discounts` maps a
    SKU to the amount off the whole line.
    """

    email: str | None = "jane.doe@example.com"
    first_name: str | None = "Jane"
    last_name: str | None = "Doe"
    phone: str | None = None
    customer: Mapping[str, Any] | bool = True
    shipping_address: Mapping[str, Any] | None = None
    billing_address: Mapping[str, Any] | None = None
    private_data: bool = True

    currency: str = "USD"
    presentment: Sequence[str] | None = None
    created_at: datetime | str | None = None
    timezone: str = SHOP_TIMEZONE

    shipping: Sequence[Sequence[Any]] = (("Standard", "5.00"),)
    shipping_discount: Amount = 0
    order_discount: Amount = 0
    discount_code: str = "WELCOME"
    line_discounts: Mapping[str, Amount] = field(default_factory=dict)
    tax_rate: Amount | None = None
    taxes: Sequence[Sequence[Any]] = ()
    taxes_included: bool = False
    tax_shipping: bool = True
    channel_liable: bool = False

    gift_card_sold: Amount = 0
    gift_card_tender: Amount = 0
    tip: Amount = 0
    tip_line: bool = False
    duties: Amount = 0
    additional_fees: Amount = 0
    cash_rounding: Amount = 0
    custom_line: Sequence[Any] | None = None

    gateway: str = "shopify_payments"
    financial_status: str = "paid"
    amount_paid: Amount | None = None
    fulfillment_status: str | None = None
    company: Mapping[str, Any] | bool | None = None
    payment_terms: int | None = None
    test: bool = False
    cancelled: str | None = None
    edited: Mapping[str, int] = field(default_factory=dict)
    long_id: bool = False

    @property
    def currencies(self) -> Currencies:
        if not self.presentment:
            return Currencies(self.currency, self.currency)
        other, rate = self.presentment
        return Currencies(self.currency, other, Decimal(rate))

    @property
    def tax_rates(self) -> list[tuple[str, Decimal]]:
        if self.tax_rate is not None:
            return [("State Tax", Decimal(self.tax_rate))]
        return [(title, Decimal(rate)) for title, rate in self.taxes]
