"""Fulfilment orders: what of an order shall leave which place.

They are not the order's lines: one line may stand in several of them, each with an id
and a remaining quantity of its own.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integrations.simulators.shopify.ids import gid

Payload = dict[str, Any]
FULFILLABLE = ("OPEN", "IN_PROGRESS")
ENDED = ("CLOSED", "CANCELLED", "INCOMPLETE")


@dataclass(eq=False)
class FulfillmentOrderLine:
    """Pieces of one order line; `line_key` is the exact id of that line."""

    id: int
    line_key: str
    total: int
    remaining: int

    @property
    def gid(self) -> str:
        return gid("FulfillmentOrderLineItem", self.id)


@dataclass(frozen=True)
class Hold:
    """Why a fulfilment order waits."""

    id: int
    reason: str
    notes: str = ""
    handle: str = ""

    def payload(self) -> Payload:
        return {
            "id": gid("FulfillmentHold", self.id),
            "reason": self.reason,
            "reason_notes": self.notes or None,
            "held_by_requesting_app": False,
            "handle": self.handle or None,
            "held_by_app": None,
        }


@dataclass(eq=False)
class FulfillmentOrder:
    """One place's share of an order."""

    id: int
    order_key: str
    location_id: int
    requires_shipping: bool
    created_at: datetime
    updated_at: datetime
    lines: list[FulfillmentOrderLine] = field(default_factory=list)
    status: str = "OPEN"
    holds: list[Hold] = field(default_factory=list)

    @property
    def gid(self) -> str:
        return gid("FulfillmentOrder", self.id)

    @property
    def remaining(self) -> int:
        return sum(line.remaining for line in self.lines)

    @property
    def is_fulfillable(self) -> bool:
        return self.status in FULFILLABLE

    def payload(self) -> Payload:
        """Return what webhooks say of it, which is little."""
        return {"id": self.gid, "status": self.status.lower()}

    def line_of(self, line_key: str) -> FulfillmentOrderLine | None:
        return next((line for line in self.lines if line.line_key == line_key), None)

    def settle(self, now: datetime) -> None:
        """Close it when nothing is left, whatever became of the pieces."""
        self.updated_at = now
        if not self.remaining:
            self.status, self.holds = "CLOSED", []
