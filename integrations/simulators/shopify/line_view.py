"""Line items, shipping lines, taxes and discounts as GraphQL shows them."""

from typing import Any

from integrations.simulators.shopify.catalogue import Product
from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.ids import gid
from integrations.simulators.shopify.money import Currencies, total
from integrations.simulators.shopify.money_view import bag, bag_of, money_v2
from integrations.simulators.shopify.stock_view import product_view, variant_view
from integrations.simulators.shopify.totals import read_set

Payload = dict[str, Any]
APPLICATION_TYPES = {
    "discount_code": "DiscountCodeApplication",
    "manual": "ManualDiscountApplication",
    "automatic": "AutomaticDiscountApplication",
}


def tax_view(row: Payload) -> Payload:
    return {
        "title": row["title"],
        "rate": row["rate"],
        "ratePercentage": round(float(row["rate"]) * 100, 4),
        "priceSet": bag(row["price_set"]),
        "channelLiable": row["channel_liable"],
    }


def line_view(line: Payload, order: Payload, context: Context) -> Payload:
    currencies = Currencies(order["currency"], order["presentment_currency"])
    gross = read_set(line["price_set"]) * line["quantity"]
    line_discount = read_set(line["total_discount_set"])
    allocated = total(read_set(x["amount_set"]) for x in line["discount_allocations"])

    def discounted(info: Any, **arguments: Any) -> Payload | None:
        off = allocated if arguments.get("withCodeDiscounts") else line_discount
        return bag_of(currencies, gross - off)

    return {
        "id": line["admin_graphql_api_id"],
        **_described(line),
        "quantity": line["quantity"],
        "currentQuantity": line["current_quantity"],
        "unfulfilledQuantity": line["fulfillable_quantity"],
        "fulfillableQuantity": line["fulfillable_quantity"],
        "refundableQuantity": line["current_quantity"],
        "customAttributes": [
            {"key": row["name"], "value": row["value"]} for row in line["properties"]
        ],
        "originalUnitPriceSet": bag(line["price_set"]),
        "originalTotalSet": bag_of(currencies, gross),
        "totalDiscountSet": bag(line["total_discount_set"]),
        "discountedTotalSet": discounted,
        "discountAllocations": _allocations(line, order),
        "taxLines": lambda info, **arguments: [
            tax_view(row) for row in line["tax_lines"][: arguments.get("first")]
        ],
        "duties": [_duty(row) for row in line["duties"]],
        "variant": _variant(line, context),
        "product": lambda info: _product(line, context),
    }


def _described(line: Payload) -> Payload:
    return {
        "title": line["title"],
        "name": line["name"],
        "variantTitle": line["variant_title"],
        "sku": line["sku"],
        "vendor": line["vendor"],
        "isGiftCard": line["gift_card"],
        "requiresShipping": line["requires_shipping"],
        "taxable": line["taxable"],
    }


def _variant(line: Payload, context: Context) -> Payload | None:
    variant = context.store.variant_of(line["variant_id"])
    return variant_view(variant, context) if variant else None


def _product(line: Payload, context: Context) -> Payload | None:
    """Show the product of a line, as the shop has it or as the line names it."""
    number = line["product_id"]
    if not line["product_exists"] or not number:
        return None
    found = context.store.products.get(number)
    if found is None:
        at = context.now()
        found = Product(number, line["title"], at, at, vendor=line["vendor"] or "")
    return product_view(found, context)


def _duty(row: Payload) -> Payload:
    return {
        "id": row["admin_graphql_api_id"],
        "harmonizedSystemCode": row["harmonized_system_code"],
        "countryCodeOfOrigin": row["country_code_of_origin"],
        "price": bag(row),
        "taxLines": [tax_view(tax) for tax in row["tax_lines"]],
    }


def shipping_view(line: Payload, order: Payload) -> Payload:
    return {
        "id": gid("ShippingLine", line["id"]),
        "title": line["title"],
        "code": line["code"],
        "source": line["source"],
        "carrierIdentifier": line["carrier_identifier"],
        "isRemoved": line["is_removed"],
        "originalPriceSet": bag(line["price_set"]),
        "discountedPriceSet": bag(line["discounted_price_set"]),
        "currentDiscountedPriceSet": bag(line["current_discounted_price_set"]),
        "discountAllocations": _allocations(line, order),
        "taxLines": [tax_view(row) for row in line["tax_lines"]],
    }


def _allocations(line: Payload, order: Payload) -> list[Payload]:
    return [
        {
            "allocatedAmountSet": bag(row["amount_set"]),
            "discountApplication": discount_view(
                row["discount_application_index"], order
            ),
        }
        for row in line["discount_allocations"]
    ]


def discount_view(index: int, order: Payload) -> Payload:
    """Show one discount application under its GraphQL type."""
    row = order["discount_applications"][index]
    return {
        "__typename": APPLICATION_TYPES[row["type"]],
        "allocationMethod": row["allocation_method"].upper(),
        "index": index,
        "targetSelection": row["target_selection"].upper(),
        "targetType": row["target_type"].upper(),
        "value": _value(row, order["currency"]),
        "code": row.get("code"),
        "title": row.get("title"),
        "description": row.get("description"),
    }


def _value(row: Payload, currency: str) -> Payload:
    if row["value_type"] == "percentage":
        return {
            "__typename": "PricingPercentageValue",
            "percentage": float(row["value"]),
        }
    return money_v2(row["value"], currency)
