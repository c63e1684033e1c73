"""Custom fields: what this account has besides Oracle's own fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from integrations.simulators.netsuite.schema import Field, Kind, RecordType

_OWNERS = {
    "custentity": "customer",
    "custbody": "salesOrder",
    "custcol": "salesOrder.item",
    "custitem": "item",
}
# A custom body field or column is set up once for all transactions.
_FAMILIES = {"item": "item", "transaction": "salesOrder"}


@dataclass
class CustomFields:
    """Custom fields by owner: a record type, or type and sublist."""

    added: dict[str, dict[str, Field]] = field(default_factory=dict)

    def add(self, name: str, kind: Kind, limit: int | None) -> None:
        """Add a field; its script id says where it belongs."""
        owner = _OWNERS.get(name.partition("_")[0])
        if owner is None:
            raise ValueError(f"{name!r} is no script id of a custom field")
        self.added.setdefault(owner, {})[name] = Field(kind, limit=limit)

    def fields(self, kind: RecordType) -> Mapping[str, Field]:
        """Return all fields of a record type."""
        owner = _FAMILIES.get(kind.family, kind.name)
        found = {**kind.fields, **self.added.get(owner, {})}
        lines = self.added.get(f"{owner}.item", {})
        if lines and "item" in found:
            sublist = found["item"]
            found["item"] = replace(sublist, fields={**sublist.fields, **lines})
        return found
