"""Products as products/create and products/update carry them."""

from typing import Any

from integrations.simulators.shopify.catalogue import Product
from integrations.simulators.shopify.ids import gid
from integrations.simulators.shopify.store import Store, Variant
from integrations.simulators.shopify.times import shop_time

Payload = dict[str, Any]
# The rest of a product's variants is named by `variant_gids` alone.
MOST_VARIANTS = 100


def product_payload(product: Product, store: Store) -> Payload:
    variants = store.variants_of(product.id)
    return {
        "admin_graphql_api_id": product.gid,
        "body_html": product.description or None,
        "created_at": shop_time(product.created_at, store.timezone),
        "handle": product.handle,
        "id": product.id,
        "product_type": product.product_type,
        "published_at": None,
        "template_suffix": None,
        "title": product.title,
        "updated_at": shop_time(product.updated_at, store.timezone),
        "vendor": product.vendor,
        "status": product.status.lower(),
        "published_scope": "web",
        "tags": ", ".join(sorted(product.tags)),
        "variants": [
            _variant(index, row, store)
            for index, row in enumerate(variants[:MOST_VARIANTS], 1)
        ],
        "options": [
            _option(index, name, product, variants)
            for index, name in enumerate(product.options)
        ],
        "images": [],
        "image": None,
        "media": [],
        "variant_gids": [
            {
                "admin_graphql_api_id": row.gid,
                "updated_at": shop_time(row.updated_at, store.timezone),
            }
            for row in variants
        ],
        "has_variants_that_requires_components": False,
        "category": None,
    }


def _variant(position: int, row: Variant, store: Store) -> Payload:
    pieces = sum(level.available for level in store.levels_of(row.item_id))
    at = shop_time(row.updated_at, store.timezone)
    choices = [*row.choices, None, None]
    compared = row.compare_at_price
    return {
        "admin_graphql_api_id": row.gid,
        "barcode": row.barcode,
        "compare_at_price": None if compared is None else f"{compared:.2f}",
        "created_at": at,
        "id": row.variant_id,
        "inventory_policy": "deny",
        "position": position,
        "price": f"{row.price:.2f}",
        "product_id": row.product_id,
        "sku": row.sku,
        "taxable": row.taxable,
        "title": row.name,
        "updated_at": at,
        "option1": choices[0],
        "option2": choices[1],
        "option3": choices[2],
        "image_id": None,
        "inventory_item_id": row.item_id,
        "inventory_quantity": pieces,
        "old_inventory_quantity": pieces,
    }


def _option(
    index: int, name: str, product: Product, variants: list[Variant]
) -> Payload:
    values = dict.fromkeys(x.choices[index] for x in variants if index < len(x.choices))
    number = product.id * 10 + index
    return {
        "name": name,
        "id": number,
        "product_id": product.id,
        "position": index + 1,
        "values": list(values),
        "admin_graphql_api_id": gid("ProductOption", number),
    }
