"""The operational fields of a variant: what is written, and where it differs.

One table says for each field where it stands in an answer and in an input. A field
that a payload does not name is left as it is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.base import FieldRule, Payload
from integrations.connectors.errors import RecordRejected

UNITS = ("GRAMS", "KILOGRAMS", "OUNCES", "POUNDS")
_HS_CODE = re.compile(r"\d{6,13}")


@dataclass(frozen=True)
class Field:
    """One field: as a payload says it, as it stands, and where it goes in."""

    rule: FieldRule
    read: Callable[[Any], Any]
    path: tuple[str, ...]
    standing: tuple[str, ...]


def _text(value: Any) -> str:
    return str(value).strip()


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _unfit(value, "is neither true nor false")


def _amount(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise _unfit(value, "is no number") from None
    if not found.is_finite() or found < 0:
        raise _unfit(value, "is no number from 0 on")
    return found


def _hs_code(value: Any) -> str:
    """Read a code of the Harmonized System, which people write with dots."""
    found = "".join(one for one in _text(value) if one not in ". -")
    if not _HS_CODE.fullmatch(found):
        raise _unfit(value, "is no HS code: write 6 to 13 digits")
    return found


def _country(value: Any) -> str:
    found = _text(value).upper()
    if not re.fullmatch(r"[A-Z]{2}", found):
        raise _unfit(value, "is no code of a country: write two letters, as US")
    return found


class _Unfit(ValueError):
    """A value that Shopify cannot keep in this field."""


def _unfit(value: Any, why: str) -> _Unfit:
    return _Unfit(f"“{value}” {why}.")


ITEM = ("inventoryItem",)
FIELDS: Mapping[str, Field] = {
    "barcode": Field(
        FieldRule(label="Barcode", type="text"), _text, ("barcode",), ("barcode",)
    ),
    "tracked": Field(
        FieldRule(label="Stock is counted", type="true or false"),
        _flag,
        (*ITEM, "tracked"),
        (*ITEM, "tracked"),
    ),
    "cost": Field(
        FieldRule(label="Cost per piece", type="number"),
        _amount,
        (*ITEM, "cost"),
        (*ITEM, "unitCost", "amount"),
    ),
    "hsCode": Field(
        FieldRule(13, label="HS code", type="text"),
        _hs_code,
        (*ITEM, "harmonizedSystemCode"),
        (*ITEM, "harmonizedSystemCode"),
    ),
    "countryOfOrigin": Field(
        FieldRule(2, label="Country of origin", type="text"),
        _country,
        (*ITEM, "countryCodeOfOrigin"),
        (*ITEM, "countryCodeOfOrigin"),
    ),
}
WEIGHT = (*ITEM, "measurement", "weight")
RULES: Mapping[str, FieldRule] = {
    "sku": FieldRule(255, label="SKU", type="text", required=True),
    **{name: field.rule for name, field in FIELDS.items()},
    "weight": FieldRule(label="Weight", type="number"),
    "weightUnit": FieldRule(label="Unit of the weight", type="choice", choices=UNITS),
    "inactive": FieldRule(label="Not sold any more", type="true or false"),
    "optionValues": FieldRule(label="Values of its options", type="list"),
}


def everything(row: Payload) -> Payload:
    """Return the input of a new variant; raises RecordRejected."""
    return difference({}, row)


def difference(standing: Payload, row: Payload) -> Payload:
    """Return the input of what differs from what stands; raises RecordRejected."""
    found: Payload = {}
    for path, value in _wanted(row).items():
        there = FIELDS_AT.get(path, path)
        if not _same(_at(standing, there), value):
            _put(found, path, _sent(value))
    return found


def _wanted(row: Payload) -> dict[tuple[str, ...], Any]:
    """Return what a row says, by the place of each field in the input."""
    found: dict[tuple[str, ...], Any] = {(*ITEM, "sku"): _text(row.get("sku"))}
    for name, field in FIELDS.items():
        if row.get(name) not in (None, ""):
            found[field.path] = _read(row, name, field.read)
    if row.get("weight") not in (None, ""):
        found[WEIGHT] = _weight(row)
    return found


FIELDS_AT = {field.path: field.standing for field in FIELDS.values()}
FIELDS_AT[(*ITEM, "sku")] = ("sku",)


def _read(row: Payload, name: str, read: Callable[[Any], Any]) -> Any:
    try:
        return read(row[name])
    except _Unfit as error:
        text = f"{RULES[name].label} of {row.get('sku')}: {error}"
        raise RecordRejected(
            text, fields={f"variants.{name}": text}, sent=False
        ) from None


def _weight(row: Payload) -> Payload:
    unit = row.get("weightUnit")
    if unit not in UNITS:
        told = f"“{unit}” is no unit" if unit else "no unit is given"
        text = f"Weight of {row.get('sku')}: {told}. Use one of {', '.join(UNITS)}."
        raise RecordRejected(text, fields={"variants.weightUnit": text}, sent=False)
    return {"value": _read(row, "weight", _amount), "unit": unit}


def _at(node: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _same(there: Any, wanted: Any) -> bool:
    """Compare values, not their spelling: 12.50 is 12.5."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(
            _same(there.get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, Decimal):
        return there is not None and Decimal(str(there)) == wanted
    return bool(there == wanted)


def _sent(value: Any) -> Any:
    """Write an amount as the text that Shopify's `Decimal` takes."""
    return format(value, "f") if isinstance(value, Decimal) else value


def _put(found: Payload, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        found = found.setdefault(name, {})
    found[path[-1]] = value
