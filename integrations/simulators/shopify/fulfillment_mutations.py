"""fulfillmentCreate, its tracking and its cancelling: words as recorded at 2026-04.

User errors have no code and name the whole input. There is no idempotency key: the
same call twice sends twice, as long as pieces remain.
"""

from typing import Any

from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.fulfillment_orders import FulfillmentOrder
from integrations.simulators.shopify.fulfillment_view import (
    SCOPES,
    WRITE_SCOPES,
    fulfillment_order_view,
    fulfillment_view,
)
from integrations.simulators.shopify.ids import gid, order_key, tail
from integrations.simulators.shopify.order_view import order_view
from integrations.simulators.shopify.paging import connect
from integrations.simulators.shopify.shipments import Tracking
from integrations.simulators.shopify.shipping import Pick

Payload = dict[str, Any]
MISSING = "Fulfillment does not exist."
ONE_ORDER = "All fulfillment orders must belong to the same order."
ONE_PLACE = "All fulfillment orders must be assigned to a single location."


class Unfit(Exception):
    """The input cannot be sent; the text is Shopify's."""


def create(
    root: Any, info: Info, fulfillment: Payload, message: str | None = None
) -> Payload:
    context: Context = info.context
    context.require_any(WRITE_SCOPES, "fulfillmentCreate")
    forced = context.forced_user_error("fulfillmentCreate")
    if forced:
        return _refused(forced)
    try:
        picks = _picks(fulfillment["lineItemsByFulfillmentOrder"], context)
    except Unfit as error:
        return _refused({"field": ["fulfillment"], "message": str(error)})
    tracking = read_tracking(fulfillment.get("trackingInfo") or {})
    made = context.shop.send_picks(picks, tracking)
    content = {"order": made["name"], "tracking": made["tracking_numbers"]}
    context.note("fulfillment", made["admin_graphql_api_id"], "created", content)
    return _shown(made, context)


def track(
    root: Any,
    info: Info,
    fulfillmentId: str,
    trackingInfoInput: Payload,
    notifyCustomer: bool = False,
) -> Payload:
    """Change the tracking; a cancelled fulfilment takes it as well."""
    context: Context = info.context
    context.require_any(WRITE_SCOPES, "fulfillmentTrackingInfoUpdate")
    forced = context.forced_user_error("fulfillmentTrackingInfoUpdate")
    if forced or tail(fulfillmentId) not in context.store.fulfillments:
        return _refused(forced or {"field": ["fulfillmentId"], "message": MISSING})
    told = read_tracking(trackingInfoInput)
    changed = context.shop.track(
        fulfillmentId, company=told.company, numbers=told.numbers, urls=told.urls
    )
    return _shown(changed, context)


def cancel(root: Any, info: Info, id: str) -> Payload:
    """Cancel a fulfilment; one that is cancelled is answered like the first time."""
    context: Context = info.context
    context.require_any(WRITE_SCOPES, "fulfillmentCancel")
    if tail(id) not in context.store.fulfillments:
        return _refused({"field": ["id"], "message": MISSING})
    return _shown(context.shop.cancel_fulfillment(id), context)


def read_tracking(wanted: Payload) -> Tracking:
    """Read one number or many; `numbers` wins over `number`."""
    numbers = wanted.get("numbers") or [wanted.get("number")]
    urls = wanted.get("urls") or [wanted.get("url")]
    return Tracking(
        wanted.get("company"), [x for x in numbers if x], [x for x in urls if x]
    )


def fulfillment(root: Any, info: Info, id: str) -> Payload | None:
    found = info.context.store.fulfillments.get(tail(id))
    return _view(found, info.context) if found else None


def fulfillment_order(root: Any, info: Info, id: str) -> Payload | None:
    info.context.require_any(SCOPES, "fulfillmentOrder")
    found = info.context.store.fulfillment_orders.get(tail(id))
    return _order_view(found, info.context) if found else None


def fulfillment_orders(root: Any, info: Info, **arguments: Any) -> Payload:
    context: Context = info.context
    context.require_any(SCOPES, "fulfillmentOrders")
    rows = [
        row
        for row in context.store.fulfillment_orders.values()
        if row.status != "CLOSED" or arguments.get("includeClosed")
    ]
    return connect(
        rows,
        lambda row: (row.id, row.id),
        lambda row: _order_view(row, context),
        arguments,
    )


def _order_view(found: FulfillmentOrder, context: Context) -> Payload:
    order = context.store.orders[found.order_key]
    return fulfillment_order_view(
        found, order, context, lambda: order_view(order, context)
    )


def _view(row: Payload, context: Context) -> Payload:
    order = context.store.orders[context.store.owners[order_key(row)]]
    return fulfillment_view(row, order, context, lambda: order_view(order, context))


def _picks(wanted: list[Payload], context: Context) -> list[Pick]:
    """Return what shall be sent; raise Unfit in the order of Shopify's checks."""
    found = [_found(row["fulfillmentOrderId"], context) for row in wanted]
    if len({one.order_key for one in found}) > 1:
        raise Unfit(ONE_ORDER)
    for one in found:
        if not one.is_fulfillable:
            status = one.status.lower()
            raise Unfit(
                f"Fulfillment order {one.id} has an unfulfillable status= {status}."
            )
    if len({one.location_id for one in found}) > 1:
        raise Unfit(ONE_PLACE)
    picks: list[Pick] = []
    for one, row in zip(found, wanted, strict=True):
        picks += _picks_of(one, row.get("fulfillmentOrderLineItems"))
    if not picks:
        raise Unfit("Fulfillment order does not exist.")
    return picks


def _found(wanted: str, context: Context) -> FulfillmentOrder:
    found = context.store.fulfillment_orders.get(tail(wanted))
    if found is None or wanted != gid("FulfillmentOrder", tail(wanted)):
        raise Unfit("Fulfillment order does not exist.")
    return found


def _picks_of(one: FulfillmentOrder, rows: list[Payload] | None) -> list[Pick]:
    """Return the pieces named, or all that remain when none are."""
    if not rows:
        return [(one, line, line.remaining) for line in one.lines if line.remaining]
    picks: list[Pick] = []
    for row in rows:
        line = next((x for x in one.lines if x.gid == row["id"]), None)
        if line is None:
            raise Unfit("Fulfillment order line item does not exist.")
        if row["quantity"] <= 0:
            raise Unfit("Quantity must be greater than 0")
        asked = sum(x["quantity"] for x in rows if x["id"] == row["id"])
        if asked > line.remaining:
            raise Unfit("Invalid fulfillment order line item quantity requested.")
        picks.append((one, line, row["quantity"]))
    return picks


def _shown(row: Payload, context: Context) -> Payload:
    return {"fulfillment": _view(row, context), "userErrors": []}


def _refused(error: UserError) -> Payload:
    return {"fulfillment": None, "userErrors": [error]}
