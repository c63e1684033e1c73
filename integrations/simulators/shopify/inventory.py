"""inventorySetQuantities: the checks, their order and their words.

Messages were recorded at 2026-04; the rules differ by version (shopify.dev,
release notes 2026-01 to 2026-10).
"""

import re
from typing import Any

from graphql import GraphQLError

from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.idempotency import (
    MISMATCH,
    fingerprint,
    required_key,
)
from integrations.simulators.shopify.ids import digest_number, gid
from integrations.simulators.shopify.paging import limit_rows
from integrations.simulators.shopify.schema import COMPARE_VERSION
from integrations.simulators.shopify.stock_view import item_view, location_view
from integrations.simulators.shopify.store import Location, Variant
from integrations.simulators.shopify.times import zulu

Payload = dict[str, Any]
MUTATION = "inventorySetQuantities"
BOUND = 1_000_000_000
ANY_LOCATION_VERSION = "2026-10"
NAMES = ("available", "on_hand")
REASONS = (
    "correction",
    "cycle_count_available",
    "damaged",
    "movement_canceled",
    "movement_created",
    "movement_received",
    "movement_updated",
    "other",
    "promotion",
    "quality_control",
    "received",
    "reservation_created",
    "reservation_deleted",
    "reservation_updated",
    "restock",
    "safety_stock",
    "shrinkage",
)
DOCUMENT = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


def set_quantities(info: Info, wanted: Payload) -> Payload:
    """Set quantities all together or not at all; replay a known key.

    Raises GraphQLError for a missing directive or argument, as the API does.
    """
    context: Context = info.context
    key = required_key(info, context)
    _check_arguments(wanted, context.version)
    forced = context.forced_user_error(MUTATION)
    if forced:
        return _refused([forced])
    print_of = fingerprint(wanted)
    kept = context.replies.get((context.token.app.client_id, key)) if key else None
    if kept:
        return kept[1] if kept[0] == print_of else _refused([_mismatch()])
    errors = _problems(wanted, context)
    if errors:
        return _refused(errors)
    answer = _apply(wanted, context)
    if key:
        context.replies[context.token.app.client_id, key] = (print_of, answer)
    return answer


def _check_arguments(wanted: Payload, version: str) -> None:
    rows = wanted["quantities"]
    limit_rows(rows)
    if version > COMPARE_VERSION and any("changeFromQuantity" not in x for x in rows):
        raise GraphQLError(
            "InventoryQuantityInput must include the following argument: "
            "changeFromQuantity.",
            extensions={"code": "INVALID_FIELD_ARGUMENTS"},
        )


def _refused(errors: list[UserError]) -> Payload:
    return {"inventoryAdjustmentGroup": None, "userErrors": errors}


def user_error(code: str, message: str, *field: str | int) -> UserError:
    path = ["input", *(str(part) for part in field)] if field else None
    return {"code": code, "message": message, "field": path}


def _mismatch() -> UserError:
    return user_error("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", MISMATCH)


def _problems(wanted: Payload, context: Context) -> list[UserError]:
    errors = _head_problems(wanted)
    seen: set[tuple[str, str]] = set()
    for index, row in enumerate(wanted["quantities"]):
        pair = (row["inventoryItemId"], row["locationId"])
        if pair in seen:
            errors.append(
                user_error(
                    "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
                    "The combination of inventoryItemId and locationId must be unique.",
                    "quantities",
                    index,
                    "locationId",
                )
            )
        seen.add(pair)
        errors += _row_problems(index, row, wanted, context)
    return errors


def _head_problems(wanted: Payload) -> list[UserError]:
    errors = []
    if wanted["name"] not in NAMES:
        errors.append(
            user_error(
                "INVALID_NAME",
                "The quantity name must be either 'available' or 'on_hand'.",
                "name",
            )
        )
    if wanted["reason"] not in REASONS:
        listed = ", ".join(REASONS)
        errors.append(
            user_error(
                "INVALID_REASON",
                f"The specified reason is invalid. Valid values are: {listed}.",
                "reason",
            )
        )
    document = wanted.get("referenceDocumentUri")
    if document and not DOCUMENT.fullmatch(document):
        errors.append(
            user_error(
                "INVALID_REFERENCE_DOCUMENT",
                "The specified reference document is invalid.",
                "referenceDocumentUri",
            )
        )
    return errors


