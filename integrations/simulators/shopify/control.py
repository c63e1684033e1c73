"""JSON control of the simulated shop, under /_simulator/; no log-in."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from integrations.simulators.base import Request, Response
from integrations.simulators.shopify.fulfillment_orders import FulfillmentOrder
from integrations.simulators.shopify.listing import (
    call_row,
    delivery_row,
    fulfillment_order_row,
    order_row,
    price_list_row,
    variant_row,
)

if TYPE_CHECKING:
    from integrations.simulators.shopify.simulator import ShopifySimulator

HTTP_FAULT = (
    *("status", "times", "retry_after", "body"),
    *("lost", "latency", "path", "late"),
)
GRAPHQL_FAULT = ("code", "message", "times", "share", "after", "operation")
Answer = Callable[[Any], Any]
Body = dict[str, Any]


class Control:
    """Lets scripts and browsers steer a simulator that is served."""

    def __init__(self, simulator: "ShopifySimulator") -> None:
        self.simulator = simulator

    def add_routes(self) -> None:
        for path, answer in (
            ("state", lambda: self.simulator.snapshot()),
            ("deliveries", self._deliveries),
            ("journal", lambda: [call_row(call) for call in self.simulator.journal]),
        ):
            self._get(path, answer)
        for path, act in (
            ("orders", self._place_order),
            ("orders/edit", self._edit_order),
            ("orders/cancel", self._cancel_order),
            ("orders/refund", self._refund_order),
            ("orders/settle-refund", self._settle_refund),
            ("orders/fulfil", self._fulfil_order),
            ("fulfillments/change", self._change_fulfillment),
            ("fulfillments/track", self._track),
            ("fulfillments/cancel", self._cancel_fulfillment),
            ("fulfillment-orders/hold", self._hold),
            ("fulfillment-orders/release", self._release),
            ("fulfillment-orders/status", self._set_status),
            ("fulfillment-orders/move", self._move),
            ("customers", self._create_customer),
            ("stock", self._set_stock),
            ("products", self._add_product),
            ("products/change", self._change_product),
            ("products/delete", self._delete_product),
            ("price-lists", self._add_price_list),
            ("price-lists/currency", self._change_price_list),
            ("customers/change", self._change_customer),
            ("faults", self._plan_fault),
            ("bulk", self._set_bulk),
            ("access", self._set_access),
            ("subscriptions", self._subscribe),
            ("privacy", self._demand),
        ):
            self._post(path, act)

    def _get(self, path: str, answer: Callable[[], Any]) -> None:
        def handler(request: Request) -> Response:
            return Response(200, answer())

        self.simulator.route("GET", f"/_simulator/{path}", handler)

    def _post(self, path: str, act: Answer) -> None:
        def handler(request: Request) -> Response:
            try:
                return Response(200, act(request.json()))
            except (LookupError, TypeError, ValueError, ArithmeticError) as error:
                return Response(400, {"error": str(error)})

        self.simulator.route("POST", f"/_simulator/{path}", handler)

    def _deliveries(self) -> list[dict[str, Any]]:
        return [delivery_row(delivery) for delivery in self.simulator.webhooks.log]

    def _place_order(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a complete payload, or what `make_order` needs to make one."""
        order = body if "line_items" in body else self.simulator.new_order(**body)
        return order_row(self.simulator.place_order(order))

    def _edit_order(self, body: Body) -> Body:
        """Take `order` and what `edit_order` takes; the same for those below."""
        return order_row(self.simulator.edit_order(body.pop("order"), **body))

    def _cancel_order(self, body: Body) -> Body:
        return order_row(self.simulator.cancel_order(body.pop("order"), **body))

    def _refund_order(self, body: Body) -> Body:
        return self.simulator.refund_order(body.pop("order"), **body)

    def _settle_refund(self, body: Body) -> Body:
        return order_row(self.simulator.settle_refund(body.pop("order"), **body))

    def _fulfil_order(self, body: Body) -> list[Body]:
        return self.simulator.fulfil_order(body.pop("order"), **body)

    def _change_fulfillment(self, body: Body) -> Body:
        return self.simulator.change_fulfillment(body.pop("fulfillment"), **body)

    def _track(self, body: Body) -> Body:
        return self.simulator.track(body.pop("fulfillment"), **body)

    def _cancel_fulfillment(self, body: Body) -> Body:
        return self.simulator.cancel_fulfillment(body["fulfillment"])

    def _hold(self, body: Body) -> Body:
        """Take the id of a fulfilment order, or an order whose first is meant."""
        return self._row(self.simulator.hold(body.pop("order"), **body))

    def _release(self, body: Body) -> Body:
        return self._row(self.simulator.release_hold(body["order"]))

    def _set_status(self, body: Body) -> Body:
        wanted, status = body["order"], body["status"]
        return self._row(self.simulator.set_fulfillment_order_status(wanted, status))

    def _move(self, body: Body) -> Body:
        wanted = body.pop("order")
        return self._row(self.simulator.move_fulfillment_order(wanted, **body))

    def _row(self, found: FulfillmentOrder) -> Body:
        return fulfillment_order_row(found, self.simulator.store)

    def _create_customer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a complete payload, or an e-mail with the fields to change."""
        if "admin_graphql_api_id" in body:
            return self.simulator.create_customer(body)
        return self.simulator.create_customer(body.pop("email"), **body)

    def _change_customer(self, body: Body) -> Body:
        return self.simulator.update_customer(body.pop("customer"), **body)

    def _add_product(self, body: Body) -> Body:
        return variant_row(self.simulator.add_product(**body), self.simulator.store)

    def _change_product(self, body: Body) -> Body:
        changed = self.simulator.change_product(body.pop("sku"), **body)
        return variant_row(changed, self.simulator.store)

    def _delete_product(self, body: Body) -> Body:
        self.simulator.delete_product(body["sku"])
        return body

    def _add_price_list(self, body: Body) -> Body:
        made = self.simulator.add_price_list(**body)
        return price_list_row(made, self.simulator.store)

    def _change_price_list(self, body: Body) -> Body:
        changed = self.simulator.change_price_list_currency(**body)
        return price_list_row(changed, self.simulator.store)

    def _set_stock(self, body: dict[str, Any]) -> dict[str, Any]:
        self.simulator.set_stock(**body)
        return body

    def _plan_fault(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("clear"):
            self.simulator.clear_faults()
        elif "webhooks" in body:
            self._upset_webhooks(body["webhooks"], body.get("times", 1))
        elif "mutation" in body:
            self.simulator.refuse_next(**body)
        elif "code" in body:
            self.simulator.fail_as(**_only(body, GRAPHQL_FAULT))
        else:
            self.simulator.fail_next(**_only(body, HTTP_FAULT))
        return {"planned": body}

    def _upset_webhooks(self, how: str, times: int) -> None:
        sender = self.simulator.webhooks
        knobs = {
            "lose": sender.lose_next,
            "duplicate": sender.duplicate,
            "reorder": sender.reorder,
        }
        if how not in knobs:
            raise ValueError(f"webhooks can be made to {', '.join(knobs)}")
        knobs[how](times)

    def _set_bulk(self, body: Body) -> Body:
        """Take `seconds` an operation takes, or the `code` the next one fails with."""
        if "seconds" in body:
            self.simulator.set_bulk_time(float(body["seconds"]))
        if "code" in body:
            self.simulator.fail_next_bulk(str(body["code"]))
        return body

    def _set_access(self, body: dict[str, Any]) -> dict[str, Any]:
        allowed = bool(body["allowed"])
        if allowed:
            self.simulator.restore_access()
        else:
            self.simulator.revoke_access()
        return {"allowed": allowed}

    def _subscribe(self, body: dict[str, Any]) -> dict[str, Any]:
        made = self.simulator.subscribe(body["topic"], body["uri"])
        return {"id": made.gid, "topic": made.topic, "uri": made.uri}

    def _demand(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a topic, and for those about one person the customer: id or e-mail."""
        return self.simulator.demand(**_known(body, ("topic", "customer")))


def _only(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: float(v) if name in ("share", "latency", "late") else v
        for name, v in _known(body, names).items()
    }


def _known(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise ValueError(f"there is no {', '.join(unknown)} here")
    return body
