"""Records made from another one: a fulfilment of an order, a credit of an invoice.

A payload says so by `createdFrom` with the type and the id of the other record, as in
`{"createdFrom": {"type": "salesOrder", "id": "1001"}, …}`. NetSuite makes it by
`POST /salesOrder/1001/!transform/itemFulfillment`, whose body has the fields of the
new record ("Transforming Records", section_157901123882). There is no upsert of this
kind: an external id in the body makes the create refuse a second one.
"""

from dataclasses import dataclass

from integrations.connectors.base import Payload
from integrations.connectors.errors import RecordMissing, RecordRejected

MADE_FROM = "createdFrom"
# What a mapping tells us and NetSuite has no field for.
UNSENT = (MADE_FROM, "cancelled")


@dataclass(frozen=True)
class Origin:
    """The record that another one is made from."""

    type: str
    id: str

    def path_to(self, record_type: str) -> str:
        return f"{self.type}/{self.id}/!transform/{record_type}"


def origin_of(payload: Payload) -> Origin | None:
    """Return what a payload says it is made from; None for a record of its own."""
    told = payload.get(MADE_FROM)
    if not isinstance(told, dict) or not told.get("type") or not told.get("id"):
        return None
    return Origin(str(told["type"]), str(told["id"]))


def body_of(payload: Payload) -> Payload:
    """Return what is sent: the address says already what it is made from."""
    return {name: value for name, value in payload.items() if name not in UNSENT}


def origin_gone(origin: Origin, error: RecordMissing) -> RecordRejected:
    """Say that what it should be made from was deleted.

    No missing reference: that would have it made again, which only people decide.
    """
    text = (
        f"NetSuite no longer has the {origin.type} with the id {origin.id}: {error} "
        "Somebody deleted it there. Create it again from its own record, or exclude "
        "this one with a reason."
    )
    return RecordRejected(
        text,
        status=error.status,
        code="ORIGIN_GONE",
        request_id=error.request_id,
        fields={f"{MADE_FROM}.id": text},
    )
