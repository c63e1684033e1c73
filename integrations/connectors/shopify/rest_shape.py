"""GraphQL objects in the shape of webhook bodies, so that one mapping reads both.

Holds what mappings read. Amounts stay the text they are; GraphQL writes "1.0" where
a webhook writes "1.00".
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from integrations.connectors.base import Payload

Node = dict[str, Any]


def order(
    node: Node, lines: list[Node], zone: ZoneInfo, refunds: Sequence[Node] = ()
) -> Payload:
    """Return an order as `orders/updated` would bring it.

    Its shipments are left out, unless there are none.
    """
    return {
        **({"fulfillments": []} if _is_unsent(node) else {}),
        **_ids(node),
        **_copied(node, _ORDER_FIELDS),
        **{name: _local(node.get(key), zone) for name, key in _ORDER_TIMES.items()},
        **{name: _amount(node.get(key)) for name, key in _ORDER_AMOUNTS.items()},
        "original_total_duties_set": _money_set(node.get("originalTotalDutiesSet")),
        "original_total_additional_fees_set": _money_set(
            node.get("originalTotalAdditionalFeesSet")
        ),
        "contact_email": node.get("email"),
        "cancel_reason": _lower(node.get("cancelReason")),
        "financial_status": _lower(node.get("displayFinancialStatus")),
        "tags": ", ".join(node.get("tags") or []),
        "note_attributes": _attributes(node),
        "discount_codes": [{"code": code} for code in node.get("discountCodes") or []],
        "discount_applications": _applications(node),
        "tax_lines": _taxes(node),
        "line_items": [_line(line) for line in lines],
        "shipping_lines": [_shipping(line) for line in _nodes(node, "shippingLines")],
        "billing_address": _address(node.get("billingAddress")),
        "shipping_address": _address(node.get("shippingAddress")),
        "customer": customer(node["customer"], zone) if node.get("customer") else None,
        "company": _company(node.get("purchasingEntity")),
        "payment_terms": _terms(node.get("paymentTerms")),
        "refunds": [_refund(one) for one in refunds],
    }


def customer(node: Node, zone: ZoneInfo) -> Payload:
    """Return a customer as `customers/update` would bring it."""
    address = _address(node.get("defaultAddress"))
    return {
        **_ids(node),
        **_copied(node, _CUSTOMER_FIELDS),
        "created_at": _local(node.get("createdAt"), zone),
        "updated_at": _local(node.get("updatedAt"), zone),
        "state": _lower(node.get("state")),
        "email": _inner(node, "defaultEmailAddress").get("emailAddress"),
        "phone": _inner(node, "defaultPhoneNumber").get("phoneNumber"),
        "addresses": [address] if address else [],
        "default_address": address,
    }


def fulfillment(node: Node, lines: list[Node], zone: ZoneInfo) -> Payload:
    """Return a fulfilment as `fulfillments/update` would bring it."""
    infos = [one for one in node.get("trackingInfo") or [] if one]
    numbers = [one["number"] for one in infos if one.get("number")]
    urls = [one["url"] for one in infos if one.get("url")]
    return {
        **_ids(node),
        "order_id": _number(_inner(node, "order")),
        "name": node.get("name"),
        "status": _lower(node.get("status")),
        "created_at": _local(node.get("createdAt"), zone),
        "updated_at": _local(node.get("updatedAt"), zone),
        "location_id": _number(_inner(node, "location")),
        "email": _inner(node, "order").get("email"),
        "destination": _address(_inner(node, "order").get("shippingAddress")),
        "tracking_company": next((one.get("company") for one in infos), None),
        "tracking_number": next(iter(numbers), None),
        "tracking_numbers": numbers,
        "tracking_url": next(iter(urls), None),
        "tracking_urls": urls,
        "line_items": [_shipped_line(line) for line in lines],
    }


def _shipped_line(node: Node) -> Payload:
    """Return an order's line with the quantity that this fulfilment holds."""
    row = _inner(node, "lineItem")
    return {
        **_copied(row, _SHIPPED_FIELDS),
        "product_id": _number(_inner(row, "product")),
        "variant_id": _number(_inner(row, "variant")),
        "quantity": node.get("quantity"),
    }


_SHIPPED_FIELDS = {
    "admin_graphql_api_id": "id",
    "title": "title",
    "name": "name",
    "sku": "sku",
    "variant_title": "variantTitle",
    "vendor": "vendor",
    "gift_card": "isGiftCard",
    "requires_shipping": "requiresShipping",
    "taxable": "taxable",
}


