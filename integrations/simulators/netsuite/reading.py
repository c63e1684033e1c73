"""Payloads in: names, kinds and lengths checked, references looked up."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.record_types import RECORD_TYPES
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.schema import IGNORED, Field, Kind
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.switches import Switches

_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]+")
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
ERROR, WARNING, IGNORE = "error", "warning", "ignore"


class Unreadable(Exception):
    """The value is not of the field's kind."""

    def __init__(self, text: str, code: str = "INVALID_CONTENT") -> None:
        super().__init__(text)
        self.code = code


class Reader:
    """Reads one payload.

    Unknown names and wrong kinds are collected in `problems` or, where the request
    asks for warnings, in `warnings`, and left out. Unknown references and texts
    that are too long are always refused.
    """

    def __init__(
        self, store: Store, switches: Switches, *, names: str, values: str
    ) -> None:
        self.store = store
        self.switches = switches
        self.names = names
        self.values = values
        self.problems: list[Detail] = []
        self.warnings: list[str] = []

    def read(
        self, fields: Mapping[str, Field], payload: Any, path: str = ""
    ) -> dict[str, Any]:
        """Return the changes a payload asks for; None stands for an emptied field."""
        found: dict[str, Any] = {}
        for name, value in payload.items():
            place = f"{path}.{name}" if path else name
            spec = fields.get(name)
            if spec is None:
                self._note_unknown(name, place)
            elif not self._is_read_only(spec, name, place):
                self._read_into(found, name, spec, value, place)
        return found

    def finish(self) -> None:
        """Refuse the payload when anything in it was wrong."""
        if self.problems:
            raise Refusal(*self.problems)

    def _note_unknown(self, name: str, place: str) -> None:
        if name in IGNORED:
            return
        text = f"Unknown field: {place}"
        if self.names == ERROR:
            self.problems.append(Detail(text, "INVALID_CONTENT", place))
        elif self.names == WARNING:
            self.warnings.append(text)

    def _is_read_only(self, spec: Field, name: str, place: str) -> bool:
        if name in self.switches.forbidden_fields:
            raise refusals.insufficient_permission(
                f"You do not have permissions to set a value for element {name} "
                "due to one of the following reasons: 1) The field is read-only; "
                "2) An associated feature is disabled; 3) The field is available "
                "either when a record is created or updated, but not in both cases.",
                place,
            )
        if spec.read_only and self.switches.read_only_fields_are_refused:
            text = f"The field {name} is read-only."
            self.problems.append(Detail(text, path=place))
        return spec.read_only

    def _read_into(
        self, found: dict[str, Any], name: str, spec: Field, value: Any, place: str
    ) -> None:
        try:
            found[name] = self._value(name, spec, value, place)
        except Unreadable as error:
            if self.values == ERROR:
                self.problems.append(Detail(str(error), error.code, place))
            elif self.values == WARNING:
                self.warnings.append(str(error))

    def _value(self, name: str, spec: Field, value: Any, place: str) -> Any:
        if value is None:
            return None
        if spec.kind in _SIMPLE:
            plain = _SIMPLE[spec.kind](name, value)
            self._check_length(name, spec, plain, place)
            return plain
        if spec.kind is Kind.SUBRECORD:
            return self.read(spec.fields, _expect(dict, name, value), place)
        if spec.kind is Kind.SUBLIST:
            return self._lines(name, spec, value, place)
        if spec.kind is Kind.MULTISELECT:
            chosen = _expect(dict, name, value).get("items") or []
            return {
                "items": [self._reference(name, spec, one, place) for one in chosen]
            }
        if spec.kind is Kind.ENUM:
            return _choice(name, spec, value, place)
        return self._reference(name, spec, value, place)

    def _lines(self, name: str, spec: Field, value: Any, place: str) -> Any:
        items = _expect(dict, name, value).get("items")
        if items is None:
            return None
        return [
            self.read(spec.fields, _expect(dict, name, line), f"{place}.items[{index}]")
            for index, line in enumerate(_expect(list, name, items))
        ]

    def _check_length(self, name: str, spec: Field, value: Any, place: str) -> None:
        limit = spec.limit
        if isinstance(limit, str):
            limit = int(getattr(self.switches, limit))
        if limit is not None and isinstance(value, str) and len(value) > limit:
            raise refusals.too_long(name, limit, place)
        if name == "externalId" and not _EXTERNAL_ID.fullmatch(value):
            raise refusals.invalid_value(value, name, place)

    def _reference(self, name: str, spec: Field, value: Any, place: str) -> Any:
        record_id = self._referred_id(spec, value)
        if record_id is None:
            shown = _shown(value)
            code = self.switches.reference_error_code
            raise refusals.invalid_value(shown, name, place, code)
        return {"id": record_id}

    def _referred_id(self, spec: Field, value: Any) -> str | None:
        if isinstance(value, dict):
            if "id" in value:
                return self._referred_id(spec, value["id"])
            record = self._by_external_id(spec, value.get("externalId"))
            return record.id if record else None
        if isinstance(value, bool) or not isinstance(value, str | int):
            return None
        if spec.targets == ("address",):
            return str(value)
        target = self.store.target(spec.targets, str(value))
        return target.id if target else None

    def _by_external_id(self, spec: Field, external_id: Any) -> Record | None:
        if not isinstance(external_id, str):
            return None
        families = [
            "item" if t == "item" else RECORD_TYPES[t].family for t in spec.targets
        ]
        found = (self.store.by_external_id(name, external_id) for name in families)
        return next((record for record in found if record), None)


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("id", value.get("externalId", value.get("refName", "")))
    return value


