"""Writes: a payload becomes a draft, a draft becomes a record, all or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.custom_fields import CustomFields
from integrations.simulators.netsuite.customers import finish_customer
from integrations.simulators.netsuite.orders import finish_order
from integrations.simulators.netsuite.reading import ERROR, WARNING, Reader
from integrations.simulators.netsuite.schema import RecordType
from integrations.simulators.netsuite.store import Record, Store, Values, unique_name
from integrations.simulators.netsuite.sublists import merge
from integrations.simulators.netsuite.switches import Switches

_FIRST_IDS = {"entity": 101, "transaction": 1001, "item": 201}


@dataclass(frozen=True)
class Manner:
    """How a request wants its payload taken."""

    names: str = WARNING
    values: str = ERROR
    replace: frozenset[str] = frozenset()
    selected: bool = False


@dataclass
class Draft:
    """A record as it will be, not stored yet."""

    kind: RecordType
    values: Values
    before: Record | None = None
    warnings: list[str] = field(default_factory=list)


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
        reader = Reader(
            self.store, self.switches, names=manner.names, values=manner.values
        )
        changes = reader.read(fields, payload)
        reader.finish()
        stored = before.values if before else {}
        values = merge(
            fields, stored, changes, replace=manner.replace, selected=manner.selected
        )
        self._finish(kind, values, stored)
        draft = Draft(kind, values, before, reader.warnings)
        self.refuse_duplicate(draft)
        return draft

    def commit(self, draft: Draft) -> Record:
        """Store a draft and return the record; raise Refusal.

        Refuses when somebody else saved the record, or another one with its
        external id, after the draft was made.
        """
        kind, now = draft.kind, self.switches.now()
        if (
            draft.before
            and self.store.get(kind.name, draft.before.id) is not draft.before
        ):
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
        return record

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

    def _finish(self, kind: RecordType, values: Values, before: Values) -> None:
        if kind.name == "customer":
            finish_customer(values, self.store, self.switches)
        elif kind.name == "salesOrder":
            finish_order(values, before, self.store, self.switches)
        elif kind.family == "item":
            if not values.get("itemId"):
                raise refusals.missing("Item Name/Number", "itemId")
            values["itemType"] = kind.item_type
