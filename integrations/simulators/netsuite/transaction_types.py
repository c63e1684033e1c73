"""The transactions of a sale and of its way back, after the REST API Browser 2026.1.

What grows out of another transaction names it in `createdFrom`, its lines name the
line they came from in `orderLine`.
"""

from integrations.simulators.netsuite.address_fields import ADDRESS
from integrations.simulators.netsuite.sales_fields import (
    ORDER_LINE,
    SALES_ORDER,
    STATUSES,
)
from integrations.simulators.netsuite.schema import (
    COMMON,
    Field,
    Kind,
    RecordType,
    day,
    flag,
    number,
    shown,
    text,
    to,
)

SHIP_STATUSES = {"A": "Picked", "B": "Packed", "C": "Shipped"}
RETURN_STATUSES = {
    "A": "Pending Approval", "B": "Pending Receipt", "C": "Cancelled",
    "D": "Partially Received", "E": "Pending Refund/Partially Received",
    "F": "Pending Refund", "G": "Refunded", "H": "Closed",
}  # fmt: skip
INVOICE_STATUSES = {"A": "Open", "B": "Paid In Full"}
CREDIT_STATUSES = {"A": "Open", "B": "Fully Applied"}
MONEY_STATUSES = {"B": "Not Deposited", "C": "Deposited"}

_SOURCES = ("salesOrder", "invoice", "cashSale", "cashRefund", "returnAuthorization")
_GROWN = {"createdFrom": shown(Kind.REFERENCE, targets=_SOURCES)}
_BILL_LINE = {
    **{
        name: spec
        for name, spec in ORDER_LINE.items()
        if name not in ("isClosed", "commitInventory", "expectedShipDate")
        and name not in ("quantityFulfilled", "quantityBilled")
        and name not in ("quantityCommitted", "quantityBackOrdered")
    },
    "orderLine": Field(Kind.INTEGER),
}
_NOT_ON_BILLS = {"orderStatus", "status", "item", "shipComplete"}
_BILL = {
    **{name: spec for name, spec in SALES_ORDER.items() if name not in _NOT_ON_BILLS},
    **_GROWN,
    "postingPeriod": to("accountingPeriod"),
    "item": Field(Kind.SUBLIST, fields=_BILL_LINE, key="line", label="Item"),
}
_RECEIVABLE = {
    "account": to("account", label="Account"),
    "amountPaid": shown(Kind.NUMBER),
    "amountRemaining": shown(Kind.NUMBER),
}
_TILL = {
    "account": to("account", label="Account"),
    "undepFunds": flag(),
    "checkNumber": text(45),
}
APPLY_LINE = {
    "doc": to("invoice", label="Apply"),
    "line": Field(Kind.INTEGER),
    "apply": flag(),
    "amount": number(),
    "total": shown(Kind.NUMBER),
    "due": shown(Kind.NUMBER),
    "refNum": shown(Kind.TEXT),
}
_APPLY = {
    "apply": Field(Kind.SUBLIST, fields=APPLY_LINE),
    "applied": shown(Kind.NUMBER),
    "unapplied": shown(Kind.NUMBER),
}
_STOCK_LINE = {
    "line": Field(Kind.INTEGER),
    "orderLine": Field(Kind.INTEGER),
    "item": to("item", label="Item"),
    "itemType": shown(Kind.ENUM),
    "description": text(4000),
    "quantity": number(),
    "quantityRemaining": shown(Kind.NUMBER),
    "location": to("location", label="Location"),
    "itemReceive": flag(),
}
PACKAGE = {
    "packageTrackingNumber": text(64),
    "packageTrackingNumberReturn": text(64),
    "packageWeight": number(),
    "packageDescr": text(100),
    "packageCartonNumber": number(),
}
_MOVEMENT = {
    **COMMON,
    **_GROWN,
    "entity": shown(Kind.REFERENCE, targets=("customer",)),
    "tranId": text(45),
    "tranDate": day(),
    "memo": text(999),
    "postingPeriod": to("accountingPeriod"),
    "subsidiary": shown(Kind.REFERENCE, targets=("subsidiary",)),
}
FULFILLMENT = {
    **_MOVEMENT,
    "shipStatus": Field(Kind.ENUM, choices=SHIP_STATUSES),
    "status": shown(Kind.ENUM, choices=SHIP_STATUSES),
    "shippedDate": day(),
    "shipMethod": to("shipItem"),
    "inventoryLocation": to("location"),
    "shippingAddress": Field(Kind.SUBRECORD, fields=ADDRESS),
    "shippingCost": number(),
    "item": Field(Kind.SUBLIST, fields=_STOCK_LINE, key="line", label="Item"),
    "package": Field(Kind.SUBLIST, fields=PACKAGE),
}
RECEIPT = {
    **_MOVEMENT,
    "item": Field(
        Kind.SUBLIST,
        fields={**_STOCK_LINE, "restock": flag()},
        key="line",
        label="Item",
    ),
}
RETURN = {
    **_BILL,
    "orderStatus": Field(Kind.ENUM, choices=RETURN_STATUSES),
    "status": shown(Kind.ENUM, choices=RETURN_STATUSES),
    "item": Field(
        Kind.SUBLIST,
        fields={
            **_BILL_LINE,
            "isClosed": flag(),
            "quantityReceived": shown(Kind.NUMBER),
            "quantityBilled": shown(Kind.NUMBER),
        },
        key="line",
        label="Item",
    ),
}
INVOICE = {
    **_BILL,
    **_RECEIVABLE,
    "status": shown(Kind.ENUM, choices=INVOICE_STATUSES),
}
CASH_SALE = {**_BILL, **_TILL, "status": shown(Kind.ENUM, choices=MONEY_STATUSES)}
CREDIT_MEMO = {
    **_BILL,
    **_RECEIVABLE,
    **_APPLY,
    "autoApply": flag(),
    "status": shown(Kind.ENUM, choices=CREDIT_STATUSES),
}
CASH_REFUND = {**_BILL, **_TILL, "status": shown(Kind.ENUM, choices=MONEY_STATUSES)}
PAYMENT = {
    **COMMON,
    **_TILL,
    **_APPLY,
    "customer": to("customer", label="Customer"),
    "payment": number("Payment Amount"),
    "currency": to("currency"),
    "exchangeRate": number(),
    "subsidiary": to("subsidiary", label="Subsidiary"),
    "arAcct": to("account"),
    "paymentOption": to("paymentMethod"),
    "tranDate": day(),
    "tranId": text(45),
    "memo": text(999),
    "autoApply": flag(),
    "postingPeriod": to("accountingPeriod"),
    "total": shown(Kind.NUMBER),
    "status": shown(Kind.ENUM, choices=MONEY_STATUSES),
}


