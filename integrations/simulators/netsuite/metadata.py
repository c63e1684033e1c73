"""The metadata catalogue: what the records look like, as schemas."""

from collections.abc import Mapping
from typing import Any

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite import exactjson, refusals
from integrations.simulators.netsuite.custom_fields import CustomFields
from integrations.simulators.netsuite.record_types import RECORD_TYPES, record_type
from integrations.simulators.netsuite.rendering import link
from integrations.simulators.netsuite.schema import Field, Kind, RecordType
from integrations.simulators.netsuite.switches import Switches

PATH = "/services/rest/record/v1/metadata-catalog"
_SWAGGER, _SCHEMA = "application/swagger+json", "application/schema+json"
_PLAIN: dict[Kind, dict[str, str]] = {
    Kind.TEXT: {"type": "string"},
    Kind.EMAIL: {"type": "string", "format": "email"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.NUMBER: {"type": "number", "format": "double"},
    Kind.INTEGER: {"type": "integer", "format": "int64"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.DATETIME: {"type": "string", "format": "date-time"},
}


class MetadataApi:
    """Answers the metadata catalogue."""

    def __init__(self, switches: Switches, custom: CustomFields) -> None:
        self.switches = switches
        self.custom = custom

    def answer(self, request: Request) -> Response:
        """Answer with OpenAPI, a JSON schema, or the list of records."""
        name = request.path[len(PATH) :].strip("/")
        wanted = [name] if name else _names(request.query.get("select", ""))
        kinds = [_known(one) for one in wanted] or list(RECORD_TYPES.values())
        accept = request.headers.get("Accept", "")
        if _SWAGGER in accept:
            return _answer(self._open_api(kinds), _SWAGGER)
        if _SCHEMA in accept and name:
            return _answer(self._schema(kinds[0]), _SCHEMA)
        return _answer(_listing(request, kinds), "application/json")

    def _open_api(self, kinds: list[RecordType]) -> dict[str, Any]:
        return {
            "openapi": "3.0.1",
            "info": {"title": "NetSuite REST Record API", "version": "v1"},
            "paths": {},
            "components": {"schemas": {k.name: self._schema(k) for k in kinds}},
        }

    def _schema(self, kind: RecordType) -> dict[str, Any]:
        properties = self._properties(self.custom.fields(kind))
        identity = {"type": "string", "title": "Internal ID"}
        schema = {"type": "object", "properties": {"id": identity, **properties}}
        needed = self._needed(kind.name)
        return {**schema, "required": needed} if needed else schema

    def _needed(self, name: str) -> list[str]:
        """Name the fields without which the account refuses such a record."""
        if name == "salesOrder":
            return ["entity", *self.switches.mandatory_order_fields]
        if name == "customer":
            return [*self.switches.mandatory_customer_fields]
        return []

    def _properties(self, fields: Mapping[str, Field]) -> dict[str, Any]:
        return {name: self._property(name, spec) for name, spec in fields.items()}

    def _property(self, name: str, spec: Field) -> dict[str, Any]:
        shape: dict[str, Any] = {"title": spec.label or name, **self._shape(spec)}
        limit = spec.limit
        if limit is not None:
            named = getattr(self.switches, limit) if isinstance(limit, str) else limit
            shape["maxLength"] = named
        if spec.read_only:
            shape["readOnly"] = True
        if name.startswith("cust") and "_" in name:
            shape["x-ns-custom-field"] = True
        return shape

    def _shape(self, spec: Field) -> dict[str, Any]:
        if spec.kind in _PLAIN:
            return _PLAIN[spec.kind]
        if spec.kind is Kind.SUBRECORD:
            return {"type": "object", "properties": self._properties(spec.fields)}
        if spec.kind is Kind.SUBLIST:
            line = {"type": "object", "properties": self._properties(spec.fields)}
            items = {"type": "array", "items": line}
            return {"type": "object", "properties": {"items": items}}
        key: dict[str, Any] = {"type": "string"}
        if spec.choices:
            key["enum"] = sorted(spec.choices)
        properties = {"id": key, "refName": {"type": "string"}}
        if spec.kind is Kind.REFERENCE:
            properties["externalId"] = {"type": "string"}
        return {"type": "object", "properties": properties}


def _names(select: str) -> list[str]:
    return [name.strip() for name in select.split(",") if name.strip()]


def _known(name: str) -> RecordType:
    kind = record_type(name)
    if kind is None:
        raise refusals.no_record(f"Record type '{name}' does not exist.")
    return kind


def _listing(request: Request, kinds: list[RecordType]) -> dict[str, Any]:
    root = f"{request.scheme}://{request.host}{PATH}"
    items = [
        {"name": kind.name, "links": [link(f"{root}/{kind.name}", "canonical")]}
        for kind in kinds
    ]
    return {"links": [link(root)], "items": items}


def _answer(body: Any, media: str) -> Response:
    return Response(200, exactjson.dumps(body), {"Content-Type": media})
