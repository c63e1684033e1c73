"""The record types this account has, after the REST API Browser 2026.1.

Lengths are those that real accounts reported; where none is known a wide limit
stands.
"""

from integrations.simulators.netsuite.address_fields import ADDRESS
from integrations.simulators.netsuite.schema import (
    COMMON,
    Field,
    Kind,
    RecordType,
    choice,
    flag,
    number,
    shown,
    text,
    to,
)
from integrations.simulators.netsuite.transaction_types import TRANSACTION_TYPES

ITEM_TYPES = {
    "inventoryItem": "InvtPart",
    "nonInventorySaleItem": "NonInvtPart",
    "serviceSaleItem": "Service",
    "otherChargeSaleItem": "OthCharge",
    "kitItem": "Kit",
    "assemblyItem": "Assembly",
    "discountItem": "Discount",
    "giftCertificateItem": "GiftCert",
    "salesTaxItem": "TaxItem",
}
LIST_TYPES = (
    "currency", "shipItem", "location", "subsidiary", "priceLevel", "term",
    "department", "classification", "employee", "partner", "customForm",
    "customerCategory", "customerStatus", "paymentMethod", "salesChannel",
    "leadSource", "taxType", "nexus", "promotionCode", "customerMessage", "account",
    "accountingPeriod",
)  # fmt: skip
OWN_PERMISSIONS = {"currency", "shipItem", "location", "subsidiary"}
ADDRESS_BOOK_LINE = {
    "id": Field(Kind.TEXT),
    "internalId": shown(Kind.TEXT),
    "addressId": shown(Kind.TEXT),
    "label": text(150),
    "defaultBilling": flag(),
    "defaultShipping": flag(),
    "isResidential": flag(),
    "addressBookAddress": Field(Kind.SUBRECORD, fields=ADDRESS),
}
CUSTOMER = {
    **COMMON,
    "entityId": text(80),
    "isPerson": flag(),
    "companyName": text(83, "Company Name"),
    "firstName": text(32, "First Name"),
    "middleName": text(32),
    "lastName": text(32, "Last Name"),
    "salutation": text(30),
    "altName": shown(Kind.TEXT),
    "printOnCheckAs": text(83),
    "phoneticName": text(83),
    "email": Field(Kind.EMAIL, limit=254, label="Email"),
    "altEmail": Field(Kind.EMAIL, limit=254),
    "phone": text(32, "Phone"),
    "altPhone": text(32),
    "homePhone": text(32),
    "mobilePhone": text(32),
    "fax": text(32),
    "comments": text(4000),
    "accountNumber": text(99),
    "vatRegNumber": text(20),
    "resaleNumber": text(20),
    "url": text(999),
    "subsidiary": to("subsidiary", label="Subsidiary"),
    "currency": to("currency"),
    "category": to("customerCategory"),
    "entityStatus": to("customerStatus"),
    "priceLevel": to("priceLevel"),
    "terms": to("term"),
    "salesRep": to("employee"),
    "partner": to("partner"),
    "parent": to("customer"),
    "leadSource": to("leadSource"),
    "customForm": to("customForm"),
    "shippingItem": to("shipItem"),
    "taxItem": to("salesTaxItem"),
    "taxable": flag(),
    "taxExempt": flag(),
    "creditLimit": number(),
    "balance": shown(Kind.NUMBER),
    "isInactive": flag(),
    "emailTransactions": flag(),
    "emailPreference": choice(PDF="PDF", HTML="HTML", DEFAULT="Default"),
    "globalSubscriptionStatus": Field(
        Kind.ENUM,
        choices={
            "1": "Soft Opt-In", "2": "Soft Opt-Out",
            "3": "Confirmed Opt-In", "4": "Confirmed Opt-Out",
        },
    ),
    "dateCreated": shown(Kind.DATETIME),
    "defaultAddress": shown(Kind.TEXT),
    "addressBook": Field(Kind.SUBLIST, fields=ADDRESS_BOOK_LINE, key="id"),
}  # fmt: skip
PRICE = {
    "currencyPage": to("currency"),
    "priceLevel": to("priceLevel"),
    "priceLevelName": shown(Kind.TEXT),
    "quantity": Field(Kind.SUBRECORD, fields={"value": number()}),
    "price": number(),
}
WEIGHT_UNITS = {"1": "lb", "2": "oz", "3": "kg", "4": "g"}
ITEM = {
    **COMMON,
    "itemId": text(60, "Item Name/Number"),
    "displayName": text(60),
    "upcCode": text(20),
    "isInactive": flag(),
    "salesDescription": text(4000),
    "basePrice": number(),
    "price": Field(Kind.SUBLIST, fields=PRICE),
    "itemType": shown(Kind.TEXT),
    "isFulfillable": flag(),
    "parent": to("item"),
    "matrixType": choice(PARENT="Parent Item", CHILD="Child Item"),
    "cost": number(),
    "weight": number(),
    "weightUnit": choice(**WEIGHT_UNITS),
    "countryOfManufacture": text(2),
    "scheduleBNumber": text(30),
    "subsidiary": Field(Kind.MULTISELECT, targets=("subsidiary",)),
}
NAMED_VALUE = {
    **COMMON,
    "name": text(300),
    "symbol": text(3),
    "acctNumber": text(60),
    "itemId": text(300),
    "isInactive": flag(),
    "subsidiary": Field(Kind.MULTISELECT, targets=("subsidiary",)),
}

RECORD_TYPES = {
    "customer": RecordType("customer", CUSTOMER, "entity", "customer", writable=True),
    **TRANSACTION_TYPES,
    **{
        name: RecordType(name, ITEM, "item", "item", True, item_type=code)
        for name, code in ITEM_TYPES.items()
    },
    **{
        name: RecordType(
            name, NAMED_VALUE, name, name if name in OWN_PERMISSIONS else "lists"
        )
        for name in LIST_TYPES
    },
}
_BY_LOWER_NAME = {name.lower(): kind for name, kind in RECORD_TYPES.items()}


def record_type(name: str) -> RecordType | None:
    """Find a type by its name in any case, as Oracle's own samples write it."""
    return _BY_LOWER_NAME.get(name.lower())
