"""Products, inventory items, stock levels and places as GraphQL shows them."""

from typing import Any

from graphql import GraphQLError

from integrations.simulators.shopify.context import Context
from integrations.simulators.shopify.ids import gid
from integrations.simulators.shopify.money import graphql_decimal
from integrations.simulators.shopify.paging import connect
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
    available = sum(x.available for x in context.store.levels_of(variant.item_id))
    at = zulu(variant.updated_at)
    return {
        "id": variant.gid,
        "legacyResourceId": str(variant.variant_id),
        "sku": variant.sku,
        "title": "Default Title",
        "displayName": f"{variant.title} - Default Title",
        "price": graphql_decimal(variant.price),
        "inventoryItem": lambda info: item_view(variant, context),
        "inventoryQuantity": available,
        "product": {
            "id": gid("Product", variant.product_id),
            "legacyResourceId": str(variant.product_id),
            "title": variant.title,
        },
        "createdAt": at,
        "updatedAt": at,
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
        "sku": variant.sku,
        "tracked": variant.tracked,
        "requiresShipping": True,
        "createdAt": at,
        "updatedAt": at,
        "variant": lambda info: variant_view(variant, context),
        "inventoryLevel": one_level,
        "inventoryLevels": all_levels,
    }


def level_view(level: Level, context: Context) -> Payload:
    store = context.store
    place = next(x for x in store.locations if x.id == level.location_id)
    variant = next(x for x in store.variants if x.item_id == level.item_id)
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
