"""The database's time: the one clock that all machines share."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func


class DatabaseTime(Func):
    """The time of the database inside a statement, without a question of its own."""

    template = "clock_timestamp()"
    output_field = DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        now = connection.ops.adapt_datetimefield_value(database_time())
        return "%s", [now]


def database_time() -> datetime:
    """Return the time of the database, in UTC, to the millisecond at least."""
    if connection.vendor == "sqlite":
        return datetime.now(UTC)  # embedded: the same machine
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    return row[0].astimezone(UTC)