def _transaction(
    name: str,
    fields: dict[str, Field],
    code: str,
    label: str,
    prefix: str,
    statuses: dict[str, str],
    *,
    by_transform: bool = False,
) -> RecordType:
    return RecordType(
        name,
        fields,
        "transaction",
        name,
        writable=True,
        code=code,
        label=label,
        prefix=prefix,
        statuses=statuses,
        by_transform=by_transform,
    )


TRANSACTION_TYPES = {
    kind.name: kind
    for kind in (
        _transaction(
            "salesOrder", SALES_ORDER, "SalesOrd", "Sales Order", "SO", STATUSES
        ),
        _transaction(
            "itemFulfillment",
            FULFILLMENT,
            "ItemShip",
            "Item Fulfillment",
            "IF",
            SHIP_STATUSES,
            by_transform=True,
        ),
        _transaction(
            "itemReceipt",
            RECEIPT,
            "ItemRcpt",
            "Item Receipt",
            "IR",
            {},
            by_transform=True,
        ),
        _transaction(
            "invoice", INVOICE, "CustInvc", "Invoice", "INV", INVOICE_STATUSES
        ),
        _transaction(
            "cashSale", CASH_SALE, "CashSale", "Cash Sale", "CS", MONEY_STATUSES
        ),
        _transaction(
            "creditMemo", CREDIT_MEMO, "CustCred", "Credit Memo", "CM", CREDIT_STATUSES
        ),
        _transaction(
            "cashRefund", CASH_REFUND, "CashRfnd", "Cash Refund", "CR", MONEY_STATUSES
        ),
        _transaction(
            "customerPayment", PAYMENT, "CustPymt", "Payment", "PYMT", MONEY_STATUSES
        ),
        _transaction(
            "returnAuthorization",
            RETURN,
            "RtnAuth",
            "Return Authorization",
            "RMA",
            RETURN_STATUSES,
        ),
    )
}
MOVEMENTS = ("itemFulfillment", "itemReceipt")
BILLS = ("invoice", "cashSale", "creditMemo", "cashRefund")
