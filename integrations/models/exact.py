"""A database column for JSON without floats."""

from typing import Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from integrations.connectors import exact


class Unread(str):
    """JSON text as it came from the database, not parsed yet."""

    __slots__ = ()


class ReadWhenAsked(DeferredAttribute):
    """Parses the text at the first look: many rows are loaded, few payloads read."""

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        if instance is None:
            return self
        kept = instance.__dict__
        value = kept.get(self.field.attname, self)
        if value is self:
            super().__get__(instance, cls)
            value = kept[self.field.attname]
        if isinstance(value, Unread):
            value = kept[self.field.attname] = exact.loads(value)
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class ExactJSONField(models.TextField):
    """A JSON value kept as text: PostgreSQL's own type refuses NUL and surrogates."""

    descriptor_class = ReadWhenAsked

    def from_db_value(self, value: str | None, *args: Any) -> Any:
        return None if value is None else Unread(value)

    def to_python(self, value: Any) -> Any:
        return exact.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        if value is None or isinstance(value, Unread):
            return value
        return exact.dumps(value)