def _expect(kind: type, name: str, value: Any) -> Any:
    if not isinstance(value, kind):
        raise Unreadable(f"Invalid value for the field {name}.")
    return value


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Unreadable(f"Invalid value for the text field {name}.")
    return _line_breaks(str(value))


def _line_breaks(text: str) -> str:
    r"""Keep line breaks that were escaped twice; plain ones are not stored.

    Oracle help subsect_1544786455.
    """
    bare = text.replace("\r", "").replace("\n", "")
    return bare.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\r", "\n")


def _email(name: str, value: Any) -> str:
    text = _text(name, value)
    if text and not _EMAIL.fullmatch(text):
        raise Unreadable(
            f"You have entered an Invalid Field Value {text} for the following "
            f"field: {name}",
            "USER_ERROR",
        )
    return text


def _boolean(name: str, value: Any) -> bool:
    return bool(_expect(bool, name, value))


def _number(name: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unreadable(f"Invalid number for the field {name}.")
    return Decimal(value)


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unreadable(f"Invalid whole number for the field {name}.")
    return value


def _date(name: str, value: Any) -> date:
    try:
        return date.fromisoformat(_expect(str, name, value))
    except ValueError:
        text = "Invalid date value (must be YYYY-MM-DD)"
        raise Unreadable(text, "INVALID_FLD_VALUE") from None


def _datetime(name: str, value: Any) -> datetime:
    try:
        return datetime.fromisoformat(_expect(str, name, value))
    except ValueError:
        raise Unreadable("Invalid date value", "INVALID_FLD_VALUE") from None


def _choice(name: str, spec: Field, value: Any, place: str) -> dict[str, str]:
    key = value.get("id") if isinstance(value, dict) else value
    if key is None and isinstance(value, dict):
        named = {shown: code for code, shown in spec.choices.items()}
        key = named.get(value.get("refName", ""))
    if key is None or (spec.choices and str(key) not in spec.choices):
        raise refusals.invalid_value(_shown(value), name, place, "INVALID_CONTENT")
    return {"id": str(key)}


_SIMPLE: dict[Kind, Callable[[str, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.EMAIL: _email,
    Kind.BOOLEAN: _boolean,
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
}
