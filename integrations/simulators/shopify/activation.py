"""inventoryActivate: stock an item at a location.

Its errors are plain ones without a code (shopify.dev; their words are not recorded).
The key of `@idempotent` is demanded and otherwise without effect here: activating what
is active already answers with the level as it stands.
"""

from typing import Any

from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.idempotency import required_key
from integrations.simulators.shopify.stock_view import level_view

Payload = dict[str, Any]
MUTATION = "inventoryActivate"


def activate(root: Any, info: Info, **wanted: Any) -> Payload:
    """Make an active level, with nothing in it unless `available` says otherwise.

    Raises GraphQLError for a missing directive, as the API does.
    """
    context: Context = info.context
    required_key(info, context)
    forced = context.forced_user_error(MUTATION)
    if forced:
        return _refused(forced)
    variant = context.store.item_of(wanted["inventoryItemId"])
    place = context.store.location_of(wanted["locationId"])
    if variant is None:
        return _refused(_error("inventoryItemId", "The product couldn't be stocked."))
    if place is None or not place.active:
        return _refused(_error("locationId", "The location couldn't be found."))
    known = (variant.item_id, place.id) in context.store.levels
    level = context.store.level(variant.item_id, place.id, context.now())
    if not known and wanted.get("available"):
        level.available = wanted["available"]
    if not known:
        context.stock_changed(level)
    return {"inventoryLevel": level_view(level, context), "userErrors": []}


def _refused(error: UserError) -> Payload:
    return {"inventoryLevel": None, "userErrors": [error]}


def _error(field: str, message: str) -> UserError:
    return {"field": [field], "message": message}
