"""orderCancel and refundCreate: checks and words as recorded at 2026-04.

orderCancel answers with a job; the order changes when the job is done. refundCreate
has plain user errors, without a code.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.idempotency import (
    MISMATCH,
    fingerprint,
    required_key,
)
from integrations.simulators.shopify.ids import order_key
from integrations.simulators.shopify.jobs import Job
from integrations.simulators.shopify.order_life import cancel_problem
from integrations.simulators.shopify.order_view import order_view
from integrations.simulators.shopify.refund_view import refund_view
from integrations.simulators.shopify.repayments import refundable

Payload = dict[str, Any]
JOB_TIME = timedelta(seconds=1)
LONGEST_NOTE = 255


def job_view(job: Job) -> Payload:
    return {"id": job.id, "done": job.done}


def cancel(root: Any, info: Info, orderId: str, **wanted: Any) -> Payload:
    """Promise to cancel an order; a job does it a second later."""
    context: Context = info.context
    try:
        order = context.store.find_order(orderId)
    except KeyError:
        return _not_cancelled(["orderId"], "Order does not exist", "NOT_FOUND")
    forced = context.forced_user_error("orderCancel")
    if forced:
        code = forced.get("code", "INVALID")
        return _not_cancelled(forced["field"], forced["message"], code)
    problem = _argument_problem(wanted) or _state_problem(order)
    if problem:
        return _not_cancelled(*problem, "INVALID")
    key, shop = order_key(order), context.shop
    method = wanted.get("refundMethod") or {}
    refund = bool(wanted.get("refund") or method.get("originalPaymentMethodsRefund"))

    def act() -> None:
        if not cancel_problem(context.store.find_order(key)):
            shop.cancel_order(
                key,
                wanted["reason"].lower(),
                restock=wanted["restock"],
                refund=refund,
                note=wanted.get("staffNote") or "",
            )

    job = context.store.jobs.add(context.now() + JOB_TIME, act)
    return {"job": job_view(job), "orderCancelUserErrors": [], "userErrors": []}


def _argument_problem(wanted: Payload) -> tuple[list[str], str] | None:
    if len(wanted.get("staffNote") or "") > LONGEST_NOTE:
        text = "Staff note is too long. Maximum length is 255 characters."
        return ["staffNote"], text
    if wanted.get("refund") is not None and wanted.get("refundMethod") is not None:
        text = "Only one of the arguments `refund` or `refund_method` is allowed."
        return ["refund"], text
    return None


def _state_problem(order: Payload) -> tuple[list[str], str] | None:
    text = cancel_problem(order)
    return (["orderId"], text) if text else None


def _not_cancelled(field: list[str] | None, message: str, code: str) -> Payload:
    error = {"field": field, "message": message}
    return {
        "job": None,
        "orderCancelUserErrors": [{**error, "code": code}],
        "userErrors": [error],
    }


def refund(root: Any, info: Info, input: Payload) -> Payload:
    """Refund lines, shipping and money as told; a known key gets the first answer."""
    context: Context = info.context
    key = required_key(info, context)
    try:
        order = context.store.find_order(input["orderId"])
    except KeyError:
        return _refused(None, [_error(["orderId"], "Order does not exist")])

    def shown(info: Any) -> Payload:
        return order_view(context.store.orders[order_key(order)], context)

    forced = context.forced_user_error("refundCreate")
    if forced:
        return _refused(shown, [forced])
    slot = (context.token.app.client_id, f"refundCreate {key}")
    kept = context.replies.get(slot) if key else None
    if kept:
        same = kept[0] == fingerprint(input)
        return kept[1] if same else _refused(shown, [_error(None, MISMATCH)])
    problem = _refund_problem(order, input, context)
    if problem:
        return _refused(shown, [problem])
    answer = _refund(order, input, context, shown)
    if key and not answer["userErrors"]:
        context.replies[slot] = (fingerprint(input), answer)
    return answer


def _refund(order: Payload, wanted: Payload, context: Context, shown: Any) -> Payload:
    places = {place.gid: place.name for place in context.store.locations}
    try:
        made = context.shop.refund_order(
            order_key(order),
            [
                {
                    "line": row["lineItemId"],
                    "quantity": row["quantity"],
                    "restock_type": (row.get("restockType") or "NO_RESTOCK").lower(),
                    "place": places.get(row.get("locationId") or "", ""),
                }
                for row in wanted.get("refundLineItems") or ()
            ],
            shipping=_shipping(wanted.get("shipping") or {}),
            payments=[
                {"parent": row["parentId"], "amount": row["amount"]}
                for row in wanted.get("transactions") or ()
            ],
            note=wanted.get("note"),
        )
    except ValueError as error:
        return _refused(shown, [_error(None, str(error))])
    kept = context.store.orders[order_key(order)]
    view = refund_view(made, kept, context, lambda: order_view(kept, context))
    return {"refund": view, "order": shown, "userErrors": []}


def _shipping(wanted: Payload) -> Any:
    return True if wanted.get("fullRefund") else wanted.get("amount") or 0


def _refund_problem(
    order: Payload, wanted: Payload, context: Context
) -> UserError | None:
    known = context.store.transactions.get(order_key(order), [])
    by_gid = {row["admin_graphql_api_id"]: row for row in known}
    for row in wanted.get("transactions") or ():
        if row["kind"] != "REFUND":
            kind = row["kind"].lower()
            return _error(None, f"Kind {kind} is not a valid transaction")
        parent = by_gid.get(row.get("parentId") or "")
        if parent is None:
            text = "Transactions require a parent_id associated with the order"
            return _error(["transactions"], text)
        if _amount(row) > refundable(parent, known) and not wanted.get(
            "allowOverRefunding"
        ):
            text = "Refund amount is greater than net payment received"
            return _error(["transactions"], text)
    return None


def _amount(row: Payload) -> Any:
    return Decimal(str(row["amount"]))


def _error(field: list[str] | None, message: str) -> UserError:
    return {"field": field, "message": message}


def _refused(shown: Any, errors: list[UserError]) -> Payload:
    return {"refund": None, "order": shown, "userErrors": errors}
