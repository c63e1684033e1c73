"""The database's time: the one clock that all machines share."""

from datetime import UTC, datetime

from django.db import connection


def database_time() -> datetime:
    """Return the time of the database, in UTC, to the millisecond at least."""
    if connection.vendor == "sqlite":
        return datetime.now(UTC)  # embedded: the same machine
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    return row[0].astimezone(UTC)
