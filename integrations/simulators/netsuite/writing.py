"""Writes: a payload becomes a draft, a draft becomes a record, all or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.applying import finish_payment
from integrations.simulators.netsuite.bills import finish_bill
from integrations.simulators.netsuite.custom_fields import CustomFields
from integrations.simulators.netsuite.customers import finish_customer
from integrations.simulators.netsuite.followers import follow
from integrations.simulators.netsuite.movements import finish_movement
from integrations.simulators.netsuite.orders import finish_order
from integrations.simulators.netsuite.prices import finish_prices
from integrations.simulators.netsuite.reading import ERROR, WARNING, Reader
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.sales import check_period
from integrations.simulators.netsuite.schema import Field, RecordType
from integrations.simulators.netsuite.store import Record, Store, Values, unique_name
from integrations.simulators.netsuite.sublists import merge
from integrations.simulators.netsuite.switches import Switches
from integrations.simulators.netsuite.transaction_types import BILLS, MOVEMENTS
from integrations.simulators.netsuite.transforms import Origin, check_pair, transformed

_FIRST_IDS = {"entity": 101, "transaction": 1001, "item": 201}
Finish = Callable[[Values, Record | None, RecordType, Store, Switches], None]
_FINISHERS: Mapping[str, Finish] = {
    "salesOrder": finish_order,
    "returnAuthorization": finish_order,
    "customerPayment": finish_payment,
    **dict.fromkeys(MOVEMENTS, finish_movement),
    **dict.fromkeys(BILLS, finish_bill),
}


@dataclass(frozen=True)
class Manner:
    """How a request wants its payload taken."""

    names: str = WARNING
    values: str = ERROR
    replace: frozenset[str] = frozenset()
    selected: bool = False


@dataclass
class Draft:
    """A record as it will be, not stored yet.

    `source` is what it was made from; `followed` are the records that changed with
    it, once it is stored.
    """

    kind: RecordType
    values: Values
    before: Record | None = None
    warnings: list[str] = field(default_factory=list)
    source: Record | None = None
    followed: list[Record] = field(default_factory=list)


class Writer:
    """Turns payloads into records; the caller holds the store's lock."""

    def __init__(self, store: Store, switches: Switches, custom: CustomFields) -> None:
        self.store = store
        self.switches = switches
        self.custom = custom

    def draft(
        self,
        kind: RecordType,
        payload: Mapping[str, Any],
        manner: Manner,
        before: Record | None = None,
    ) -> Draft:
        """Check a payload against every rule; raise Refusal."""
        fields = self.custom.fields(kind)
        changes, warnings = self._read(fields, payload, manner)
        stored = before.values if before else {}
        values = merge(
            fields, stored, changes, replace=manner.replace, selected=manner.selected
        )
        self._finish(kind, values, before)
        draft = Draft(kind, values, before, warnings)
        self.refuse_duplicate(draft)
        return draft

    def transform(
        self,
        source: Record,
        kind: RecordType,
        payload: Mapping[str, Any],
        manner: Manner,
    ) -> Draft:
        """Make another transaction from one; raise Refusal."""
        fields = self.custom.fields(kind)
        origin = Origin(source, kind, self.store, self.switches)
        check_pair(origin)
        changes, warnings = self._read(fields, payload, manner)
        values = transformed(origin, fields, changes, manner.replace)
        self._finish(kind, values, None)
        draft = Draft(kind, values, None, warnings, source)
        self.refuse_duplicate(draft)
        return draft

    def _read(
        self, fields: Mapping[str, Field], payload: Mapping[str, Any], manner: Manner
    ) -> tuple[Values, list[str]]:
        reader = Reader(
            self.store, self.switches, names=manner.names, values=manner.values
        )
        changes = reader.read(fields, payload)
        reader.finish()
        return changes, reader.warnings

    def commit(self, draft: Draft) -> Record:
        """Store a draft and return the record; raise Refusal.

        Refuses when somebody else saved the record, what it was made from, or
        another one with its external id, after the draft was made.
        """
        kind, now = draft.kind, self.switches.now()
        for seen in (draft.before, draft.source):
            if seen and self.store.get(seen.type, seen.id) is not seen:
                raise refusals.record_changed()
        if self.switches.atomic_duplicates:
            self.refuse_duplicate(draft)
        if draft.before:
            record_id, created_at = draft.before.id, draft.before.created_at
        else:
            first = _FIRST_IDS.get(kind.family, 1)
            record_id, created_at = str(self.store.number(kind.family, first)), now
        record = Record(kind.name, record_id, draft.values, created_at, now)
        self.store.put(record)
        draft.followed = follow(draft.before, record, self.store, now)
        return record

    def remove(self, record: Record) -> list[Record]:
        """Delete a record and return those that changed with it; raise Refusal."""
        self._refuse_dependants(record)
        now = self.switches.now()
        if record.kind.is_transaction:
            check_period({}, record.values, record.kind, self.switches)
        self.store.remove(record, now)
        return follow(record, None, self.store, now)

    def _refuse_dependants(self, record: Record) -> None:
        if record.type == "customer":
            used = any(
                {"id": record.id}
                in (one.values.get("entity"), one.values.get("customer"))
                for one in self.store.of_family("transaction")
            )
        else:
            used = bool(
                self.store.grown_from(record.id) or self.store.applied_to(record.id)
            )
        if used and (record.type == "customer" or record.kind.is_transaction):
            text = "This record cannot be deleted because it has dependent records"
            raise Refusal(Detail(text))

    def refuse_duplicate(self, draft: Draft) -> None:
        """Raise Refusal when another record has the external id or the name."""
        family, own = draft.kind.family, draft.before
        external_id = draft.values.get("externalId", "")
        name = unique_name(draft.kind.name, draft.values)
        holders = (
            self.store.by_external_id(family, external_id),
            self.store.holder(family, name),
        )
        if any(holder and (own is None or holder.id != own.id) for holder in holders):
            raise refusals.already_exists(self._duplicate_text(draft.kind))

    def _duplicate_text(self, kind: RecordType) -> str:
        if kind.is_transaction:
            return self.switches.duplicate_transaction_text
        word = "item" if kind.family == "item" else "entity"
        return f"This {word} already exists."

    def _finish(self, kind: RecordType, values: Values, before: Record | None) -> None:
        if kind.name == "customer":
            finish_customer(values, self.store, self.switches)
        elif kind.is_transaction:
            finish = _FINISHERS[kind.name]
            finish(values, before, kind, self.store, self.switches)
        elif kind.family == "item":
            if not values.get("itemId"):
                raise refusals.missing("Item Name/Number", "itemId")
            values["itemType"] = kind.item_type
            finish_prices(values, self.store)
