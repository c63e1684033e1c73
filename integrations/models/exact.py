"""A database column for JSON without floats."""

from typing import Any

from django.db import models

from integrations.connectors import exact


class ExactJSONField(models.TextField):
    """A JSON value kept as text: PostgreSQL's own type refuses NUL and surrogates."""

    def from_db_value(self, value: str | None, *args: Any) -> Any:
        return None if value is None else exact.loads(value)

    def to_python(self, value: Any) -> Any:
        return exact.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else exact.dumps(value)
