"""How records are described: fields, their kinds, lengths and targets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    TEXT = "text"
    EMAIL = "email"
    BOOLEAN = "boolean"
    NUMBER = "number"
    INTEGER = "integer"
    DATE = "date"
    DATETIME = "datetime"
    REFERENCE = "reference"
    ENUM = "enum"
    MULTISELECT = "multiselect"
    SUBRECORD = "subrecord"
    SUBLIST = "sublist"


@dataclass(frozen=True)
class Field:
    """One field of a record.

    `limit` is the longest text in characters, the name of a switch when it differs
    by account, or None. `targets` are the record types a reference may point at.
    `key` names the field that tells lines of a keyed sublist apart.
    """

    kind: Kind
    limit: int | str | None = None
    targets: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, "Field"] = field(default_factory=dict)
    key: str = ""
    read_only: bool = False
    label: str = ""


@dataclass(frozen=True)
class RecordType:
    """One record type; `family` shares ids, external ids and duplicate rules.

    Of a transaction, `code` is its `type` in queries, `label` its name for people,
    `prefix` begins its numbers; `by_transform` says that nothing else creates it.
    """

    name: str
    fields: Mapping[str, Field]
    family: str
    permission: str
    writable: bool = False
    item_type: str = ""
    code: str = ""
    label: str = ""
    prefix: str = ""
    statuses: Mapping[str, str] = field(default_factory=dict)
    by_transform: bool = False

    @property
    def is_transaction(self) -> bool:
        return self.family == "transaction"


def text(limit: int | str | None = 300, label: str = "") -> Field:
    return Field(Kind.TEXT, limit=limit, label=label)


def flag() -> Field:
    return Field(Kind.BOOLEAN)


def number(label: str = "") -> Field:
    return Field(Kind.NUMBER, label=label)


def day() -> Field:
    return Field(Kind.DATE)


def to(*targets: str, label: str = "") -> Field:
    return Field(Kind.REFERENCE, targets=targets, label=label)


def choice(**choices: str) -> Field:
    return Field(Kind.ENUM, choices=choices)


def shown(kind: Kind, **more: object) -> Field:
    """Return a field that clients read and never set."""
    return Field(kind, read_only=True, **more)  # type: ignore[arg-type]


COMMON = {
    "externalId": text(255),
    "createdDate": shown(Kind.DATETIME),
    "lastModifiedDate": shown(Kind.DATETIME),
}
IGNORED = frozenset({"id", "links", "refName"})

CUSTOM_PREFIXES = {
    "customer": "custentity",
    "salesOrder": "custbody",
    "salesOrder.item": "custcol",
    "item": "custitem",
}