def _row_problems(
    index: int, row: Payload, wanted: Payload, context: Context
) -> list[UserError]:
    def problem(code: str, message: str, name: str) -> UserError:
        return user_error(code, message, "quantities", index, name)

    errors = []
    variant = context.store.item_of(row["inventoryItemId"])
    place = context.store.location_of(row["locationId"])
    if variant is None:
        text = "The specified inventory item could not be found."
        errors.append(problem("INVALID_INVENTORY_ITEM", text, "inventoryItemId"))
    if place is None:
        text = "The specified location could not be found."
        errors.append(problem("INVALID_LOCATION", text, "locationId"))
    bounds = _bounds_problem(row["quantity"])
    if bounds:
        errors.append(problem(*bounds, "quantity"))
    if variant and place and not bounds:
        stale = _level_problem(variant, place, row, wanted["name"], context)
        errors += [problem(*stale)] if stale else []
    return errors


def _bounds_problem(quantity: int) -> tuple[str, str] | None:
    if quantity > BOUND:
        return (
            "INVALID_QUANTITY_TOO_HIGH",
            "The quantity can't be higher than 1,000,000,000.",
        )
    if quantity < -BOUND:
        return (
            "INVALID_QUANTITY_TOO_LOW",
            "The quantity can't be lower than -1,000,000,000.",
        )
    if quantity < 0:
        return "INVALID_QUANTITY_NEGATIVE", "The quantity can't be negative."
    return None


def _level_problem(
    variant: Variant, place: Location, row: Payload, name: str, context: Context
) -> tuple[str, str, str] | None:
    if variant.bundle:
        text = "The specified inventory item is not allowed to be adjusted via API."
        return "NON_MUTABLE_INVENTORY_ITEM", text, "inventoryItemId"
    level = context.store.levels.get((variant.item_id, place.id))
    if level is None and context.version < ANY_LOCATION_VERSION:
        text = "The specified inventory item is not stocked at the location."
        return "ITEM_NOT_STOCKED_AT_LOCATION", text, "locationId"
    stands = level.quantity(name) if level else 0
    expected = row.get("changeFromQuantity")
    if expected is not None and expected != stands:
        text = "The changeFromQuantity value does not match persisted value."
        return "CHANGE_FROM_QUANTITY_STALE", text, "changeFromQuantity"
    return _compare_problem(row, stands)


def _compare_problem(row: Payload, stands: int) -> tuple[str, str, str] | None:
    compared = row.get("compareQuantity")
    if compared is not None and compared != stands:
        text = "The compareQuantity value does not match persisted value."
        return "COMPARE_QUANTITY_STALE", text, "compareQuantity"
    return None


def _apply(wanted: Payload, context: Context) -> Payload:
    now = context.now()
    changes: list[Payload] = []
    for row in wanted["quantities"]:
        variant = context.store.item_of(row["inventoryItemId"])
        place = context.store.location_of(row["locationId"])
        if variant and place:
            level = context.store.level(variant.item_id, place.id, now)
            delta = row["quantity"] - level.quantity(wanted["name"])
            if delta:
                level.available += delta
                level.updated_at = now
                changes += _changes(delta, variant, place, context)
                context.stock_changed(level)
    group = _group(wanted, changes, context) if changes else None
    return {"inventoryAdjustmentGroup": group, "userErrors": []}


def _changes(
    delta: int, variant: Variant, place: Location, context: Context
) -> list[Payload]:
    return [
        {
            "name": name,
            "delta": delta,
            "quantityAfterChange": None,
            "ledgerDocumentUri": None,
            "item": item_view(variant, context),
            "location": location_view(place),
        }
        for name in NAMES
    ]


def _group(wanted: Payload, changes: list[Payload], context: Context) -> Payload:
    number = digest_number(fingerprint(wanted) + str(context.now()))
    return {
        "id": gid("InventoryAdjustmentGroup", number),
        "createdAt": zulu(context.now()),
        "reason": wanted["reason"],
        "referenceDocumentUri": wanted.get("referenceDocumentUri"),
        "changes": lambda info, **arguments: _chosen(changes, arguments),
    }


def _chosen(changes: list[Payload], arguments: Payload) -> list[Payload]:
    names = arguments.get("quantityNames")
    items, places = arguments.get("inventoryItemIds"), arguments.get("locationIds")
    return [
        change
        for change in changes
        if (not names or change["name"] in names)
        and (not items or change["item"]["id"] in items)
        and (not places or change["location"]["id"] in places)
    ]
