"""Records out, in the shapes of Oracle help section_1545142037."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.custom_fields import CustomFields
from integrations.simulators.netsuite.schema import Field, Kind
from integrations.simulators.netsuite.store import Record, Store, Values


def link(url: str, rel: str = "self") -> dict[str, str]:
    return {"rel": rel, "href": url}


def moment(value: datetime) -> str:
    """Write a time in UTC to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Renderer:
    """Writes records as one request wants them; `base` is the record service's URL."""

    def __init__(
        self,
        store: Store,
        custom: CustomFields,
        base: str,
        *,
        expand: bool = False,
        simple_enums: bool = False,
    ) -> None:
        self.store = store
        self.custom = custom
        self.base = base
        self.expand = expand
        self.simple_enums = simple_enums

    def url(self, record: Record) -> str:
        return f"{self.base}/{record.type}/{record.id}"

    def record(self, record: Record, only: str = "") -> Values:
        """Return a record, limited to the body fields `only` where given."""
        fields = self.custom.fields(record.kind)
        wanted = [name.strip() for name in only.split(",") if name.strip()]
        for name in wanted:
            if name not in fields and name != "id":
                raise refusals.bad_parameter(f"Unknown field: {name}", "fields")
        body = self.fields(fields, record.values, self.url(record))
        body["createdDate"] = moment(record.created_at)
        body["lastModifiedDate"] = moment(record.modified_at)
        if wanted:
            body = {name: body[name] for name in wanted if name in body}
        return {"links": [link(self.url(record))], "id": record.id, **body}

    def fields(self, fields: Mapping[str, Field], values: Values, url: str) -> Values:
        return {
            name: self._value(fields[name], value, f"{url}/{name}")
            for name, value in values.items()
        }

    def lines(self, spec: Field, items: list[Values], url: str) -> Values:
        """Return an expanded sublist."""
        shown = [
            {
                "links": [link(f"{url}/{line.get(spec.key, index + 1)}")],
                **self.fields(
                    spec.fields, line, f"{url}/{line.get(spec.key, index + 1)}"
                ),
            }
            for index, line in enumerate(items)
        ]
        return {
            "links": [link(url)],
            "items": shown,
            "count": len(shown),
            "hasMore": False,
            "offset": 0,
            "totalResults": len(shown),
        }

    def subrecord(self, spec: Field, value: Values, url: str) -> Values:
        return {"links": [link(url)], **self.fields(spec.fields, value, url)}

    def _value(self, spec: Field, value: Any, url: str) -> Any:
        if spec.kind in (Kind.SUBLIST, Kind.SUBRECORD) and not self.expand:
            return {"links": [link(url)]}
        if spec.kind is Kind.SUBLIST:
            return self.lines(spec, value["items"], url)
        if spec.kind is Kind.SUBRECORD:
            return self.subrecord(spec, value, url)
        if spec.kind is Kind.REFERENCE:
            return self._reference(spec, value["id"])
        if spec.kind is Kind.MULTISELECT:
            chosen = [self._reference(spec, one["id"]) for one in value["items"]]
            return {"links": [link(url)], "items": chosen, "totalResults": len(chosen)}
        if spec.kind is Kind.ENUM:
            return self._choice(spec, value["id"])
        if isinstance(value, datetime):
            return moment(value)
        return value.isoformat() if isinstance(value, date) else value

    def _reference(self, spec: Field, record_id: str) -> Values:
        target = self.store.target(spec.targets, record_id)
        if target is None:
            return {"id": record_id}
        shown = {"id": record_id, "refName": target.label}
        return {"links": [link(self.url(target))], **shown}

    def _choice(self, spec: Field, key: str) -> Any:
        if self.simple_enums:
            return key
        return {"id": key, "refName": spec.choices.get(key, key)}
