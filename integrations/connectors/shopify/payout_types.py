"""What each type of a balance transaction is to the books.

The types are those of ShopifyPaymentsTransactionType as published in November 2026;
Shopify adds values to versions already released. A type that stands here nowhere is
unmapped, in plain sight, until somebody has judged it.
"""

from integrations.connectors.payouts import Kind


def _with_reversals(*names: str) -> tuple[str, ...]:
    return tuple(one for name in names for one in (name, f"{name}_REVERSAL"))


_OF_KIND: dict[Kind, tuple[str, ...]] = {
    Kind.SALE: ("CHARGE",),
    Kind.REFUND: ("REFUND", "REFUND_FAILURE"),
    Kind.FEE: (
        "ACH_BANK_FAILURE_DEBIT_FEE",
        "ACH_BANK_FAILURE_DEBIT_REVERSAL_FEE",
        "APPLICATION_FEE_REFUND",
        "CHARGEBACK_FEE",
        "CHARGEBACK_FEE_REFUND",
        "REFERRAL_FEE",
        "STRIPE_FEE",
        *_with_reversals("BILLING_DEBIT", "MARKETPLACE_FEE_CREDIT"),
    ),
    Kind.TAX: (
        "CUSTOMS_DUTY",
        "CUSTOMS_DUTY_ADJUSTMENT",
        "IMPORT_TAX",
        "IMPORT_TAX_ADJUSTMENT",
        "IMPORT_TAX_REFUND",
        "REFERRAL_FEE_TAX",
        *_with_reversals(
            "AGENTIC_FEE_TAX_CREDIT",
            "AGENTIC_FEE_TAX_DEBIT",
            "TAX_ADJUSTMENT_CREDIT",
            "TAX_ADJUSTMENT_DEBIT",
            "VAT_REFUND_CREDIT",
        ),
    ),
    Kind.DISPUTE: ("CHARGEBACK_HOLD", "DISPUTE_WITHDRAWAL"),
    Kind.DISPUTE_REVERSAL: ("CHARGEBACK_HOLD_RELEASE", "DISPUTE_REVERSAL"),
    Kind.ADJUSTMENT: (
        "ADJUSTMENT",
        "CHARGE_ADJUSTMENT",
        "REFUND_ADJUSTMENT",
        "RISK_REVERSAL",
        "RISK_WITHDRAWAL",
        *_with_reversals(
            "ANOMALY_CREDIT",
            "ANOMALY_DEBIT",
            "CHARGEBACK_PROTECTION_CREDIT",
            "CHARGEBACK_PROTECTION_DEBIT",
            "COLLECTIONS_CREDIT",
            "SELLER_PROTECTION_CREDIT",
        ),
    ),
    Kind.SHOP_CASH: _with_reversals(
        "SHOP_CASH_BILLING_DEBIT",
        "SHOP_CASH_CAMPAIGN_BILLING_CREDIT",
        "SHOP_CASH_CAMPAIGN_BILLING_DEBIT",
        "SHOP_CASH_CREDIT",
        "SHOP_CASH_REFUND_DEBIT",
    ),
    Kind.SHIPPING: (
        "SHIPPING_LABEL",
        "SHIPPING_LABEL_ADJUSTMENT",
        "SHIPPING_LABEL_ADJUSTMENT_BASE",
        "SHIPPING_LABEL_ADJUSTMENT_SURCHARGE",
        "SHIPPING_OTHER_CARRIER_CHARGE_ADJUSTMENT",
        "SHIPPING_RETURN_TO_ORIGIN_ADJUSTMENT",
    ),
    Kind.CREDIT: (
        "MARKETS_PRO_CREDIT",
        *_with_reversals(
            "ADS_PUBLISHER_CREDIT",
            "CHANNEL_CREDIT",
            "CHANNEL_PROMOTION_CREDIT",
            "MERCHANT_GOODWILL_CREDIT",
            "PROMOTION_CREDIT",
        ),
    ),
    Kind.LENDING: (
        "ADVANCE",
        "ADVANCE_FUNDING",
        *_with_reversals(
            "LENDING_CAPITAL_REFUND",
            "LENDING_CAPITAL_REMITTANCE",
            "LENDING_CREDIT",
            "LENDING_CREDIT_REFUND",
            "LENDING_CREDIT_REMITTANCE",
            "LENDING_DEBIT",
        ),
    ),
    # Goods of other merchants, sold or supplied through Shopify's own networks.
    Kind.TRADE: _with_reversals(
        "CHANNEL_TRANSFER_CREDIT",
        "CHANNEL_TRANSFER_DEBIT",
        "MERCHANT_TO_MERCHANT_CREDIT",
        "MERCHANT_TO_MERCHANT_DEBIT",
        "SHOPIFY_COLLECTIVE_CREDIT",
        "SHOPIFY_COLLECTIVE_DEBIT",
        "SHOPIFY_SOURCE_CREDIT",
        "SHOPIFY_SOURCE_DEBIT",
    ),
    Kind.TRANSFER: ("BALANCE_TRANSFER_INBOUND", "BALANCE_TRANSFER_OUTBOUND"),
    # Money of a payout that did not arrive, on its way into another one.
    Kind.RETRIED: ("TRANSFER_CANCEL", "TRANSFER_FAILURE", "TRANSFER_REFUND"),
    Kind.RESERVE: (
        "RESERVED_FUNDS",
        "RESERVED_FUNDS_REVERSAL",
        "RESERVED_FUNDS_WITHDRAWAL",
    ),
    Kind.PAYOUT: ("TRANSFER",),
}
KINDS: dict[str, Kind] = {
    name: kind for kind, names in _OF_KIND.items() for name in names
}


def kind_of(type_name: str) -> Kind:
    """Return the kind of a type; UNMAPPED for one that nobody has judged."""
    return KINDS.get(type_name, Kind.UNMAPPED)
