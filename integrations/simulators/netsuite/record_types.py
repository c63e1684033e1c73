"""The record types this account has, after the REST API Browser 2026.1.

Lengths are those that real accounts reported; where none is known a wide limit
stands.
"""

from integrations.simulators.netsuite.countries import COUNTRIES
from integrations.simulators.netsuite.schema import (
    COMMON,
    Field,
    Kind,
    RecordType,
    choice,
    day,
    flag,
    number,
    shown,
    text,
    to,
)

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
    "leadSource", "taxType", "nexus", "promotionCode", "customerMessage",
)  # fmt: skip
OWN_PERMISSIONS = {"currency", "shipItem", "location", "subsidiary"}
STATUSES = {
    "A": "Pending Approval", "B": "Pending Fulfillment", "C": "Cancelled",
    "D": "Partially Fulfilled", "E": "Pending Billing/Partially Fulfilled",
    "F": "Pending Billing", "G": "Billed", "H": "Closed",
}  # fmt: skip
ORDER_STATUSES = {"A": STATUSES["A"], "B": STATUSES["B"]}

ADDRESS = {
    "addr1": text("address_line_limit"),
    "addr2": text("address_line_limit"),
    "addr3": text("address_line_limit"),
    "addressee": text(83),
    "attention": text(83),
    "addrPhone": text(32),
    "city": text(50),
    "state": text(50),
    "zip": text(36),
    "country": Field(Kind.ENUM, choices={code: code for code in COUNTRIES}),
    "override": flag(),
    "addrText": text(999),
    "externalId": text(255),
}
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
ORDER_LINE = {
    "line": Field(Kind.INTEGER),
    "lineUniqueKey": shown(Kind.TEXT),
    "item": to("item", label="Item"),
    "itemType": shown(Kind.ENUM),
    "quantity": number(),
    "rate": number(),
    "amount": number("Amount"),
    "grossAmt": number(),
    "price": to("priceLevel"),
    "description": text(4000),
    "location": to("location"),
    "department": to("department"),
    "class": to("classification"),
    "units": text(50),
    "options": text(999),
    "isClosed": flag(),
    "isTaxable": flag(),
    "taxCode": to("salesTaxItem"),
    "taxRate1": number(),
    "tax1Amt": number(),
    "taxAmount": number(),
    "taxDetailsReference": text(100),
    "commitInventory": Field(
        Kind.ENUM,
        choices={"1": "Available Qty", "2": "Complete Qty", "3": "Do Not Commit"},
    ),
    "expectedShipDate": day(),
    "giftCertRecipientName": text(255),
    "giftCertRecipientEmail": text(255),
    "giftCertFrom": text(255),
    "giftCertMessage": text(999),
    "quantityFulfilled": shown(Kind.NUMBER),
    "quantityBilled": shown(Kind.NUMBER),
    "quantityCommitted": shown(Kind.NUMBER),
    "quantityBackOrdered": shown(Kind.NUMBER),
}
TAX_DETAIL = {
    "taxDetailsReference": Field(Kind.ENUM),
    "lineType": text(100),
    "lineName": text(300),
    "taxType": Field(Kind.ENUM),
    "taxCode": to("salesTaxItem"),
    "taxBasis": number(),
    "taxRate": number(),
    "taxAmount": number("Tax Amount"),
    "netAmount": number(),
    "calcDetail": text(4000),
}
SALES_ORDER = {
    **COMMON,
    "entity": to("customer", label="Customer"),
    "tranDate": day(),
    "tranId": text(45),
    "otherRefNum": text(45),
    "memo": text(999),
    "message": text(999),
    "orderStatus": Field(Kind.ENUM, choices=ORDER_STATUSES),
    "status": shown(Kind.ENUM, choices=STATUSES),
    "subsidiary": to("subsidiary", label="Subsidiary"),
    "location": to("location", label="Location"),
    "department": to("department"),
    "class": to("classification"),
    "currency": to("currency"),
    "exchangeRate": number(),
    "terms": to("term"),
    "salesRep": to("employee"),
    "partner": to("partner"),
    "salesChannel": to("salesChannel"),
    "leadSource": to("leadSource"),
    "customForm": to("customForm"),
    "nexus": to("nexus"),
    "paymentOption": to("paymentMethod"),
    "promoCode": to("promotionCode"),
    "messageSel": to("customerMessage"),
    "shipMethod": to("shipItem"),
    "shipDate": day(),
    "actualShipDate": day(),
    "startDate": day(),
    "endDate": day(),
    "dueDate": day(),
    "salesEffectiveDate": day(),
    "shipComplete": flag(),
    "shipIsResidential": flag(),
    "shippingCost": number(),
    "handlingCost": number(),
    "overrideShippingCost": number(),
    "discountItem": to("discountItem"),
    "discountRate": number(),
    "discountTotal": shown(Kind.NUMBER),
    "email": Field(Kind.EMAIL, limit=254),
    "fob": text(50),
    "toBeEmailed": flag(),
    "toBePrinted": flag(),
    "toBeFaxed": flag(),
    "excludeCommission": flag(),
    "isTaxable": flag(),
    "taxItem": to("salesTaxItem"),
    "taxRate": number(),
    "shippingTaxCode": to("salesTaxItem"),
    "handlingTaxCode": to("salesTaxItem"),
    "taxRegOverride": flag(),
    "taxPointDate": day(),
    "taxDetailsOverride": flag(),
    "taxDetails": Field(Kind.SUBLIST, fields=TAX_DETAIL),
    "vatRegNum": text(20),
    "source": shown(Kind.ENUM),
    "subtotal": shown(Kind.NUMBER),
    "taxTotal": shown(Kind.NUMBER),
    "shippingTaxAmount": shown(Kind.NUMBER),
    "total": shown(Kind.NUMBER),
    "linkedTrackingNumbers": shown(Kind.TEXT),
    "transactionNumber": shown(Kind.TEXT),
    "shippingAddress": Field(Kind.SUBRECORD, fields=ADDRESS),
    "billingAddress": Field(Kind.SUBRECORD, fields=ADDRESS),
    "shipAddressList": Field(Kind.REFERENCE, targets=("address",)),
    "billAddressList": Field(Kind.REFERENCE, targets=("address",)),
    "item": Field(Kind.SUBLIST, fields=ORDER_LINE, key="line", label="Item"),
}
ITEM = {
    **COMMON,
    "itemId": text(60, "Item Name/Number"),
    "displayName": text(60),
    "upcCode": text(20),
    "isInactive": flag(),
    "salesDescription": text(4000),
    "basePrice": number(),
    "itemType": shown(Kind.TEXT),
    "subsidiary": Field(Kind.MULTISELECT, targets=("subsidiary",)),
}
NAMED_VALUE = {
    **COMMON,
    "name": text(300),
    "symbol": text(3),
    "itemId": text(300),
    "isInactive": flag(),
    "subsidiary": Field(Kind.MULTISELECT, targets=("subsidiary",)),
}

RECORD_TYPES = {
    "customer": RecordType("customer", CUSTOMER, "entity", "customer", writable=True),
    "salesOrder": RecordType(
        "salesOrder", SALES_ORDER, "transaction", "salesOrder", writable=True
    ),
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
