"""What must stand at NetSuite for what the shop said: a second, tiny mapping.

Written from the words of the shop's ledger and the vendor's record fields; it shares
nothing with the product's mapping engine or its documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from tests.crash.sources import Journal, Line, Sent

TARGETS = {"customer": "customer", "order": "salesOrder"}
TAX_ITEM = "Sales tax"


@dataclass(frozen=True)
class Version:
    """One version of one object that the shop told of."""

    entity: str
    source_id: str
    version: int
    moment: datetime | None
    expect: Mapping[str, Any]
    fate: str = "deliver"


Key = tuple[str, str]


def versions_of(sent: Sent) -> dict[Key, dict[int, Version]]:
    """Return every version of every object, those inside orders too."""
    found: dict[Key, dict[int, Version]] = {}

    def add(version: Version) -> None:
        key = (version.entity, version.source_id)
        known = found.setdefault(key, {}).get(version.version)
        if known is None or known.moment is None:
            found[key][version.version] = version

    for event in sent.events:
        if event["entity"] in TARGETS:
            add(
                Version(
                    event["entity"],
                    event["source_id"],
                    event["version"],
                    datetime.fromisoformat(event["updated_at"]),
                    event["expect"],
                    event["fate"],
                )
            )
        if event["carries"] and event["fate"] != "quarantine":
            inner = event["carries"]
            names = ("entity", "source_id", "version")
            add(Version(*(inner[name] for name in names), None, inner["expect"]))
    return found


class Target:
    """Compares a record of the target with what a version of its source says."""

    def __init__(self, journal: Journal, namespace: str) -> None:
        self.journal = journal
        self.namespace = namespace

    def external_id(self, entity: str, source_id: str) -> str:
        return f"{self.namespace}-{entity}-{source_id}"

    def differences(self, version: Version, content: Line) -> dict[str, str]:
        """Say where content and expectation part; empty when they agree."""
        wanted = (
            self._order(version.expect)
            if version.entity == "order"
            else _customer(version.expect)
        )
        wanted["externalId"] = self.external_id(version.entity, version.source_id)
        present = self._present(version.entity, content)
        return {
            name: f"wanted {value!r}, stands {present.get(name)!r}"
            for name, value in wanted.items()
            if value != present.get(name)
        }

    def matching(
        self, versions: Mapping[int, Version], content: Line
    ) -> Version | None:
        """Return the version whose words stand in `content`, the newest first."""
        for number in sorted(versions, reverse=True):
            if not self.differences(versions[number], content):
                return versions[number]
        return None

    def _order(self, expect: Mapping[str, Any]) -> dict[str, Any]:
        lines = [
            (line["sku"], amount(line["quantity"]), amount(line["amount"]))
            for line in expect["lines"]
        ]
        tax = amount(expect["tax"])
        if tax != "0":
            lines.append((TAX_ITEM, amount(1), tax))
        return {
            "otherRefNum": expect["name"],
            "memo": expect["note"],
            "email": expect["email"],
            "entity": self.external_id("customer", expect["customer"]),
            "shippingCost": amount(expect["shipping"]),
            "lines": sorted(lines),
            "total": amount(expect["total"]),
        }

    def _present(self, entity: str, content: Line) -> dict[str, Any]:
        if entity == "customer":
            names = ("externalId", "firstName", "lastName", "email", "comments")
            return {name: content.get(name) for name in names}
        return {
            **{
                name: content.get(name)
                for name in ("externalId", "otherRefNum", "memo", "email")
            },
            "entity": self._field("customer", content.get("entity"), "externalId"),
            "shippingCost": amount(content.get("shippingCost") or 0),
            "lines": sorted(
                (
                    self._item(line.get("item")),
                    amount(line.get("quantity") or 1),
                    amount(line.get("amount")),
                )
                for line in content.get("item", {}).get("items", [])
            ),
            "total": amount(content.get("total")),
        }

    def _item(self, reference: Line | None) -> str:
        key = (reference or {}).get("id", "")
        return self.items.get(key, f"unknown item {key}")

    @cached_property
    def items(self) -> Mapping[str, str]:
        """SKU by internal id."""
        return {
            key: str(effect["content"]["itemId"])
            for (_, key), effect in self.journal.standing.items()
            if effect["content"].get("itemId")
        }

    def _field(self, record: str, reference: Line | None, name: str) -> str:
        key = (reference or {}).get("id", "")
        found = self.journal.standing.get((record, key))
        return str(found["content"].get(name) or "") if found else f"no {record} {key}"


def _customer(expect: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "firstName": expect["first_name"],
        "lastName": expect["last_name"],
        "email": expect["email"],
        "comments": expect["note"],
    }


def amount(value: Any) -> str:
    """Write a number in one way, digit for digit; what is none says so."""
    try:
        return format(Decimal(str(value)).normalize(), "f")
    except InvalidOperation:
        return f"no number: {value}"
