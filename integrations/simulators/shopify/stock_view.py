"""Products, inventory items, stock levels and places as GraphQL shows them."""

from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from integrations.simulators.shopify.catalogue import Product
from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.ids import gid
from integrations.simulators.shopify.money_view import money_v2
from integrations.simulators.shopify.paging import connect, pager
from integrations.simulators.shopify.store import Level, Location, Variant
from integrations.simulators.shopify.times import zulu

Payload = dict[str, Any]
QUANTITY_NAMES = (
    "available",
    "on_hand",
    "committed",
    "incoming",
    "reserved",
    "damaged",
    "safety_stock",
    "quality_control",
)


def location_view(location: Location) -> Payload:
    return {
        "id": location.gid,
        "legacyResourceId": str(location.id),
        "name": location.name,
        "isActive": location.active,
        "fulfillsOnlineOrders": location.active,
    }


def variant_view(variant: Variant, context: Context) -> Payload:
    at = zulu(variant.updated_at)
    compared = variant.compare_at_price
    names = product_of(variant, context).options
    return {
        "id": variant.gid,
        "legacyResourceId": str(variant.variant_id),
        "sku": variant.sku or None,
        "barcode": variant.barcode,
        "title": variant.name,
        "displayName": f"{variant.title} - {variant.name}",
        "price": two_digits(variant.price),
        "compareAtPrice": None if compared is None else two_digits(compared),
        "taxable": variant.taxable,
        "inventoryItem": lambda info: item_view(variant, context),
        "inventoryQuantity": available(variant, context),
        "selectedOptions": [
            {"name": name, "value": value}
            for name, value in zip(names, variant.choices, strict=False)
        ],
        "product": lambda info: product_view(product_of(variant, context), context),
        "createdAt": at,
        "updatedAt": at,
    }


def two_digits(amount: Decimal) -> str:
    """Write a price; unlike money bags it keeps its cents."""
    return f"{amount:.2f}"


def available(variant: Variant, context: Context) -> int:
    return sum(x.available for x in context.store.levels_of(variant.item_id))


def product_of(variant: Variant, context: Context) -> Product:
    return context.store.products[variant.product_id]


def product_view(product: Product, context: Context) -> Payload:
    variants = context.store.variants_of(product.id)
    return {
        "__typename": "Product",
        "id": product.gid,
        "legacyResourceId": str(product.id),
        "title": product.title,
        "handle": product.handle,
        "status": product.status,
        "vendor": product.vendor,
        "productType": product.product_type,
        "descriptionHtml": product.description,
        "tags": sorted(product.tags),
        "hasOnlyDefaultVariant": product.has_only_default,
        "totalInventory": sum(available(x, context) for x in variants),
        "options": [_option(i, name, product, variants) for i, name in _named(product)],
        "variantsCount": {"count": len(variants), "precision": "EXACT"},
        "variants": pager(variants, lambda row: variant_view(row, context)),
        "createdAt": zulu(product.created_at),
        "updatedAt": zulu(product.updated_at),
    }


def _named(product: Product) -> list[tuple[int, str]]:
    return list(enumerate(product.options))


def _option(
    index: int, name: str, product: Product, variants: list[Variant]
) -> Payload:
    values = dict.fromkeys(x.choices[index] for x in variants if index < len(x.choices))
    return {
        "id": gid("ProductOption", product.id * 10 + index),
        "name": name,
        "position": index + 1,
        "values": list(values),
    }


def item_view(variant: Variant, context: Context) -> Payload:
    at = zulu(variant.updated_at)
    levels = context.store.levels_of(variant.item_id)

    def one_level(info: Any, **arguments: Any) -> Payload | None:
        place = context.store.location_of(arguments["locationId"])
        found = [x for x in levels if place and x.location_id == place.id]
        return level_view(found[0], context) if found else None

    def all_levels(info: Any, **arguments: Any) -> Payload:
        return connect(
            levels,
            lambda level: (level.location_id, level.location_id),
            lambda level: level_view(level, context),
            arguments,
        )

    return {
        "id": variant.item_gid,
        "legacyResourceId": str(variant.item_id),
        "sku": variant.sku or None,
        "tracked": variant.tracked,
        "requiresShipping": variant.requires_shipping,
        "unitCost": (
            None
            if variant.cost is None
            else money_v2(variant.cost, context.store.currency)
        ),
        "harmonizedSystemCode": variant.hs_code,
        "countryCodeOfOrigin": variant.country,
        "measurement": {
            "id": gid("InventoryItemMeasurement", variant.item_id),
            "weight": {"value": float(variant.weight), "unit": variant.weight_unit},
        },
        "createdAt": at,
        "updatedAt": at,
        "variant": lambda info: variant_view(variant, context),
        "inventoryLevel": one_level,
        "inventoryLevels": all_levels,
    }


def level_view(level: Level, context: Context) -> Payload:
    store = context.store
    place = next(x for x in store.locations if x.id == level.location_id)
    variant = store.item_by_id(level.item_id)
    return {
        "id": level.gid,
        "isActive": True,
        "item": lambda info: item_view(variant, context),
        "location": location_view(place),
        "quantities": lambda info, names: [_quantity(level, name) for name in names],
        "updatedAt": zulu(level.updated_at),
    }


def _quantity(level: Level, name: str) -> Payload:
    if name not in QUANTITY_NAMES:
        raise GraphQLError(
            f"The quantity name {name} is invalid.",
            extensions={"code": "INVALID_FIELD_ARGUMENTS"},
        )
    return {
        "id": gid("InventoryQuantity", f"{level.item_id}?name={name}"),
        "name": name,
        "quantity": level.quantity(name),
        "updatedAt": zulu(level.updated_at),
    }