def refund(node: Node, lines: list[Node], zone: ZoneInfo) -> Payload:
    """Return a refund as `refunds/create` would bring it, and beside it its order.

    The order says what the webhook leaves out: number, currency, whether prices hold
    tax, whether it was a test. Payments are in shop currency, as the order's own.
    """
    order = node["order"]
    return {
        **_ids(node),
        "order_id": _tail(order.get("id")),
        "order": _order_of_refund(order),
        "created_at": _local(node.get("createdAt"), zone),
        "processed_at": _local(node.get("processedAt"), zone),
        "updated_at": _local(node.get("updatedAt"), zone),
        "note": node.get("note"),
        "restock": any(line.get("restockType") != "NO_RESTOCK" for line in lines),
        "duties": [
            {"amount_set": _money_set(duty.get("amountSet"))}
            for duty in node.get("duties") or []
        ],
        "refund_line_items": [_refund_line(line) for line in lines],
        "refund_shipping_lines": [
            {
                "subtotal_amount_set": _money_set(row.get("subtotalAmountSet")),
                "tax_amount_set": _money_set(row.get("taxAmountSet")),
            }
            for row in _nodes(node, "refundShippingLines")
        ],
        "order_adjustments": [
            _adjustment(row) for row in _nodes(node, "orderAdjustments")
        ],
        "transactions": [_payment(row, zone) for row in _nodes(node, "transactions")],
    }


_ORDER_FIELDS = {
    "name": "name",
    "order_number": "number",
    "confirmed": "confirmed",
    "test": "test",
    "email": "email",
    "phone": "phone",
    "note": "note",
    "po_number": "poNumber",
    "source_name": "sourceName",
    "source_identifier": "sourceIdentifier",
    "currency": "currencyCode",
    "presentment_currency": "presentmentCurrencyCode",
    "taxes_included": "taxesIncluded",
    "tax_exempt": "taxExempt",
    "duties_included": "dutiesIncluded",
    "payment_gateway_names": "paymentGatewayNames",
}
_ORDER_TIMES = {
    "created_at": "createdAt",
    "processed_at": "processedAt",
    "updated_at": "updatedAt",
    "closed_at": "closedAt",
    "cancelled_at": "cancelledAt",
}
_ORDER_AMOUNTS = {
    "total_price": "totalPriceSet",
    "subtotal_price": "subtotalPriceSet",
    "total_tax": "totalTaxSet",
    "total_discounts": "totalDiscountsSet",
    "total_tip_received": "totalTipReceivedSet",
    "current_total_price": "currentTotalPriceSet",
    "current_total_tax": "currentTotalTaxSet",
    "current_total_discounts": "currentTotalDiscountsSet",
}
_LINE_FIELDS = {
    "admin_graphql_api_id": "id",
    "title": "title",
    "name": "name",
    "sku": "sku",
    "variant_title": "variantTitle",
    "vendor": "vendor",
    "quantity": "quantity",
    "current_quantity": "currentQuantity",
    "gift_card": "isGiftCard",
    "requires_shipping": "requiresShipping",
    "taxable": "taxable",
}
_CUSTOMER_FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "note": "note",
    "verified_email": "verifiedEmail",
    "tax_exempt": "taxExempt",
}
_ADDRESS_FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "name": "name",
    "company": "company",
    "address1": "address1",
    "address2": "address2",
    "city": "city",
    "zip": "zip",
    "phone": "phone",
    "province": "province",
    "province_code": "provinceCode",
    "country": "country",
    "country_code": "countryCodeV2",
}


def _copied(node: Node, fields: dict[str, str]) -> Payload:
    return {name: node.get(key) for name, key in fields.items()}


def _inner(node: Node, name: str) -> Node:
    found = node.get(name)
    return found if isinstance(found, dict) else {}


def _nodes(node: Node, connection: str) -> list[Node]:
    return _inner(node, connection).get("nodes") or []


def _ids(node: Node) -> Payload:
    return {"id": _number(node), "admin_graphql_api_id": node.get("id")}


def _number(node: Node) -> int | None:
    found = str(node.get("legacyResourceId") or "")
    return int(found) if found.isdecimal() else None


def _lower(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) else None


def _local(value: Any, zone: ZoneInfo) -> str | None:
    if not isinstance(value, str):
        return None
    return datetime.fromisoformat(value).astimezone(zone).isoformat()


def _amount(money_set: Any) -> str | None:
    shop = _inner(money_set, "shopMoney") if isinstance(money_set, dict) else {}
    found = shop.get("amount")
    return None if found is None else str(found)


def _money_set(money_set: Any) -> Payload | None:
    if not isinstance(money_set, dict):
        return None
    currency = _inner(money_set, "shopMoney").get("currencyCode")
    return {"shop_money": {"amount": _amount(money_set), "currency_code": currency}}


def _attributes(node: Node) -> list[Payload]:
    found = node.get("customAttributes") or []
    return [{"name": row.get("key"), "value": row.get("value")} for row in found]


def _applications(node: Node) -> list[Payload]:
    found = sorted(
        _nodes(node, "discountApplications"), key=lambda row: int(row["index"])
    )
    return [
        {name: row[name] for name in ("code", "title") if row.get(name)}
        for row in found
    ]


def _taxes(node: Node) -> list[Payload]:
    return [
        {
            "title": tax.get("title"),
            "rate": tax.get("rate"),
            "price": _amount(tax.get("priceSet")),
            "channel_liable": tax.get("channelLiable"),
        }
        for tax in node.get("taxLines") or []
    ]


