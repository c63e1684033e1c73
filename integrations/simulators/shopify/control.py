"""JSON control of the simulated shop, under /_simulator/; no log-in."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from integrations.simulators.base import Request, Response
from integrations.simulators.shopify.listing import call_row, delivery_row, order_row

if TYPE_CHECKING:
    from integrations.simulators.shopify.simulator import ShopifySimulator

HTTP_FAULT = (
    *("status", "times", "retry_after", "body"),
    *("lost", "latency", "path", "late"),
)
GRAPHQL_FAULT = ("code", "message", "times", "share", "after", "operation")
Answer = Callable[[Any], Any]


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
            ("customers", self._create_customer),
            ("stock", self._set_stock),
            ("faults", self._plan_fault),
            ("access", self._set_access),
            ("subscriptions", self._subscribe),
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
            except (KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
                return Response(400, {"error": str(error)})

        self.simulator.route("POST", f"/_simulator/{path}", handler)

    def _deliveries(self) -> list[dict[str, Any]]:
        return [delivery_row(delivery) for delivery in self.simulator.webhooks.log]

    def _place_order(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a complete payload, or what `make_order` needs to make one."""
        order = body if "line_items" in body else self.simulator.new_order(**body)
        return order_row(self.simulator.place_order(order))

    def _create_customer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a complete payload, or an e-mail with the fields to change."""
        if "admin_graphql_api_id" in body:
            return self.simulator.create_customer(body)
        return self.simulator.create_customer(body.pop("email"), **body)

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


def _only(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise ValueError(f"a fault has no {', '.join(unknown)}")
    return {
        name: float(v) if name in ("share", "latency", "late") else v
        for name, v in body.items()
    }
