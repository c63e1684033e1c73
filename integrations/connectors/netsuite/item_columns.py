"""In which columns an account keeps what a shop needs of an item: set by a person.

Oracle's own names of most of them could not be confirmed, and options of matrix items
are custom fields that each account names itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from integrations.connectors.base import Payload, Setting
from integrations.connectors.errors import RequestRefused
from integrations.connectors.netsuite import suiteql

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Shown to people by their text, where the column holds the id of a list's entry.
BY_TEXT = ("weight_unit",)
ONLY_OPTION = "Variant"

ITEM_COLUMNS = Setting(
    "item_columns",
    "Columns of items",
    required=False,
    default="barcode=upccode, weight=weight, weight_unit=weightunit, cost=cost, "
    "country=countryofmanufacture, hs_code=schedulebnumber",
    help="What mappings of products may read, as name=column of the table item; your "
    "own fields too (hs_code=custitem_hs_code).",
)
MATRIX_OPTIONS = Setting(
    "matrix_options",
    "Options of matrix items",
    required=False,
    help="Name in the shop = field in NetSuite: Color=custitem_color, "
    "Size=custitem_size. Without it, variants are told apart by their SKU.",
)


@dataclass(frozen=True)
class Columns:
    """The columns to read: facts by their names, and options in their order."""

    facts: Mapping[str, str]
    choices: Mapping[str, str]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Read both options of a connection; raises RequestRefused in words."""
        told = options.get(ITEM_COLUMNS.name)
        facts = _pairs(ITEM_COLUMNS, ITEM_COLUMNS.default if told is None else told)
        odd = next((name for name in facts if not _NAME.fullmatch(name)), "")
        if odd:
            raise _odd(ITEM_COLUMNS, odd)
        choices = _pairs(MATRIX_OPTIONS, options.get(MATRIX_OPTIONS.name) or "")
        return cls(facts, choices)

    @property
    def option_names(self) -> list[str]:
        return list(self.choices) or [ONLY_OPTION]

    @property
    def sql(self) -> str:
        """Return what a query selects besides its own columns."""
        facts = [
            f"BUILTIN.DF(item.{column}) AS fact_{name}"
            if name in BY_TEXT
            else f"item.{column} AS fact_{name}"
            for name, column in self.facts.items()
        ]
        choices = [
            f"BUILTIN.DF(item.{column}) AS option_{place}"
            for place, column in enumerate(self.choices.values())
        ]
        return "".join(f", {one}" for one in (*facts, *choices))

    def values(self, row: suiteql.Row) -> Payload:
        """Return the facts that a row has; what is empty is left out."""
        found = {name: suiteql.text(row, f"fact_{name}") for name in self.facts}
        return {name: value for name, value in found.items() if value}

    def options(self, row: suiteql.Row, sku: str) -> list[str]:
        """Return by what a child differs; its SKU where nothing else is set up."""
        places = range(len(self.choices))
        return [suiteql.text(row, f"option_{place}") for place in places] or [sku]


def _pairs(setting: Setting, text: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in str(text).split(","):
        name, is_pair, column = (one.strip() for one in part.partition("="))
        if not part.strip():
            continue
        if not is_pair or not name or not _NAME.fullmatch(column.lower()):
            raise _odd(setting, part.strip())
        found[name] = column.lower()
    return found


def _odd(setting: Setting, part: str) -> RequestRefused:
    return RequestRefused(
        f"The connection's option “{setting.label}” holds “{part}”. Write pairs of "
        "name=column with commas between them, for example weight=weight.",
        sent=False,
    )