def _allocations(node: Node) -> list[Payload]:
    return [
        {
            "amount": _amount(one.get("allocatedAmountSet")),
            "discount_application_index": _inner(one, "discountApplication").get(
                "index"
            ),
        }
        for one in node.get("discountAllocations") or []
    ]


def _line(node: Node) -> Payload:
    return {
        **_copied(node, _LINE_FIELDS),
        "product_id": _number(_inner(node, "product")),
        "variant_id": _number(_inner(node, "variant")),
        "price": _amount(node.get("originalUnitPriceSet")),
        "discount_allocations": _allocations(node),
        "tax_lines": _taxes(node),
        "duties": [_duty(duty) for duty in node.get("duties") or []],
    }


def _is_unsent(node: Node) -> bool:
    return node.get("displayFulfillmentStatus") == "UNFULFILLED"


def _refund(node: Node) -> Payload:
    """Return what of a refund tells how much of its order stands."""
    return {
        "admin_graphql_api_id": node.get("id"),
        "refund_line_items": [
            {
                "line_item_id": _tail(_inner(one, "lineItem").get("id")),
                "quantity": one.get("quantity"),
                "restock_type": _lower(one.get("restockType")),
            }
            for one in _nodes(node, "refundLineItems")
        ],
        "refund_shipping_lines": [
            {"id": one.get("id")} for one in _nodes(node, "refundShippingLines")
        ],
    }


def _duty(node: Node) -> Payload:
    return {
        **(_money_set(node.get("price")) or {}),
        "harmonized_system_code": node.get("harmonizedSystemCode"),
        "country_code_of_origin": node.get("countryCodeOfOrigin"),
    }


def _shipping(node: Node) -> Payload:
    return {
        "title": node.get("title"),
        "code": node.get("code"),
        "source": node.get("source"),
        "is_removed": node.get("isRemoved"),
        "price": _amount(node.get("originalPriceSet")),
        "discounted_price": _amount(node.get("discountedPriceSet")),
        "discount_allocations": _allocations(node),
        "tax_lines": _taxes(node),
    }


def _address(node: Any) -> Payload | None:
    return _copied(node, _ADDRESS_FIELDS) if isinstance(node, dict) else None


def _company(entity: Any) -> Payload | None:
    company = _inner(entity, "company") if isinstance(entity, dict) else {}
    if not company:
        return None
    return {
        "id": _tail(company.get("id")),
        "location_id": _tail(_inner(entity, "location").get("id")),
    }


def _tail(gid: Any) -> int | None:
    digits = str(gid).rpartition("/")[2]
    return int(digits) if digits.isdecimal() else None


def _terms(node: Any) -> Payload | None:
    if not isinstance(node, dict):
        return None
    return {
        "payment_terms_name": node.get("paymentTermsName"),
        "due_in_days": node.get("dueInDays"),
    }


def _order_of_refund(node: Node) -> Payload:
    return {
        **_ids(node),
        "name": node.get("name"),
        "test": node.get("test"),
        "currency": node.get("currencyCode"),
        "taxes_included": node.get("taxesIncluded"),
    }


def _refund_line(node: Node) -> Payload:
    place = node.get("location") or {}
    return {
        "line_item_id": _tail((node.get("lineItem") or {}).get("id")),
        "quantity": node.get("quantity"),
        "restock_type": _lower(node.get("restockType")),
        "location_id": _tail(place.get("id")),
        "location_name": place.get("name"),
        "subtotal_set": _money_set(node.get("subtotalSet")),
        "total_tax_set": _money_set(node.get("totalTaxSet")),
        "line_item": _refunded_item(node.get("lineItem") or {}),
    }


def _refunded_item(node: Node) -> Payload:
    return {
        "id": _tail(node.get("id")),
        "admin_graphql_api_id": node.get("id"),
        "title": node.get("title"),
        "name": node.get("name"),
        "sku": node.get("sku"),
        "quantity": node.get("quantity"),
        "gift_card": node.get("isGiftCard"),
        "product_id": _number(node.get("product") or {}),
        "variant_id": _number(node.get("variant") or {}),
        "tax_lines": _taxes(node),
    }


def _adjustment(node: Node) -> Payload:
    """Return an adjustment; GraphQL lists none for shipping."""
    return {
        "amount": _amount(node.get("amountSet")),
        "tax_amount": _amount(node.get("taxAmountSet")),
        "kind": "refund_discrepancy",
        "reason": node.get("reason"),
    }


def _payment(node: Node, zone: ZoneInfo) -> Payload:
    money: Any = (node.get("amountSet") or {}).get("shopMoney") or {}
    return {
        "id": _tail(node.get("id")),
        "admin_graphql_api_id": node.get("id"),
        "kind": _lower(node.get("kind")),
        "status": _lower(node.get("status")),
        "gateway": node.get("gateway"),
        "test": node.get("test"),
        "error_code": node.get("errorCode"),
        "amount": _amount(node.get("amountSet")),
        "currency": money.get("currencyCode"),
        "created_at": _local(node.get("createdAt"), zone),
        "processed_at": _local(node.get("processedAt"), zone),
    }
