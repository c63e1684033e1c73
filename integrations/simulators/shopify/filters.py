"""The search filters and sort keys that lists understand."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.catalogue import Product
from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.search import matches, read_query, unknown_fields
from integrations.simulators.shopify.store import Store, Variant
from integrations.simulators.shopify.times import parse_time, zulu

Payload = dict[str, Any]


def _status(order: Payload) -> str:
    if order["cancelled_at"]:
        return "cancelled"
    return "closed" if order["closed_at"] else "open"


ORDER_FILTERS: dict[str, Callable[[Payload], Any]] = {
    "id": lambda order: Decimal(order_key(order)),
    "name": lambda order: order["name"].lstrip("#"),
    "updated_at": lambda order: parse_time(order["updated_at"]),
    "created_at": lambda order: parse_time(order["created_at"]),
    "processed_at": lambda order: parse_time(order["processed_at"]),
    "financial_status": lambda order: order["financial_status"],
    "fulfillment_status": lambda order: order["fulfillment_status"] or "unfulfilled",
    "status": lambda order: _status(order),
    "test": lambda order: order["test"],
    "email": lambda order: order["email"],
    "source_name": lambda order: order["source_name"],
}
CUSTOMER_FILTERS: dict[str, Callable[[Payload], Any]] = {
    "id": lambda customer: Decimal(order_key(customer)),
    "email": lambda customer: customer["email"],
    "phone": lambda customer: customer["phone"],
    "updated_at": lambda customer: parse_time(customer["updated_at"]),
    "customer_date": lambda customer: parse_time(customer["created_at"]),
}
VARIANT_FILTERS: dict[str, Callable[[Variant], Any]] = {
    "id": lambda variant: Decimal(variant.variant_id),
    "sku": lambda variant: variant.sku,
    "product_id": lambda variant: Decimal(variant.product_id),
    "title": lambda variant: variant.title,
}
ITEM_FILTERS: dict[str, Callable[[Variant], Any]] = {
    "id": lambda variant: Decimal(variant.item_id),
    "sku": lambda variant: variant.sku,
    "updated_at": lambda variant: variant.updated_at,
}
ORDER_SORTS: dict[str, Callable[[Payload], Any]] = {
    "CREATED_AT": lambda order: zulu(order["created_at"]),
    "ID": lambda order: int(order_key(order)),
    "ORDER_NUMBER": lambda order: order["order_number"],
    "PROCESSED_AT": lambda order: zulu(order["processed_at"]),
    "UPDATED_AT": lambda order: zulu(order["updated_at"]),
}
CUSTOMER_SORTS: dict[str, Callable[[Payload], Any]] = {
    "CREATED_AT": lambda customer: zulu(customer["created_at"]),
    "ID": lambda customer: int(order_key(customer)),
    "NAME": lambda customer: f"{customer['last_name']}, {customer['first_name']}",
    "UPDATED_AT": lambda customer: zulu(customer["updated_at"]),
}


PRODUCT_SORTS: dict[str, Callable[[Product], Any]] = {
    "CREATED_AT": lambda product: zulu(product.created_at),
    "ID": lambda product: product.id,
    "TITLE": lambda product: product.title,
    "UPDATED_AT": lambda product: zulu(product.updated_at),
}


def product_filters(store: Store) -> dict[str, Callable[[Product], Any]]:
    """Return the filters of products; `sku` is that of any of its variants."""

    def skus(product: Product) -> list[str]:
        return [variant.sku for variant in store.variants_of(product.id)]

    return {
        "id": lambda product: Decimal(product.id),
        "title": lambda product: product.title,
        "status": lambda product: product.status,
        "vendor": lambda product: product.vendor,
        "product_type": lambda product: product.product_type,
        "sku": skus,
        "created_at": lambda product: product.created_at,
        "updated_at": lambda product: product.updated_at,
    }


def search(
    context: Context, path: str, query: str | None, items: list[Any], filters: Any
) -> list[Any]:
    """Filter items; an unknown filter is ignored with a warning, as at Shopify."""
    terms = read_query(query)
    unknown = unknown_fields(terms, filters)
    if unknown:
        context.warnings.append(
            {
                "path": [path],
                "query": query,
                "warnings": [
                    {
                        "field": name,
                        "message": "Invalid search field for this query.",
                        "code": "invalid_field",
                    }
                    for name in unknown
                ],
            }
        )
    return [item for item in items if matches(item, terms, filters)]
